//! What a caller asks of a program that speaks in the items of OpenAI's Responses.
//!
//! The translator does the reading and keeps the ledger; here the items are only sorted into what was
//! said before and what the caller says now, because programs take the two by different doors.

use byokey_wire::{
    Action, Answer, Ask, Capabilities, Dialect, Form, Ledger, Reason, Target, translate,
};
use serde_json::Value;

use crate::BridgeTrouble;

/// A request, sorted.
pub(crate) struct Request {
    /// The program's name of the model.
    pub(crate) model: String,
    /// Instructions in front of the conversation; may be empty.
    pub(crate) system: String,
    /// The conversation up to the model's last word.
    pub(crate) history: Vec<Value>,
    /// What came after it: outputs of tools and messages of the user.
    pub(crate) tail: Vec<Value>,
    /// The caller's tools.
    pub(crate) tools: Vec<Offer>,
    /// How hard the model should think.
    pub(crate) effort: Option<String>,
    /// Whether the caller wants to see reasoning.
    pub(crate) shows_reasoning: bool,
    /// The JSON schema of the reply.
    pub(crate) schema: Option<Value>,
    /// What the program will not do as asked.
    pub(crate) losses: Ledger,
    /// The way back.
    pub(crate) answer: Answer,
}

/// A tool of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Offer {
    /// Its name, as the model will see it.
    pub(crate) name: String,
    /// What it does.
    pub(crate) description: String,
    /// JSON schema of its arguments.
    pub(crate) parameters: Value,
}

impl Request {
    /// Reads a request of the Messages dialect.
    ///
    /// # Errors
    /// [`BridgeTrouble::Request`] when it is none, or holds what no such program takes.
    pub(crate) fn read(body: &[u8]) -> Result<Self, BridgeTrouble> {
        let refused = |message: String| BridgeTrouble::Request(message);
        let caps = Capabilities::default();
        let mut target = Target::new("", &caps, "openai");
        // These programs take what a plan's back end takes: no sampling, no limits.
        target.form = Form::Plan;
        let asked = Ask::new(Dialect::Messages, body);
        let translated = translate(&asked, Dialect::Responses, &target)
            .map_err(|fault| refused(fault.message))?;
        let model = model(body).ok_or_else(|| refused("the request names no model".to_owned()))?;
        let mut whole: Value =
            serde_json::from_slice(&translated.body).map_err(|error| refused(error.to_string()))?;
        let mut items = taken_list(&mut whole, "input");
        if items.iter().any(has_file) {
            let message = "the program takes text and pictures, no other documents; \
                           put the document's text into the message";
            return Err(refused(message.to_owned()));
        }
        let system = taken_system(&mut items);
        let tail = items.split_off(tail_start(&items));
        let mut losses = translated.losses;
        let tools = offers(&mut whole, &mut losses);
        Ok(Self {
            model,
            system,
            history: items,
            tail,
            tools,
            effort: whole["reasoning"]["effort"].as_str().map(str::to_owned),
            shows_reasoning: whole["reasoning"]["summary"].is_string(),
            schema: Some(whole["text"]["format"]["schema"].take()).filter(Value::is_object),
            losses,
            answer: translated.answer,
        })
    }

    /// The outputs of tools that the caller brings now: ids of the calls and what came out.
    pub(crate) fn results(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.tail.iter().filter_map(|item| {
            let is_output = item["type"] == "function_call_output";
            is_output.then(|| Some((item["call_id"].as_str()?, &item["output"])))?
        })
    }

    /// The parts of the user's messages that came with or after them.
    pub(crate) fn said(&self) -> impl Iterator<Item = &Value> {
        let messages = self.tail.iter().filter(|item| item["type"] == "message");
        messages.flat_map(|item| item["content"].as_array().into_iter().flatten())
    }
}

/// What a program will not do as a Messages body asks; nothing when it is none, which the call itself
/// will tell.
pub(crate) fn losses(body: &[u8]) -> Ledger {
    Request::read(body)
        .map(|request| request.losses)
        .unwrap_or_default()
}

/// The model's name: the translator only knows the one that it writes.
fn model(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        model: String,
    }
    serde_json::from_slice(body)
        .ok()
        .map(|named: Named| named.model)
}

fn taken_list(whole: &mut Value, member: &str) -> Vec<Value> {
    match whole[member].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

fn has_file(item: &Value) -> bool {
    let has = |parts: &Value| {
        let parts = parts.as_array();
        parts.is_some_and(|parts| parts.iter().any(|part| part["type"] == "input_file"))
    };
    has(&item["content"]) || has(&item["output"])
}

/// Takes the developer messages in front of the conversation.
fn taken_system(items: &mut Vec<Value>) -> String {
    let leading = items
        .iter()
        .take_while(|item| item["role"] == "developer")
        .count();
    let texts: Vec<_> = items
        .drain(..leading)
        .flat_map(|item| match item["content"].as_array() {
            Some(parts) => parts.iter().map(|part| text(&part["text"])).collect(),
            None => vec![text(&item["content"])],
        })
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("\n\n")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Where the caller's own words begin after the model's last one.
fn tail_start(items: &[Value]) -> usize {
    let is_models = |item: &Value| {
        item["role"] == "assistant"
            || matches!(item["type"].as_str(), Some("function_call" | "reasoning"))
    };
    items.iter().rposition(is_models).map_or(0, |last| last + 1)
}

fn offers(whole: &mut Value, losses: &mut Ledger) -> Vec<Offer> {
    let drop = |losses: &mut Ledger, path: &'static str| {
        losses.note(path, Action::Dropped, Reason::Dialect);
    };
    let mut tools = Vec::new();
    for mut tool in taken_list(whole, "tools") {
        if tool["type"] != "function" {
            // A tool that the provider would run: the program decides about its own.
            drop(losses, "tools");
            continue;
        }
        tools.push(Offer {
            name: text(&tool["name"]),
            description: text(&tool["description"]),
            parameters: tool["parameters"].take(),
        });
    }
    match whole["tool_choice"].as_str() {
        Some("none") => tools.clear(),
        Some("auto") => {}
        _ if whole["tool_choice"].is_null() => {}
        _ => drop(losses, "tool_choice"),
    }
    if whole["parallel_tool_calls"] == false && !tools.is_empty() {
        drop(losses, "tool_choice.disable_parallel_tool_use");
    }
    tools
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Request {
        Request::read(body.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_request_is_sorted_into_before_and_now() {
        let asked = read(&json!({
            "model": "gpt-6", "max_tokens": 9, "system": "Be terse.",
            "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
            "tools": [{"name": "look", "input_schema": {"type": "object"}},
                {"type": "web_search_20250305", "name": "web_search"}],
            "tool_choice": {"type": "any"},
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "let me"},
                    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                    {"type": "text", "text": "and now?"}]}]
        }));
        assert_eq!(
            (asked.model.as_str(), asked.system.as_str()),
            ("gpt-6", "Be terse.")
        );
        assert_eq!((asked.history.len(), asked.tail.len()), (3, 2));
        assert_eq!(
            asked.results().collect::<Vec<_>>(),
            [("toolu_1", &json!("sunny"))]
        );
        let said: Vec<_> = asked.said().collect();
        assert_eq!(said, [&json!({"type": "input_text", "text": "and now?"})]);
        assert_eq!(asked.tools.len(), 1);
        assert_eq!(asked.effort.as_deref(), Some("high"));
        assert!(asked.shows_reasoning);
        let lost = asked.losses.header().unwrap();
        for path in ["max_tokens=dropped", "tools=dropped", "tool_choice=dropped"] {
            assert!(lost.contains(path), "no {path} in {lost}");
        }
    }

    #[test]
    fn no_choice_of_tools_means_no_tools() {
        let asked = read(&json!({
            "model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"name": "look", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "none"}
        }));
        assert!(asked.tools.is_empty());
        assert!(asked.history.is_empty());
        assert_eq!(asked.tail.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_or_passed_on_is_refused() {
        let pdf = json!({"type": "document", "source":
            {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}});
        for body in [
            json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}),
            json!({"model": "m", "max_tokens": 9}),
            json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [pdf]}]}),
        ] {
            let refused = Request::read(body.to_string().as_bytes());
            assert!(matches!(refused, Err(BridgeTrouble::Request(_))), "{body}");
        }
        assert!(Request::read(b"{").is_err());
    }
}
