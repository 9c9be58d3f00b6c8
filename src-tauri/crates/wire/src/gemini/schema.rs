//! Google's own schemas as JSON Schema.
//!
//! Older clients describe functions and replies in an OpenAPI subset with types in capitals, counts
//! as strings and `nullable`. The body is rewritten before it is read, so that the hub borrows plain
//! JSON Schema from it; a body without such schemas stays as it is.

use std::ops::Range;

use memchr::memmem;
use serde_json::value::RawValue;

use super::body::Many;
use crate::json::{self, Shallow, fields, write_str};

fields! {
    struct Body<'a> {
        tools: Many<Group<'a>> = "tools",
        generation: Generation<'a> = "generationConfig" | "generation_config",
    }

    struct Group<'a> {
        functions: Many<Function<'a>> = "functionDeclarations" | "function_declarations",
    }

    struct Function<'a> {
        parameters: &'a RawValue = "parameters",
    }

    struct Generation<'a> {
        schema: &'a RawValue = "responseSchema" | "response_schema",
    }
}

/// The body with every schema of Google's own form in JSON Schema's; `None` when it has none.
pub(crate) fn plain_schemas(body: &[u8]) -> Option<Vec<u8>> {
    let has = |key: &str| memmem::find(body, key.as_bytes()).is_some();
    if !has("\"parameters\"") && !has("\"responseSchema\"") && !has("\"response_schema\"") {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    // What is no request is told by its reader.
    let read: Body<'_> = serde_json::from_str(text).ok()?;
    let functions = read.tools.into_iter().flat_map(|tools| tools.0);
    let functions = functions.flat_map(|group| group.functions.unwrap_or_default().0);
    let schemas = functions.filter_map(|function| function.parameters);
    let schemas = schemas.chain(read.generation.and_then(|generation| generation.schema));

    let mut edits: Vec<(Range<usize>, Vec<u8>)> = Vec::new();
    for schema in schemas {
        let mut plain = Vec::with_capacity(schema.get().len());
        if write_node(schema.get(), 0, &mut plain) {
            let start = schema.get().as_ptr() as usize - text.as_ptr() as usize;
            edits.push((start..start + schema.get().len(), plain));
        }
    }
    if edits.is_empty() {
        return None;
    }
    edits.sort_unstable_by_key(|(range, _)| range.start);
    let mut out = Vec::with_capacity(body.len() + 256);
    let mut done = 0;
    for (range, plain) in edits {
        out.extend_from_slice(&body[done..range.start]);
        out.extend_from_slice(&plain);
        done = range.end;
    }
    out.extend_from_slice(&body[done..]);
    Some(out)
}

/// Deepest level looked into; what is below is copied as it is.
const MAX_DEPTH: usize = 64;

/// Types as Google writes them.
const TYPES: [&str; 7] = [
    "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL",
];

/// Writes a schema; returns whether anything differs from what came in.
fn write_node(raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let node = (depth < MAX_DEPTH).then(|| Shallow::of(raw)).flatten();
    let Some(node) = node else {
        out.extend_from_slice(raw.as_bytes());
        return false;
    };
    let nullable = node.get("nullable") == Some("true");
    let mut changed = false;
    let mut object = json::Object::begin(out);
    for (key, value) in &node.0 {
        let value = value.get();
        let name = plain_key(key);
        changed |= name != &**key;
        if gone(name, value) {
            changed = true;
            continue;
        }
        let out = object.any_key(name);
        changed |= match name {
            "type" => write_type(value, nullable, out),
            "enum" if nullable => write_with_null(value, "null", out),
            "anyOf" if nullable && node.get("type").is_none() => {
                let mut inner = Vec::new();
                write_list(value, depth, &mut inner);
                write_with_null(&String::from_utf8_lossy(&inner), r#"{"type":"null"}"#, out)
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties"
            | "maxProperties" => write_count(value, out),
            "properties" | "$defs" => write_map(value, depth, out),
            "items" | "additionalProperties" | "not" => write_node(value, depth + 1, out),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => write_list(value, depth, out),
            _ => {
                out.extend_from_slice(value.as_bytes());
                false
            }
        };
    }
    object.end();
    changed
}

/// JSON Schema's name of a member that Google's libraries also write in snake case.
fn plain_key(key: &str) -> &str {
    match key {
        "any_of" => "anyOf",
        "one_of" => "oneOf",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        "prefix_items" => "prefixItems",
        "additional_properties" => "additionalProperties",
        "property_ordering" => "propertyOrdering",
        "defs" => "$defs",
        "ref" => "$ref",
        key => key,
    }
}

/// Whether JSON Schema has no such member; the order of properties is that of their list.
fn gone(name: &str, value: &str) -> bool {
    matches!(name, "nullable" | "propertyOrdering")
        || (name == "format" && value == r#""enum""#)
        || (name == "type" && value == r#""TYPE_UNSPECIFIED""#)
}

fn write_type(value: &str, nullable: bool, out: &mut Vec<u8>) -> bool {
    let word = value.trim_matches('"');
    let known = TYPES.contains(&word);
    let plain = if known {
        value.to_ascii_lowercase()
    } else {
        value.to_owned()
    };
    if nullable && value.starts_with('"') {
        out.extend_from_slice(format!(r#"[{plain},"null"]"#).as_bytes());
        return true;
    }
    out.extend_from_slice(plain.as_bytes());
    known
}

/// A list with one more item.
fn write_with_null(list: &str, null: &str, out: &mut Vec<u8>) -> bool {
    match list.trim_ascii_end().strip_suffix(']') {
        Some(open) => {
            let comma = if open.trim_ascii_end().ends_with('[') {
                ""
            } else {
                ","
            };
            out.extend_from_slice(format!("{open}{comma}{null}]").as_bytes());
            true
        }
        None => {
            out.extend_from_slice(list.as_bytes());
            false
        }
    }
}

/// A count; Google's JSON writes 64-bit ones as strings.
fn write_count(value: &str, out: &mut Vec<u8>) -> bool {
    let bare = value.trim_matches('"');
    let is_count = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    let plain = if is_count { bare } else { value };
    out.extend_from_slice(plain.as_bytes());
    plain != value
}

fn write_map(value: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let Some(map) = Shallow::of(value) else {
        out.extend_from_slice(value.as_bytes());
        return false;
    };
    let mut changed = false;
    out.push(b'{');
    for (nth, (name, schema)) in map.0.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        write_str(out, name);
        out.push(b':');
        changed |= write_node(schema.get(), depth + 1, out);
    }
    out.push(b'}');
    changed
}

fn write_list(value: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value) else {
        out.extend_from_slice(value.as_bytes());
        return false;
    };
    let mut changed = false;
    json::write_list(out, items, |out, item| {
        changed |= write_node(item.get(), depth + 1, out);
    });
    changed
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plain(schema: &Value) -> Option<Value> {
        let body = json!({ "tools": [{ "functionDeclarations": [{ "parameters": schema }] }] });
        let out = plain_schemas(body.to_string().as_bytes())?;
        let out: Value = serde_json::from_slice(&out).unwrap();
        Some(out["tools"][0]["functionDeclarations"][0]["parameters"].clone())
    }

    #[test]
    fn googles_schemas_become_json_schema() {
        let schema = json!({
            "type": "OBJECT",
            "propertyOrdering": ["b", "a"],
            "properties": {
                "b": { "type": "STRING", "nullable": true, "enum": ["x"], "format": "enum" },
                "a": { "type": "ARRAY", "min_items": "1", "items": { "type": "INTEGER", "format": "int32" } },
                "type": { "any_of": [{ "type": "NUMBER" }], "nullable": true, "example": "STRING" },
            },
            "required": ["b"]
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "b": { "type": ["string", "null"], "enum": ["x", null] },
                "a": { "type": "array", "minItems": 1, "items": { "type": "integer", "format": "int32" } },
                "type": { "anyOf": [{ "type": "number" }, { "type": "null" }], "example": "STRING" },
            },
            "required": ["b"]
        });
        assert_eq!(plain(&schema), Some(expected));
    }

    #[test]
    fn json_schemas_stay_as_they_are() {
        for schema in [
            json!({ "type": "object", "properties": { "OBJECT": { "type": "string" } } }),
            json!({ "anyOf": [{ "const": "STRING" }], "enum": ["NULL"] }),
            json!({}),
            json!(true),
            json!(null),
        ] {
            assert_eq!(plain(&schema), None, "{schema}");
        }
        assert_eq!(plain_schemas(br#"{"parameters"#), None);
        assert_eq!(plain_schemas(b"\"parameters\" \xff"), None);
    }

    #[test]
    fn only_the_schema_changes() {
        let body = br#"{ "contents" : [{"parts":[{"text":"\u00e9 \"OBJECT\""}]}], "x":1e3,
            "generation_config" : { "response_schema" :  {"type" : "ARRAY"} , "y": 2.50 } }"#;
        let out = String::from_utf8(plain_schemas(body).unwrap()).unwrap();
        let expected = std::str::from_utf8(body)
            .unwrap()
            .replace(r#"{"type" : "ARRAY"}"#, r#"{"type":"array"}"#);
        assert_eq!(out, expected);
    }
}
