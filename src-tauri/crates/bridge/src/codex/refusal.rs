use byokey_catalog::Bridge;
use serde::Deserialize;
use serde_json::Value;

use crate::{BridgeTrouble, program::login_command, rpc::Peer, words};

/// What a failed turn means to a caller, from the turn's `error`.
pub(super) fn read(bridge: &Bridge, peer: &Peer, error: &Value) -> BridgeTrouble {
    let (words, is_request) = said(error["message"].as_str().unwrap_or_default());
    let (kind, status) = kind(&error["codexErrorInfo"]);
    let limited = |resets_at| BridgeTrouble::Provider {
        program: bridge.program.clone(),
        status: 429,
        words: words.clone(),
        resets_at,
    };
    let provider = |status| BridgeTrouble::Provider {
        program: bridge.program.clone(),
        status,
        words: words.clone(),
        resets_at: None,
    };
    match (kind, status) {
        ("unauthorized", _) | (_, Some(401)) => BridgeTrouble::SignedOut {
            program: bridge.program.clone(),
            login: login_command(bridge),
            words,
        },
        ("usageLimitExceeded" | "sessionBudgetExceeded", _) => limited(resets_at(peer)),
        ("rateLimitExceeded", _) => provider(429),
        ("serverOverloaded" | "flexUnavailable" | "policyCapacityUnavailable", _) => provider(529),
        ("modelNotFound", _) => provider(404),
        ("inferenceHookDenied" | "misalignmentPolicyViolation" | "tooManyDenials", _) => {
            provider(403)
        }
        ("contextWindowExceeded" | "badRequest" | "cyberPolicy", _) => {
            BridgeTrouble::Request(words)
        }
        ("internalServerError", _) => provider(500),
        (_, Some(status)) => provider(status),
        _ if is_request => BridgeTrouble::Request(words),
        _ => provider(502),
    }
}

/// Whether the provider will say the same again, however often Codex asks.
pub(super) fn is_final(error: &Value) -> bool {
    matches!(kind(&error["codexErrorInfo"]).1, Some(401 | 403))
}

/// The words of an error, and whether they say that the request is at fault. Codex passes on some
/// refusals as its provider wrote them.
fn said(message: &str) -> (String, bool) {
    #[derive(Deserialize)]
    struct Whole {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        message: String,
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    match serde_json::from_str(message) {
        Ok(Whole { error }) => {
            let is_request = error.kind.as_deref() == Some("invalid_request_error");
            (words::tidy(&error.message), is_request)
        }
        Err(_) => (words::tidy(message), false),
    }
}

/// The error's name and the provider's status, where the error carries one.
fn kind(info: &Value) -> (&str, Option<u16>) {
    match info {
        Value::String(name) => (name, None),
        Value::Object(members) => members.iter().next().map_or(("", None), |(name, inside)| {
            let status = inside["httpStatusCode"].as_u64();
            let status = status.and_then(|status| u16::try_from(status).ok());
            (name, status.filter(|status| (400..600).contains(status)))
        }),
        _ => ("", None),
    }
}

/// When the windows that are used up begin anew, in seconds since 1970.
fn resets_at(peer: &Peer) -> Option<u64> {
    let limits = peer.news("account/rateLimits/updated")?;
    let limits = &limits["rateLimits"];
    let windows = ["primary", "secondary"].map(|name| &limits[name]);
    let is_full = |window: &&Value| {
        window["usedPercent"]
            .as_f64()
            .is_some_and(|used| used >= 100.0)
    };
    let full = windows.into_iter().filter(is_full);
    full.filter_map(|window| window["resetsAt"].as_u64()).max()
}
