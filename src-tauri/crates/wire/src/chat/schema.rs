//! Tool schemas as Chat's providers take them: an object names its properties, even when it has none.

use serde_json::value::RawValue;

use crate::json::{Shallow, write_list};

/// The schema of a tool without arguments.
pub(crate) const EMPTY: &str = r#"{"type":"object","properties":{}}"#;

/// Deepest level looked into; what is below is copied as it is.
const MAX_DEPTH: usize = 64;

/// Writes a schema with `properties` added to every object type that lacks them. Everything else
/// stays as the caller wrote it, order and numbers included.
pub(crate) fn write(schema: &str, out: &mut Vec<u8>) {
    if schema.trim_ascii() == "{}" {
        out.extend_from_slice(EMPTY.as_bytes());
    } else {
        write_node(schema, 0, out);
    }
}

fn write_node(raw: &str, depth: usize, out: &mut Vec<u8>) {
    let node = match raw.as_bytes().first() {
        Some(b'{') if depth < MAX_DEPTH => serde_json::from_str::<Shallow<'_, &RawValue>>(raw).ok(),
        Some(b'[') if depth < MAX_DEPTH => {
            if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) {
                write_list(out, items, |out, item| {
                    write_node(item.get(), depth + 1, out);
                });
                return;
            }
            None
        }
        _ => None,
    };
    let Some(Shallow(members)) = node else {
        out.extend_from_slice(raw.as_bytes());
        return;
    };
    out.push(b'{');
    let (mut is_object, mut has_properties) = (false, false);
    for (nth, (key, value)) in members.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key.get().as_bytes());
        out.push(b':');
        match key.get() {
            // Values, not schemas.
            r#""default""# | r#""const""# | r#""enum""# | r#""examples""# => {
                out.extend_from_slice(value.get().as_bytes());
                continue;
            }
            r#""type""# => is_object = value.get() == r#""object""#,
            r#""properties""# => has_properties = true,
            _ => {}
        }
        write_node(value.get(), depth + 1, out);
    }
    if is_object && !has_properties {
        out.extend_from_slice(br#","properties":{}"#);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    #[test]
    fn objects_name_their_properties() {
        for (schema, expected) in [
            ("{}", super::EMPTY),
            (
                r#"{"type":"object"}"#,
                r#"{"type":"object","properties":{}}"#,
            ),
            (
                r#"{ "type":"object", "properties":{"b":{"type":"object"},"a":{"type":"array","items":{"type":"object"}}},"x":1e3}"#,
                r#"{"type":"object","properties":{"b":{"type":"object","properties":{}},"a":{"type":"array","items":{"type":"object","properties":{}}}},"x":1e3}"#,
            ),
            (
                r#"{"type":"object","properties":{"type":{"type":"string"}},"default":{"type":"object"}}"#,
                r#"{"type":"object","properties":{"type":{"type":"string"}},"default":{"type":"object"}}"#,
            ),
            (
                r#"{"anyOf":[{"type":"object"}]}"#,
                r#"{"anyOf":[{"type":"object","properties":{}}]}"#,
            ),
            ("true", "true"),
        ] {
            let mut out = Vec::new();
            super::write(schema, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn depth_does_no_harm() {
        let deep = format!(
            "{}{}",
            r#"{"items":"#.repeat(5_000) + "1",
            "}".repeat(5_000)
        );
        let mut out = Vec::new();
        super::write(&deep, &mut out);
        assert_eq!(out.len(), deep.len());
    }
}
