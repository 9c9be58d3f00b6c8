//! What OpenAI refuses in a chat request.

use serde_json::Value;

use super::{common, is_name, list, twice, unknown};
use crate::{ask::items, fault::Fault};

const MEMBERS: &[&str] = &[
    "messages",
    "model",
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Checks a chat request.
pub(crate) fn check(body: &Value, strict: bool) -> Result<(), Fault> {
    common(body)?;
    if strict && let Some(name) = unknown(body, MEMBERS) {
        return Err(Fault::bad(format!(
            "Unrecognized request argument supplied: {name}"
        )));
    }
    if body["stream"] != true
        && body
            .get("stream_options")
            .is_some_and(|options| !options.is_null())
    {
        return Err(
            Fault::bad("'stream_options' is only allowed with 'stream'").param("stream_options")
        );
    }
    tools(body)?;
    if body["stop"].as_array().is_some_and(|stops| stops.len() > 4) {
        return Err(
            Fault::bad("Invalid 'stop': array too long. Expected at most 4 items").param("stop"),
        );
    }
    let messages = list(body, "messages")?;
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let param = format!("messages.[{at}].role");
        match message["role"].as_str() {
            Some("tool") => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(found) = open.iter().position(|call| *call == id) else {
                    let text = "a 'tool' message must answer a preceding message with 'tool_calls'";
                    return Err(Fault::bad(text).param(param));
                };
                open.remove(found);
                continue;
            }
            Some("system" | "developer" | "user" | "assistant") => {}
            other => return Err(Fault::bad(format!("Invalid role: {other:?}")).param(param)),
        }
        all_answered(&open, at)?;
        chat_parts(&message["content"], at)?;
        for call in items(&message["tool_calls"]) {
            call_is_whole(call, at)?;
            open.extend(call["id"].as_str());
        }
    }
    all_answered(&open, messages.len())
}

fn tools(body: &Value) -> Result<(), Fault> {
    let Some(tools) = body.get("tools").filter(|tools| !tools.is_null()) else {
        for member in ["tool_choice", "parallel_tool_calls"] {
            if body.get(member).is_some_and(|choice| !choice.is_null()) {
                let text = format!("'{member}' is only allowed when 'tools' are specified");
                return Err(Fault::bad(text).param(member));
            }
        }
        return Ok(());
    };
    if items(tools).is_empty() {
        return Err(Fault::bad("[] is too short - 'tools'").param("tools"));
    }
    for (at, tool) in items(tools).iter().enumerate() {
        let named = match tool["type"].as_str() {
            Some(kind @ ("function" | "custom")) => is_name(&tool[kind]["name"], 64),
            _ => false,
        };
        let schema = &tool["function"]["parameters"];
        if !named || !(schema.is_null() || schema["type"] == "object") {
            return Err(Fault::bad("Invalid tool").param(format!("tools[{at}]")));
        }
    }
    let names = items(tools)
        .iter()
        .filter_map(|tool| tool["function"]["name"].as_str());
    match twice(names) {
        Some(name) => Err(Fault::bad(format!("Duplicate tool {name}")).param("tools")),
        None => Ok(()),
    }
}

fn all_answered(open: &[&str], at: usize) -> Result<(), Fault> {
    match open.first() {
        None => Ok(()),
        Some(id) => Err(Fault::bad(format!(
            "before messages.[{at}]: tool call {id} has no 'tool' message that answers it"
        ))
        .param("messages")),
    }
}

fn chat_parts(content: &Value, at: usize) -> Result<(), Fault> {
    for part in items(content) {
        let well = match part["type"].as_str() {
            Some("text") => part["text"].is_string(),
            Some("refusal") => part["refusal"].is_string(),
            Some("image_url") => part["image_url"]["url"]
                .as_str()
                .and_then(crate::ask::Image::from_url)
                .is_some(),
            Some("input_audio" | "file") => true,
            _ => false,
        };
        if !well {
            let message = format!("Invalid content part of type {}", part["type"]);
            return Err(Fault::bad(message).param(format!("messages.[{at}].content")));
        }
    }
    Ok(())
}

fn call_is_whole(call: &Value, at: usize) -> Result<(), Fault> {
    let function = &call["function"];
    let arguments = function["arguments"]
        .as_str()
        .map(serde_json::from_str::<Value>);
    let whole = call["id"].is_string() && function["name"].is_string();
    let custom = &call["custom"];
    match (call["type"].as_str(), arguments) {
        (Some("function"), Some(Ok(Value::Object(_)))) if whole => Ok(()),
        (Some("custom"), _) if custom["name"].is_string() && custom["input"].is_string() => Ok(()),
        _ => Err(Fault::bad("Invalid tool call").param(format!("messages.[{at}].tool_calls"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat_with(messages: Value) -> Result<(), Fault> {
        check(&json!({"model": "m", "messages": messages}), false)
    }

    #[test]
    fn every_chat_call_needs_its_result_before_anything_else() {
        let call = json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let result = json!({"role": "tool", "tool_call_id": "c1", "content": "1"});
        let user = json!({"role": "user", "content": "x"});
        assert!(chat_with(json!([user, call, result, user])).is_ok());
        assert!(chat_with(json!([user, call, user, result])).is_err());
        assert!(chat_with(json!([user, call])).is_err());
        assert!(chat_with(json!([user, result])).is_err());
    }

    #[test]
    fn unknown_members_are_refused_on_request_only() {
        let body =
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "top_k": 1});
        assert!(check(&body, false).is_ok());
        assert!(check(&body, true).is_err());
    }
}
