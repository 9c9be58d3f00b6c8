//! Copilot's API: three dialects side by side, for GitHub's own tokens and for exchanged ones.

use serde_json::{Value, json};

use super::{
    House, Realm,
    house::Answer,
    read::{Refusal, bearer},
};
use crate::{Kind, Reply, Seen};

pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    let token = bearer(seen).unwrap_or_default();
    let realms = [Realm::Github, Realm::Copilot];
    let family = house.office.holder(&realms, token);
    if family.is_none() && !house.office.books.lock().keys.contains(token) {
        return Some(Err(Refusal::new(
            401,
            "unauthorized",
            "unauthorized: token expired",
        )));
    }
    if family.is_some_and(|family| matches!(family.user.plan.as_str(), "free" | "none")) {
        let words = "You have no quota left.";
        return Some(Err(Refusal::new(402, "quota_exceeded", words)));
    }
    Some(Ok(match path {
        "/chat/completions" => house.ask_at(Kind::Chat, seen, below_v1(seen)),
        "/responses" => house.ask_at(Kind::Responses, seen, below_v1(seen)),
        "/embeddings" => house.ask_at(Kind::Chat, seen, below_v1(seen)),
        "/v1/messages" => house.ask(Kind::Messages, seen),
        "/models" => Reply::json(200, &models()),
        _ => return None,
    }))
}

fn below_v1(seen: &Seen) -> String {
    format!("/v1{}", seen.path)
}

fn models() -> Value {
    let model = |id: &str, endpoints: &[&str]| {
        json!({"id": id, "name": id, "vendor": "Simulated", "version": id, "preview": false,
            "model_picker_enabled": true, "supported_endpoints": endpoints,
            "policy": {"state": "enabled", "terms": ""},
            "capabilities": {"type": "chat", "family": id, "tokenizer": "o200k_base",
                "limits": {"max_context_window_tokens": 200_000, "max_output_tokens": 32_000},
                "supports": {"tool_calls": true, "streaming": true, "vision": true}}})
    };
    json!({"data": [
        model("sim-large", &["/chat/completions"]),
        model("claude-sonnet-4.6", &["/chat/completions", "/v1/messages"]),
        model("gpt-5.6-sol", &["/responses"]),
    ]})
}
