//! Made-up requests of every dialect, mostly sound, with odd histories and odd members.

use byokey_wire::Dialect;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON, with a liking for the words of both dialects.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2.0f64..3.0).prop_map(Value::from),
        "[ -~é]{0,6}".prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((word(), inner), 0..5).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.into(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "type",
        "text",
        "content",
        "role",
        "user",
        "assistant",
        "system",
        "tool",
        "id",
        "name",
        "input",
        "tool_use",
        "tool_result",
        "tool_use_id",
        "tool_calls",
        "tool_call_id",
        "function",
        "arguments",
        "image",
        "image_url",
        "url",
        "source",
        "base64",
        "data",
        "media_type",
        "thinking",
        "signature",
        "cache_control",
        "ephemeral",
        "ttl",
        "1h",
        "is_error",
        "stop",
        "parameters",
        "properties",
        "object",
        "anyOf",
        "json_schema",
        "schema",
        "enabled",
        "budget_tokens",
        "auto",
        "any",
        "document",
        "title",
        "refusal",
        "strict",
        "description",
        "input_text",
        "output_text",
        "function_call",
        "call_id",
        "output",
        "reasoning",
        "summary",
        "parts",
        "functionCall",
        "functionResponse",
        "args",
        "response",
        "inlineData",
        "mimeType",
    ])
}

/// A block or part of a message, mostly sound.
fn block(dialect: Dialect) -> BoxedStrategy<Value> {
    let id = || proptest::sample::select(vec!["a", "b", "a b", "a.b", ""]);
    let text = prop_oneof![Just(""), Just(" "), Just("said")]
        .prop_map(|text| json!({ "type": "text", "text": text }));
    if dialect == Dialect::Chat {
        return text.boxed();
    }
    prop_oneof![
        3 => text,
        3 => id().prop_map(|id| json!({ "type": "tool_use", "id": id, "name": "f", "input": {} })),
        3 => id().prop_map(|id| json!({ "type": "tool_result", "tool_use_id": id, "content": "r" })),
        1 => proof().prop_map(|proof| json!({ "type": "thinking", "thinking": "hm", "signature": proof })),
        1 => proof().prop_map(|proof| json!({ "type": "redacted_thinking", "data": proof })),
        1 => Just(json!({ "type": "server_tool_use", "id": "s", "name": "n", "input": {} })),
        1 => any_json(),
    ]
    .boxed()
}

/// A reasoning proof: the provider's own, another's, one that says nothing of whose it is.
fn proof() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "byok1:1:o:s",
        "byok1x:1:o:s",
        "byok1:5:other:s",
        "byok1:",
        "s",
    ])
}

/// An item of a Responses conversation.
fn item() -> impl Strategy<Value = Value> {
    let id = || proptest::sample::select(vec!["a", "b", "a b", "a.b", ""]);
    let text = || proptest::sample::select(vec!["", " ", "said"]);
    let said = (
        proptest::sample::select(vec!["user", "assistant", "system", "developer"]),
        proptest::collection::vec(text(), 0..3),
    )
        .prop_map(|(role, texts)| {
            let kind = if role == "assistant" {
                "output_text"
            } else {
                "input_text"
            };
            let parts: Vec<Value> = texts
                .into_iter()
                .map(|text| json!({ "type": kind, "text": text }))
                .collect();
            json!({ "type": "message", "role": role, "content": parts })
        });
    prop_oneof![
        3 => said,
        3 => id().prop_map(|id| json!({ "type": "function_call", "call_id": id, "name": "f", "arguments": "{}" })),
        1 => id().prop_map(|id| json!({ "type": "custom_tool_call", "call_id": id, "name": "t", "input": "x" })),
        3 => id().prop_map(|id| json!({ "type": "function_call_output", "call_id": id, "output": "r" })),
        1 => proof().prop_map(|proof| json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": proof })),
        1 => any_json(),
    ]
}

/// A content of a Gemini conversation.
fn content() -> impl Strategy<Value = Value> {
    let name = || proptest::sample::select(vec!["f", "g", ""]);
    let id = || proptest::sample::select(vec![json!("a"), json!("b"), Value::Null]);
    let part = prop_oneof![
        3 => proptest::sample::select(vec!["", " ", "said"]).prop_map(|text| json!({ "text": text })),
        3 => (id(), name()).prop_map(|(id, name)| json!({ "functionCall": { "id": id, "name": name, "args": {} } })),
        3 => (id(), name()).prop_map(|(id, name)| json!({ "functionResponse": { "id": id, "name": name, "response": {} } })),
        1 => proof().prop_map(|proof| json!({ "text": "hm", "thought": true, "thoughtSignature": proof })),
        1 => (name(), proof()).prop_map(|(name, proof)| json!({
            "functionCall": { "name": name, "args": {} }, "thoughtSignature": proof
        })),
        1 => any_json(),
    ];
    (
        proptest::sample::select(vec!["user", "model"]),
        proptest::collection::vec(part, 0..4),
    )
        .prop_map(|(role, parts)| json!({ "role": role, "parts": parts }))
}

fn message(dialect: Dialect) -> BoxedStrategy<Value> {
    match dialect {
        Dialect::Responses => return item().boxed(),
        Dialect::Gemini => return content().boxed(),
        _ => {}
    }
    let blocks = || proptest::collection::vec(block(dialect), 0..4);
    let id = || proptest::sample::select(vec!["a", "b", "a b", "a.b", ""]);
    let said = (
        proptest::sample::select(vec!["user", "assistant", "system"]),
        blocks(),
    )
        .prop_map(|(role, content)| json!({ "role": role, "content": content }));
    if dialect == Dialect::Messages {
        return said.boxed();
    }
    let calls = proptest::collection::vec(id(), 1..4).prop_map(|ids| {
        let call = |id| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let calls: Vec<Value> = ids.into_iter().map(call).collect();
        json!({ "role": "assistant", "content": null, "tool_calls": calls })
    });
    let result = id().prop_map(|id| json!({ "role": "tool", "tool_call_id": id, "content": "r" }));
    prop_oneof![said, calls, result].boxed()
}

pub(crate) fn request(dialect: Dialect) -> impl Strategy<Value = Value> {
    let members = proptest::sample::select(vec![
        "tools",
        "tool_choice",
        "thinking",
        "metadata",
        "stop",
        "stop_sequences",
        "temperature",
        "system",
        "response_format",
        "reasoning_effort",
        "max_tokens",
        "output_config",
        "user",
        "text",
        "reasoning",
        "instructions",
        "generationConfig",
        "toolConfig",
        "systemInstruction",
    ]);
    let extra = proptest::collection::vec((members, any_json()), 0..2);
    (proptest::collection::vec(message(dialect), 0..8), extra).prop_map(move |(messages, extra)| {
        let mut body = match dialect {
            Dialect::Responses => json!({ "model": "m", "store": false, "input": messages }),
            Dialect::Gemini => json!({ "contents": messages }),
            _ => json!({ "model": "m", "max_tokens": 100, "messages": messages }),
        };
        for (name, value) in extra {
            body[name] = value;
        }
        body
    })
}
