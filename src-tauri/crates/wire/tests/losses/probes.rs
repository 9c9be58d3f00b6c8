//! The members of each caller's dialect that say something, one request for each.

mod chat;
mod gemini;
mod messages;
mod responses;

use byokey_wire::Dialect;
use serde_json::{Value, json};

/// A member and how it gets into a request.
pub(crate) struct Probe {
    /// As the README names it.
    pub(crate) name: &'static str,
    pub(crate) put: Box<dyn Fn(&mut Value)>,
    /// Whether it is about the reply only, so that nothing of it goes to the provider.
    pub(crate) on_the_way_back: bool,
}

/// A member at a place, given as a JSON pointer; a last part of `-` adds to a list, `^1` puts it before
/// the item with that number.
fn at(name: &'static str, pointer: &'static str, value: Value) -> Probe {
    let put = move |body: &mut Value| {
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        let mut place = body;
        for part in parent.split('/').skip(1) {
            place = match part.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[part],
            };
        }
        match (last, last.parse::<usize>()) {
            ("-", _) if place.is_null() => *place = json!([value]),
            (before, _) if before.starts_with('^') => {
                let index = before[1..].parse().unwrap();
                place.as_array_mut().unwrap().insert(index, value.clone());
            }
            ("-", _) => place.as_array_mut().unwrap().push(value.clone()),
            (_, Ok(index)) => place[index] = value.clone(),
            (last, _) => place[last] = value.clone(),
        }
    };
    Probe {
        name,
        put: Box::new(put),
        on_the_way_back: false,
    }
}

/// A member of the body itself.
fn top(name: &'static str, member: &'static str, value: Value) -> Probe {
    Probe {
        put: Box::new(move |body: &mut Value| body[member] = value.clone()),
        ..at(name, "/x", Value::Null)
    }
}

fn back(probe: Probe) -> Probe {
    Probe {
        on_the_way_back: true,
        ..probe
    }
}

const PNG: &str = "data:image/png;base64,QUJD";
const PDF: &str = "data:application/pdf;base64,QUJD";
const URL: &str = "https://example.org/a.png";

/// A request with a bit of everything that members can be added to.
pub(crate) fn base(caller: Dialect) -> Value {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    match caller {
        Dialect::Messages => json!({
            "model": "m", "max_tokens": 9000, "system": [{ "type": "text", "text": "s" }],
            "messages": [
                { "role": "user", "content": [{ "type": "text", "text": "u" }] },
                { "role": "assistant", "content": [{ "type": "tool_use", "id": "c", "name": "f", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "c", "content": [{ "type": "text", "text": "r" }] }] },
                { "role": "assistant", "content": "a" },
                { "role": "user", "content": "go on" }
            ],
            "tools": [{ "name": "f", "input_schema": schema }]
        }),
        Dialect::Responses => json!({
            "model": "m", "store": false, "instructions": "s",
            "input": [
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "u" }] },
                { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "c", "output": "r" },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "a" }] },
                { "type": "message", "role": "user", "content": "go on" }
            ],
            "tools": [{ "type": "function", "name": "f", "parameters": schema, "strict": false }]
        }),
        Dialect::Gemini => json!({
            "systemInstruction": { "parts": [{ "text": "s" }] },
            "contents": [
                { "role": "user", "parts": [{ "text": "u" }] },
                { "role": "model", "parts": [{ "functionCall": { "name": "f", "args": {} } }] },
                { "role": "user", "parts": [{ "functionResponse": { "name": "f", "response": { "result": "r" } } }] },
                { "role": "model", "parts": [{ "text": "a" }] },
                { "role": "user", "parts": [{ "text": "go on" }] }
            ],
            "generationConfig": { "maxOutputTokens": 9000 },
            "tools": [{ "functionDeclarations": [{ "name": "f", "parametersJsonSchema": schema }] }]
        }),
        _ => json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "s" },
                { "role": "user", "content": [{ "type": "text", "text": "u" }] },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] },
                { "role": "tool", "tool_call_id": "c", "content": [{ "type": "text", "text": "r" }] },
                { "role": "assistant", "content": "a" },
                { "role": "user", "content": "go on" }
            ],
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": schema } }]
        }),
    }
}

pub(crate) fn of(caller: Dialect) -> Vec<Probe> {
    match caller {
        Dialect::Messages => messages::probes(),
        Dialect::Responses => responses::probes(),
        Dialect::Gemini => gemini::probes(),
        _ => chat::probes(),
    }
}

fn schema() -> Value {
    json!({ "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"], "additionalProperties": false })
}
