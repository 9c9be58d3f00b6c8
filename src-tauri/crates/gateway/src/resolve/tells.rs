//! What a provider wants to be told of a request beside its body. It is read from the body itself, so
//! that it is true: one of these decides what the request costs the person.

use byokey_catalog::{Provider, Quirk};
use byokey_wire::Dialect;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::roster::Line;

const INITIATOR: HeaderName = HeaderName::from_static("x-initiator");
const VISION: HeaderName = HeaderName::from_static("copilot-vision-request");
const SESSION: HeaderName = HeaderName::from_static("session-id");

/// Which of these an address wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tells {
    /// Whether a person or a tool loop asks.
    initiator: bool,
    /// Whether there are pictures.
    vision: bool,
    /// Which conversation it belongs to.
    session: bool,
}

impl Tells {
    /// What the rows say of this line.
    pub(super) fn of(provider: &Provider, line: &Line) -> Self {
        let has = |quirk| provider.has(quirk, &line.endpoint);
        Self {
            initiator: has(Quirk::InitiatorHeader),
            vision: has(Quirk::VisionHeader),
            session: has(Quirk::SessionHeader),
        }
    }

    /// Whether anything is told, for which the whole body must be there.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }

    /// Puts it into the headers of a request with this body.
    pub(crate) fn put(self, dialect: Dialect, body: &[u8], headers: &mut HeaderMap) {
        if !self.any() {
            return;
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let said = match dialect {
            Dialect::Responses => &body["input"],
            _ => &body["messages"],
        };
        if self.initiator {
            let who = match last_is_a_persons(said) {
                true => "user",
                false => "agent",
            };
            headers.insert(INITIATOR, HeaderValue::from_static(who));
        }
        if self.vision && shows_pictures(said) {
            headers.insert(VISION, HeaderValue::from_static("true"));
        }
        if self.session
            && let Ok(session) = HeaderValue::from_str(&session(&body, said))
        {
            headers.insert(SESSION, session);
        }
    }
}

/// Whether the last message is a person's own, rather than a tool's answer or a model's words.
fn last_is_a_persons(said: &Value) -> bool {
    let last = match said {
        Value::Array(messages) => messages.last(),
        // Responses may bring a plain text.
        other => return other.is_string(),
    };
    let Some(last) = last else { return false };
    let role = last.get("role").and_then(Value::as_str);
    let answers = |block: &Value| {
        let kind = block.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kind == "tool_result" || kind.ends_with("_output"))
    };
    let content = last.get("content").and_then(Value::as_array);
    let only_answers =
        content.is_some_and(|blocks| !blocks.is_empty() && blocks.iter().all(answers));
    role == Some("user") && !answers(last) && !only_answers
}

fn shows_pictures(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(shows_pictures),
        Value::Object(members) => {
            let kind = members.get("type").and_then(Value::as_str);
            matches!(kind, Some("image" | "image_url" | "input_image"))
                || members.values().any(shows_pictures)
        }
        _ => false,
    }
}

/// The caller's own key of the conversation, else one made of what it began with.
fn session(body: &Value, said: &Value) -> String {
    if let Some(key) = body.get("prompt_cache_key").and_then(Value::as_str) {
        return key.to_owned();
    }
    let first = said.get(0).unwrap_or(said);
    let began = format!("{}\n{}\n{first}", body["model"], body["instructions"]);
    let digest = byokey_vault::digest(&began);
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(dialect: Dialect, body: &Value) -> HeaderMap {
        let tells = Tells {
            initiator: true,
            vision: true,
            session: true,
        };
        let mut headers = HeaderMap::new();
        tells.put(dialect, body.to_string().as_bytes(), &mut headers);
        headers
    }

    #[test]
    fn who_asks_is_read_from_the_last_message() {
        use Dialect::{Chat, Messages, Responses};
        let user = json!({"role": "user", "content": "hi"});
        let result = json!({"type": "tool_result", "tool_use_id": "1", "content": "4"});
        for (dialect, body, who) in [
            (Chat, json!({"messages": [user]}), "user"),
            (
                Chat,
                json!({"messages": [user, {"role": "tool", "content": "4"}]}),
                "agent",
            ),
            (
                Chat,
                json!({"messages": [user, {"role": "assistant", "content": "y"}]}),
                "agent",
            ),
            (Chat, json!({"messages": []}), "agent"),
            (Messages, json!({"messages": [user]}), "user"),
            (
                Messages,
                json!({"messages": [{"role": "user", "content": [result]}]}),
                "agent",
            ),
            (
                Messages,
                json!({"messages": [{"role": "user", "content": [result, {"type": "text", "text": "and?"}]}]}),
                "user",
            ),
            (Responses, json!({"input": "hi"}), "user"),
            (Responses, json!({"input": [user]}), "user"),
            (
                Responses,
                json!({"input": [user, {"type": "function_call_output", "output": "4"}]}),
                "agent",
            ),
        ] {
            assert_eq!(told(dialect, &body)["x-initiator"], who, "{body}");
        }
    }

    #[test]
    fn pictures_are_found_wherever_they_are() {
        for (dialect, body, shown) in [
            (
                Dialect::Chat,
                json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
                true,
            ),
            (
                Dialect::Messages,
                json!({"messages": [{"role": "user", "content": [
                    {"type": "tool_result", "content": [{"type": "image"}]}]}]}),
                true,
            ),
            (
                Dialect::Responses,
                json!({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}),
                true,
            ),
            (
                Dialect::Chat,
                json!({"messages": [{"role": "user", "content": "image_url"}]}),
                false,
            ),
        ] {
            let headers = told(dialect, &body);
            assert_eq!(
                headers.contains_key("copilot-vision-request"),
                shown,
                "{body}"
            );
        }
    }

    #[test]
    fn a_conversation_keeps_its_name() {
        let session = |body: Value| told(Dialect::Responses, &body)["session-id"].clone();
        assert_eq!(
            session(json!({"prompt_cache_key": "mine", "input": "a"})),
            "mine"
        );
        let first = json!({"role": "user", "content": "hi"});
        let later = json!({"role": "user", "content": "and?"});
        let began = session(json!({"model": "m", "input": [first]}));
        assert_eq!(
            began,
            session(json!({"model": "m", "input": [first, later]}))
        );
        assert_ne!(began, session(json!({"model": "m", "input": [later]})));
    }
}
