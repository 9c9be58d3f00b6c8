use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{PATIENCE, told};
use crate::{
    BridgeTrouble,
    bridges::Desk,
    request::{Offer, Request},
    rpc::Peer,
};

/// The group in which the caller's tools stand: so they never meet tools of Codex, and so Codex shows
/// them to the model as they are, where it would otherwise have the model write programs that call
/// them.
const TOOLS: &str = "byokey";

/// Starts a conversation with all that was said before in it, and returns its id.
///
/// # Errors
/// When Codex refuses, which it says in its own words.
pub(super) async fn start(
    desk: &Desk<'_>,
    peer: &Peer,
    request: &Request,
) -> Result<String, BridgeTrouble> {
    let call = async |method, params| {
        let answer = peer.call(method, params, PATIENCE).await;
        answer.map_err(|trouble| told(desk.bridge, trouble))
    };
    let config = call("config/read", json!({"includeLayers": false})).await?;
    let mut params = json!({
        "model": request.model,
        "cwd": desk.folder,
        "approvalPolicy": "never",
        "sandbox": "read-only",
        "ephemeral": true,
        "environments": [],
        // Empty means none: without it Codex would put its own in front.
        "baseInstructions": request.system,
        "config": settings(&config["config"]["mcp_servers"]),
        // Brings the usage of each answer when the answer ends, not when its tools have.
        "experimentalRawEvents": true,
    });
    if !request.tools.is_empty() {
        params["dynamicTools"] = tools(&request.tools);
    }
    let answer = call("thread/start", params).await?;
    let Some(thread) = answer["thread"]["id"].as_str() else {
        return Err(BridgeTrouble::Strange {
            program: desk.bridge.program.clone(),
            words: "a conversation without an id".to_owned(),
        });
    };
    let earlier = before_turn(request);
    if !earlier.is_empty() {
        call(
            "thread/inject_items",
            json!({"threadId": thread, "items": earlier}),
        )
        .await?;
    }
    Ok(thread.to_owned())
}

/// What the turn begins with: the user's words. When the caller's last word is a tool's output it
/// stands in the conversation already and the turn begins with nothing.
pub(super) fn input(request: &Request) -> Vec<Value> {
    if is_new_word(request) {
        request.said().filter_map(user_input).collect()
    } else {
        Vec::new()
    }
}

/// A part of a message in the words of a turn.
pub(super) fn user_input(part: &Value) -> Option<Value> {
    match part["type"].as_str()? {
        "input_text" => Some(json!({"type": "text", "text": part["text"]})),
        "input_image" => Some(json!({"type": "image", "url": part["image_url"]})),
        _ => None,
    }
}

/// What came out of a tool, in the words of an answer.
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

fn is_new_word(request: &Request) -> bool {
    request.results().next().is_none() && request.tail.len() == 1
}

fn before_turn(request: &Request) -> Vec<Value> {
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
