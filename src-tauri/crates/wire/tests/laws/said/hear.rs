//! What a caller of each dialect hears.

use byokey_wire::Dialect;
use serde_json::Value;

use super::{Heard, frames};

fn add(to: &mut String, from: &Value) {
    to.push_str(from.as_str().unwrap_or_default());
}

/// What a caller hears from a stream.
pub(crate) fn hear_stream(dialect: Dialect, stream: &[u8]) -> Heard {
    let mut heard = Heard::default();
    for data in frames(stream).iter().filter(|data| *data != "[DONE]") {
        let frame: Value = serde_json::from_str(data).unwrap();
        match dialect {
            Dialect::Messages => hear_messages_frame(&frame, &mut heard),
            Dialect::Responses => hear_responses_event(&frame, &mut heard),
            Dialect::Gemini => hear_gemini(&frame, &mut heard),
            _ => hear_chat_chunk(&frame, &mut heard),
        }
    }
    heard
}

fn hear_responses_event(event: &Value, heard: &mut Heard) {
    match event["type"].as_str().unwrap() {
        "response.output_text.delta" | "response.refusal.delta" => {
            add(&mut heard.content, &event["delta"]);
        }
        "response.reasoning_summary_text.delta" => add(&mut heard.reasoning, &event["delta"]),
        "response.output_item.added" if event["item"]["type"] == "function_call" => {
            let text = |name: &str| event["item"][name].as_str().unwrap().to_owned();
            heard
                .calls
                .push((text("call_id"), text("name"), String::new()));
        }
        "response.function_call_arguments.delta" => {
            if let Some((_, _, arguments)) = heard.calls.last_mut() {
                add(arguments, &event["delta"]);
            }
        }
        "response.completed" | "response.incomplete" => {
            let whole = responses_reply(&event["response"]);
            let said = (&heard.content, &heard.reasoning, &heard.calls);
            assert_eq!(
                (&whole.content, &whole.reasoning, &whole.calls),
                said,
                "the end repeats what was said"
            );
            heard.finish = whole.finish;
            heard.usage = whole.usage;
        }
        _ => {}
    }
}

fn responses_reply(reply: &Value) -> Heard {
    let mut heard = Heard {
        usage: reply["usage"].clone(),
        ..Heard::default()
    };
    add(&mut heard.finish, &reply["status"]);
    add(&mut heard.finish, &reply["incomplete_details"]["reason"]);
    for item in reply["output"].as_array().unwrap() {
        let list = |name: &str| item[name].as_array().cloned().unwrap_or_default();
        for part in list("content") {
            add(&mut heard.content, &part["text"]);
            add(&mut heard.content, &part["refusal"]);
        }
        for part in list("summary") {
            add(&mut heard.reasoning, &part["text"]);
        }
        if item["type"] == "function_call" {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            heard
                .calls
                .push((text("call_id"), text("name"), text("arguments")));
        }
    }
    heard
}

/// A whole reply or a piece of one: both look the same.
fn hear_gemini(reply: &Value, heard: &mut Heard) {
    if let Some(usage) = reply.get("usageMetadata") {
        heard.usage = usage.clone();
    }
    let candidate = &reply["candidates"][0];
    add(&mut heard.finish, &candidate["finishReason"]);
    for part in candidate["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if part["thought"] == true {
            add(&mut heard.reasoning, &part["text"]);
        } else {
            add(&mut heard.content, &part["text"]);
        }
        if let Some(call) = part.get("functionCall") {
            let text = |name: &str| call[name].as_str().unwrap().to_owned();
            heard
                .calls
                .push((text("id"), text("name"), call["args"].to_string()));
        }
    }
}

fn hear_chat_chunk(chunk: &Value, heard: &mut Heard) {
    if let Some(usage) = chunk.get("usage") {
        heard.usage = usage.clone();
    }
    let Some(choice) = chunk["choices"].get(0) else {
        return;
    };
    let delta = &choice["delta"];
    add(&mut heard.content, &delta["content"]);
    add(&mut heard.reasoning, &delta["reasoning_content"]);
    add(&mut heard.finish, &choice["finish_reason"]);
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
        if heard.calls.len() == index {
            heard.calls.push(Default::default());
        }
        let (id, name, arguments) = &mut heard.calls[index];
        add(id, &call["id"]);
        add(name, &call["function"]["name"]);
        add(arguments, &call["function"]["arguments"]);
    }
}

fn hear_messages_frame(frame: &Value, heard: &mut Heard) {
    match frame["type"].as_str().unwrap() {
        "content_block_start" if frame["content_block"]["type"] == "tool_use" => {
            let block = &frame["content_block"];
            let text = |name: &str| block[name].as_str().unwrap().to_owned();
            heard.calls.push((text("id"), text("name"), String::new()));
        }
        "content_block_delta" => {
            let delta = &frame["delta"];
            add(&mut heard.content, &delta["text"]);
            add(&mut heard.reasoning, &delta["thinking"]);
            if let Some((_, _, arguments)) = heard.calls.last_mut() {
                add(arguments, &delta["partial_json"]);
            }
        }
        "message_delta" => {
            add(&mut heard.finish, &frame["delta"]["stop_reason"]);
            heard.usage = frame["usage"].clone();
        }
        _ => {}
    }
}

/// What a caller hears from a whole reply.
pub(crate) fn hear_reply(dialect: Dialect, reply: &[u8]) -> Heard {
    let reply: Value = serde_json::from_slice(reply).unwrap();
    if dialect == Dialect::Responses {
        return responses_reply(&reply);
    }
    if dialect == Dialect::Gemini {
        let mut heard = Heard::default();
        hear_gemini(&reply, &mut heard);
        return heard;
    }
    let mut heard = Heard {
        usage: reply["usage"].clone(),
        ..Heard::default()
    };
    if dialect == Dialect::Messages {
        add(&mut heard.finish, &reply["stop_reason"]);
        for block in reply["content"].as_array().unwrap() {
            add(&mut heard.content, &block["text"]);
            add(&mut heard.reasoning, &block["thinking"]);
            if block["type"] == "tool_use" {
                let text = |name: &str| block[name].as_str().unwrap().to_owned();
                heard
                    .calls
                    .push((text("id"), text("name"), block["input"].to_string()));
            }
        }
        return heard;
    }
    let choice = &reply["choices"][0];
    add(&mut heard.finish, &choice["finish_reason"]);
    add(&mut heard.content, &choice["message"]["content"]);
    add(
        &mut heard.reasoning,
        &choice["message"]["reasoning_content"],
    );
    for call in choice["message"]["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let function = &call["function"];
        heard.calls.push((
            text(&call["id"]),
            text(&function["name"]),
            text(&function["arguments"]),
        ));
    }
    heard
}
