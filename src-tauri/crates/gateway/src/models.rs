//! The list of models, in the form of whoever asks.

use axum::body::Body;
use byokey_catalog::Provider;
use byokey_wire::{Dialect, Fault, FaultKind};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::engine::View;
use crate::respond;
use crate::roster::Caller;

/// Both dialects want a date; a model's own is not always known, so all have the same.
const CREATED_S: i64 = 1_735_689_600;
const CREATED: &str = "2025-01-01T00:00:00Z";

/// Every model that the caller's accounts serve.
pub(crate) fn list(view: &View, dialect: Dialect, caller: Option<&Caller>) -> Response<Body> {
    let rows = rows(view, dialect, caller);
    let body = if dialect == Dialect::Messages {
        let id = |row: Option<&Value>| row.map_or(Value::Null, |row| row["id"].clone());
        json!({
            "first_id": id(rows.first()),
            "last_id": id(rows.last()),
            "has_more": false,
            "data": rows,
        })
    } else {
        json!({ "object": "list", "data": rows })
    };
    respond::json(StatusCode::OK.as_u16(), body.to_string().into())
}

/// One model.
///
/// # Errors
/// When no account serves it.
pub(crate) fn one(
    view: &View,
    dialect: Dialect,
    caller: Option<&Caller>,
    name: &str,
) -> Result<Response<Body>, Fault> {
    let row = rows(view, dialect, caller)
        .into_iter()
        .find(|row| row["id"] == name);
    if let Some(row) = row {
        return Ok(respond::json(
            StatusCode::OK.as_u16(),
            row.to_string().into(),
        ));
    }
    // Also what a list does not show, such as `provider/model`, and the reason if nobody serves it.
    let found = view.resolved.candidates(view.known(), dialect, name)?;
    let provider = found
        .first()
        .map(|candidate| candidate.seat.account.provider.as_str());
    let provider = provider.and_then(|id| view.catalog.provider(id));
    if caller.is_some_and(|caller| !caller.allows(&[name])) {
        let message = format!("this client key may not use the model `{name}`");
        return Err(Fault::new(FaultKind::Forbidden, message));
    }
    let row = row_of(name, provider, dialect);
    Ok(respond::json(
        StatusCode::OK.as_u16(),
        row.to_string().into(),
    ))
}

fn rows(view: &View, dialect: Dialect, caller: Option<&Caller>) -> Vec<Value> {
    let listed = view.known().listed();
    let allowed = listed.iter().filter(|(id, provider)| {
        let full = provider.map(|provider| format!("{}/{id}", provider.id));
        let names = [id.as_str(), full.as_deref().unwrap_or(id)];
        caller.is_none_or(|caller| caller.allows(&names))
    });
    allowed
        .map(|(id, provider)| row_of(id, *provider, dialect))
        .collect()
}

fn row_of(id: &str, provider: Option<&Provider>, dialect: Dialect) -> Value {
    let model = provider.and_then(|provider| provider.model(id));
    let mut row = if dialect == Dialect::Messages {
        let name = model.and_then(|model| model.name.as_deref()).unwrap_or(id);
        json!({ "type": "model", "id": id, "display_name": name, "created_at": CREATED })
    } else {
        let owner = provider.map_or("byokey", |provider| provider.id.as_str());
        json!({ "id": id, "object": "model", "created": CREATED_S, "owned_by": owner })
    };
    if let Some(model) = model {
        let limits = [
            ("context_window", model.context),
            ("max_output_tokens", model.max_output),
        ];
        for (member, tokens) in limits {
            if let Some(tokens) = tokens {
                row[member] = tokens.into();
            }
        }
    }
    row
}
