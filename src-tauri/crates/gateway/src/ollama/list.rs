use byokey_catalog::{Modality, Model};
use byokey_wire::{Fault, FaultKind, json_text};
use serde_json::{Value, json};

use crate::relay::Exchange;

/// When a model was changed is not known; clients want some date.
const MODIFIED: &str = "2025-01-01T00:00:00Z";

/// The models that the caller may use.
pub(super) fn tags(exchange: &Exchange) -> Value {
    let caller = exchange.caller.as_deref();
    let listed = exchange.view.known().listed();
    let allowed = listed.into_iter().filter(|(id, provider)| {
        let full = provider.map(|provider| format!("{}/{id}", provider.id));
        let names = [id.as_str(), full.as_deref().unwrap_or(id)];
        caller.is_none_or(|caller| caller.allows(&names))
    });
    let models: Vec<_> = allowed
        .map(|(id, provider)| {
            let family = provider.map_or("byokey", |provider| provider.id.as_str());
            json!({
                "name": id, "model": id, "modified_at": MODIFIED, "size": 0, "digest": "",
                "details": details(family),
            })
        })
        .collect();
    json!({ "models": models })
}

fn details(family: &str) -> Value {
    json!({
        "parent_model": "", "format": "", "family": family, "families": [family],
        "parameter_size": "", "quantization_level": "",
    })
}

/// What one model can do.
///
/// # Errors
/// When nobody serves it, or the caller may not use it.
pub(super) fn show(exchange: &Exchange, body: &[u8]) -> Result<Value, Fault> {
    let name = json_text(body, "model").or_else(|| json_text(body, "name"));
    let Some(name) = name else {
        let mut fault = Fault::new(FaultKind::BadRequest, "`model`: name a model");
        fault.param = Some("model".into());
        return Err(fault);
    };
    let name = name.strip_suffix(":latest").unwrap_or(&name);
    let view = &exchange.view;
    let dialect = exchange.asked.dialect;
    let found = view.resolved.candidates(view.known(), dialect, name)?;
    if exchange
        .caller
        .as_ref()
        .is_some_and(|caller| !caller.allows(&[name]))
    {
        let message = format!("this client key may not use the model `{name}`");
        return Err(Fault::new(FaultKind::Forbidden, message));
    }
    let first = found.first();
    let provider = first.map(|candidate| candidate.seat.account.provider.as_str());
    let known = first.and_then(|candidate| {
        let provider = view.catalog.provider(&candidate.seat.account.provider)?;
        provider.model(&candidate.model)
    });
    let family = provider.unwrap_or("byokey");
    let mut info = json!({ "general.architecture": family, "general.basename": name });
    if let Some(context) = known.and_then(|model| model.context) {
        info[format!("{family}.context_length")] = context.into();
    }
    Ok(json!({
        "modelfile": "", "parameters": "", "template": "",
        "modified_at": MODIFIED,
        "details": details(family),
        "model_info": info,
        "capabilities": capabilities(known),
    }))
}

/// Of a model that byokey does not know everything is assumed: the provider refuses better than a
/// client that does not even try.
fn capabilities(model: Option<&Model>) -> Vec<&'static str> {
    let known = model.filter(|model| model.context.is_some());
    let can = |able: fn(&Model) -> bool| known.is_none_or(able);
    let all = [
        ("completion", true),
        ("tools", can(|model| model.tools)),
        (
            "vision",
            can(|model| model.input.contains(&Modality::Image)),
        ),
        ("thinking", can(|model| model.reasoning)),
    ];
    all.into_iter()
        .filter_map(|(word, able)| able.then_some(word))
        .collect()
}
