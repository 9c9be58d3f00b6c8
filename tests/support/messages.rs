//! Anthropic messages: a request read, an answer written, whole or as a stream.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    Control,
    answer::{Answer, Stop, Usage},
    ask::{Ask, Image, Tool, ToolChoice, strings, text_of, tokens},
    chat::fragments,
    proof,
};

/// How many frames a stream has sent when the first piece of content is out.
pub(crate) const OPENING: usize = 4;

/// Reads a request that [`crate::check::messages`] has accepted.
pub(crate) fn read(body: &Value) -> Ask {
    let none = Vec::new();
    let messages = body["messages"].as_array().unwrap_or(&none);
    let users = || {
        messages
            .iter()
            .rev()
            .filter(|message| message["role"] == "user")
    };
    let said = users()
        .map(|message| text_of(&message["content"]))
        .find(|text| !text.is_empty());
    let (control, text) = Control::take(&said.unwrap_or_default());
    // Reminders of a program may follow what the user said.
    let mut said_last = messages
        .iter()
        .rev()
        .filter(|message| message["role"] != "system");
    let last = said_last.next().map(blocks).unwrap_or_default();
    let results: Vec<_> = last
        .iter()
        .filter(|block| block["type"] == "tool_result")
        .map(result_text)
        .collect();
    let format = &body["output_config"]["format"];
    let thinking = body["thinking"]["type"].as_str();
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        choices: 1,
        thinks: control.think || matches!(thinking, Some("enabled" | "adaptive")),
        images: users()
            .next()
            .map(|message| images(blocks(message)))
            .unwrap_or_default(),
        tools: tools(body),
        tool_choice: tool_choice(&body["tool_choice"]),
        parallel: body["tool_choice"]["disable_parallel_tool_use"] != true,
        results: (!results.is_empty()).then_some(results),
        max_tokens: body["max_tokens"].as_u64(),
        stops: strings(&body["stop_sequences"]),
        schema: (format["type"] == "json_schema").then(|| format["schema"].clone()),
        prompt_tokens: prompt_tokens(body),
        control,
        text,
        ..Ask::default()
    }
}

/// What `count_tokens` answers, and what a request costs.
pub(crate) fn prompt_tokens(body: &Value) -> u64 {
    let parts = ["messages", "system", "tools"];
    tokens(parts.iter().map(|part| body[part].to_string().len()).sum())
}

/// The beginning of a prompt whose cache entry is asked for.
pub(crate) fn cache_key(body: &Value) -> Option<String> {
    let prefix = format!("{}{}{}", body["system"], body["tools"], body["messages"][0]);
    let marked =
        body.get("cache_control").is_some() || body.to_string().contains("\"cache_control\"");
    marked.then_some(prefix)
}

/// The blocks of a message; none when its content is a plain string.
pub(crate) fn blocks(message: &Value) -> &[Value] {
    message["content"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn result_text(result: &Value) -> String {
    let text = text_of(&result["content"]);
    if result["is_error"] == true {
        format!("error: {text}")
    } else {
        text
    }
}

fn images(blocks: &[Value]) -> Vec<Image> {
    let mut found = Vec::new();
    for block in blocks {
        match block["type"].as_str() {
            Some("image") => found.extend(image(&block["source"])),
            Some("tool_result") => {
                found.extend(images(
                    block["content"]
                        .as_array()
                        .map(Vec::as_slice)
                        .unwrap_or_default(),
                ));
            }
            _ => {}
        }
    }
    found
}

/// The image of a source; `None` when its data is not what its type says.
pub(crate) fn image(source: &Value) -> Option<Image> {
    match source["type"].as_str()? {
        "base64" => Image::inline(source["media_type"].as_str()?, source["data"].as_str()?),
        "url" => Some(Image::Url(source["url"].as_str()?.to_owned())),
        _ => None,
    }
}

fn tools(body: &Value) -> Vec<Tool> {
    let offered = body["tools"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    offered
        .iter()
        .filter(|tool| tool.get("input_schema").is_some())
        .filter_map(|tool| {
            let name = tool["name"].as_str()?.to_owned();
            Some(Tool {
                name,
                schema: tool["input_schema"].clone(),
                ..Tool::default()
            })
        })
        .collect()
}

fn tool_choice(choice: &Value) -> ToolChoice {
    match choice["type"].as_str() {
        Some("none") => ToolChoice::None,
        Some("any") => ToolChoice::Any,
        Some("tool") => ToolChoice::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        _ => ToolChoice::Auto,
    }
}

/// The whole reply.
pub(crate) fn whole(ask: &Ask, answer: &Answer, id: &str) -> Value {
    let content: Vec<_> = content(answer, id)
        .into_iter()
        .map(|(block, _)| block)
        .collect();
    let mut message = envelope(
        ask,
        id,
        &content,
        &usage(&answer.usage, answer.usage.output),
    );
    let stop = stop(&answer.stop);
    for member in ["stop_reason", "stop_sequence", "stop_details"] {
        message[member] = stop[member].clone();
    }
    message
}

/// Each block as a whole, with the deltas that build it up in a stream.
fn content(answer: &Answer, id: &str) -> Vec<(Value, Vec<Value>)> {
    let mut content = Vec::new();
    if let Some(thoughts) = &answer.thinking {
        let seal = proof::of_text("anthropic", thoughts);
        let pieces = thoughts.split_inclusive(". ");
        let mut deltas: Vec<_> = pieces
            .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
            .collect();
        deltas.push(json!({"type": "signature_delta", "signature": seal}));
        content.push((
            json!({"type": "thinking", "thinking": thoughts, "signature": seal}),
            deltas,
        ));
    }
    if !answer.text.is_empty() {
        let pieces = answer.text.iter();
        let deltas = pieces
            .map(|piece| json!({"type": "text_delta", "text": piece}))
            .collect();
        content.push((
            json!({"type": "text", "text": answer.text.concat()}),
            deltas,
        ));
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let id = format!("toolu_{id}_{index}");
        let block =
            json!({"type": "tool_use", "id": id, "name": call.name, "input": call.arguments});
        // A call's first fragment is empty, as the provider sends it.
        let mut pieces = vec![String::new()];
        if call.arguments != json!({}) {
            pieces.extend(fragments(&call.arguments.to_string()));
        }
        let deltas = pieces
            .into_iter()
            .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
            .collect();
        content.push((block, deltas));
    }
    content
}

fn envelope(ask: &Ask, id: &str, content: &[Value], usage: &Value) -> Value {
    json!({
        "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": ask.model,
        "content": content, "stop_reason": null, "stop_sequence": null, "usage": usage,
    })
}

fn stop(stop: &Stop) -> Value {
    let (reason, sequence) = match stop {
        Stop::End => ("end_turn", Value::Null),
        Stop::Sequence(sequence) => ("stop_sequence", json!(sequence)),
        Stop::Length => ("max_tokens", Value::Null),
        Stop::Tools => ("tool_use", Value::Null),
        Stop::Refusal => ("refusal", Value::Null),
    };
    let details = match stop {
        Stop::Refusal => {
            json!({"type": "refusal", "category": "general_harms", "explanation": "Simulated."})
        }
        _ => Value::Null,
    };
    json!({"stop_reason": reason, "stop_sequence": sequence, "stop_details": details})
}

fn usage(usage: &Usage, output: u64) -> Value {
    let cache = usage.cache;
    let mut counts = json!({
        "input_tokens": usage.prompt.saturating_sub(cache.read + cache.written),
        "cache_creation_input_tokens": cache.written, "cache_read_input_tokens": cache.read,
        "cache_creation": {"ephemeral_5m_input_tokens": cache.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "service_tier": "standard",
    });
    if usage.thinking > 0 {
        counts["output_tokens_details"] = json!({"thinking_tokens": usage.thinking});
    }
    counts
}

/// The reply as frames.
pub(crate) fn frames(ask: &Ask, answer: &Answer, id: &str) -> Vec<Bytes> {
    let start = envelope(ask, id, &[], &usage(&answer.usage, 1));
    let mut frames = vec![event(&json!({"type": "message_start", "message": start}))];
    for (index, (block, deltas)) in content(answer, id).into_iter().enumerate() {
        frames.push(event(
            &json!({"type": "content_block_start", "index": index, "content_block": opened(block)}),
        ));
        if index == 0 {
            frames.push(event(&json!({"type": "ping"})));
        }
        frames.extend(deltas.into_iter().map(|delta| {
            event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
        }));
        frames.push(event(
            &json!({"type": "content_block_stop", "index": index}),
        ));
    }
    frames.push(event(&json!({
        "type": "message_delta", "delta": stop(&answer.stop),
        "usage": usage(&answer.usage, answer.usage.output),
    })));
    frames.push(event(&json!({"type": "message_stop"})));
    frames
}

/// A block as its start event shows it: its growing member still empty.
fn opened(mut block: Value) -> Value {
    for (member, empty) in [
        ("text", json!("")),
        ("thinking", json!("")),
        ("signature", json!("")),
        ("input", json!({})),
    ] {
        if block.get(member).is_some() {
            block[member] = empty;
        }
    }
    block
}

/// A frame with its event name, which is the data's type.
pub(crate) fn event(data: &Value) -> Bytes {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// One model of `/v1/models`.
pub(crate) fn model(id: &str) -> Value {
    json!({"type": "model", "id": id, "display_name": id, "created_at": "2025-11-21T00:00:00Z",
           "max_input_tokens": 200_000, "max_tokens": 64_000})
}

/// `/v1/models`.
pub(crate) fn models(ids: &[String]) -> Value {
    json!({"data": ids.iter().map(|id| model(id)).collect::<Vec<_>>(), "has_more": false,
           "first_id": ids.first(), "last_id": ids.last()})
}
