//! Bends JSON Schemas into what Google takes.
//!
//! Newer models take JSON Schema and need little; older ones take an OpenAPI subset, in which
//! references, unions of types and most assertions have no word.

use std::{cell::Cell, collections::HashSet};

use serde_json::value::RawValue;

use crate::json::{Object, Shallow, Text, write_list, write_str};

/// Deepest level looked into; what is below is copied, or in the older form left out.
const MAX_DEPTH: usize = 48;
/// Most schemas that the older form of one may hold.
const MAX_NODES: usize = 20_000;

/// Writes JSON Schema without titles, which say nothing that names do not, and without `required`
/// names that have no property. Returns whether such a name was dropped.
pub(super) fn write_json_schema(schema: &str, out: &mut Vec<u8>) -> bool {
    json_node(schema, 0, out)
}

fn json_node(raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let node = (depth < MAX_DEPTH).then(|| Shallow::of(raw)).flatten();
    let Some(node) = node else {
        out.extend_from_slice(raw.as_bytes());
        return false;
    };
    let mut bent = false;
    let mut object = Object::begin(out);
    for (key, value) in &node.0 {
        let value = value.get();
        match &**key {
            "title" if value.starts_with('"') => continue,
            "required" => bent |= write_required(&node, value, &mut object),
            "properties" | "$defs" | "definitions" => {
                bent |= json_map(value, depth, object.any_key(key));
            }
            "items" | "additionalProperties" | "not" => {
                bent |= json_node(value, depth + 1, object.any_key(key));
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                bent |= json_list(value, depth, object.any_key(key));
            }
            _ => object.any_key(key).extend_from_slice(value.as_bytes()),
        }
    }
    object.end();
    bent
}

fn json_map(raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let Some(map) = Shallow::of(raw) else {
        out.extend_from_slice(raw.as_bytes());
        return false;
    };
    let mut bent = false;
    let mut object = Object::begin(out);
    for (name, schema) in &map.0 {
        bent |= json_node(schema.get(), depth + 1, object.any_key(name));
    }
    object.end();
    bent
}

fn json_list(raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        out.extend_from_slice(raw.as_bytes());
        return false;
    };
    let mut bent = false;
    write_list(out, items, |out, item| {
        bent |= json_node(item.get(), depth + 1, out)
    });
    bent
}

/// Writes the required names that exist, if any; returns whether one did not.
fn write_required(node: &Shallow<'_>, raw: &str, object: &mut Object<'_>) -> bool {
    let properties = node.get("properties").and_then(Shallow::of);
    let (Some(properties), Ok(names)) = (properties, serde_json::from_str::<Vec<Text<'_>>>(raw))
    else {
        object.raw("required", raw);
        return false;
    };
    let known: HashSet<&str> = properties.0.iter().map(|(name, _)| &**name).collect();
    let kept: Vec<&Text<'_>> = names
        .iter()
        .filter(|name| known.contains(&***name))
        .collect();
    let bent = kept.len() < names.len();
    if !kept.is_empty() {
        write_list(object.key("required"), kept, |out, name| {
            write_str(out, name)
        });
    }
    bent
}

/// Writes the older form. Returns whether the schema had to be bent, which makes it wider.
pub(super) fn write_older_schema(schema: &str, out: &mut Vec<u8>) -> bool {
    let root = Shallow::of(schema);
    let older = Older {
        left: Cell::new(MAX_NODES),
        defs: root.as_ref().map_or_else(Vec::new, |root| {
            let maps = ["$defs", "definitions"]
                .into_iter()
                .filter_map(|name| root.get(name));
            maps.filter_map(Shallow::of).flat_map(|map| map.0).collect()
        }),
    };
    older.node(schema, 0, out)
}

/// Members of the older form whose values are copied.
const COPIED: [&str; 11] = [
    "description",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
];

/// Members without weight, whose loss changes no meaning.
const WEIGHTLESS: [&str; 10] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "examples",
    "example",
    "default",
    "nullable",
];

/// The older form of one schema.
struct Older<'a> {
    /// How many more schemas may be written: references can multiply without end.
    left: Cell<usize>,
    /// What references may name.
    defs: Vec<(Text<'a>, &'a RawValue)>,
}

impl Older<'_> {
    fn node(&self, raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
        self.left.set(self.left.get().saturating_sub(1));
        let more = depth < MAX_DEPTH && self.left.get() > 0;
        let Some(node) = more.then(|| Shallow::of(raw)).flatten() else {
            // `true` or something stranger.
            out.extend_from_slice(br#"{"type":"object"}"#);
            return true;
        };
        if let Some(target) = self.target(&node) {
            let said = self.node(target, depth + 4, out);
            return said
                | node
                    .0
                    .iter()
                    .any(|(key, _)| !matches!(&**key, "$ref" | "description"));
        }
        let mut bent = false;
        let mut object = Object::begin(out);
        bent |= self.write_type(&node, depth, &mut object);
        for (key, value) in &node.0 {
            let value = value.get();
            match &**key {
                "type" | "anyOf" | "oneOf" | "allOf" => {}
                "enum" => bent |= write_enum(value, &mut object),
                "const" => bent |= write_enum(&format!("[{value}]"), &mut object),
                "required" => bent |= write_required(&node, value, &mut object),
                "properties" => bent |= self.map(value, depth, object.key("properties")),
                "items" => bent |= self.node(value, depth + 1, object.key("items")),
                key if COPIED.contains(&key) => {
                    object.any_key(key).extend_from_slice(value.as_bytes());
                }
                key => bent |= !WEIGHTLESS.contains(&key),
            }
        }
        if node.get("type") == Some(r#""array""#) && node.get("items").is_none() {
            object.raw("items", r#"{"type":"string"}"#);
            bent = true;
        }
        object.end();
        bent
    }

    /// What a reference stands for.
    fn target(&self, node: &Shallow<'_>) -> Option<&str> {
        let name = serde_json::from_str::<Text<'_>>(node.get("$ref")?).ok()?;
        let (_, name) = name.rsplit_once('/')?;
        let (_, schema) = self.defs.iter().find(|(key, _)| &**key == name)?;
        Some(schema.get())
    }

    /// Type, nullability and unions.
    fn write_type(&self, node: &Shallow<'_>, depth: usize, object: &mut Object<'_>) -> bool {
        let types: Vec<String> = match node.get("type") {
            Some(one) if one.starts_with('"') => serde_json::from_str(one).into_iter().collect(),
            Some(many) => serde_json::from_str(many).unwrap_or_default(),
            None => Vec::new(),
        };
        let mut nullable = node.get("nullable") == Some("true");
        nullable |= types.len() > 1 && types.iter().any(|kind| kind == "null");
        let real: Vec<&String> = types
            .iter()
            .filter(|kind| types.len() < 2 || *kind != "null")
            .collect();
        let union = ["anyOf", "oneOf", "allOf"]
            .into_iter()
            .find_map(|name| node.get(name));
        let branches: Vec<&RawValue> = union
            .and_then(|list| serde_json::from_str(list).ok())
            .unwrap_or_default();
        let is_null = |branch: &&&RawValue| {
            Shallow::of(branch.get()).is_some_and(|node| node.get("type") == Some(r#""null""#))
        };
        nullable |= branches.iter().any(|branch| is_null(&branch));
        let branches: Vec<&&RawValue> = branches.iter().filter(|branch| !is_null(branch)).collect();

        let mut bent = node.get("oneOf").is_some() || node.get("allOf").is_some();
        if let [one] = real.as_slice() {
            object.text("type", one);
        } else if !real.is_empty() {
            write_list(object.key("anyOf"), &real, |out, kind| {
                out.extend_from_slice(br#"{"type":"#);
                write_str(out, kind);
                out.push(b'}');
            });
        } else if branches.is_empty() && node.get("properties").is_some() {
            object.text("type", "object");
        } else if branches.is_empty() && (node.get("enum").is_some() || node.get("const").is_some())
        {
            object.text("type", "string");
        } else if branches.is_empty() {
            bent = true;
            object.text("type", "string");
        }
        if nullable {
            object.bool("nullable", true);
        }
        if real.len() < 2 && !branches.is_empty() {
            write_list(object.key("anyOf"), branches, |out, branch| {
                bent |= self.node(branch.get(), depth + 1, out);
            });
        }
        bent
    }

    fn map(&self, raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
        let mut bent = false;
        let mut object = Object::begin(out);
        for (name, schema) in Shallow::of(raw).map_or_else(Vec::new, |map| map.0) {
            bent |= self.node(schema.get(), depth + 1, object.any_key(&name));
        }
        object.end();
        bent
    }
}

/// Writes the values that are strings: the older form has no others to choose from.
fn write_enum(raw: &str, object: &mut Object<'_>) -> bool {
    let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        return true;
    };
    let texts: Vec<&str> = values
        .iter()
        .map(|value| value.get())
        .filter(|value| value.starts_with('"'))
        .collect();
    let others = values.iter().filter(|value| value.get() != "null").count() > texts.len();
    if others || texts.is_empty() {
        return true;
    }
    write_list(object.key("enum"), texts, |out, text| {
        out.extend_from_slice(text.as_bytes())
    });
    false
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn bend(write: impl Fn(&str, &mut Vec<u8>) -> bool, schema: &Value) -> (Value, bool) {
        let mut out = Vec::new();
        let bent = write(&schema.to_string(), &mut out);
        (serde_json::from_slice(&out).unwrap(), bent)
    }

    #[test]
    fn newer_models_get_json_schema() {
        let schema = json!({
            "$schema": "x", "title": "Args", "type": "object", "additionalProperties": false,
            "properties": {
                "title": { "title": "Title", "type": "string", "const": "a" },
                "b": { "oneOf": [{ "title": "B", "$ref": "#/$defs/B" }] },
            },
            "required": ["b", "gone", "title", "away"],
            "$defs": { "B": { "title": "B", "type": ["integer", "null"] } },
        });
        let expected = json!({
            "$schema": "x", "type": "object", "additionalProperties": false,
            "properties": {
                "title": { "type": "string", "const": "a" },
                "b": { "oneOf": [{ "$ref": "#/$defs/B" }] },
            },
            "required": ["b", "title"],
            "$defs": { "B": { "type": ["integer", "null"] } },
        });
        assert_eq!(bend(write_json_schema, &schema), (expected.clone(), true));
        assert_eq!(bend(write_json_schema, &expected), (expected, false));
    }

    #[test]
    fn older_models_get_the_subset() {
        let schema = json!({
            "$schema": "x", "type": "object", "additionalProperties": false,
            "properties": {
                "kind": { "const": "a", "default": "a" },
                "n": { "type": ["integer", "null"], "exclusiveMinimum": 0 },
                "either": { "oneOf": [{ "type": "string" }, { "type": "number" }, { "type": "null" }] },
                "ref": { "$ref": "#/$defs/B" },
                "list": { "type": "array" },
                "both": { "type": ["string", "number"] },
                "level": { "type": "integer", "enum": [1, 2] },
            },
            "required": ["kind", "gone"],
            "$defs": { "B": { "type": "object", "properties": { "c": { "type": "string", "pattern": "x" } } } },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "kind": { "type": "string", "enum": ["a"] },
                "n": { "type": "integer", "nullable": true },
                "either": { "nullable": true, "anyOf": [{ "type": "string" }, { "type": "number" }] },
                "ref": { "type": "object", "properties": { "c": { "type": "string", "pattern": "x" } } },
                "list": { "type": "array", "items": { "type": "string" } },
                "both": { "anyOf": [{ "type": "string" }, { "type": "number" }] },
                "level": { "type": "integer" },
            },
            "required": ["kind"],
        });
        assert_eq!(bend(write_older_schema, &schema), (expected, true));
        let plain = json!({ "type": "object", "properties": { "a": { "type": "string", "description": "d" } } });
        assert_eq!(bend(write_older_schema, &plain), (plain.clone(), false));
    }

    #[test]
    fn schemas_that_never_end_do_no_harm() {
        let endless = json!({
            "$ref": "#/$defs/A",
            "$defs": { "A": { "type": "object", "properties": { "a": { "$ref": "#/$defs/A" } } } },
        });
        let (_, bent) = bend(write_older_schema, &endless);
        assert!(bent);
        let wide = json!({
            "$ref": "#/$defs/A",
            "$defs": { "A": { "anyOf": vec![json!({ "$ref": "#/$defs/A" }); 20] } },
        });
        let mut out = Vec::new();
        write_older_schema(&wide.to_string(), &mut out);
        assert!(out.len() < 2 << 20, "{}", out.len());
    }
}
