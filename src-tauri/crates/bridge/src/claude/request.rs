//! A request of the Messages dialect as Claude Code is told it: what is said once at the start, the
//! conversation by line, and what cannot be said at all.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::tools;
use crate::BridgeTrouble;

/// A request, taken apart.
pub(super) struct Request {
    /// The model's name, fit to be an argument.
    pub(super) model: String,
    /// All that goes before the conversation, as one text.
    pub(super) system: String,
    /// The turns; users' and the model's alternate.
    pub(super) turns: Vec<Turn>,
    /// The caller's own tools, as they were sent.
    pub(super) tools: Vec<Value>,
    /// Members that decide how the model works.
    pub(super) members: Map<String, Value>,
}

/// One turn.
#[derive(Clone)]
pub(super) struct Turn {
    pub(super) is_user: bool,
    /// Content blocks; a plain text has become one.
    pub(super) blocks: Vec<Value>,
}

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// [`BridgeTrouble::Request`] when it is none, or asks for what can in no way be done.
    pub(super) fn read(body: &Bytes) -> Result<Self, BridgeTrouble> {
        let bad = |words: &str| BridgeTrouble::Request(words.to_owned());
        let body = serde_json::from_slice(body);
        let Ok(Value::Object(mut members)) = body else {
            return Err(bad("the request is no JSON object"));
        };
        let model = match members.remove("model") {
            Some(Value::String(model)) if is_model(&model) => model,
            _ => return Err(bad("model: Claude Code knows no model of this name")),
        };
        let Some(Value::Array(messages)) = members.remove("messages") else {
            return Err(bad("messages: an array is needed"));
        };
        let mut system = texts(members.remove("system").as_ref());
        let turns = read_turns(messages, &mut system)?;
        if !turns.last().is_some_and(|turn| turn.is_user) {
            return Err(bad(
                "messages: Claude Code cannot go on with an answer that was begun for it; the last \
                 message must be the user's",
            ));
        }
        let tools = match members.get("tool_choice") {
            Some(choice) if choice["type"] == "none" => Vec::new(),
            _ => tools::of_caller(members.remove("tools"))?,
        };
        Ok(Self {
            model,
            system: system.join("\n\n"),
            turns,
            tools,
            members,
        })
    }

    /// The tool results that are all of the last message; `None` when it says anything else, too.
    pub(super) fn results(&self) -> Option<&[Value]> {
        let last = self.turns.last()?;
        let is_result = |block: &Value| block["type"] == "tool_result";
        let is_that_alone = !last.blocks.is_empty() && last.blocks.iter().all(is_result);
        is_that_alone.then_some(&last.blocks)
    }

    /// The calls whose results the last message brings.
    pub(super) fn brought(&self) -> BTreeSet<&str> {
        let results = self.results().unwrap_or_default().iter();
        results
            .filter_map(|result| result["tool_use_id"].as_str())
            .collect()
    }

    /// What tells this conversation from others, but for its last `without` turns.
    pub(super) fn digest(&self, without: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.model, &self.system).hash(&mut hasher);
        for tool in &self.tools {
            without_marks(tool).hash(&mut hasher);
        }
        for name in ["thinking", "output_config", "max_tokens"] {
            self.members.get(name).hash(&mut hasher);
        }
        let known = self.turns.len().saturating_sub(without);
        for turn in &self.turns[..known] {
            turn.is_user.hash(&mut hasher);
            for block in &turn.blocks {
                without_marks(block).hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// Cache marks move along from request to request and change nothing of what is said.
fn without_marks(block: &Value) -> Value {
    let mut block = block.clone();
    if let Value::Object(members) = &mut block {
        members.remove("cache_control");
    }
    block
}

/// Whether a name can be a model's: it becomes an argument, though never one of its own.
fn is_model(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@[]".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(is_plain)
}

/// The texts of a string or of text blocks.
fn texts(content: Option<&Value>) -> Vec<String> {
    let texts = match content {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(blocks)) => blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect(),
        _ => Vec::new(),
    };
    texts
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The messages as turns. System messages amid the conversation join the others at its head.
fn read_turns(messages: Vec<Value>, system: &mut Vec<String>) -> Result<Vec<Turn>, BridgeTrouble> {
    let mut turns: Vec<Turn> = Vec::with_capacity(messages.len());
    for (at, mut message) in messages.into_iter().enumerate() {
        let is_user = match message["role"].as_str() {
            Some("user") => true,
            Some("assistant") => false,
            Some("system") => {
                system.extend(texts(message.get("content")));
                continue;
            }
            _ => {
                return Err(BridgeTrouble::Request(format!(
                    "messages[{at}].role: unknown role"
                )));
            }
        };
        let mut blocks = match message["content"].take() {
            Value::String(text) => vec![json!({"type": "text", "text": text})],
            Value::Array(blocks) => blocks,
            _ => {
                let words = format!("messages[{at}].content: a string or an array is needed");
                return Err(BridgeTrouble::Request(words));
            }
        };
        if !is_user {
            blocks.iter_mut().for_each(tools::rename_call);
        }
        match turns.last_mut() {
            Some(turn) if turn.is_user == is_user => turn.blocks.append(&mut blocks),
            _ => turns.push(Turn { is_user, blocks }),
        }
    }
    Ok(turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &Value) -> Request {
        read(body).unwrap_or_else(|trouble| panic!("{trouble}"))
    }

    fn read(body: &Value) -> Result<Request, BridgeTrouble> {
        Request::read(&Bytes::from(body.to_string()))
    }

    #[test]
    fn turns_alternate_and_systems_come_first() {
        let request = request(
            &json!({"model": "opus[1m]", "system": [{"type": "text", "text": "S1"}, {"type": "text", "text": ""}],
            "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "text", "text": "b"}]},
                {"role": "system", "content": "S2"}, {"role": "assistant", "content": "c"}, {"role": "user", "content": "d"}]}),
        );
        assert_eq!(request.system, "S1\n\nS2");
        let shape: Vec<_> = request
            .turns
            .iter()
            .map(|turn| (turn.is_user, turn.blocks.len()))
            .collect();
        assert_eq!(shape, [(true, 2), (false, 1), (true, 1)]);
        assert!(request.results().is_none());
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let user = json!([{"role": "user", "content": "a"}]);
        for (body, words) in [
            (json!([]), "JSON object"),
            (json!({"messages": user}), "model"),
            (json!({"model": "--danger x", "messages": user}), "model"),
            (json!({"model": "m", "messages": []}), "last message"),
            (
                json!({"model": "m", "messages": [{"role": "assistant", "content": "a"}]}),
                "last message",
            ),
            (
                json!({"model": "m", "messages": [{"role": "tool", "content": "a"}]}),
                "unknown role",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user", "content": 1}]}),
                "string or an array",
            ),
            (
                json!({"model": "m", "messages": user, "tools": [{"name": "x".repeat(120), "input_schema": {}}]}),
                "too long",
            ),
        ] {
            let trouble = read(&body)
                .err()
                .unwrap_or_else(|| panic!("{body} was taken"));
            assert!(trouble.to_string().contains(words), "{trouble}");
            assert_eq!(trouble.status(), 400);
        }
    }

    #[test]
    fn a_conversation_is_known_again_when_only_marks_moved() {
        let first = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}]});
        let known = request(&first).digest(0);
        let mut next = json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]}]});
        let again = request(&next);
        assert_eq!(again.digest(2), known);
        assert_eq!(again.brought(), BTreeSet::from(["t"]));
        assert_eq!(again.turns[1].blocks[0]["name"], "mcp__caller__f");
        next["messages"][0]["content"] = json!("b");
        assert_ne!(request(&next).digest(2), known);
        next["messages"][2]["content"][0]["type"] = json!("text");
        assert!(request(&next).brought().is_empty());
    }
}
