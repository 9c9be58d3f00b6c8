//! The list of models, in the form of whoever asks.

mod facts;
mod forms;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use byokey_wire::{Dialect, Fault, FaultKind};
use http::{Response, StatusCode};
use serde_json::json;

use crate::engine::{Shared, View};
use crate::respond;
use crate::roster::Caller;

pub use facts::ModelFacts;
pub(crate) use facts::capabilities;

/// Longest wait for live lists that were never read; programs ask for models while they start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Every model that the caller's accounts serve.
pub(crate) async fn list(
    shared: &Arc<Shared>,
    dialect: Dialect,
    caller: Option<&Caller>,
) -> Response<Body> {
    let view = shared.look_up_models(PATIENCE).await;
    let offered = view.known().offered();
    let allowed = offered.iter().filter(|facts| may_use(caller, facts));
    let rows: Vec<_> = allowed.map(|facts| forms::row(facts, dialect)).collect();
    let body = match dialect {
        Dialect::Messages => json!({
            "first_id": rows.first().map(|row| &row["id"]),
            "last_id": rows.last().map(|row| &row["id"]),
            "has_more": false,
            "data": rows,
        }),
        Dialect::Gemini => json!({ "models": rows }),
        _ => json!({ "object": "list", "data": rows }),
    };
    respond::json(StatusCode::OK.as_u16(), body.to_string().into())
}

/// One model, also one that the list does not show, such as `provider/model`.
///
/// # Errors
/// When no account serves it.
pub(crate) async fn one(
    shared: &Arc<Shared>,
    dialect: Dialect,
    caller: Option<&Caller>,
    name: &str,
) -> Result<Response<Body>, Fault> {
    let view = shared.look_up_models(PATIENCE).await;
    let facts = facts_of(&view, dialect, name)?;
    if !may_use(caller, &facts) {
        let message = format!("this client key may not use the model `{name}`");
        return Err(Fault::new(FaultKind::Forbidden, message));
    }
    let row = forms::row(&facts, dialect);
    Ok(respond::json(
        StatusCode::OK.as_u16(),
        row.to_string().into(),
    ))
}

fn facts_of(view: &View, dialect: Dialect, name: &str) -> Result<ModelFacts, Fault> {
    if let Some(facts) = view.known().of_name(name) {
        return Ok(facts);
    }
    // The reason why nobody serves it, or the bare name where somebody would.
    view.resolved.candidates(view.known(), dialect, name)?;
    Ok(ModelFacts {
        id: name.to_owned(),
        ..ModelFacts::default()
    })
}

/// Whether the caller's key is good for the model.
pub(crate) fn may_use(caller: Option<&Caller>, facts: &ModelFacts) -> bool {
    let full = facts
        .provider
        .as_ref()
        .map(|provider| format!("{provider}/{}", facts.id));
    let names = [&*facts.id, full.as_deref().unwrap_or(&facts.id)];
    caller.is_none_or(|caller| caller.allows(&names))
}
