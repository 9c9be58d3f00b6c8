//! How hard to think: every wish on every shape of model, through every provider's dialect.
//!
//! The shapes: **L** levels from minimal to high; **S** levels low and high; **B** a budget with a
//! smallest one, which may be left to the model; **K** a budget that may be none, Claude's older way;
//! **M** a budget and levels, which may be left to the model.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

use byokey_wire::{
    Ask, Capabilities, Dialect, Effort, Fault, Ledger, Target, ThinkingSupport, read_suffix,
    translate,
};
use serde_json::{Value, json};

/// A shape of models and the dialects in which such models are reached.
fn shapes() -> [(&'static str, ThinkingSupport, &'static [Dialect]); 5] {
    use Effort::{High, Low, Medium, Minimal};
    let model = |budget, levels: &[Effort], zero_ok, dynamic_ok| ThinkingSupport {
        budget,
        levels: levels.to_vec(),
        adaptive: false,
        zero_ok,
        dynamic_ok,
    };
    let by_level: &[Dialect] = &[Dialect::Chat, Dialect::Responses, Dialect::Gemini];
    let claude: &[Dialect] = &[Dialect::Messages, Dialect::Gemini];
    let gemini: &[Dialect] = &[Dialect::Gemini];
    [
        (
            "L",
            model(None, &[Minimal, Low, Medium, High], false, false),
            by_level,
        ),
        ("S", model(None, &[Low, High], false, false), by_level),
        ("B", model(Some((128, 20_000)), &[], false, true), gemini),
        ("K", model(Some((1024, 128_000)), &[], true, false), claude),
        (
            "M",
            model(Some((128, 32_768)), &[Low, High], false, true),
            gemini,
        ),
    ]
}

/// A wish: the same in the model's name and in the body, unless the two differ.
const TABLE: [(&str, Where, [&str; 5]); 12] = [
    ("none", Where::Both, ["minimal", "low", "128", "off", "low"]),
    ("0", Where::Both, ["minimal", "low", "128", "off", "low"]),
    ("-1", Where::Name, ["medium", "low", "-1", "8192", "-1"]),
    ("auto", Where::Name, ["medium", "low", "-1", "8192", "-1"]),
    (
        "medium",
        Where::Both,
        ["medium", "low", "8192", "8192", "low"],
    ),
    (
        "xhigh",
        Where::Body,
        ["high!", "high!", "20000!", "32768", "high!"],
    ),
    (
        "xhigh",
        Where::Name,
        ["400", "400", "20000!", "32768", "high!"],
    ),
    (
        "8192",
        Where::Both,
        ["medium", "low", "8192", "8192", "8192"],
    ),
    (
        "64000",
        Where::Both,
        ["high", "high", "20000", "64000", "32768"],
    ),
    (
        "200000",
        Where::Both,
        ["high", "high", "20000", "128000", "32768"],
    ),
    ("1", Where::Both, ["minimal", "low", "128", "1024", "128"]),
    ("", Where::Body, ["", "", "", "", ""]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Body,
    Name,
    Both,
}

fn request(wish: &str) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    match wish.parse::<u64>() {
        Ok(tokens) => body["reasoning"] = json!({ "max_tokens": tokens }),
        Err(_) if wish.is_empty() => {}
        Err(_) => body["reasoning_effort"] = json!(wish),
    }
    body
}

fn sent(
    upstream: Dialect,
    support: &ThinkingSupport,
    body: &Value,
    suffix: Option<&str>,
) -> Result<(Value, Ledger), Fault> {
    let caps = Capabilities {
        thinking: Some(support.clone()),
        ..Capabilities::default()
    };
    let target = Target {
        reasoning: suffix.map(|suffix| read_suffix(suffix).unwrap()),
        ..Target::new("m", &caps, "o")
    };
    // A caller whose dialect is none of the providers'.
    let (caller, body) = match upstream {
        Dialect::Chat => (Dialect::Responses, as_responses(body)),
        _ => (Dialect::Chat, body.clone()),
    };
    let translated = translate(
        &Ask::new(caller, body.to_string().as_bytes()),
        upstream,
        &target,
    )?;
    Ok((
        serde_json::from_slice(&translated.body).unwrap(),
        translated.losses,
    ))
}

fn as_responses(chat: &Value) -> Value {
    let mut body = json!({ "model": "m", "store": false, "input": "hi" });
    if let Some(effort) = chat.get("reasoning_effort") {
        body["reasoning"] = json!({ "effort": effort });
    }
    body
}

/// What the provider is told.
fn told(upstream: Dialect, body: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    match upstream {
        Dialect::Chat => word(&body["reasoning_effort"]),
        Dialect::Responses => word(&body["reasoning"]["effort"]),
        Dialect::Messages => match body["thinking"]["type"].as_str() {
            Some("disabled") => "off".to_owned(),
            Some("enabled") => body["thinking"]["budget_tokens"].to_string(),
            _ => String::new(),
        },
        _ => {
            let config = &body["generationConfig"]["thinkingConfig"];
            match config.get("thinkingBudget") {
                Some(budget) if *budget == 0 => "off".to_owned(),
                Some(budget) => budget.to_string(),
                None => word(&config["thinkingLevel"]),
            }
        }
    }
}

#[test]
fn every_wish_on_every_shape_through_every_dialect() {
    for (wish, place, expected) in TABLE {
        for ((shape, support, upstreams), expected) in shapes().iter().zip(expected) {
            for upstream in *upstreams {
                let number = wish.parse::<u64>().is_ok();
                let ways = [
                    (Where::Body, request(wish), None),
                    (Where::Name, request("low"), Some(wish)),
                ];
                for (way, body, suffix) in ways {
                    // Responses has no numbers.
                    let cannot = way == Where::Body && number && *upstream == Dialect::Chat;
                    if (place != Where::Both && place != way) || cannot {
                        continue;
                    }
                    let case = format!("{wish:?} in {way:?} for {shape} through {upstream:?}");
                    let result = sent(*upstream, support, &body, suffix);
                    if expected == "400" {
                        let fault = result.unwrap_err();
                        let code = fault.code.as_deref();
                        assert_eq!(code, Some("unsupported_reasoning_level"), "{case}");
                        continue;
                    }
                    let (body, losses) = result.unwrap();
                    let value = expected.trim_end_matches('!');
                    assert_eq!(told(*upstream, &body), value, "{case}: {body}");
                    if expected.ends_with('!') || wish == "xhigh" {
                        let bent = !losses.is_empty();
                        assert_eq!(bent, expected.ends_with('!'), "{case}: {losses:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn models_that_no_list_knows_get_what_was_asked() {
    let caps = Capabilities::default();
    for (upstream, wish, value) in [
        (Dialect::Responses, "xhigh", "xhigh"),
        (Dialect::Responses, "64000", "xhigh"),
        (Dialect::Gemini, "64000", "64000"),
        (Dialect::Messages, "64000", "64000"),
    ] {
        let body = request(wish).to_string();
        let target = Target::new("m", &caps, "o");
        let ask = Ask::new(Dialect::Chat, body.as_bytes());
        let sent = translate(&ask, upstream, &target).unwrap().body;
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(told(upstream, &sent), value, "{sent}");
    }
}
