//! What Claude Code cannot be told of a request. Its lines carry conversations; how the model
//! samples, ends and chooses is the program's own affair.

use byokey_wire::{Action, Ledger, Reason};
use serde_json::Value;

use super::tools;

/// Members that have no place in a run.
const UNSAID: &[&str] = &[
    "container",
    "inference_geo",
    "metadata",
    "service_tier",
    "temperature",
    "top_k",
    "top_p",
];

/// What of a Messages body is lost; nothing for what is no such body, which the run itself refuses.
pub(crate) fn losses(body: &[u8]) -> Ledger {
    let mut lost = Ledger::default();
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return lost;
    };
    let mut dropped = |path: String| lost.note(path, Action::Dropped, Reason::Dialect);
    for name in UNSAID {
        if body.get(name).is_some_and(|value| !value.is_null()) {
            dropped((*name).to_owned());
        }
    }
    if body["stop_sequences"]
        .as_array()
        .is_some_and(|stops| !stops.is_empty())
    {
        dropped("stop_sequences".to_owned());
    }
    if body["output_config"]
        .get("format")
        .is_some_and(|format| !format.is_null())
    {
        dropped("output_config.format".to_owned());
    }
    let choice = &body["tool_choice"];
    if matches!(choice["type"].as_str(), Some("any" | "tool")) {
        dropped("tool_choice".to_owned());
    } else if choice["disable_parallel_tool_use"] == true {
        dropped("tool_choice.disable_parallel_tool_use".to_owned());
    }
    for (at, tool) in array(&body["tools"]).iter().enumerate() {
        if !tools::is_callers(tool) {
            dropped(format!("tools[{at}]"));
        } else if tool["strict"] == true {
            dropped(format!("tools[{at}].strict"));
        }
    }
    for (at, message) in array(&body["messages"]).iter().enumerate() {
        if message["role"] == "system" {
            lost.note(format!("messages[{at}]"), Action::Moved, Reason::Dialect);
        }
    }
    lost
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_program_cannot_be_told_is_named() {
        let body = json!({"model": "m", "max_tokens": 5, "temperature": 0.5, "top_p": null, "stop_sequences": ["x"],
            "thinking": {"type": "adaptive"}, "output_config": {"effort": "low", "format": {"type": "json_schema"}},
            "tool_choice": {"type": "any"}, "metadata": {"user_id": "u"},
            "tools": [{"name": "f", "input_schema": {}}, {"type": "web_search_20260209"}, {"name": "g", "input_schema": {}, "strict": true}],
            "messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]});
        let lost: Vec<_> = losses(body.to_string().as_bytes()).lines().collect();
        assert_eq!(
            lost,
            [
                "metadata=dropped",
                "temperature=dropped",
                "stop_sequences=dropped",
                "output_config.format=dropped",
                "tool_choice=dropped",
                "tools[1]=dropped",
                "tools[2].strict=dropped",
                "messages[1]=moved"
            ]
        );
    }

    #[test]
    fn nothing_is_lost_of_a_plain_request() {
        let body = json!({"model": "m", "max_tokens": 5, "stream": true, "system": "s", "stop_sequences": [],
            "tool_choice": {"type": "auto"}, "messages": [{"role": "user", "content": "a"}]});
        assert!(losses(body.to_string().as_bytes()).is_empty());
        assert!(losses(b"no JSON").is_empty());
    }
}
