//! Request bodies as an agent at work sends them: a system text, tools, calls with their results,
//! full of escapes and some letters beyond ASCII.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{dialect::Dialect, wish::Wish};

/// How large a request's body is, about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Size {
    Small,
    Medium,
    Large,
    Huge,
}

/// One line of a tool's result.
const LINE: &str =
    "    let café = map.get(\"key_17\").ok_or(Error::Missing { name })?; // → \"ö\"\tok\n";
/// Bytes of tool result per call, at most.
const RESULT: usize = 8 << 10;

impl Size {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Small => 1_000,
            Self::Medium => 100_000,
            Self::Large => 1_000_000,
            Self::Huge => 10_000_000,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Small => "1 KB",
            Self::Medium => "100 KB",
            Self::Large => "1 MB",
            Self::Huge => "10 MB",
        }
    }
}

/// Members in the order in which clients mostly send them.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    messages: Vec<Value>,
    tools: Vec<Value>,
}

/// A request of about `size` in the caller's dialect.
pub(crate) fn body(dialect: Dialect, model: &str, wish: Wish, size: Size) -> Vec<u8> {
    let system = format!("You are an agent that reads and changes files. {wish}");
    let mut body = Body {
        model,
        max_tokens: 1024,
        system: None,
        stream: wish.is_stream(),
        messages: Vec::new(),
        tools: vec![tool(dialect)],
    };
    match dialect {
        Dialect::Chat => body
            .messages
            .push(json!({"role": "system", "content": system})),
        Dialect::Messages => body.system = Some(system),
    }
    body.messages
        .push(json!({"role": "user", "content": "Find out why the build is slow and say so."}));
    let mut missing = size.bytes().saturating_sub(written(&body).len());
    for call in 0.. {
        let before = body.messages.len();
        let lines = (missing.min(RESULT) / written(LINE).len()).max(1);
        body.messages
            .extend(exchange(dialect, call, &LINE.repeat(lines)));
        let added = written(&body.messages[before..]).len();
        if added > missing {
            body.messages.truncate(before);
            break;
        }
        missing -= added;
    }
    let rest = "go on ".repeat(missing / 6);
    match body.messages.last_mut() {
        // The roles have to alternate: what is missing goes into the last message of the user.
        Some(last) if last["content"].is_string() => {
            last["content"] = json!(format!("{} {rest}", last["content"].as_str().unwrap_or("")));
        }
        Some(last) => {
            if let Some(parts) = last["content"].as_array_mut() {
                parts.push(json!({"type": "text", "text": format!("Go on. {rest}")}));
            }
        }
        None => {}
    }
    written(&body)
}

/// A call of a tool and its result.
fn exchange(dialect: Dialect, call: usize, result: &str) -> [Value; 2] {
    let (id, path) = (format!("call_{call}"), format!("src/part_{call}.rs"));
    match dialect {
        Dialect::Chat => {
            let arguments = json!({"path": path, "offset": call}).to_string();
            let function = json!({"name": "read_file", "arguments": arguments});
            let calls = json!([{"id": id, "type": "function", "function": function}]);
            [
                json!({"role": "assistant", "content": null, "tool_calls": calls}),
                json!({"role": "tool", "tool_call_id": id, "content": result}),
            ]
        }
        Dialect::Messages => {
            let input = json!({"path": path, "offset": call});
            let used = json!([{"type": "tool_use", "id": id, "name": "read_file", "input": input}]);
            let results = json!([{"type": "tool_result", "tool_use_id": id, "content": result}]);
            [
                json!({"role": "assistant", "content": used}),
                json!({"role": "user", "content": results}),
            ]
        }
    }
}

fn tool(dialect: Dialect) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"path": {"type": "string"}, "offset": {"type": "integer"}},
        "required": ["path"],
    });
    let (name, description) = ("read_file", "Read a file of the project");
    match dialect {
        Dialect::Chat => json!({"type": "function", "function":
            {"name": name, "description": description, "parameters": schema}}),
        Dialect::Messages => {
            json!({"name": name, "description": description, "input_schema": schema})
        }
    }
}

fn written<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Strings, numbers and lists of them cannot fail to be written to memory.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_about_their_size_and_carry_the_wish() {
        let wish = Wish::Whole { text: 3 };
        for dialect in [Dialect::Chat, Dialect::Messages] {
            for size in [Size::Small, Size::Medium, Size::Large] {
                let body = body(dialect, "m", wish, size);
                let off = body.len().abs_diff(size.bytes());
                assert!(
                    off * 20 < size.bytes(),
                    "{dialect:?} {size:?}: {}",
                    body.len()
                );
                assert_eq!(Wish::find(&body), Some(wish));
                let _: Value = serde_json::from_slice(&body).unwrap();
            }
        }
    }
}
