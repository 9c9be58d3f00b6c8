use serde_json::json;

use super::*;
use crate::gemini::{PLACEHOLDER, call_signature};

fn with(contents: Value) -> Result<(), Fault> {
    check(&json!({"contents": contents}))
}

fn user(text: &str) -> Value {
    json!({"role": "user", "parts": [{"text": text}]})
}

fn call(name: &str, signature: Option<&str>) -> Value {
    let mut part = json!({"functionCall": {"name": name, "args": {"a": 1}}});
    if let Some(signature) = signature {
        part["thoughtSignature"] = json!(signature);
    }
    part
}

fn said(parts: &[Value]) -> Value {
    json!({"role": "model", "parts": parts})
}

fn responses(names: &[&str]) -> Value {
    let part =
        |name: &&str| json!({"functionResponse": {"name": name, "response": {"result": "1"}}});
    json!({"role": "user", "parts": names.iter().map(part).collect::<Vec<_>>()})
}

#[test]
fn the_current_turns_first_call_is_signed() {
    let seal = call_signature("f", &json!({"a": 1}));
    let turn = |first: Option<&str>, second: Option<&str>| {
        let calls = said(&[call("f", first), call("g", second)]);
        with(json!([user("x"), calls, responses(&["f", "g"])]))
    };
    assert!(turn(Some(&seal), None).is_ok());
    assert!(turn(Some(PLACEHOLDER), None).is_ok());
    assert!(turn(None, None).is_err());
    assert!(turn(None, Some(&seal)).is_err());
    assert!(turn(Some(&call_signature("g", &json!({"a": 1}))), None).is_err());
    let earlier = said(&[call("f", None)]);
    assert!(with(json!([user("x"), earlier, responses(&["f"]), user("y")])).is_ok());
}

#[test]
fn calls_and_responses_stand_behind_each_other() {
    let calls = said(&[call("f", Some(PLACEHOLDER))]);
    assert!(with(json!([user("x"), calls, responses(&["f"])])).is_ok());
    assert!(
        with(json!([user("x"), calls])).is_ok(),
        "a last call is the model's own affair"
    );
    assert!(with(json!([user("x"), calls, responses(&["f", "f"])])).is_err());
    assert!(with(json!([user("x"), calls, user("y"), responses(&["f"])])).is_err());
    assert!(with(json!([user("x"), responses(&["f"])])).is_err());
    assert!(with(json!([calls, responses(&["f"])])).is_err());
}

#[test]
fn unknown_members_are_refused_everywhere() {
    for body in [
        json!({"contents": [user("x")], "stream": true}),
        json!({"contents": [user("x")], "generationConfig": {"max_tokens": 1}}),
        json!({"contents": [{"role": "user", "content": "x"}]}),
        json!({"contents": [{"role": "user", "parts": [{"type": "text", "text": "x"}]}]}),
        json!({"contents": [user("x")], "tools": [{"functions": []}]}),
        json!({"contents": [user("x")], "tools": [{"functionDeclarations": [
            {"name": "f", "parameters": {"type": "object", "additionalProperties": false}}]}]}),
    ] {
        assert!(check(&body).is_err(), "{body}");
    }
    assert!(check(&json!({"contents": [user("x")], "tools": [{"functionDeclarations": [
        {"name": "f", "parametersJsonSchema": {"type": "object", "additionalProperties": false}}]}]})).is_ok());
}
