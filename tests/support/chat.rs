//! OpenAI chat completions: a request read, an answer written, whole or as a stream.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    Control,
    answer::{Answer, Call, REFUSAL, Stop, Usage},
    ask::{Ask, Image, Tool, ToolChoice, items, strings, text_of, tokens},
};

/// A fixed moment (Unix seconds), so that replies are the same in every run.
pub(crate) const CREATED: u64 = 1_763_700_000;

/// How many frames a stream has sent when the first piece of content is out.
pub(crate) const OPENING: usize = 2;

/// Reads a request that [`crate::check::chat`] has accepted.
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
    let results: Vec<_> = messages
        .iter()
        .rev()
        .take_while(|message| message["role"] == "tool")
        .map(|message| text_of(&message["content"]))
        .collect();
    let format = &body["response_format"];
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        usage_chunk: body["stream_options"]["include_usage"] == true,
        choices: body["n"].as_u64().unwrap_or(1).clamp(1, 8) as usize,
        thinks: control.think,
        images: users().next().map(images).unwrap_or_default(),
        tools: tools(body),
        tool_choice: tool_choice(&body["tool_choice"]),
        parallel: body["parallel_tool_calls"] != false,
        results: (!results.is_empty()).then(|| results.into_iter().rev().collect()),
        max_tokens: body["max_completion_tokens"]
            .as_u64()
            .or_else(|| body["max_tokens"].as_u64()),
        stops: strings(&body["stop"]),
        schema: (format["type"] == "json_schema").then(|| format["json_schema"]["schema"].clone()),
        prompt_tokens: tokens(body["messages"].to_string().len() + body["tools"].to_string().len()),
        control,
        text,
        ..Ask::default()
    }
}

fn images(message: &Value) -> Vec<Image> {
    let urls = items(&message["content"])
        .iter()
        .filter_map(|part| part["image_url"]["url"].as_str());
    urls.filter_map(Image::from_url).collect()
}

fn tools(body: &Value) -> Vec<Tool> {
    let offered = items(&body["tools"]).iter().filter_map(|tool| {
        let kind = tool["type"].as_str()?;
        Some(Tool {
            name: tool[kind]["name"].as_str()?.to_owned(),
            schema: tool[kind]["parameters"].clone(),
            custom: kind == "custom",
            ..Tool::default()
        })
    });
    offered.collect()
}

fn tool_choice(choice: &Value) -> ToolChoice {
    match choice.as_str() {
        Some("none") => ToolChoice::None,
        Some("required") => ToolChoice::Any,
        _ => choice[choice["type"].as_str().unwrap_or_default()]["name"]
            .as_str()
            .map_or(ToolChoice::Auto, |name| ToolChoice::Named(name.to_owned())),
    }
}

/// The whole reply.
pub(crate) fn whole(ask: &Ask, answer: &Answer, id: &str) -> Value {
    let choices: Vec<_> = (0..ask.choices)
        .map(|index| {
            json!({"index": index, "message": message(answer, id), "logprobs": null,
                   "finish_reason": finish_reason(&answer.stop)})
        })
        .collect();
    json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": CREATED,
        "model": ask.model, "choices": choices, "usage": usage(&answer.usage),
        "service_tier": "default", "system_fingerprint": null,
    })
}

fn message(answer: &Answer, id: &str) -> Value {
    let text = answer.text.concat();
    let refused = answer.stop == Stop::Refusal;
    let mut message = json!({
        "role": "assistant",
        "content": if text.is_empty() || refused { Value::Null } else { json!(text) },
        "refusal": if refused { json!(REFUSAL) } else { Value::Null },
        "annotations": [],
    });
    if let Some(thoughts) = &answer.thinking {
        message["reasoning_content"] = json!(thoughts);
    }
    if !answer.calls.is_empty() {
        let calls = answer.calls.iter().enumerate();
        message["tool_calls"] = calls
            .map(|(index, call)| call_with(id, index, call, &call.told()))
            .collect();
    }
    message
}

fn call_with(id: &str, index: usize, call: &Call, told: &str) -> Value {
    let id = format!("call_{id}_{index}");
    match call.input {
        Some(_) => {
            json!({"id": id, "type": "custom", "custom": {"name": call.name, "input": told}})
        }
        None => json!({"id": id, "type": "function",
                       "function": {"name": call.name, "arguments": told}}),
    }
}

fn finish_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

fn usage(usage: &Usage) -> Value {
    let mut prompt_details = json!({"cached_tokens": usage.cache.read, "audio_tokens": 0});
    if usage.cache.written > 0 {
        prompt_details["cache_write_tokens"] = json!(usage.cache.written);
    }
    json!({
        "prompt_tokens": usage.prompt, "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": usage.thinking, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

/// The reply as frames, the closing `[DONE]` included.
pub(crate) fn frames(ask: &Ask, answer: &Answer, id: &str) -> Vec<Bytes> {
    let mut frames = Vec::new();
    for index in 0..ask.choices {
        let deltas = deltas(answer, id).into_iter();
        frames
            .extend(deltas.map(|delta| chunk(ask, id, json!([choice(index, delta, None)]), None)));
        let finish = Some(finish_reason(&answer.stop));
        frames.push(chunk(
            ask,
            id,
            json!([choice(index, json!({}), finish)]),
            None,
        ));
    }
    if ask.usage_chunk {
        frames.push(chunk(ask, id, json!([]), Some(usage(&answer.usage))));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

fn deltas(answer: &Answer, id: &str) -> Vec<Value> {
    let text_key = if answer.stop == Stop::Refusal {
        "refusal"
    } else {
        "content"
    };
    let content = if answer.text.is_empty() {
        Value::Null
    } else {
        json!("")
    };
    let mut deltas = vec![json!({"role": "assistant", "content": content, "refusal": null})];
    let thoughts = answer
        .thinking
        .iter()
        .flat_map(|thoughts| thoughts.split_inclusive(". "));
    deltas.extend(thoughts.map(|piece| json!({"reasoning_content": piece})));
    deltas.extend(
        answer
            .text
            .iter()
            .map(|piece| json!(Map::from_iter([(text_key.to_owned(), json!(piece))]))),
    );
    for (index, call) in answer.calls.iter().enumerate() {
        let mut first = call_with(id, index, call, "");
        first["index"] = json!(index);
        deltas.push(json!({"tool_calls": [first]}));
        let fragments = fragments(&call.told()).into_iter();
        deltas.extend(fragments.map(|fragment| {
            let mut more = json!({"index": index});
            match call.input {
                Some(_) => more["custom"] = json!({"input": fragment}),
                None => more["function"] = json!({"arguments": fragment}),
            }
            json!({"tool_calls": [more]})
        }));
    }
    deltas
}

/// Cuts arguments into short fragments, at places that mean nothing in JSON.
pub(crate) fn fragments(arguments: &str) -> Vec<String> {
    let characters: Vec<_> = arguments.chars().collect();
    characters
        .chunks(7)
        .map(|fragment| fragment.iter().collect())
        .collect()
}

fn choice(index: usize, delta: Value, finish: Option<&str>) -> Value {
    json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish})
}

fn chunk(ask: &Ask, id: &str, choices: Value, usage: Option<Value>) -> Bytes {
    let mut chunk = json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion.chunk", "created": CREATED,
        "model": ask.model, "service_tier": "default", "system_fingerprint": null,
        "choices": choices,
    });
    if ask.usage_chunk {
        chunk["usage"] = usage.unwrap_or_default();
    }
    data_frame(&chunk)
}

/// A frame without an event name.
pub(crate) fn data_frame(data: &Value) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// One model of `/v1/models`.
pub(crate) fn model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "simulator"})
}

/// `/v1/models`.
pub(crate) fn models(ids: &[String]) -> Value {
    json!({"object": "list", "data": ids.iter().map(|id| model(id)).collect::<Vec<_>>()})
}
