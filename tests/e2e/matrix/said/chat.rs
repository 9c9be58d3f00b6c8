use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, Finish, Frame, Said, items, parse, text};

pub(super) fn whole(reply: &Value) -> Said {
    assert_eq!(reply["object"], "chat.completion", "{reply}");
    assert_eq!(
        reply["choices"].as_array().map(Vec::len),
        Some(1),
        "{reply}"
    );
    let choice = &reply["choices"][0];
    said(
        &choice["message"],
        &choice["finish_reason"],
        &reply["usage"],
    )
}

fn said(message: &Value, finish: &Value, usage: &Value) -> Said {
    let calls = items(&message["tool_calls"]).iter().map(|call| {
        assert_eq!(call["type"], "function", "{call}");
        Call {
            id: text(&call["id"]),
            name: text(&call["function"]["name"]),
            arguments: parse(&text(&call["function"]["arguments"])),
        }
    });
    let finish = match finish.as_str() {
        Some("stop") => Finish::Stop,
        Some("length") => Finish::Length,
        Some("tool_calls") => Finish::Calls,
        Some("content_filter") => Finish::Filter,
        None => Finish::None,
        Some(other) => panic!("{other} is no finish reason"),
    };
    let counts = |usage: &Value| {
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
        let output = usage["completion_tokens"].as_u64()?;
        Some((
            usage["prompt_tokens"].as_u64()?,
            cached.unwrap_or(0),
            output,
        ))
    };
    Said {
        text: text(&message["content"]) + &text(&message["refusal"]),
        thinking: text(&message["reasoning_content"]),
        calls: calls.collect(),
        finish,
        usage: counts(usage),
        // Programs know no reasoning in this dialect, so none goes back.
        again: vec![json!({"role": "assistant", "content": message["content"],
            "tool_calls": message["tool_calls"]})]
        .into_iter()
        .map(without_nulls)
        .collect(),
        ..Said::default()
    }
}

fn without_nulls(mut message: Value) -> Value {
    if message["tool_calls"].is_null()
        && let Some(members) = message.as_object_mut()
    {
        members.remove("tool_calls");
    }
    message
}

pub(super) fn streamed(frames: &[Frame<'_>]) -> Said {
    let mut message = json!({"role": "assistant", "content": null});
    let mut calls: BTreeMap<u64, Value> = BTreeMap::new();
    let (mut finish, mut usage, mut error, mut ended) = (Value::Null, Value::Null, None, false);
    for frame in frames {
        assert!(!ended, "something follows [DONE]");
        if frame.data == "[DONE]" {
            ended = true;
            continue;
        }
        let chunk = frame.json();
        if let Some(told) = chunk["error"]["message"].as_str() {
            error = Some(told.to_owned());
            continue;
        }
        assert_eq!(chunk["object"], "chat.completion.chunk", "{chunk}");
        if !chunk["usage"].is_null() {
            usage = chunk["usage"].clone();
        }
        for choice in items(&chunk["choices"]) {
            let delta = &choice["delta"];
            assert!(
                finish.is_null() || delta == &json!({}),
                "{chunk} follows the finish"
            );
            for member in ["content", "refusal", "reasoning_content"] {
                if let Some(more) = delta[member].as_str() {
                    message[member] = json!(text(&message[member]) + more);
                }
            }
            for call in items(&delta["tool_calls"]) {
                add(&mut calls, call);
            }
            if !choice["finish_reason"].is_null() {
                finish = choice["finish_reason"].clone();
            }
        }
    }
    if !calls.is_empty() && error.is_none() && ended {
        message["tool_calls"] = calls.into_values().collect();
    }
    Said {
        error,
        ended,
        ..said(&message, &finish, &usage)
    }
}

fn add(calls: &mut BTreeMap<u64, Value>, delta: &Value) {
    let index = delta["index"].as_u64().unwrap();
    match calls.get_mut(&index) {
        None => {
            assert!(
                delta["id"].is_string() && delta["function"]["name"].is_string(),
                "{delta}"
            );
            let mut call = delta.clone();
            call.as_object_mut().unwrap().remove("index");
            calls.insert(index, call);
        }
        Some(call) => {
            assert!(
                delta.get("id").is_none() && delta["function"].get("name").is_none(),
                "{delta}"
            );
            let arguments = &mut call["function"]["arguments"];
            *arguments = json!(text(arguments) + &text(&delta["function"]["arguments"]));
        }
    }
}
