//! Whatever comes in, what goes out is what the dialect allows, or a fault. Never a panic.

use std::collections::HashSet;

use byokey_wire::{Ask, Capabilities, Dialect, Target, translate};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::said::{answer, frames, said, translated};

const PAIRS: [(Dialect, Dialect); 2] = [
    (Dialect::Chat, Dialect::Messages),
    (Dialect::Messages, Dialect::Chat),
];

/// Any JSON, with a liking for the words of both dialects.
fn any_json() -> impl Strategy<Value = Value> {
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
        1 => Just(json!({ "type": "thinking", "thinking": "hm", "signature": "byok1:1:o:s" })),
        1 => Just(json!({ "type": "server_tool_use", "id": "s", "name": "n", "input": {} })),
        1 => any_json(),
    ]
    .boxed()
}

fn message(dialect: Dialect) -> BoxedStrategy<Value> {
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

fn request(dialect: Dialect) -> impl Strategy<Value = Value> {
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
    ]);
    let extra = proptest::collection::vec((members, any_json()), 0..2);
    (proptest::collection::vec(message(dialect), 0..8), extra).prop_map(|(messages, extra)| {
        let mut body = json!({ "model": "m", "max_tokens": 100, "messages": messages });
        for (name, value) in extra {
            body[name] = value;
        }
        body
    })
}

fn translated_request(caller: Dialect, upstream: Dialect, body: &[u8]) -> Option<Value> {
    let caps = Capabilities::default();
    let target = Target::new("m", &caps, "o");
    let translated = translate(&Ask::new(caller, body), upstream, &target).ok()?;
    Some(serde_json::from_slice(&translated.body).unwrap())
}

/// What Anthropic insists on.
fn check_messages_request(body: &Value) {
    assert!(body["max_tokens"].is_u64() && body["model"] == "m");
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["role"], "user");
    let mut ids = HashSet::new();
    let mut open: Vec<&str> = Vec::new();
    let mut before = "";
    for message in messages {
        let role = message["role"].as_str().unwrap();
        assert_ne!(role, before, "neighbours of one role");
        before = role;
        let blocks = message["content"].as_array().unwrap();
        assert!(!blocks.is_empty());
        let results: Vec<&str> = blocks
            .iter()
            .filter_map(|block| block["tool_use_id"].as_str())
            .collect();
        assert_eq!(
            results, open,
            "every call is answered next, and nothing else is"
        );
        open.clear();
        let leading = blocks
            .iter()
            .take_while(|block| block["type"] == "tool_result")
            .count();
        assert_eq!(leading, results.len(), "results come first");
        for block in blocks {
            if block["type"] == "text" {
                assert!(
                    !block["text"].as_str().unwrap().trim().is_empty(),
                    "an empty text"
                );
            }
            if block["type"] == "tool_use" {
                let id = block["id"].as_str().unwrap();
                let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                assert!(!id.is_empty() && id.chars().all(legal), "{id}");
                assert!(ids.insert(id), "ids are unique");
                assert!(block["input"].is_object());
                assert_eq!(role, "assistant");
                open.push(id);
            }
        }
    }
    assert!(open.is_empty(), "a call without an answer");
}

/// What chat providers insist on.
fn check_chat_request(body: &Value) {
    let mut open: Vec<&str> = Vec::new();
    for message in body["messages"].as_array().unwrap() {
        if message["role"] == "tool" {
            assert_eq!(
                message["tool_call_id"],
                open.remove(0),
                "results follow their calls"
            );
            continue;
        }
        assert!(open.is_empty(), "a call without an answer");
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            open.push(call["id"].as_str().unwrap());
            assert!(call["function"]["arguments"].is_string());
        }
    }
    assert!(open.is_empty(), "a call without an answer");
}

/// The grammar of a Messages stream.
fn check_messages_stream(stream: &[u8]) {
    let events: Vec<Value> = frames(stream)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .filter(|kind| *kind != "ping")
        .collect();
    let (last, rest) = kinds.split_last().unwrap();
    assert!(
        matches!(*last, "message_stop" | "error"),
        "ends with {last}"
    );
    assert!(
        !rest
            .iter()
            .any(|kind| matches!(*kind, "message_stop" | "error")),
        "{kinds:?}"
    );
    if let Some(first) = rest.first() {
        assert_eq!(*first, "message_start");
    }
    assert!(rest.iter().filter(|kind| **kind == "message_start").count() <= 1);
    let (mut next, mut open, mut ended) = (0, None, false);
    for event in &events {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                assert!(open.is_none() && !ended && index == Some(next));
                open = index;
                next += 1;
            }
            "content_block_delta" => assert!(open.is_some() && open == index),
            "content_block_stop" => assert!(open.take().is_some_and(|open| Some(open) == index)),
            "message_delta" => {
                assert!(open.is_none() && !ended);
                ended = true;
            }
            "message_stop" => assert!(ended),
            _ => {}
        }
    }
}

/// The grammar of a chat stream.
fn check_chat_stream(stream: &[u8]) {
    let data = frames(stream);
    let (last, rest) = data.split_last().unwrap();
    assert!(!rest.iter().any(|data| data == "[DONE]"));
    let chunks: Vec<Value> = rest
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert!(!chunks.iter().any(|chunk| chunk.get("error").is_some()));
    if let Some(first) = chunks.first() {
        assert_eq!(first["choices"][0]["delta"]["role"], "assistant");
    }
    let roles = chunks
        .iter()
        .filter(|chunk| chunk["choices"][0]["delta"].get("role").is_some());
    assert!(roles.count() <= 1);
    let finish = chunks
        .iter()
        .position(|chunk| chunk["choices"][0]["finish_reason"].is_string());
    let after = finish.map_or(&[][..], |finish| &chunks[finish + 1..]);
    assert!(
        after.iter().all(|chunk| chunk["choices"] == json!([])),
        "more after the finish"
    );
    if last == "[DONE]" {
        assert!(finish.is_some());
    } else {
        let last: Value = serde_json::from_str(last).unwrap();
        assert!(last.get("error").is_some(), "neither an end nor an error");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_history_becomes_one_that_the_provider_takes(
        chat in request(Dialect::Chat),
        messages in request(Dialect::Messages),
    ) {
        let chat = chat.to_string();
        if let Some(body) = translated_request(Dialect::Chat, Dialect::Messages, chat.as_bytes()) {
            check_messages_request(&body);
        }
        let messages = messages.to_string();
        if let Some(body) = translated_request(Dialect::Messages, Dialect::Chat, messages.as_bytes()) {
            check_chat_request(&body);
        }
    }

    #[test]
    fn any_json_and_any_bytes_are_answered(json in any_json(), bytes in any::<Vec<u8>>()) {
        for (caller, upstream) in PAIRS {
            translated_request(caller, upstream, json.to_string().as_bytes());
            translated_request(caller, upstream, &bytes);
            let _ = answer(caller, upstream).reply(&bytes, 0);
            let _ = answer(caller, upstream).reply(json.to_string().as_bytes(), 0);
        }
    }

    #[test]
    fn any_stream_keeps_the_grammar(
        said in said(),
        cut in any::<prop::sample::Index>(),
        change in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        swap in proptest::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        whole in any::<bool>(),
        error in any::<bool>(),
    ) {
        for (caller, upstream) in PAIRS {
            let stream = String::from_utf8(said.stream(upstream)).unwrap();
            let mut parts: Vec<&str> = stream.split_inclusive("\n\n").collect();
            if let Some((a, b)) = &swap {
                let (a, b) = (a.index(parts.len()), b.index(parts.len()));
                parts.swap(a, b);
            }
            let failed = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"no\"}}\n\n";
            if error {
                parts.insert(cut.index(parts.len()), failed);
            }
            let mut stream = parts.concat().into_bytes();
            if let Some((at, byte)) = &change {
                let at = at.index(stream.len());
                stream[at] = *byte;
            }
            if !whole {
                stream.truncate(cut.index(stream.len()));
            }
            let out = translated(&answer(caller, upstream), [&*stream]);
            if caller == Dialect::Messages {
                check_messages_stream(&out);
            } else {
                check_chat_stream(&out);
            }
        }
    }
}
