//! Asking how many tokens a prompt has, in the three dialects that have such a call.

use serde_json::Value;

use crate::{Dialect, edit, json};

/// The members that each dialect's call takes; a request for a reply has more.
const MESSAGES: [&str; 7] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "mcp_servers",
];
const RESPONSES: [&str; 9] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "truncation",
];
/// Google's wrapper for more than the conversation.
const WRAPPER: &str = "generateContentRequest";

/// The request within a caller's question: Gemini's may stand in a wrapper.
pub fn counted_request(dialect: Dialect, body: &[u8]) -> &[u8] {
    let inner = (dialect == Dialect::Gemini)
        .then(|| edit::find(body, WRAPPER))
        .flatten();
    inner.map_or(body, |place| &body[place])
}

/// The question to a provider, out of a request for a reply in its dialect. `None` for dialects that
/// have no such call.
pub fn count_request(dialect: Dialect, model: &str, request: &[u8]) -> Option<Vec<u8>> {
    let only = |names: &[&str]| {
        let place = edit::object(request)?;
        let stray = |member: &edit::Member| !names.iter().any(|name| member.is(request, name));
        Some(edit::without(request, place, stray).unwrap_or_else(|| request.to_vec()))
    };
    match dialect {
        Dialect::Messages => only(&MESSAGES),
        Dialect::Responses => only(&RESPONSES),
        Dialect::Gemini => {
            let mut name = Vec::new();
            json::write_str(&mut name, &format!("models/{model}"));
            let name = String::from_utf8(name).ok()?;
            let request = edit::set(request, &["model"], &name);
            Some([b"{\"", WRAPPER.as_bytes(), b"\":", &request, b"}"].concat())
        }
        Dialect::Chat | Dialect::Kiro => None,
    }
}

/// The number in a provider's answer.
pub fn read_count(dialect: Dialect, reply: &[u8]) -> Option<u64> {
    let reply: Value = serde_json::from_slice(reply).ok()?;
    let member = match dialect {
        Dialect::Gemini => "totalTokens",
        _ => "input_tokens",
    };
    reply.get(member)?.as_u64()
}

/// The answer to a caller.
pub fn count_reply(dialect: Dialect, tokens: u64) -> String {
    match dialect {
        Dialect::Gemini => format!(r#"{{"totalTokens":{tokens}}}"#),
        Dialect::Responses => {
            format!(r#"{{"object":"response.input_tokens","input_tokens":{tokens}}}"#)
        }
        _ => format!(r#"{{"input_tokens":{tokens}}}"#),
    }
}

/// What a model would read of a request, for an estimate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// All text: instructions, conversation, tools.
    pub text: String,
    /// Messages, tools and parts, each of which has a frame of its own.
    pub frames: u64,
    /// Pictures, documents, sounds.
    pub media: u64,
}

/// What a model would read of a request in any dialect. Unknown members are read as well, since most
/// of them reach the model.
pub fn readable(body: &[u8]) -> Readable {
    let mut found = Readable::default();
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        for name in PROMPT {
            if let Some(value) = body.get(name) {
                walk(name, value, &mut found);
            }
        }
    }
    found
}

/// The members of a request that a model reads.
const PROMPT: [&str; 10] = [
    "system",
    "messages",
    "input",
    "instructions",
    "contents",
    "systemInstruction",
    "system_instruction",
    "tools",
    "functions",
    "prompt",
];

fn walk(name: &str, value: &Value, found: &mut Readable) {
    match value {
        Value::String(_) if SILENT.contains(&name) => {}
        Value::String(text) if MEDIA.contains(&name) || text.starts_with("data:") => {
            found.media += 1;
        }
        Value::String(text) => {
            found.text.push_str(text);
            found.text.push('\n');
        }
        Value::Array(items) => {
            found.frames += items.len() as u64;
            items.iter().for_each(|item| walk(name, item, found));
        }
        // A schema and a call's arguments are read as they stand.
        Value::Object(_) if SCHEMAS.contains(&name) => {
            found.text.push_str(&value.to_string());
            found.text.push('\n');
        }
        Value::Object(members) => {
            for (name, value) in members {
                walk(name, value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Strings that steer and are not read.
const SILENT: [&str; 14] = [
    "role",
    "type",
    "id",
    "call_id",
    "tool_call_id",
    "tool_use_id",
    "media_type",
    "mimeType",
    "mime_type",
    "signature",
    "thoughtSignature",
    "encrypted_content",
    "ttl",
    "detail",
];
/// Strings that hold something other than text.
const MEDIA: [&str; 6] = [
    "data",
    "url",
    "image_url",
    "file_data",
    "fileUri",
    "file_id",
];
/// Objects that are read as JSON.
const SCHEMAS: [&str; 7] = [
    "input_schema",
    "parameters",
    "parametersJsonSchema",
    "schema",
    "args",
    "arguments",
    "response",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_call_takes_is_asked() {
        let request = br#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"n":1e0}]}"#;
        let asked = |dialect| {
            let body = count_request(dialect, "m", request)?;
            Some(String::from_utf8(body).unwrap())
        };
        assert_eq!(
            asked(Dialect::Messages).unwrap(),
            r#"{"model":"m","messages":[{"n":1e0}]}"#
        );
        assert_eq!(asked(Dialect::Responses).unwrap(), r#"{"model":"m"}"#);
        assert_eq!(
            asked(Dialect::Gemini).unwrap(),
            r#"{"generateContentRequest":{"model":"models/m","max_tokens":9,"stream":true,"messages":[{"n":1e0}]}}"#
        );
        assert_eq!(asked(Dialect::Chat), None);
    }

    #[test]
    fn answers_go_both_ways() {
        for dialect in [Dialect::Messages, Dialect::Responses, Dialect::Gemini] {
            let reply = count_reply(dialect, 7);
            assert_eq!(read_count(dialect, reply.as_bytes()), Some(7));
            assert_eq!(read_count(dialect, b"{}"), None);
        }
        let wrapped = br#"{"generateContentRequest":{"contents":[]}}"#;
        assert_eq!(
            counted_request(Dialect::Gemini, wrapped),
            br#"{"contents":[]}"#
        );
        assert_eq!(counted_request(Dialect::Messages, wrapped), wrapped);
    }

    #[test]
    fn what_a_model_reads_is_found_in_every_dialect() {
        for (body, text, media) in [
            (
                r#"{"model":"m","system":"be kind","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}"#,
                "be kind\nhi\n",
                1,
            ),
            (
                r#"{"instructions":"be kind","input":"hi","tools":[{"type":"function","name":"f","parameters":{"a":1}}]}"#,
                "hi\nbe kind\nf\n{\"a\":1}\n",
                0,
            ),
            (
                r#"{"contents":[{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}],"generationConfig":{"x":"no"}}"#,
                "hi\n",
                1,
            ),
        ] {
            let found = readable(body.as_bytes());
            assert_eq!((&*found.text, found.media), (text, media));
        }
        assert_eq!(readable(b"nonsense"), Readable::default());
    }
}
