//! What Kiro refuses. It says little more than that a request is badly formed.

use serde_json::Value;

use crate::{ask::items, fault::Fault, kiro::image};

/// Checks a request.
pub(crate) fn check(body: &Value) -> Result<(), Fault> {
    let members = [
        "additionalModelRequestFields",
        "conversationState",
        "profileArn",
    ];
    if let Some(name) = super::unknown(body, &members) {
        return Err(bad(&format!("{name} is not a member of the request")));
    }
    let state = &body["conversationState"];
    let well = state["conversationId"]
        .as_str()
        .is_some_and(|id| !id.is_empty())
        && state["chatTriggerType"] == "MANUAL";
    if !well {
        return Err(bad("conversationId and chatTriggerType are required"));
    }
    let history = items(&state["history"]);
    let mut open: Vec<&str> = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    for (at, turn) in history.iter().enumerate() {
        match at % 2 {
            0 => open = user(&turn["userInputMessage"], &open)?,
            _ => {
                open = assistant(&turn["assistantResponseMessage"])?;
                used.extend(names(&turn["assistantResponseMessage"]));
            }
        }
    }
    if !history.len().is_multiple_of(2) {
        return Err(bad("history must end with the assistant"));
    }
    let now = &state["currentMessage"]["userInputMessage"];
    user(now, &open)?;
    let tools = tools(&now["userInputMessageContext"]["tools"])?;
    match used.iter().find(|name| !tools.contains(name)) {
        Some(name) => Err(bad(&format!("tool {name} of the history is not declared"))),
        None => Ok(()),
    }
}

fn bad(why: &str) -> Fault {
    Fault::bad(format!("Improperly formed request. ({why})"))
}

/// Checks a message of the user, which answers these calls; none stays open.
fn user<'a>(message: &'a Value, open: &[&str]) -> Result<Vec<&'a str>, Fault> {
    let well = message["content"].is_string()
        && message["modelId"].as_str().is_some_and(|id| !id.is_empty())
        && message["origin"].is_string();
    if !well {
        return Err(bad(
            "a message of the user needs content, modelId and origin",
        ));
    }
    let results = items(&message["userInputMessageContext"]["toolResults"]);
    if results.is_empty() && message["content"] == "" {
        return Err(bad("empty content"));
    }
    let mut open = open.to_vec();
    for result in results {
        let id = result["toolUseId"].as_str().unwrap_or_default();
        let Some(found) = open.iter().position(|call| *call == id) else {
            return Err(bad(&format!("no call {id} for a result")));
        };
        open.remove(found);
        let parts = items(&result["content"]);
        let well = |part: &Value| part["text"].is_string() || part["json"].is_object();
        if parts.is_empty()
            || !parts.iter().all(well)
            || !matches!(result["status"].as_str(), Some("success" | "error"))
        {
            return Err(bad("ill-formed tool result"));
        }
    }
    let images = items(&message["images"]);
    if images.len() > 20 || images.iter().any(|one| image(one).is_none()) {
        return Err(bad("ill-formed image"));
    }
    match open.first() {
        Some(id) => Err(bad(&format!("call {id} has no result"))),
        None => Ok(Vec::new()),
    }
}

/// Checks a message of the assistant and returns the calls it leaves open.
fn assistant(message: &Value) -> Result<Vec<&str>, Fault> {
    if !message["content"].is_string() {
        return Err(bad("a message of the assistant needs content"));
    }
    let uses = items(&message["toolUses"]);
    let well = |call: &Value| call["name"].is_string() && call["input"].is_object();
    if !uses.iter().all(well) {
        return Err(bad("ill-formed tool use"));
    }
    Ok(uses
        .iter()
        .filter_map(|call| call["toolUseId"].as_str())
        .collect())
}

fn names(message: &Value) -> impl Iterator<Item = &str> {
    items(&message["toolUses"])
        .iter()
        .filter_map(|call| call["name"].as_str())
}

fn tools(tools: &Value) -> Result<Vec<&str>, Fault> {
    let mut names = Vec::new();
    for tool in items(tools) {
        let specification = &tool["toolSpecification"];
        let described = specification["description"].as_str();
        let well = super::is_name(&specification["name"], 64)
            && described.is_some_and(|text| !text.is_empty() && text.len() <= 10_240)
            && specification["inputSchema"]["json"]["type"] == "object";
        if !well {
            return Err(bad(&format!("ill-formed tool {}", specification["name"])));
        }
        names.extend(specification["name"].as_str());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(text: &str, context: Value) -> Value {
        json!({"userInputMessage": {"content": text, "modelId": "m", "origin": "CLI",
            "userInputMessageContext": context}})
    }

    fn with(history: Value, now: Value) -> Result<(), Fault> {
        check(
            &json!({"conversationState": {"conversationId": "c", "chatTriggerType": "MANUAL",
            "history": history, "currentMessage": now}}),
        )
    }

    #[test]
    fn the_history_takes_turns_and_answers_its_calls() {
        let tools = json!([{"toolSpecification": {"name": "f", "description": "f",
            "inputSchema": {"json": {"type": "object"}}}}]);
        let call = json!({"assistantResponseMessage": {"content": "",
            "toolUses": [{"toolUseId": "t", "name": "f", "input": {}}]}});
        let result = json!([{"toolUseId": "t", "status": "success", "content": [{"text": "1"}]}]);
        let (plain, answered) = (json!({}), json!({"tools": tools, "toolResults": result}));
        assert!(with(json!([]), asked("x", plain.clone())).is_ok());
        assert!(
            with(
                json!([asked("x", plain.clone()), call]),
                asked("", answered.clone())
            )
            .is_ok()
        );
        let undeclared = json!({"toolResults": result});
        assert!(
            with(
                json!([asked("x", plain.clone()), call]),
                asked("", undeclared)
            )
            .is_err()
        );
        assert!(
            with(
                json!([asked("x", plain.clone()), call]),
                asked("y", plain.clone())
            )
            .is_err()
        );
        assert!(with(json!([]), asked("x", answered)).is_err());
        assert!(with(json!([asked("x", plain.clone())]), asked("y", plain)).is_err());
    }

    #[test]
    fn other_dialects_members_are_refused() {
        assert!(check(&json!({"model": "m", "messages": []})).is_err());
    }
}
