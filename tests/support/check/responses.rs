//! What OpenAI refuses in a Responses request, and what its plans' back end refuses besides.

use std::collections::HashSet;

use serde_json::Value;

use super::{common, is_name, list, twice, unknown};
use crate::{
    ask::{Image, items},
    fault::Fault,
    proof,
    responses::{Form, MAKER, input, is_output, tools as offered},
};

const MEMBERS: &[&str] = &[
    "background",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Members that a plan's back end does not take.
const NOT_ON_PLANS: &[&str] = &[
    "background",
    "context_management",
    "conversation",
    "generate",
    "max_output_tokens",
    "max_completion_tokens",
    "max_tool_calls",
    "metadata",
    "previous_response_id",
    "prompt",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// What the provider remembers: stored responses, and the items inside them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) responses: HashSet<String>,
    pub(crate) items: HashSet<String>,
}

/// Checks a request.
pub(crate) fn check(body: &Value, form: Form, known: &Known, strict: bool) -> Result<(), Fault> {
    common(body)?;
    if form == Form::Plan {
        plan(body)?;
    }
    if strict && let Some(name) = unknown(body, MEMBERS) {
        return Err(Fault::bad(format!("Unknown parameter: '{name}'.")).param(name));
    }
    if body["stream"] != true && body.get("stream_options").is_some_and(|it| !it.is_null()) {
        let text = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Fault::bad(text).param("stream_options"));
    }
    if body["max_output_tokens"]
        .as_u64()
        .is_some_and(|limit| limit < 16)
    {
        let text =
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16";
        return Err(Fault::bad(text).param("max_output_tokens"));
    }
    let earlier = body["previous_response_id"].as_str();
    if let Some(id) = earlier.filter(|id| !known.responses.contains(*id)) {
        let text = format!("Previous response with id '{id}' not found.");
        return Err(Fault::bad(text)
            .param("previous_response_id")
            .code("previous_response_not_found"));
    }
    format(&body["text"]["format"])?;
    all_items(body, known, earlier.is_some())?;
    tools(body)
}

/// Checks a request for compaction.
pub(crate) fn compact(body: &Value, known: &Known) -> Result<(), Fault> {
    common(body)?;
    all_items(body, known, body["previous_response_id"].is_string())
}

fn plan(body: &Value) -> Result<(), Fault> {
    let present = |name: &&&str| body.get(**name).is_some();
    if let Some(name) = NOT_ON_PLANS.iter().find(present) {
        return Err(Fault::bad(format!("Unsupported parameter: {name}")));
    }
    let tier = &body["service_tier"];
    let wrong = [
        (
            !body["instructions"].is_string(),
            "Instructions are required",
        ),
        (body["store"] != false, "Store must be set to false"),
        (body["stream"] != true, "Stream must be set to true"),
        (!body["input"].is_array(), "Input must be a list"),
        (
            !tier.is_null() && tier != "priority",
            "Unsupported service_tier",
        ),
        (
            items(&body["tools"]).is_empty() && body.get("parallel_tool_calls").is_some(),
            "parallel_tool_calls needs tools",
        ),
    ];
    if let Some((_, text)) = wrong.iter().find(|(wrong, _)| *wrong) {
        return Err(Fault::bad(*text));
    }
    for item in items(&body["input"]) {
        if item["role"] == "system" {
            return Err(Fault::bad("System messages are not allowed"));
        }
        let id = item["id"].as_str().unwrap_or_default();
        if id.starts_with("rs_") || id.starts_with("msg_") {
            let text = format!("Item with id '{id}' not found. Items are not persisted here.");
            return Err(Fault::new(404, text));
        }
    }
    Ok(())
}

fn format(format: &Value) -> Result<(), Fault> {
    let well = match format["type"].as_str() {
        None => format.is_null(),
        Some("text" | "json_object") => true,
        Some("json_schema") => is_name(&format["name"], 64) && format["schema"].is_object(),
        Some(_) => false,
    };
    match well {
        true => Ok(()),
        false => {
            Err(Fault::bad("Missing required parameter: 'text.format.name'.").param("text.format"))
        }
    }
}

/// Checks the input, `continued` when it goes on with a stored response.
fn all_items(body: &Value, known: &Known, continued: bool) -> Result<(), Fault> {
    if !body["input"].is_string() {
        list(body, "input")?;
    }
    let input = input(body);
    let mut open: Vec<&str> = Vec::new();
    let mut answered = HashSet::new();
    for (at, item) in input.iter().enumerate() {
        let param = format!("input[{at}]");
        one_item(item, &param)?;
        let call_id = item["call_id"].as_str().unwrap_or_default();
        match item["type"].as_str() {
            Some("function_call" | "custom_tool_call") => open.push(call_id),
            Some("reasoning") => reasoning(item, input.get(at + 1), known, &param)?,
            Some("item_reference")
                if !known
                    .items
                    .contains(item["id"].as_str().unwrap_or_default()) =>
            {
                return Err(Fault::new(
                    404,
                    format!("Item with id {} not found.", item["id"]),
                ));
            }
            _ if is_output(item) => {
                let called = open.iter().position(|call| *call == call_id);
                if let Some(called) = called {
                    open.remove(called);
                    answered.insert(call_id);
                } else if !continued || answered.contains(call_id) {
                    let text = format!(
                        "No tool call found for function call output with call_id {call_id}."
                    );
                    return Err(Fault::bad(text).param("input"));
                }
            }
            _ => {}
        }
    }
    match open.first() {
        Some(call_id) => {
            let text = format!("No tool output found for function call {call_id}.");
            Err(Fault::bad(text).param("input"))
        }
        None => Ok(()),
    }
}

fn one_item(item: &Value, param: &str) -> Result<(), Fault> {
    let kind = item["type"].as_str().unwrap_or("message");
    let (prefix, members): (&str, &[&str]) = match kind {
        "message" => ("msg", &["role", "content"]),
        "function_call" => ("fc", &["call_id", "name", "arguments"]),
        "custom_tool_call" => ("ctc", &["call_id", "name", "input"]),
        "function_call_output" | "custom_tool_call_output" => ("", &["call_id", "output"]),
        "reasoning" => ("rs", &["summary"]),
        "compaction" => ("cmp", &["encrypted_content"]),
        "item_reference" => ("", &["id"]),
        "additional_tools" => ("", &["tools"]),
        "web_search_call" => ("ws", &[]),
        other => {
            let text = format!("Invalid value: '{other}'. Supported values are: 'message', …");
            return Err(Fault::bad(text)
                .param(format!("{param}.type"))
                .code("invalid_value"));
        }
    };
    if let Some(missing) = members.iter().find(|name| item.get(**name).is_none()) {
        let param = format!("{param}.{missing}");
        let text = format!("Missing required parameter: '{param}'.");
        return Err(Fault::bad(text)
            .param(param)
            .code("missing_required_parameter"));
    }
    let id = item["id"].as_str().unwrap_or(prefix);
    if !id.starts_with(prefix) {
        let text =
            format!("Invalid '{param}.id': '{id}'. Expected an ID that begins with '{prefix}'.");
        return Err(Fault::bad(text).param(format!("{param}.id")));
    }
    if item["call_id"]
        .as_str()
        .is_some_and(|id| id.is_empty() || id.len() > 64)
    {
        let text = format!("Invalid '{param}.call_id': expected 1 to 64 characters.");
        return Err(Fault::bad(text).param(format!("{param}.call_id")));
    }
    if kind.ends_with("_call") && !item["arguments"].is_null() && !item["arguments"].is_string() {
        let text = format!("Invalid type for '{param}.arguments': expected a string.");
        return Err(Fault::bad(text).param(format!("{param}.arguments")));
    }
    match kind {
        "message" => parts(&item["content"], item["role"].as_str(), param),
        _ if is_output(item) => parts(&item["output"], Some("user"), param),
        _ => Ok(()),
    }
}

fn parts(content: &Value, role: Option<&str>, param: &str) -> Result<(), Fault> {
    let own = match role {
        Some("assistant") => true,
        Some("user" | "system" | "developer") => false,
        other => {
            let text = format!("Invalid value: {other:?}. Supported roles are 'user', …");
            return Err(Fault::bad(text).param(format!("{param}.role")));
        }
    };
    if !content.is_string() && !content.is_array() {
        return Err(Fault::bad("Invalid type: expected a string or a list")
            .param(format!("{param}.content")));
    }
    for part in items(content) {
        let well = match part["type"].as_str() {
            Some("output_text") => own && part["text"].is_string(),
            Some("refusal") => own && part["refusal"].is_string(),
            Some("input_text") => !own && part["text"].is_string(),
            Some("input_image") => {
                let url = part["image_url"].as_str();
                !own && (part["file_id"].is_string() || url.and_then(Image::from_url).is_some())
            }
            Some("input_file") => {
                let members = ["file_id", "file_data", "file_url"];
                !own && members.iter().any(|name| part[name].is_string())
            }
            _ => false,
        };
        if !well {
            let text = format!("Invalid value: {}, for role {role:?}.", part["type"]);
            return Err(Fault::bad(text)
                .param(format!("{param}.content"))
                .code("invalid_value"));
        }
    }
    Ok(())
}

fn reasoning(item: &Value, next: Option<&Value>, known: &Known, param: &str) -> Result<(), Fault> {
    let id = item["id"].as_str().unwrap_or_default();
    match item["encrypted_content"].as_str() {
        Some(sealed) if !proof::is_of_id(MAKER, sealed) => {
            let text = format!("The encrypted content of item {id} could not be verified.");
            return Err(Fault::bad(text).code("invalid_encrypted_content"));
        }
        None if !known.items.contains(id) => {
            let text = format!(
                "Item with id '{id}' not found. Items are not persisted when `store` is set to false."
            );
            return Err(Fault::new(404, text).param("input"));
        }
        _ => {}
    }
    let own = |next: &Value| {
        let kind = next["type"].as_str().unwrap_or("message");
        kind.ends_with("_call") || kind == "reasoning" || next["role"] == "assistant"
    };
    match next {
        Some(next) if own(next) => Ok(()),
        _ => {
            let text = format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            );
            Err(Fault::bad(text).param(param))
        }
    }
}

fn tools(body: &Value) -> Result<(), Fault> {
    for (at, tool) in items(&body["tools"]).iter().enumerate() {
        let schema = &tool["parameters"];
        let well = match tool["type"].as_str() {
            Some("function") => {
                is_name(&tool["name"], 64) && (schema.is_null() || schema["type"] == "object")
            }
            Some("custom") => is_name(&tool["name"], 64),
            Some("namespace") => !items(&tool["tools"]).is_empty(),
            Some(_) => true,
            None => false,
        };
        if !well {
            let text = format!("Missing required parameter: 'tools[{at}].name'.");
            return Err(Fault::bad(text).param(format!("tools[{at}]")));
        }
        if tool["strict"] == true && schema["additionalProperties"] != false {
            let text = format!(
                "Invalid schema for function {}: 'additionalProperties' is required to be supplied and \
                 to be false.",
                tool["name"]
            );
            return Err(Fault::bad(text)
                .param(format!("tools[{at}].parameters"))
                .code("invalid_function_parameters"));
        }
    }
    let offered = offered(body, &input(body));
    let names = || offered.iter().filter(|tool| tool.namespace.is_none());
    if let Some(name) = twice(names().map(|tool| tool.name.as_str())) {
        return Err(Fault::bad(format!("Duplicate tool {name}")).param("tools"));
    }
    let choice = &body["tool_choice"];
    match choice["type"].as_str() {
        Some("function" | "custom") => {
            let named = |tool: &crate::ask::Tool| choice["name"] == tool.name.as_str();
            match names().any(named) {
                true => Ok(()),
                false => {
                    Err(Fault::bad("Tool choice not found in 'tools' parameter.")
                        .param("tool_choice"))
                }
            }
        }
        _ if choice == "required" && items(&body["tools"]).is_empty() => {
            Err(Fault::bad("Tool choice 'required' needs tools.").param("tool_choice"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
