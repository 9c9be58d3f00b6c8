//! OpenAI Responses: a request read, and the response object written.

mod stream;

use serde_json::{Value, json};

use crate::{
    Control,
    answer::{Answer, REFUSAL, Stop, Usage},
    ask::{Ask, Image, Tool, ToolChoice, items, text_of, tokens},
    chat::CREATED,
    proof,
};

pub(crate) use stream::{failure, frames};

/// Who makes the encrypted reasoning here.
pub(crate) const MAKER: &str = "openai";

/// How many frames a stream has sent when the first piece of content is out.
pub(crate) const OPENING: usize = 5;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The public API.
    Full,
    /// A ChatGPT plan's back end: nothing is stored, and the last event has an empty `output`.
    Plan,
}

/// Reads a request that [`crate::check::responses`] has accepted.
pub(crate) fn read(body: &Value) -> Ask {
    let input = input(body);
    let users = || input.iter().rev().filter(|item| item["role"] == "user");
    let said = users()
        .map(|item| text_of(&item["content"]))
        .find(|text| !text.is_empty());
    let (control, text) = Control::take(&said.unwrap_or_default());
    let outputs: Vec<_> = input
        .iter()
        .rev()
        .take_while(|item| is_output(item))
        .collect();
    let results = outputs.iter().rev().map(|item| text_of(&item["output"]));
    let shown: Vec<_> = match outputs.is_empty() {
        true => users()
            .next()
            .map(|item| images(&item["content"]))
            .into_iter()
            .collect(),
        false => outputs.iter().map(|item| images(&item["output"])).collect(),
    };
    let format = &body["text"]["format"];
    let reasoning = &body["reasoning"];
    Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        choices: 1,
        thinks: control.think
            || reasoning["effort"]
                .as_str()
                .is_some_and(|effort| effort != "none"),
        summary: control.think || reasoning["summary"].is_string(),
        images: shown.concat(),
        tools: tools(body, &input),
        tool_choice: tool_choice(&body["tool_choice"]),
        parallel: body["parallel_tool_calls"] != false,
        results: (!outputs.is_empty()).then(|| results.collect()),
        max_tokens: body["max_output_tokens"].as_u64(),
        schema: (format["type"] == "json_schema").then(|| format["schema"].clone()),
        prompt_tokens: prompt_tokens(body),
        control,
        text,
        ..Ask::default()
    }
}

/// What `input_tokens` answers, and what a request costs.
pub(crate) fn prompt_tokens(body: &Value) -> u64 {
    let parts = ["input", "instructions", "tools"];
    tokens(parts.iter().map(|part| body[part].to_string().len()).sum())
}

/// The items of `input`; a plain string is one message of the user.
pub(crate) fn input(body: &Value) -> Vec<Value> {
    match &body["input"] {
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        input => items(input).to_vec(),
    }
}

pub(crate) fn is_output(item: &Value) -> bool {
    matches!(
        item["type"].as_str(),
        Some("function_call_output" | "custom_tool_call_output")
    )
}

fn images(content: &Value) -> Vec<Image> {
    let urls = items(content)
        .iter()
        .filter_map(|part| part["image_url"].as_str());
    urls.filter_map(Image::from_url).collect()
}

/// The tools on offer: those of the request, of its namespaces, and of items that add some.
pub(crate) fn tools(body: &Value, input: &[Value]) -> Vec<Tool> {
    let added = input
        .iter()
        .filter(|item| item["type"] == "additional_tools")
        .flat_map(|item| items(&item["tools"]));
    let mut tools = Vec::new();
    for tool in items(&body["tools"]).iter().chain(added) {
        let inside = items(&tool["tools"]).iter();
        let namespace = tool["name"].as_str();
        tools.extend(offered(tool, None));
        tools.extend(inside.filter_map(|child| offered(child, namespace)));
    }
    tools
}

fn offered(tool: &Value, namespace: Option<&str>) -> Option<Tool> {
    let custom = match tool["type"].as_str()? {
        "function" => false,
        "custom" => true,
        _ => return None,
    };
    Some(Tool {
        name: tool["name"].as_str()?.to_owned(),
        schema: tool["parameters"].clone(),
        custom,
        namespace: namespace.map(str::to_owned),
    })
}

fn tool_choice(choice: &Value) -> ToolChoice {
    match (choice.as_str(), choice["type"].as_str()) {
        (Some("none"), _) => ToolChoice::None,
        (Some("required"), _) => ToolChoice::Any,
        (_, Some("function" | "custom")) => {
            ToolChoice::Named(choice["name"].as_str().unwrap_or_default().to_owned())
        }
        _ => ToolChoice::Auto,
    }
}

/// The whole reply, a finished response object.
pub(crate) fn whole(ask: &Ask, answer: &Answer, body: &Value, id: &str) -> Value {
    let output = output(ask, answer, id);
    let mut response = response(ask, body, id);
    let (status, reason) = ending(&answer.stop);
    response["status"] = json!(status);
    response["output"] = json!(output);
    response["usage"] = usage(&answer.usage);
    match reason {
        Some(reason) => response["incomplete_details"] = json!({"reason": reason}),
        None => response["completed_at"] = json!(CREATED + 1),
    }
    response
}

/// A response object in which nothing has happened yet.
pub(crate) fn response(ask: &Ask, body: &Value, id: &str) -> Value {
    let told = |name: &str, otherwise: Value| match body.get(name) {
        Some(value) if !value.is_null() => value.clone(),
        _ => otherwise,
    };
    let format = match &body["text"]["format"] {
        Value::Null => json!({"type": "text"}),
        format => format.clone(),
    };
    json!({
        "id": format!("resp_{id}"), "object": "response", "created_at": CREATED,
        "status": "in_progress", "background": false, "completed_at": null, "error": null,
        "incomplete_details": null, "model": ask.model, "output": [], "usage": null,
        "instructions": body["instructions"], "max_output_tokens": body["max_output_tokens"],
        "max_tool_calls": null, "metadata": told("metadata", json!({})),
        "parallel_tool_calls": told("parallel_tool_calls", json!(true)),
        "previous_response_id": body["previous_response_id"],
        "prompt_cache_key": body["prompt_cache_key"],
        "reasoning": {"effort": body["reasoning"]["effort"], "summary": body["reasoning"]["summary"]},
        "safety_identifier": body["safety_identifier"], "service_tier": "default",
        "store": told("store", json!(true)), "temperature": told("temperature", json!(1.0)),
        "text": {"format": format, "verbosity": "medium"},
        "tool_choice": told("tool_choice", json!("auto")), "tools": told("tools", json!([])),
        "top_logprobs": 0, "top_p": told("top_p", json!(1.0)),
        "truncation": told("truncation", json!("disabled")), "user": null,
    })
}

/// The items of the reply as they stand at the end.
pub(crate) fn output(ask: &Ask, answer: &Answer, id: &str) -> Vec<Value> {
    let status = ending(&answer.stop).0;
    let mut output = Vec::new();
    if let Some(thoughts) = &answer.thinking {
        let item = format!("rs_{id}");
        let summary = match ask.summary {
            true => json!([{"type": "summary_text", "text": thoughts}]),
            false => json!([]),
        };
        output.push(
            json!({"id": item, "type": "reasoning", "content": [], "summary": summary,
            "encrypted_content": proof::of_id(MAKER, &item)}),
        );
    }
    if !answer.text.is_empty() {
        let part = match answer.stop {
            Stop::Refusal => json!({"type": "refusal", "refusal": REFUSAL}),
            _ => json!({"type": "output_text", "text": answer.text.concat(), "annotations": [],
                        "logprobs": []}),
        };
        output.push(
            json!({"id": format!("msg_{id}"), "type": "message", "role": "assistant",
            "status": status, "content": [part]}),
        );
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let call_id = format!("call_{id}_{index}");
        let mut item = match &call.input {
            Some(input) => json!({"id": format!("ctc_{id}_{index}"), "type": "custom_tool_call",
                "status": status, "call_id": call_id, "name": call.name, "input": input}),
            None => json!({"id": format!("fc_{id}_{index}"), "type": "function_call",
                "status": status, "call_id": call_id, "name": call.name,
                "arguments": call.arguments.to_string()}),
        };
        if let Some(namespace) = &call.namespace {
            item["namespace"] = json!(namespace);
        }
        output.push(item);
    }
    output
}

/// The status of a reply that ended so, and why it is incomplete if it is.
pub(crate) fn ending(stop: &Stop) -> (&'static str, Option<&'static str>) {
    match stop {
        Stop::Length => ("incomplete", Some("max_output_tokens")),
        Stop::End | Stop::Sequence(_) | Stop::Tools | Stop::Refusal => ("completed", None),
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt,
        "input_tokens_details":
            {"cached_tokens": usage.cache.read, "cache_write_tokens": usage.cache.written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.thinking},
        "total_tokens": usage.prompt + usage.output,
    })
}

/// A conversation made short: the user's messages, and the rest as one sealed item.
pub(crate) fn compacted(body: &Value, id: &str) -> Value {
    let mut output: Vec<_> = input(body)
        .into_iter()
        .filter(|item| item["role"] == "user")
        .enumerate()
        .map(|(index, item)| {
            let text = json!({"type": "input_text", "text": text_of(&item["content"])});
            json!({"id": format!("msg_{id}_{index}"), "type": "message", "role": "user",
                   "status": "completed", "content": [text]})
        })
        .collect();
    let item = format!("cmp_{id}");
    let sealed = proof::of_id(MAKER, &item);
    output.push(json!({"id": item, "type": "compaction", "encrypted_content": sealed}));
    let prompt = prompt_tokens(body);
    json!({
        "id": format!("resp_{id}"), "object": "response.compaction", "created_at": CREATED,
        "output": output,
        "usage": {"input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 12, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + 12},
    })
}
