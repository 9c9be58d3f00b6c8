//! What is told to Codex, in its words, and what comes back of it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    bridges::Desk,
    request::{Offer, Request},
};

/// The group in which the caller's tools stand: so they never meet tools of Codex, and so Codex shows
/// them to the model as they are, where it would otherwise have the model write programs that call
/// them.
const TOOLS: &str = "byokey";

/// The parameters of a conversation; `servers` are the tool servers in the user's own settings.
pub(super) fn start(desk: &Desk<'_>, request: &Request, servers: &Value) -> Value {
    let mut params = json!({
        "model": request.model,
        "cwd": desk.folder,
        "approvalPolicy": "never",
        "sandbox": "read-only",
        "ephemeral": true,
        "environments": [],
        // Empty means none: without it Codex would put its own in front.
        "baseInstructions": request.system,
        "config": settings(servers),
        // Brings the counts of each answer when the answer ends, not when its tools have.
        "experimentalRawEvents": true,
    });
    if !request.tools.is_empty() {
        params["dynamicTools"] = tools(&request.tools);
    }
    params
}

/// The conversation up to the turn.
pub(super) fn before_turn(request: &Request) -> Vec<Value> {
    let tail = if is_new_word(request) {
        &[][..]
    } else {
        &request.tail
    };
    let own: BTreeSet<_> = request
        .tools
        .iter()
        .map(|tool| tool.name.as_str())
        .collect();
    let mut items: Vec<Value> = request.history.iter().chain(tail).cloned().collect();
    for item in &mut items {
        let is_own = item["name"].as_str().is_some_and(|name| own.contains(name));
        if item["type"] == "function_call" && is_own {
            item["namespace"] = TOOLS.into();
        }
    }
    items
}

/// The parameters of a turn. It begins with the user's words; when the caller's last word is a tool's
/// output, that stands in the conversation already and the turn begins with nothing.
pub(super) fn turn(request: &Request, thread: &str, effort: Option<&str>) -> Value {
    let input: Vec<_> = if is_new_word(request) {
        request.said().filter_map(user_input).collect()
    } else {
        Vec::new()
    };
    let mut params = json!({
        "threadId": thread,
        "input": input,
        "summary": if request.shows_reasoning { "auto" } else { "none" },
    });
    if let Some(effort) = effort {
        params["effort"] = effort.into();
    }
    if let Some(schema) = &request.schema {
        params["outputSchema"] = schema.clone();
    }
    params
}

/// Efforts from the least to the most.
const EFFORTS: [&str; 8] = [
    "none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra",
];

/// The effort among those of the model that comes nearest to the one that is wanted, the lesser of
/// two: models refuse what they do not have. A word that nobody knows goes as it is.
pub(super) fn nearest<'a>(wanted: &'a str, efforts: &'a [String]) -> &'a str {
    let rank = |effort: &str| EFFORTS.iter().position(|known| *known == effort);
    let Some(goal) = rank(wanted) else {
        return wanted;
    };
    let known = efforts
        .iter()
        .filter_map(|effort| Some((rank(effort)?, effort)));
    let nearest = known.min_by_key(|(rank, _)| (rank.abs_diff(goal), *rank));
    nearest.map_or(wanted, |(_, effort)| effort)
}

/// A part of a user's message.
pub(super) fn user_input(part: &Value) -> Option<Value> {
    match part["type"].as_str()? {
        "input_text" => Some(json!({"type": "text", "text": part["text"]})),
        "input_image" => Some(json!({"type": "image", "url": part["image_url"]})),
        _ => None,
    }
}

/// What came out of a tool.
pub(super) fn output(output: &Value) -> Value {
    let text = |text: &Value| json!({"type": "inputText", "text": text});
    let part = |part: &Value| match part["type"].as_str() {
        Some("input_image") => json!({"type": "inputImage", "imageUrl": part["image_url"]}),
        _ => text(&part["text"]),
    };
    let items = match output {
        Value::Array(parts) => parts.iter().map(part).collect(),
        whole => vec![text(whole)],
    };
    json!({"success": true, "contentItems": items})
}

/// Counts in the order in which byokey keeps them.
pub(super) fn counts(told: &Value) -> [u64; 5] {
    [
        "inputTokens",
        "cachedInputTokens",
        "cacheWriteInputTokens",
        "outputTokens",
        "reasoningOutputTokens",
    ]
    .map(|name| told[name].as_u64().unwrap_or(0))
}

fn is_new_word(request: &Request) -> bool {
    request.results().next().is_none() && request.tail.len() == 1
}

fn tools(offers: &[Offer]) -> Value {
    let tool = |offer: &Offer| {
        json!({"type": "function", "name": offer.name, "description": offer.description,
            "inputSchema": offer.parameters})
    };
    let tools: Vec<_> = offers.iter().map(tool).collect();
    json!([{"type": "namespace", "name": TOOLS, "description": "Tools of the program that asks.",
        "tools": tools}])
}

/// Settings of one conversation: nothing of its own that acts, remembers or explains. Those that a
/// release does not know it passes over.
fn settings(servers: &Value) -> Value {
    let names = servers.as_object().into_iter().flat_map(Map::keys);
    let off: Map<_, _> = names
        .map(|name| (name.clone(), json!({"enabled": false})))
        .collect();
    json!({
        "agents": {"enabled": false},
        "features": {
            "apps": false,
            "code_mode": {"direct_only_tool_namespaces": [TOOLS]},
            "goals": false,
            "hooks": false,
            "image_generation": false,
            "memories": false,
            "multi_agent": false,
            "plugins": false,
            "shell_tool": false,
            "skill_search": false,
            "sleep_tool": false,
            "tool_suggest": false,
            "unified_exec": false,
            "view_image": false,
        },
        "include_apps_instructions": false,
        "include_collaboration_mode_instructions": false,
        "include_environment_context": false,
        "include_permissions_instructions": false,
        "mcp_servers": off,
        "project_doc_max_bytes": 0,
        "skills": {"include_instructions": false},
        "web_search": "disabled",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effort_becomes_one_that_the_model_has() {
        let efforts = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let some = efforts(&["low", "high", "xhigh", "odd"]);
        for (wanted, expected) in [
            ("low", "low"),
            ("none", "low"),
            ("medium", "low"),
            ("max", "xhigh"),
            ("odd", "odd"),
            ("who-knows", "who-knows"),
        ] {
            assert_eq!(nearest(wanted, &some), expected);
        }
        assert_eq!(nearest("none", &[]), "none");
    }
}
