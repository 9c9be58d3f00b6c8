//! The mistakes a provider refuses: what a translating proxy is most likely to get wrong.

use serde_json::Value;

use crate::{
    fault::Fault,
    messages::{blocks, image, signature},
};

const CHAT_MEMBERS: &[&str] = &[
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

const MESSAGES_MEMBERS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "cache_control",
    "container",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
    "thinking",
    "tool_choice",
    "tools",
];

/// Checks a chat request.
pub(crate) fn chat(body: &Value, strict: bool) -> Result<(), Fault> {
    common(body)?;
    if strict && let Some(name) = unknown(body, CHAT_MEMBERS) {
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
        let calls = message["tool_calls"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for call in calls {
            call_is_whole(call, at)?;
            open.extend(call["id"].as_str());
        }
    }
    all_answered(&open, messages.len())
}

fn common(body: &Value) -> Result<(), Fault> {
    if !body.is_object() {
        return Err(Fault::bad(
            "We could not parse the JSON body of your request.",
        ));
    }
    match body["model"].as_str() {
        Some(model) if !model.is_empty() => Ok(()),
        _ => Err(Fault::bad("you must provide a model parameter").param("model")),
    }
}

fn unknown<'a>(body: &'a Value, known: &[&str]) -> Option<&'a String> {
    body.as_object()?
        .keys()
        .find(|name| !known.contains(&name.as_str()))
}

fn list<'a>(body: &'a Value, name: &str) -> Result<&'a [Value], Fault> {
    match body[name].as_array() {
        Some(items) if !items.is_empty() => Ok(items),
        _ => Err(
            Fault::bad(format!("{name}: a list with at least one item is required")).param(name),
        ),
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
    for part in content.as_array().map(Vec::as_slice).unwrap_or_default() {
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
    match arguments {
        Some(Ok(Value::Object(_))) if whole => Ok(()),
        _ => Err(Fault::bad("Invalid tool call").param(format!("messages.[{at}].tool_calls"))),
    }
}

/// Checks a messages request; `count` for `count_tokens`, which needs no `max_tokens`.
pub(crate) fn messages(body: &Value, strict: bool, count: bool) -> Result<(), Fault> {
    common(body)?;
    if strict && let Some(name) = unknown(body, MESSAGES_MEMBERS) {
        return Err(Fault::bad(format!(
            "{name}: Extra inputs are not permitted"
        )));
    }
    if !count && !body["max_tokens"].is_u64() {
        return Err(Fault::bad("max_tokens: Field required"));
    }
    thinking(body)?;
    let messages = list(body, "messages")?;
    if messages[0]["role"] != "user" {
        return Err(Fault::bad(
            "messages: first message must use the \"user\" role",
        ));
    }
    let marks = body.to_string().matches("\"cache_control\":{").count();
    if marks > 4 {
        return Err(Fault::bad(format!(
            "at most 4 blocks may have cache_control, found {marks}"
        )));
    }
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if !matches!(
            message["role"].as_str(),
            Some("user" | "assistant" | "system")
        ) {
            return Err(Fault::bad(format!(
                "messages.{at}.role: unknown role {}",
                message["role"]
            )));
        }
        open = message_blocks(message, at, open)?;
    }
    match open.first() {
        Some(id) => Err(unanswered(messages.len() - 1, id)),
        None => Ok(()),
    }
}

fn thinking(body: &Value) -> Result<(), Fault> {
    if !matches!(
        body["thinking"]["type"].as_str(),
        Some("enabled" | "adaptive")
    ) {
        return Ok(());
    }
    if let Some(budget) = body["thinking"]["budget_tokens"].as_u64() {
        if budget < 1024 {
            return Err(Fault::bad("thinking.budget_tokens: must be at least 1024"));
        }
        if body["max_tokens"]
            .as_u64()
            .is_some_and(|limit| budget >= limit)
        {
            return Err(Fault::bad(
                "max_tokens: must be greater than thinking.budget_tokens",
            ));
        }
    }
    if body["temperature"]
        .as_f64()
        .is_some_and(|temperature| temperature != 1.0)
    {
        return Err(Fault::bad(
            "temperature: may only be 1 when thinking is enabled",
        ));
    }
    if matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")) {
        return Err(Fault::bad(
            "tool_choice: thinking may not be enabled when a tool is forced",
        ));
    }
    Ok(())
}

/// Checks one message and returns the calls it leaves open.
fn message_blocks<'a>(
    message: &'a Value,
    at: usize,
    mut open: Vec<&str>,
) -> Result<Vec<&'a str>, Fault> {
    let mut calls = Vec::new();
    for (index, block) in blocks(message).iter().enumerate() {
        let place = format!("messages.{at}.content.{index}");
        match block["type"].as_str() {
            Some("text") if block["text"].as_str().is_some_and(|text| !text.is_empty()) => {}
            Some("text") => return Err(Fault::bad(format!("{place}: text must be non-empty"))),
            Some("image") if image(&block["source"]).is_some() => {}
            Some("image") => return Err(Fault::bad(format!("{place}: invalid image source"))),
            Some("thinking") => sealed(block, &place)?,
            Some("tool_use") => {
                if !block["input"].is_object() {
                    return Err(Fault::bad(format!("{place}.input: must be an object")));
                }
                calls.extend(block["id"].as_str());
            }
            Some("tool_result") => {
                let id = block["tool_use_id"].as_str().unwrap_or_default();
                let Some(found) = open.iter().position(|call| *call == id) else {
                    let text = "no tool_use with this id in the previous message";
                    return Err(Fault::bad(format!(
                        "{place}: unexpected tool_use_id {id}: {text}"
                    )));
                };
                open.remove(found);
            }
            Some(
                "redacted_thinking"
                | "document"
                | "search_result"
                | "server_tool_use"
                | "web_search_tool_result",
            ) => {}
            other => return Err(Fault::bad(format!("{place}.type: unknown block {other:?}"))),
        }
    }
    match open.first() {
        Some(id) => Err(unanswered(at - 1, id)),
        None => Ok(calls),
    }
}

fn unanswered(at: usize, id: &str) -> Fault {
    Fault::bad(format!(
        "messages.{at}: `tool_use` id {id} was found without a `tool_result` block right after it"
    ))
}

fn sealed(block: &Value, place: &str) -> Result<(), Fault> {
    let thoughts = block["thinking"].as_str().unwrap_or_default();
    if block["signature"].as_str() == Some(&signature(thoughts)) {
        return Ok(());
    }
    Err(Fault::bad(format!(
        "{place}: Invalid `signature` in `thinking` block"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chat_with(messages: Value) -> Result<(), Fault> {
        chat(&json!({"model": "m", "messages": messages}), false)
    }

    fn messages_with(list: Value) -> Result<(), Fault> {
        messages(
            &json!({"model": "m", "max_tokens": 9, "messages": list}),
            false,
            false,
        )
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
    fn every_messages_call_needs_its_result_in_the_next_message() {
        let call = json!({"role": "assistant", "content": [
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}}]});
        let result = json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "1"}]});
        let user = json!({"role": "user", "content": "x"});
        assert!(messages_with(json!([user, call, result])).is_ok());
        assert!(messages_with(json!([user, call, user, result])).is_err());
        assert!(messages_with(json!([user, call])).is_err());
        assert!(messages_with(json!([user, result])).is_err());
    }

    #[test]
    fn a_changed_signature_is_refused() {
        let turn = |seal: &str| {
            json!([{"role": "user", "content": "x"},
                   {"role": "assistant", "content": [
                       {"type": "thinking", "thinking": "hm", "signature": seal}]},
                   {"role": "user", "content": "y"}])
        };
        assert!(messages_with(turn(&signature("hm"))).is_ok());
        assert!(messages_with(turn("forged")).is_err());
    }

    #[test]
    fn unknown_members_are_refused_on_request_only() {
        let body =
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "top_k": 1});
        assert!(chat(&body, false).is_ok());
        assert!(chat(&body, true).is_err());
    }
}
