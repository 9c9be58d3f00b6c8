//! What is translated and what is lost, found out by trying: every member of every caller's dialect
//! is put into a request, the request is translated for every provider's dialect, and the result is
//! the table in the README. A member that neither arrives nor is named in the ledger fails the test.
//!
//! With `BYOKEY_TABLES=write` the README gets the table as it is now.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "losses/probes.rs"]
mod probes;

use std::path::Path;

use byokey_wire::{
    Action, Ask, Capabilities, Dialect, Effort, Form, Ledger, Loss, Target, ThinkingSupport,
    translate,
};
use serde_json::Value;

const UPSTREAMS: [(Dialect, &str); 5] = [
    (Dialect::Chat, "Chat"),
    (Dialect::Responses, "Responses"),
    (Dialect::Messages, "Messages"),
    (Dialect::Gemini, "Gemini"),
    (Dialect::Kiro, "Kiro"),
];

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Kept,
    Bent,
    Dropped,
    Refused,
    /// The dialects match: nothing is translated.
    Same,
    /// Neither in the provider's request nor in the ledger.
    Vanished,
}

impl Fate {
    fn mark(self) -> &'static str {
        match self {
            Self::Kept => "✓",
            Self::Bent => "≈",
            Self::Dropped => "–",
            Self::Refused => "✗",
            Self::Same => "·",
            Self::Vanished => "!",
        }
    }
}

/// A model that can do what its dialect can say, so that the table is about dialects.
fn capable(upstream: Dialect) -> Capabilities {
    let levels = [Effort::Low, Effort::Medium, Effort::High];
    Capabilities {
        mid_system: (upstream != Dialect::Gemini && upstream != Dialect::Kiro).then_some(true),
        json_schema: Some(true),
        thinking: Some(ThinkingSupport {
            budget: (upstream != Dialect::Responses && upstream != Dialect::Chat)
                .then_some((1024, 32_000)),
            levels: levels.to_vec(),
            adaptive: upstream == Dialect::Messages,
            zero_ok: true,
            dynamic_ok: true,
        }),
        ..Capabilities::default()
    }
}

/// The provider's request and what was lost, or that it is refused.
fn translated(
    caller: Dialect,
    upstream: Dialect,
    body: &Value,
) -> Result<(Vec<u8>, Ledger), String> {
    let caps = capable(upstream);
    let mut target = Target::new("model", &caps, "origin");
    if upstream == Dialect::Kiro {
        target.form = Form::Kiro { profile: "" };
    }
    let body = body.to_string();
    let ask = Ask {
        model: Some("m"),
        ..Ask::new(caller, body.as_bytes())
    };
    match translate(&ask, upstream, &target) {
        Ok(translated) => Ok((translated.body, translated.losses)),
        Err(fault) => Err(fault.message),
    }
}

fn fate(caller: Dialect, upstream: Dialect, probe: &probes::Probe) -> Fate {
    if caller == upstream {
        return Fate::Same;
    }
    let base = probes::base(caller);
    let mut body = base.clone();
    (probe.put)(&mut body);
    let (plain, before) = translated(caller, upstream, &base).unwrap();
    let Ok((sent, losses)) = translated(caller, upstream, &body) else {
        return Fate::Refused;
    };
    let new: Vec<&Loss> = losses
        .entries()
        .iter()
        .filter(|loss| !before.entries().contains(loss))
        .collect();
    let worst = new.iter().map(|loss| match loss.action {
        Action::Dropped => Fate::Dropped,
        _ => Fate::Bent,
    });
    match worst.max() {
        Some(fate) => fate,
        None if sent == plain && !probe.on_the_way_back => Fate::Vanished,
        None => Fate::Kept,
    }
}

/// One table: members with the same fates share a row.
fn table(caller: Dialect, title: &str, vanished: &mut Vec<String>) -> String {
    type Row = (Vec<Fate>, Vec<&'static str>);
    let upstreams: Vec<_> = UPSTREAMS
        .iter()
        .filter(|(upstream, _)| *upstream != caller)
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    for probe in probes::of(caller) {
        let fates: Vec<Fate> = upstreams
            .iter()
            .map(|(upstream, name)| {
                let fate = fate(caller, *upstream, &probe);
                if fate == Fate::Vanished {
                    vanished.push(format!("{} of {title} to {name}", probe.name));
                }
                fate
            })
            .collect();
        match rows.iter_mut().find(|(known, _)| *known == fates) {
            Some((_, names)) => names.push(probe.name),
            None => rows.push((fates, vec![probe.name])),
        }
    }
    rows.sort_by_key(|(fates, _)| fates.clone());
    let heads: Vec<&str> = upstreams.iter().map(|(_, name)| *name).collect();
    let mut out = format!("**From {title}**\n\n| | {} |\n|---", heads.join(" | "));
    out.push_str(&"|:-:".repeat(heads.len()));
    out.push_str("|\n");
    for (fates, names) in rows {
        let marks: Vec<&str> = fates.iter().map(|fate| fate.mark()).collect();
        out.push_str(&format!(
            "| {} | {} |\n",
            names.join(", "),
            marks.join(" | ")
        ));
    }
    out
}

const BEGIN: &str = "<!-- what is lost: written by `BYOKEY_TABLES=write cargo test -p byokey-wire --test losses` -->\n";
const END: &str = "<!-- end of what is lost -->\n";

#[test]
fn the_readme_says_what_is_lost() {
    let mut vanished = Vec::new();
    let tables = [
        (Dialect::Chat, "Chat Completions"),
        (Dialect::Responses, "Responses"),
        (Dialect::Messages, "Messages"),
        (Dialect::Gemini, "Gemini"),
    ]
    .map(|(caller, title)| table(caller, title, &mut vanished));
    assert!(
        vanished.is_empty(),
        "lost in silence:\n{}",
        vanished.join("\n")
    );

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (stands, after) = rest.split_once(END).unwrap();
    let now = format!("\n{}\n", tables.join("\n"));
    if std::env::var_os("BYOKEY_TABLES").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{now}{END}{after}")).unwrap();
        return;
    }
    assert!(
        stands == now,
        "the README's tables are not what the code does; {}is now\n{now}",
        BEGIN
    );
}
