//! Errors of providers that speak no dialect.

use serde_json::Value;

use super::Shape;
use crate::{Dialect, Fault, FaultKind, read_error};

/// Longest message taken over, in characters.
const MOST: usize = 500;

/// Reads a provider's error reply to a media request.
pub fn read_media_error(shape: Shape, status: u16, body: &[u8]) -> Fault {
    let dialect = match shape {
        Shape::Gemini | Shape::Imagen => Dialect::Gemini,
        _ => Dialect::Chat,
    };
    let mut fault = read_error(dialect, status, body);
    if matches!(shape, Shape::OpenAi | Shape::Gemini | Shape::Imagen) {
        return fault;
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return fault;
    };
    let text = |places: &[&str]| {
        let found = places
            .iter()
            .find_map(|place| body.pointer(place)?.as_str());
        found.map(|text| text.chars().take(MOST).collect::<String>())
    };
    let message = text(&[
        "/detail/message",
        "/detail/0/msg",
        "/detail",
        "/err_msg",
        "/details",
        "/message",
    ]);
    if let Some(message) = message {
        fault.message = message;
    }
    let code = text(&["/detail/status", "/err_code", "/category"]);
    fault.kind = match (code.as_deref(), status) {
        (Some("quota_exceeded"), _) => FaultKind::Quota,
        (Some("missing_permissions"), _) => FaultKind::Permission,
        (Some("too_many_concurrent_requests"), _) => FaultKind::RateLimit,
        (Some("system_busy"), _) => FaultKind::Overloaded,
        (_, 401) => FaultKind::AccountAuth,
        (_, 402) => FaultKind::Billing,
        (_, 403) => FaultKind::Permission,
        (_, 429) => FaultKind::RateLimit,
        (_, 500..) => FaultKind::Upstream,
        _ => FaultKind::BadRequest,
    };
    fault.code = code.or(fault.code);
    fault.upstream_id = text(&["/request_id"]).map(Box::from).or(fault.upstream_id);
    fault
}
