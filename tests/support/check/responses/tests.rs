use serde_json::json;

use super::*;

fn with(input: Value) -> Result<(), Fault> {
    let body = json!({"model": "m", "input": input});
    check(&body, Form::Full, &Known::default(), true)
}

#[test]
fn calls_and_outputs_belong_together() {
    let user = json!({"role": "user", "content": "x"});
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "c", "output": "1"});
    assert!(with(json!([user, call, output])).is_ok());
    assert!(with(json!([user, call])).is_err());
    assert!(with(json!([user, output])).is_err());
    assert!(with(json!([user, output, call])).is_err());
    assert!(with(json!([user, call, output, output])).is_err());
}

#[test]
fn parts_belong_to_their_role() {
    let part = |role: &str, kind: &str| {
        with(json!([{"role": role, "content": [{"type": kind, "text": "x"}]}]))
    };
    assert!(part("user", "input_text").is_ok() && part("assistant", "output_text").is_ok());
    assert!(part("user", "output_text").is_err() && part("assistant", "input_text").is_err());
    assert!(part("user", "text").is_err() && part("tool", "input_text").is_err());
}

#[test]
fn sealed_reasoning_is_ours_and_has_something_behind_it() {
    let sealed = |content: &str, rest: Value| {
        let item =
            json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content});
        let mut input = vec![json!({"role": "user", "content": "x"}), item];
        input.extend(items(&rest).to_vec());
        with(json!(input))
    };
    let said = json!([{"role": "assistant", "content": "y"}]);
    let ours = proof::of_id(MAKER, "rs_1");
    assert!(sealed(&ours, said.clone()).is_ok());
    assert!(sealed(&ours, json!([])).is_err());
    assert!(sealed(&proof::of_id("google", "rs_1"), said.clone()).is_err());
    assert!(sealed("ZWFybHk=", said).is_err());
}

#[test]
fn plans_take_less() {
    let body = json!({"model": "m", "instructions": "", "store": false, "stream": true,
        "input": [{"role": "user", "content": "x"}]});
    let plan = |body: &Value| check(body, Form::Plan, &Known::default(), true);
    assert!(plan(&body).is_ok());
    for (name, value) in [
        ("temperature", json!(1)),
        ("store", json!(true)),
        ("stream", json!(false)),
        ("input", json!("x")),
        ("instructions", Value::Null),
        ("parallel_tool_calls", json!(true)),
        ("max_output_tokens", json!(100)),
    ] {
        let mut wrong = body.clone();
        wrong[name] = value;
        assert!(plan(&wrong).is_err(), "{name}");
    }
}

#[test]
fn the_forms_of_chat_are_no_forms_here() {
    let body = |name: &str, value: Value| {
        let mut body = json!({"model": "m", "input": "x", "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}]});
        body[name] = value;
        check(&body, Form::Full, &Known::default(), true)
    };
    assert!(body("tool_choice", json!({"type": "function", "name": "f"})).is_ok());
    assert!(
        body(
            "tool_choice",
            json!({"type": "function", "function": {"name": "f"}})
        )
        .is_err()
    );
    assert!(
        body(
            "tools",
            json!([{"type": "function", "function": {"name": "f"}}])
        )
        .is_err()
    );
    assert!(body("response_format", json!({"type": "json_object"})).is_err());
    assert!(body("previous_response_id", json!("resp_other")).is_err());
}
