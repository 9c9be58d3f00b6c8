//! What a reply repeats of its request: programs look there for what they asked, structured output
//! above all.

use serde_json::value::RawValue;

use crate::json::{Object, fields, write_compact};

fields! {
    struct Repeated<'a> {
        instructions: &'a RawValue = "instructions",
        max_output_tokens: &'a RawValue = "max_output_tokens",
        metadata: &'a RawValue = "metadata",
        parallel_tool_calls: &'a RawValue = "parallel_tool_calls",
        prompt_cache_key: &'a RawValue = "prompt_cache_key",
        reasoning: &'a RawValue = "reasoning",
        safety_identifier: &'a RawValue = "safety_identifier",
        store: &'a RawValue = "store",
        temperature: &'a RawValue = "temperature",
        text: &'a RawValue = "text",
        tool_choice: &'a RawValue = "tool_choice",
        tools: &'a RawValue = "tools",
        top_p: &'a RawValue = "top_p",
        truncation: &'a RawValue = "truncation",
        user: &'a RawValue = "user",
    }
}

/// The members, without braces, each with the value it has where the caller says nothing.
pub(super) fn of(body: &[u8]) -> String {
    let read: Repeated<'_> = serde_json::from_slice(body).unwrap_or_default();
    let mut out = Vec::with_capacity(512);
    let mut object = Object::begin(&mut out);
    for (member, value, default) in [
        ("instructions", read.instructions, Some("null")),
        ("max_output_tokens", read.max_output_tokens, Some("null")),
        ("metadata", read.metadata, Some("{}")),
        (
            "parallel_tool_calls",
            read.parallel_tool_calls,
            Some("true"),
        ),
        ("previous_response_id", None, Some("null")),
        ("prompt_cache_key", read.prompt_cache_key, None),
        ("reasoning", read.reasoning, None),
        ("safety_identifier", read.safety_identifier, None),
        ("store", read.store, None),
        ("temperature", read.temperature, Some("null")),
        ("text", read.text, Some(r#"{"format":{"type":"text"}}"#)),
        ("tool_choice", read.tool_choice, Some(r#""auto""#)),
        ("tools", read.tools, Some("[]")),
        ("top_p", read.top_p, Some("null")),
        ("truncation", read.truncation, Some(r#""disabled""#)),
        ("user", read.user, None),
    ] {
        if let Some(value) = value.map(RawValue::get).or(default) {
            write_compact(object.key(member), value);
        }
    }
    object.end();
    // Strings of the caller's own body: they are UTF-8.
    let whole = String::from_utf8(out).unwrap_or_default();
    whole
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or_default()
        .to_owned()
}
