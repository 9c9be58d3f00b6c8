//! Nothing is lost in silence: what does not arrive is named.

use byokey_wire::{Ask, Capabilities, Dialect, Ledger, Target, translate};
use proptest::prelude::*;
use serde_json::{Value, json};

fn lost(caller: Dialect, upstream: Dialect, body: &Value) -> (Value, Ledger) {
    let caps = Capabilities::default();
    let target = Target::new("m", &caps, "o");
    let body = body.to_string();
    let translated = translate(&Ask::new(caller, body.as_bytes()), upstream, &target).unwrap();
    (
        serde_json::from_slice(&translated.body).unwrap(),
        translated.losses,
    )
}

fn names(ledger: &Ledger, path: &str) -> bool {
    ledger.entries().iter().any(|loss| loss.path == path)
}

/// Every member of the caller's dialect with a value that says something, and where it arrives if
/// it does.
fn members(caller: Dialect) -> Vec<(&'static str, Value, &'static str)> {
    if caller == Dialect::Messages {
        return vec![
            ("cache_control", json!({ "type": "ephemeral" }), ""),
            ("inference_geo", json!("eu"), ""),
            ("metadata", json!({ "user_id": "u" }), "user"),
            (
                "output_config",
                json!({ "effort": "low" }),
                "reasoning_effort",
            ),
            ("service_tier", json!("auto"), "service_tier"),
            ("stop_sequences", json!(["x"]), "stop"),
            ("temperature", json!(0.5), "temperature"),
            ("top_k", json!(5), "top_k"),
            ("top_p", json!(0.5), "top_p"),
            (
                "thinking",
                json!({ "type": "adaptive", "display": "omitted" }),
                "reasoning_effort",
            ),
            ("speed", json!("fast"), "service_tier"),
            ("system", json!("s"), ""),
            ("something_new", json!(1), ""),
        ];
    }
    vec![
        ("audio", json!({ "voice": "v" }), ""),
        ("frequency_penalty", json!(0.5), ""),
        ("logit_bias", json!({ "5": 1 }), ""),
        ("logprobs", json!(true), ""),
        ("max_completion_tokens", json!(7), "max_tokens"),
        ("metadata", json!({ "a": "b" }), ""),
        ("modalities", json!(["text", "audio"]), ""),
        ("moderation", json!({ "a": 1 }), ""),
        ("parallel_tool_calls", json!(false), ""),
        (
            "prediction",
            json!({ "type": "content", "content": "x" }),
            "",
        ),
        ("presence_penalty", json!(0.5), ""),
        ("prompt_cache_key", json!("k"), ""),
        ("prompt_cache_retention", json!("24h"), ""),
        ("reasoning_effort", json!("low"), "thinking"),
        ("response_format", json!({ "type": "json_object" }), ""),
        ("safety_identifier", json!("s"), "metadata"),
        ("seed", json!(1), ""),
        ("service_tier", json!("flex"), ""),
        ("stop", json!("x"), "stop_sequences"),
        ("store", json!(true), ""),
        ("temperature", json!(0.5), "temperature"),
        ("top_logprobs", json!(3), ""),
        ("top_p", json!(0.5), "top_p"),
        ("user", json!("u"), "metadata"),
        ("verbosity", json!("low"), ""),
        (
            "web_search_options",
            json!({ "search_context_size": "low" }),
            "tools",
        ),
        ("something_new", json!(1), ""),
    ]
}

#[test]
fn every_member_arrives_or_is_named() {
    for (caller, upstream) in [
        (Dialect::Chat, Dialect::Messages),
        (Dialect::Messages, Dialect::Chat),
    ] {
        for (name, value, arrives) in members(caller) {
            let mut body =
                json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
            if caller == Dialect::Messages {
                body["max_tokens"] = json!(9);
            }
            body[name] = value;
            let (sent, ledger) = lost(caller, upstream, &body);
            let arrived = !arrives.is_empty() && sent.get(arrives).is_some();
            let system = name == "system" && sent["messages"][0]["content"] == "s";
            let beneath = format!("{name}.");
            let named = ledger
                .entries()
                .iter()
                .any(|loss| loss.path == name || loss.path.starts_with(&beneath));
            assert!(
                arrived || system || named,
                "{name} of {caller:?} vanished: {sent} {ledger:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn unknown_members_are_named_wherever_they_stand(
        name in "x[a-z_]{0,8}",
        value in prop_oneof![Just(json!(1)), Just(json!("a")), Just(json!({ "b": [1] })), Just(json!([0]))],
    ) {
        let mut body = json!({
            "model": "m", "max_tokens": 9, "stop_sequences": ["s"], "metadata": {},
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "hi" }] },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "a", "name": "f", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "a",
                    "content": [{ "type": "text", "text": "r" }] }] }
            ],
            "tools": [{ "name": "f", "input_schema": { "type": "object" } }],
            "tool_choice": { "type": "auto" }
        });
        let places = [
            ("", ""),
            ("/messages/0", "messages[0]."),
            ("/messages/0/content/0", "messages[0].content[0]."),
            ("/messages/1/content/0", "messages[1].content[0]."),
            ("/messages/2/content/0/content/0", "messages[2].content[0].content[0]."),
            ("/tools/0", "tools[0]."),
            ("/tool_choice", "tool_choice."),
            ("/metadata", "metadata."),
        ];
        for (pointer, _) in places {
            body.pointer_mut(pointer).unwrap()[&name] = value.clone();
        }
        let (_, ledger) = lost(Dialect::Messages, Dialect::Chat, &body);
        for (_, path) in places {
            let path = format!("{path}{name}");
            prop_assert!(names(&ledger, &path), "{} is not in {:?}", path, ledger);
        }
    }
}
