//! Values that fit a JSON Schema, for tool arguments and structured answers.

use serde_json::{Map, Value, json};

/// What a question itself gives for a tool's arguments, as a sensible model would take it.
#[derive(Debug, Default)]
pub(crate) struct Hints<'a> {
    /// The first whole number.
    number: Option<u64>,
    /// What stands in single quotes first.
    quoted: Option<&'a str>,
}

impl<'a> Hints<'a> {
    pub(crate) fn of(question: &'a str) -> Self {
        let mut numbers = question.split(|letter: char| !letter.is_ascii_digit());
        Self {
            number: numbers.find_map(|digits| digits.parse().ok()),
            quoted: question
                .split('\'')
                .nth(1)
                .filter(|_| question.matches('\'').count() > 1),
        }
    }
}

/// A small value that fits `schema`; `turn` tells the calls of one reply apart.
pub(crate) fn value(schema: &Value, turn: usize, hints: &Hints<'_>) -> Value {
    if let Some(fixed) = schema.get("const") {
        return fixed.clone();
    }
    if let Some(Value::Array(choices)) = schema.get("enum") {
        return choices
            .get(turn % choices.len().max(1))
            .cloned()
            .unwrap_or(Value::Null);
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
        return branches
            .first()
            .map_or(Value::Null, |branch| value(branch, turn, hints));
    }
    match type_of(schema) {
        "object" => object(schema, turn, hints),
        "array" => schema
            .get("items")
            .map_or_else(|| json!([]), |items| json!([value(items, turn, hints)])),
        "integer" => json!(hints.number.unwrap_or(turn as u64 + 1)),
        "number" => json!(turn as f64 + 0.5),
        "boolean" => json!(turn.is_multiple_of(2)),
        "null" => Value::Null,
        // Not ASCII and with a quote, so that sloppy escaping on the way shows.
        _ => match hints.quoted {
            Some(quoted) => json!(quoted),
            None => json!(format!("Zürich \"{turn}\"")),
        },
    }
}

fn type_of(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or("string"),
        _ if schema.get("properties").is_some() => "object",
        _ => "string",
    }
}

fn object(schema: &Value, turn: usize, hints: &Hints<'_>) -> Value {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return json!({});
    };
    let members: Map<_, _> = properties
        .iter()
        .map(|(name, schema)| (name.clone(), value(schema, turn, hints)))
        .collect();
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_gets_every_property_in_its_type() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["c", "f"]},
            "tags": {"type": "array", "items": {"type": "boolean"}}}});
        let made = value(&schema, 1, &Hints::default());
        assert!(made["city"].is_string());
        assert_eq!((&made["days"], &made["unit"]), (&json!(2), &json!("f")));
        assert_eq!(made["tags"], json!([false]));
    }

    #[test]
    fn a_question_gives_what_it_names() {
        let hints = Hints::of("what is f(3) of '你好'?");
        let of = |kind: &str| value(&json!({"type": kind}), 0, &hints);
        assert_eq!((of("integer"), of("string")), (json!(3), json!("你好")));
        assert_eq!(Hints::of("it's none").quoted, None);
    }

    #[test]
    fn no_schema_at_all_still_gives_arguments() {
        assert_eq!(
            value(&json!({"type": "object"}), 0, &Hints::default()),
            json!({})
        );
    }
}
