//! What Anthropic refuses in a messages request.

use serde_json::Value;

use super::{common, is_name, list, twice, unknown};
use crate::{
    ask::items,
    fault::Fault,
    messages::{blocks, image},
    proof,
};

const MEMBERS: &[&str] = &[
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

/// Checks a messages request; `count` for `count_tokens`, which needs no `max_tokens`.
pub(crate) fn check(body: &Value, strict: bool, count: bool) -> Result<(), Fault> {
    common(body)?;
    if strict && let Some(name) = unknown(body, MEMBERS) {
        return Err(Fault::bad(format!(
            "{name}: Extra inputs are not permitted"
        )));
    }
    if !count && !body["max_tokens"].is_u64() {
        return Err(Fault::bad("max_tokens: Field required"));
    }
    thinking(body)?;
    tools(body)?;
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

fn tools(body: &Value) -> Result<(), Fault> {
    let tools = items(&body["tools"]);
    if tools.is_empty() && body.get("tool_choice").is_some() {
        return Err(Fault::bad(
            "tool_choice: may only be specified while providing tools",
        ));
    }
    for (at, tool) in tools.iter().enumerate() {
        if !is_name(&tool["name"], 128) {
            let text = format!("tools.{at}.name: String should match '^[a-zA-Z0-9_-]{{1,128}}$'");
            return Err(Fault::bad(text));
        }
        let schema = &tool["input_schema"];
        if tool.get("type").is_none_or(|kind| kind == "custom") && schema["type"] != "object" {
            let text = format!("tools.{at}.custom.input_schema.type: Field required");
            return Err(Fault::bad(text));
        }
        let union = ["anyOf", "oneOf", "allOf"]
            .into_iter()
            .find(|name| schema.get(name).is_some());
        if let Some(union) = union {
            let text =
                format!("tools.{at}.custom.input_schema: {union} is not supported at the top");
            return Err(Fault::bad(text));
        }
    }
    match twice(tools.iter().filter_map(|tool| tool["name"].as_str())) {
        Some(_) => Err(Fault::bad("tools: Tool names must be unique.")),
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
    if body.get("top_k").is_some() || body["top_p"].as_f64().is_some_and(|top_p| top_p < 0.95) {
        return Err(Fault::bad(
            "top_k must be unset and top_p at least 0.95 when thinking is enabled",
        ));
    }
    let last = items(&body["messages"]).last();
    if last.is_some_and(|message| message["role"] == "assistant") {
        return Err(Fault::bad(
            "messages: the last message must be the user's when thinking is enabled",
        ));
    }
    if body["thinking"]["type"] == "enabled"
        && let Some(kind) = unthought(items(&body["messages"]))
    {
        return Err(Fault::bad(format!(
            "messages: Expected `thinking` or `redacted_thinking`, but found `{kind}`. When `thinking` \
             is enabled, a final `assistant` message must start with a thinking block"
        )));
    }
    if matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")) {
        return Err(Fault::bad(
            "tool_choice: thinking may not be enabled when a tool is forced",
        ));
    }
    Ok(())
}

/// How the message begins whose calls are being answered, when not with thoughts.
fn unthought(messages: &[Value]) -> Option<&str> {
    let (last, before) = messages.split_last()?;
    let answers = blocks(last)
        .iter()
        .any(|block| block["type"] == "tool_result");
    let first = blocks(before.last().filter(|_| answers)?).first()?;
    let kind = first["type"].as_str()?;
    (!matches!(kind, "thinking" | "redacted_thinking")).then_some(kind)
}

/// Checks one message and returns the calls it leaves open.
fn message_blocks<'a>(
    message: &'a Value,
    at: usize,
    mut open: Vec<&str>,
) -> Result<Vec<&'a str>, Fault> {
    let mut calls = Vec::new();
    let mut others = false;
    for (index, block) in blocks(message).iter().enumerate() {
        let place = format!("messages.{at}.content.{index}");
        match block["type"].as_str() {
            Some("text") if block["text"].as_str().is_some_and(|text| !text.is_empty()) => {}
            Some("text") => return Err(Fault::bad(format!("{place}: text must be non-empty"))),
            Some("image") if image(&block["source"]).is_some() => {}
            Some("image") => return Err(Fault::bad(format!("{place}: invalid image source"))),
            Some("thinking") => sealed(block, &place)?,
            Some("tool_use") => {
                if !is_name(&block["id"], usize::MAX) || !is_name(&block["name"], 200) {
                    return Err(Fault::bad(format!("{place}: bad id or name")));
                }
                if !block["input"].is_object() {
                    return Err(Fault::bad(format!("{place}.input: must be an object")));
                }
                calls.extend(block["id"].as_str());
            }
            Some("tool_result") => {
                let id = block["tool_use_id"].as_str().unwrap_or_default();
                if others {
                    return Err(Fault::bad(format!("{place}: tool results must come first")));
                }
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
        others |= block["type"] != "tool_result";
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
    if block["signature"].as_str() == Some(&proof::of_text("anthropic", thoughts)) {
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

    fn messages_with(list: Value) -> Result<(), Fault> {
        check(
            &json!({"model": "m", "max_tokens": 9, "messages": list}),
            false,
            false,
        )
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
        assert!(messages_with(turn(&proof::of_text("anthropic", "hm"))).is_ok());
        assert!(messages_with(turn("forged")).is_err());
    }
}
