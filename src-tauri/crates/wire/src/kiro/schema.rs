//! Bends tool schemas into what Kiro takes.
//!
//! On top of what its models' makers refuse, Kiro refuses `additionalProperties` anywhere and a
//! `required` that is empty or no list. The order of members stays the caller's.

use serde_json::value::RawValue;

use crate::{
    json::{Shallow, write_list},
    messages::write_input_schema,
};

/// Deepest level looked into; what is below is copied as it is.
const MAX_DEPTH: usize = 64;

/// Writes a tool's schema. Returns whether it had to be bent, which makes it wider, never narrower.
pub(super) fn write(out: &mut Vec<u8>, schema: Option<&RawValue>) -> bool {
    let mut rooted = Vec::new();
    let bent = write_input_schema(&mut rooted, schema);
    match serde_json::from_slice::<&RawValue>(&rooted) {
        Ok(schema) => write_node(schema.get(), 0, out) || bent,
        // It was read from JSON and written by us.
        Err(_) => bent,
    }
}

fn write_node(raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let mut bent = false;
    if depth < MAX_DEPTH
        && let Ok(Shallow::<&RawValue>(members)) = serde_json::from_str(raw)
    {
        out.push(b'{');
        let start = out.len();
        for (key, value) in members {
            match key.get() {
                r#""additionalProperties""# => {
                    bent = true;
                    continue;
                }
                r#""required""# if !is_filled_list(value.get()) => continue,
                _ => {}
            }
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(key.get().as_bytes());
            out.push(b':');
            bent |= match key.get() {
                // The names in there are the caller's own, not words of the language.
                r#""properties""#
                | r#""patternProperties""#
                | r#""$defs""#
                | r#""definitions""# => write_named(value.get(), depth + 1, out),
                // Values, not schemas.
                r#""default""# | r#""const""# | r#""enum""# | r#""examples""# => {
                    out.extend_from_slice(value.get().as_bytes());
                    false
                }
                _ => write_node(value.get(), depth + 1, out),
            };
        }
        out.push(b'}');
    } else if depth < MAX_DEPTH
        && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw)
    {
        write_list(out, items, |out, item| {
            bent |= write_node(item.get(), depth + 1, out);
        });
    } else {
        out.extend_from_slice(raw.as_bytes());
    }
    bent
}

/// Schemas by name.
fn write_named(raw: &str, depth: usize, out: &mut Vec<u8>) -> bool {
    let Ok(Shallow::<&RawValue>(members)) = serde_json::from_str(raw) else {
        out.extend_from_slice(raw.as_bytes());
        return false;
    };
    let mut bent = false;
    out.push(b'{');
    for (nth, (key, value)) in members.into_iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key.get().as_bytes());
        out.push(b':');
        bent |= write_node(value.get(), depth, out);
    }
    out.push(b'}');
    bent
}

fn is_filled_list(raw: &str) -> bool {
    serde_json::from_str::<Vec<&RawValue>>(raw).is_ok_and(|items| !items.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(schema: &str) -> (String, bool) {
        let mut out = Vec::new();
        let raw: &RawValue = serde_json::from_str(schema).unwrap();
        let bent = write(&mut out, Some(raw));
        (String::from_utf8(out).unwrap(), bent)
    }

    #[test]
    fn what_kiro_refuses_goes() {
        for (schema, expected, bent) in [
            (
                r#"{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer","minimum":1e2}},"required":["b"]}"#,
                r#"{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer","minimum":1e2}},"required":["b"]}"#,
                false,
            ),
            (
                r#"{"type":"object","properties":{"o":{"type":"object","additionalProperties":{"type":"string"},"required":null}},"required":[],"additionalProperties":false}"#,
                r#"{"type":"object","properties":{"o":{"type":"object"}}}"#,
                true,
            ),
            (
                r#"{"type":"object","properties":{"additionalProperties":{"type":"string"},"required":{"type":"array","items":[{"required":[]}]}},"default":{"additionalProperties":1}}"#,
                r#"{"type":"object","properties":{"additionalProperties":{"type":"string"},"required":{"type":"array","items":[{}]}},"default":{"additionalProperties":1}}"#,
                false,
            ),
            (
                r#"{"additionalProperties":false,"type":"object"}"#,
                r#"{"type":"object"}"#,
                true,
            ),
            (
                r#"{"type":"object","anyOf":[{"properties":{"a":{"additionalProperties":false}}}]}"#,
                r#"{"type":"object","properties":{"a":{}}}"#,
                true,
            ),
            ("{}", r#"{"type":"object","properties":{}}"#, false),
            ("7", r#"{"type":"object","properties":{}}"#, true),
        ] {
            assert_eq!(written(schema), (expected.to_owned(), bent), "{schema}");
        }
    }

    #[test]
    fn depth_does_no_harm() {
        let deep = format!(
            r#"{{"type":"object","properties":{}{}}}"#,
            r#"{"items":"#.repeat(100) + "1",
            "}".repeat(100)
        );
        assert_eq!(written(&deep).0, deep);
    }
}
