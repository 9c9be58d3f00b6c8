//! What each dialect insists on, in requests and in streams.

use std::collections::HashSet;

use byokey_wire::Dialect;
use serde_json::{Value, json};

use crate::said::frames;

/// Checks a request for a provider of this dialect.
pub(crate) fn check_request(upstream: Dialect, body: &Value) {
    match upstream {
        Dialect::Messages => check_messages_request(body),
        Dialect::Responses => check_responses_request(body),
        Dialect::Gemini => check_gemini_request(body),
        _ => check_chat_request(body),
    }
}

/// Checks a stream for a caller of this dialect.
pub(crate) fn check_stream(caller: Dialect, stream: &[u8]) {
    match caller {
        Dialect::Messages => check_messages_stream(stream),
        Dialect::Responses => check_responses_stream(stream),
        Dialect::Gemini => check_gemini_stream(stream),
        _ => check_chat_stream(stream),
    }
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

/// What Responses insists on.
fn check_responses_request(body: &Value) {
    let input = body["input"].as_array().unwrap();
    assert!(!input.is_empty());
    let mut open: Vec<&str> = Vec::new();
    let mut answering = false;
    for item in input {
        let call_id = item["call_id"].as_str().unwrap_or_default();
        match item["type"].as_str().unwrap_or("message") {
            "function_call" | "custom_tool_call" => {
                assert!(!answering || open.is_empty(), "a call without an answer");
                assert!(!call_id.is_empty());
                answering = false;
                open.push(call_id);
            }
            "function_call_output" | "custom_tool_call_output" => {
                let place = open.iter().position(|id| *id == call_id);
                assert!(place.is_some(), "an answer without a call");
                open.remove(place.unwrap());
                answering = true;
            }
            "reasoning" => {}
            kind => {
                assert_eq!(kind, "message");
                // The assistant may go on talking before its tools answer.
                let goes_on = item["role"] == "assistant" && !answering;
                assert!(goes_on || open.is_empty(), "a call without an answer");
                let content = &item["content"];
                let empty = content == "" || content.as_array().is_some_and(Vec::is_empty);
                assert!(!empty, "a message that says nothing");
            }
        }
    }
    assert!(open.is_empty(), "a call without an answer");
}

/// What Gemini insists on.
fn check_gemini_request(body: &Value) {
    let contents = body["contents"].as_array().unwrap();
    assert_eq!(contents[0]["role"], "user");
    let mut open: Vec<&str> = Vec::new();
    let mut before = "";
    for content in contents {
        let role = content["role"].as_str().unwrap();
        assert_ne!(role, before, "neighbours of one role");
        before = role;
        let parts = content["parts"].as_array().unwrap();
        assert!(!parts.is_empty());
        let answers: Vec<&str> = parts
            .iter()
            .filter_map(|part| part["functionResponse"]["name"].as_str())
            .collect();
        assert_eq!(
            answers, open,
            "every call is answered next, and nothing else is"
        );
        open.clear();
        for part in parts {
            assert!(part.is_object());
            let signed = part.get("thoughtSignature").is_some();
            assert!(signed || part["text"] != "", "an empty text");
            if let Some(call) = part.get("functionCall") {
                assert_eq!(role, "model");
                assert!(call["args"].is_object());
                open.push(call["name"].as_str().unwrap());
            }
        }
    }
    assert!(open.is_empty(), "a call without an answer");
}

/// The grammar of a Responses stream.
fn check_responses_stream(stream: &[u8]) {
    let events: Vec<Value> = frames(stream)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    let ends = [
        "response.completed",
        "response.incomplete",
        "response.failed",
        "error",
    ];
    let (last, rest) = events.split_last().unwrap();
    assert!(ends.contains(&&*kind(last)), "ends with {}", kind(last));
    assert!(
        !rest.iter().any(|event| ends.contains(&&*kind(event))),
        "more after the end"
    );
    if let Some(first) = rest.first() {
        assert_eq!(kind(first), "response.created");
    }
    let (mut items, mut part) = (Vec::new(), None);
    let mut next = 0;
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "numbers rise by one");
        let place = event["output_index"].as_u64();
        match &*kind(event) {
            "response.output_item.added" => {
                assert_eq!(place, Some(next), "places rise by one");
                next += 1;
                items.push(place);
            }
            "response.output_item.done" => {
                let open = items.iter().position(|open| *open == place);
                assert!(open.is_some(), "the end of what never began");
                items.remove(open.unwrap());
            }
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                assert!(items.contains(&place) && part.is_none());
                part = Some(place);
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                assert_eq!(part.take(), Some(place));
            }
            "response.output_text.delta"
            | "response.refusal.delta"
            | "response.reasoning_summary_text.delta" => assert_eq!(part, Some(place)),
            "response.function_call_arguments.delta" => assert!(items.contains(&place)),
            "response.completed" => {
                assert!(
                    items.is_empty() && part.is_none(),
                    "the end of a reply with open items"
                );
                let output = event["response"]["output"].as_array().unwrap();
                assert_eq!(output.len() as u64, next, "the end repeats every item");
            }
            _ => {}
        }
    }
}

/// The grammar of a Gemini stream.
fn check_gemini_stream(stream: &[u8]) {
    let chunks: Vec<Value> = frames(stream)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let ended = |chunk: &Value| {
        chunk.get("error").is_some() || chunk["candidates"][0]["finishReason"].is_string()
    };
    let (last, rest) = chunks.split_last().unwrap();
    assert!(ended(last), "neither an end nor an error: {last}");
    assert!(!rest.iter().any(ended), "more after the end");
    for part in chunks
        .iter()
        .filter_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array())
        .flatten()
    {
        if let Some(call) = part.get("functionCall") {
            assert!(call["name"].is_string() && call["args"].is_object());
        }
    }
}
