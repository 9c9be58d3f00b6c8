use byokey_catalog::Modality;
use byokey_wire::{Fault, FaultKind, json_text};
use serde_json::{Value, json};

use crate::models::{ModelFacts, PATIENCE, may_use};
use crate::relay::Exchange;

/// When a model was changed is not known; clients want some date.
const MODIFIED: &str = "2025-01-01T00:00:00Z";

/// The models that the caller may use.
pub(super) async fn tags(exchange: &Exchange) -> Value {
    let caller = exchange.caller.as_deref();
    let view = exchange.shared.look_up_models(PATIENCE).await;
    let offered = view.known().offered();
    let allowed = offered.iter().filter(|facts| may_use(caller, facts));
    let models: Vec<_> = allowed
        .map(|facts| {
            let family = facts.provider.as_deref().unwrap_or("byokey");
            json!({
                "name": facts.id, "model": facts.id, "modified_at": MODIFIED, "size": 0,
                "digest": "", "details": details(family),
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
    let known = view.known().of_name(name).unwrap_or_default();
    let family = provider.unwrap_or("byokey");
    let mut info = json!({ "general.architecture": family, "general.basename": name });
    if let Some(context) = known.context {
        info[format!("{family}.context_length")] = context.into();
    }
    Ok(json!({
        "modelfile": "", "parameters": "", "template": "",
        "modified_at": MODIFIED,
        "details": details(family),
        "model_info": info,
        "capabilities": capabilities(&known),
    }))
}

/// What nobody denies is assumed: the provider refuses better than a client that does not even try.
fn capabilities(model: &ModelFacts) -> Vec<&'static str> {
    let sees = model.input.as_ref();
    let all = [
        ("completion", true),
        ("tools", model.tools != Some(false)),
        (
            "vision",
            sees.is_none_or(|input| input.contains(&Modality::Image)),
        ),
        ("thinking", model.reasoning != Some(false)),
    ];
    all.into_iter()
        .filter_map(|(word, able)| able.then_some(word))
        .collect()
}
