//! Bad input, in every dialect that callers speak and to every one that providers speak: a refusal
//! that names the member, or a recorded loss; never a panic, never a fault of byokey's own.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "hostile/history.rs"]
mod history;
#[path = "hostile/json.rs"]
mod json;
#[path = "hostile/requests.rs"]
mod requests;
#[path = "hostile/sizes.rs"]
mod sizes;
#[path = "hostile/types.rs"]
mod types;

use byokey_wire::{
    Ask, Capabilities, Dialect, Fault, FaultKind, Form, Plan, Target, Translated, plan, translate,
};

/// Dialects that callers speak.
const CALLERS: [Dialect; 4] = [
    Dialect::Chat,
    Dialect::Responses,
    Dialect::Messages,
    Dialect::Gemini,
];

/// Where a caller's request can go.
fn upstreams(caller: Dialect) -> Vec<Dialect> {
    let all = [
        Dialect::Chat,
        Dialect::Responses,
        Dialect::Messages,
        Dialect::Gemini,
        Dialect::Kiro,
    ];
    let reached = |upstream: &Dialect| plan(caller, *upstream) == Some(Plan::Via);
    all.into_iter().filter(reached).collect()
}

fn translated(caller: Dialect, upstream: Dialect, body: &[u8]) -> Result<Translated, Fault> {
    let caps = Capabilities::default();
    let mut target = Target::new("up", &caps, "origin");
    if upstream == Dialect::Kiro {
        target.form = Form::Kiro { profile: "arn" };
    }
    let mut ask = Ask::new(caller, body);
    if caller == Dialect::Gemini {
        ask.model = Some("m");
    }
    translate(&ask, upstream, &target)
}

/// Sends the body to every provider: what leaves is JSON, what is refused is the caller's fault.
fn send(caller: Dialect, body: &[u8], mut seen: impl FnMut(Dialect, Result<Translated, Fault>)) {
    for upstream in upstreams(caller) {
        let result = translated(caller, upstream, body);
        let shown = || String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned();
        match &result {
            Ok(translated) => {
                let sent = serde_json::from_slice::<serde::de::IgnoredAny>(&translated.body);
                assert!(sent.is_ok(), "{caller:?} to {upstream:?}: {}", shown());
            }
            Err(fault) => {
                assert_eq!(
                    fault.kind,
                    FaultKind::BadRequest,
                    "{caller:?} to {upstream:?}: {fault:?}: {}",
                    shown()
                );
            }
        }
        seen(upstream, result);
    }
}
