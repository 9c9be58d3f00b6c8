//! Bends JSON Schemas into what Anthropic takes, keeping the caller's order of members: a model
//! fills in properties in the order in which they stand.

use std::collections::HashSet;

use serde_json::value::RawValue;

use crate::json::{Object, Shallow, Text, write_list};

const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Whether a schema describes an object at its root, as a tool's must.
pub(super) fn is_object_schema(schema: &RawValue) -> bool {
    Shallow::of(schema.get()).is_some_and(|root| root.get("type") == Some(r#""object""#))
}

/// Writes a tool's `input_schema`: an object at its root, without unions there. Returns whether the
/// schema had to be bent, which makes it wider, never narrower.
pub(crate) fn write_input_schema(out: &mut Vec<u8>, schema: Option<&RawValue>) -> bool {
    let Some(schema) = schema.map(RawValue::get).filter(|json| *json != "null") else {
        out.extend_from_slice(NO_ARGUMENTS.as_bytes());
        return false;
    };
    let Some(root) = Shallow::of(schema) else {
        out.extend_from_slice(NO_ARGUMENTS.as_bytes());
        return true;
    };
    if root.0.is_empty() {
        out.extend_from_slice(NO_ARGUMENTS.as_bytes());
        return false;
    }
    let unions: Vec<&str> = ["anyOf", "oneOf", "allOf"]
        .into_iter()
        .filter_map(|name| root.get(name))
        .collect();
    let object = root.get("type") == Some(r#""object""#);
    if unions.is_empty() && object {
        out.extend_from_slice(schema.as_bytes());
        return false;
    }
    flatten(out, &root, &unions);
    // A type that was missing only is no change of meaning: arguments are always objects.
    !unions.is_empty() || root.get("type").is_some()
}

/// Writes the root with the properties of all its branches and without what each of them requires.
fn flatten(out: &mut Vec<u8>, root: &Shallow<'_>, unions: &[&str]) {
    let mut branches: Vec<&RawValue> = Vec::new();
    for union in unions {
        branches.extend(serde_json::from_str::<Vec<&RawValue>>(union).unwrap_or_default());
    }
    let of_branches = branches
        .iter()
        .filter_map(|branch| Shallow::of(branch.get()));
    let found = root.get("properties").into_iter();
    let found = found.chain(of_branches.filter_map(|branch| branch.get("properties")));
    let mut known = HashSet::new();
    let mut properties: Vec<(Text<'_>, &RawValue)> = Vec::new();
    for (name, schema) in found.filter_map(Shallow::of).flat_map(|shallow| shallow.0) {
        if known.insert(name.0.clone()) {
            properties.push((name, schema));
        }
    }

    let mut object = Object::begin(out);
    object.text("type", "object");
    let mut all = Object::begin(object.key("properties"));
    for (name, schema) in &properties {
        all.any_key(name).extend_from_slice(schema.get().as_bytes());
    }
    all.end();
    let gone: &[&str] = if unions.is_empty() {
        &["type", "properties"]
    } else {
        &[
            "type",
            "properties",
            "required",
            "anyOf",
            "oneOf",
            "allOf",
            "additionalProperties",
        ]
    };
    for (name, value) in &root.0 {
        if !gone.contains(&&**name) {
            object
                .any_key(name)
                .extend_from_slice(value.get().as_bytes());
        }
    }
    object.end();
}

/// Writes a schema for replies, in which every object must refuse further members. Returns whether
/// that had to be added anywhere.
pub(super) fn write_reply_schema(out: &mut Vec<u8>, schema: &RawValue) -> bool {
    closed(out, schema.get(), MAX_DEPTH)
}

/// Deepest level that is looked at; providers take far less.
const MAX_DEPTH: usize = 128;

/// Members whose values are maps from names to schemas.
const MAPS: [&str; 3] = ["properties", "$defs", "definitions"];

fn closed(out: &mut Vec<u8>, schema: &str, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        out.extend_from_slice(schema.as_bytes());
        return false;
    };
    if schema.starts_with('[') {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(schema) else {
            out.extend_from_slice(schema.as_bytes());
            return false;
        };
        let mut changed = false;
        write_list(out, items, |out, item| {
            changed |= closed(out, item.get(), depth)
        });
        return changed;
    }
    let Some(node) = Shallow::of(schema) else {
        out.extend_from_slice(schema.as_bytes());
        return false;
    };
    let mut changed = false;
    let mut object = Object::begin(out);
    for (name, value) in &node.0 {
        let out = object.any_key(name);
        changed |= match &**name {
            name if MAPS.contains(&name) => closed_map(out, value.get(), depth),
            "items" | "anyOf" | "allOf" | "oneOf" | "not" | "prefixItems" => {
                closed(out, value.get(), depth)
            }
            _ => {
                out.extend_from_slice(value.get().as_bytes());
                false
            }
        };
    }
    if node.get("type") == Some(r#""object""#) && node.get("additionalProperties").is_none() {
        object.raw("additionalProperties", "false");
        changed = true;
    }
    object.end();
    changed
}

fn closed_map(out: &mut Vec<u8>, map: &str, depth: usize) -> bool {
    let Some(map) = Shallow::of(map) else {
        out.extend_from_slice(map.as_bytes());
        return false;
    };
    let mut changed = false;
    let mut object = Object::begin(out);
    for (name, value) in &map.0 {
        let out = object.any_key(name);
        changed |= closed(out, value.get(), depth);
    }
    object.end();
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(schema: &str) -> (String, bool) {
        let raw: &RawValue = serde_json::from_str(schema).unwrap();
        let mut out = Vec::new();
        let bent = write_input_schema(&mut out, Some(raw));
        (String::from_utf8(out).unwrap(), bent)
    }

    fn reply(schema: &str) -> (String, bool) {
        let raw: &RawValue = serde_json::from_str(schema).unwrap();
        let mut out = Vec::new();
        let bent = write_reply_schema(&mut out, raw);
        (String::from_utf8(out).unwrap(), bent)
    }

    #[test]
    fn sound_schemas_keep_their_bytes() {
        for schema in [
            r#"{ "type":"object", "properties":{"z":{"type":"number","maximum":1e3},"a":{}} }"#,
            r#"{"type":"object"}"#,
        ] {
            assert_eq!(input(schema), (schema.to_owned(), false));
        }
        assert_eq!(input("{}"), (NO_ARGUMENTS.to_owned(), false));
        assert_eq!(input("null"), (NO_ARGUMENTS.to_owned(), false));
        assert_eq!(input("[1]"), (NO_ARGUMENTS.to_owned(), true));
        let schema = r#"{"type":"object","properties":{},"additionalProperties":false}"#;
        assert_eq!(reply(schema), (schema.to_owned(), false));
    }

    #[test]
    fn unions_at_the_root_become_one_object() {
        let union = r#"{"anyOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"type":"object","properties":{"b":{"type":"number"}}}],"$defs":{"x":{}}}"#;
        let flat = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"number"}},"$defs":{"x":{}}}"#;
        assert_eq!(input(union), (flat.to_owned(), true));
        let union = r#"{"type":"object","properties":{"a":{},"b":{}},"anyOf":[{"required":["a"]},{"required":["b"]}]}"#;
        let flat = r#"{"type":"object","properties":{"a":{},"b":{}}}"#;
        assert_eq!(input(union), (flat.to_owned(), true));
    }

    #[test]
    fn a_missing_type_is_filled_in() {
        let schema = r#"{"properties":{"a":{}},"required":["a"]}"#;
        let filled = r#"{"type":"object","properties":{"a":{}},"required":["a"]}"#;
        assert_eq!(input(schema), (filled.to_owned(), false));
    }

    #[test]
    fn reply_objects_are_closed_at_every_depth() {
        let open = r#"{"type":"object","properties":{"z":{"type":"array","items":{"type":"object","properties":{}}},"a":{"anyOf":[{"type":"object"},{"type":"null"}]}}}"#;
        let closed = r#"{"type":"object","properties":{"z":{"type":"array","items":{"type":"object","properties":{},"additionalProperties":false}},"a":{"anyOf":[{"type":"object","additionalProperties":false},{"type":"null"}]}},"additionalProperties":false}"#;
        assert_eq!(reply(open), (closed.to_owned(), true));
    }
}
