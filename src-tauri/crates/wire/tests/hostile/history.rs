//! Conversations that break every rule.

use byokey_wire::Dialect;
use serde_json::{Value, json};

use crate::{CALLERS, send};

/// A request around this conversation.
fn request(caller: Dialect, conversation: Value) -> Value {
    match caller {
        Dialect::Responses => json!({ "model": "m", "input": conversation }),
        Dialect::Messages => json!({ "model": "m", "max_tokens": 9, "messages": conversation }),
        Dialect::Gemini => json!({ "contents": conversation }),
        Dialect::Chat | Dialect::Kiro => json!({ "model": "m", "messages": conversation }),
    }
}

fn user(caller: Dialect, text: &str) -> Value {
    match caller {
        Dialect::Gemini => json!({ "role": "user", "parts": [{ "text": text }] }),
        _ => json!({ "role": "user", "content": text }),
    }
}

/// A call of `f`.
fn call(caller: Dialect, id: &str) -> Value {
    match caller {
        Dialect::Responses => {
            json!({ "type": "function_call", "call_id": id, "name": "f", "arguments": "{}" })
        }
        Dialect::Messages => {
            json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": id, "name": "f", "input": {} }] })
        }
        Dialect::Gemini => {
            json!({ "role": "model", "parts": [{ "functionCall": { "id": id, "name": "f", "args": {} } }] })
        }
        Dialect::Chat | Dialect::Kiro => {
            json!({ "role": "assistant", "tool_calls": [{ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } }] })
        }
    }
}

/// The result of a call.
fn result(caller: Dialect, id: &str, text: &str) -> Value {
    match caller {
        Dialect::Responses => {
            json!({ "type": "function_call_output", "call_id": id, "output": text })
        }
        Dialect::Messages => {
            json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": id, "content": text }] })
        }
        Dialect::Gemini => {
            json!({ "role": "user", "parts": [{ "functionResponse": { "id": id, "name": "f", "response": { "output": text } } }] })
        }
        Dialect::Chat | Dialect::Kiro => {
            json!({ "role": "tool", "tool_call_id": id, "content": text })
        }
    }
}

/// What is sent holds this text, or the ledger is not empty.
fn told(caller: Dialect, conversation: Value, text: &str) {
    let body = request(caller, conversation).to_string();
    send(caller, body.as_bytes(), |upstream, result| {
        let translated =
            result.unwrap_or_else(|fault| panic!("{caller:?} to {upstream:?}: {body}: {fault:?}"));
        let sent = String::from_utf8(translated.body).unwrap();
        let fine = sent.contains(text) || !translated.losses.is_empty();
        assert!(
            fine,
            "{caller:?} to {upstream:?}: {text} is lost in silence: {sent}"
        );
    });
}

#[test]
fn results_without_calls_and_calls_without_results() {
    for caller in CALLERS {
        let (user, call, result) = (
            |text| user(caller, text),
            |id| call(caller, id),
            |id, text| result(caller, id, text),
        );
        let long = "x".repeat(500);
        for conversation in [
            json!([user("u"), result("c1", "orphan")]),
            json!([result("c1", "orphan")]),
            json!([result("c1", "orphan"), user("u"), call("c1")]),
            json!([user("u"), call("c1"), user("v"), result("c1", "orphan")]),
            json!([user("u"), call("c1"), result("c2", "orphan")]),
            json!([user("u"), call("c1"), result("", "orphan")]),
            json!([user("u"), call(""), result("", "orphan")]),
            json!([
                user("u"),
                call("c1"),
                result("c1", "one"),
                result("c1", "orphan")
            ]),
            json!([user("u"), call("c1"), call("c1"), result("c1", "orphan")]),
            json!([
                user("u"),
                call("c1"),
                result("c1", "orphan"),
                call("c1"),
                result("c1", "two")
            ]),
            json!([call("c1"), result("c1", "orphan")]),
            json!([
                user("u"),
                call("ungültig id\n"),
                result("ungültig id\n", "orphan")
            ]),
            json!([user("u"), call(&long), result(&long, "orphan")]),
        ] {
            told(caller, conversation, "orphan");
        }
        told(caller, json!([user("u"), call("c1")]), "\"f\"");
        told(
            caller,
            json!([user("u"), call("c1"), user("v"), call("c2")]),
            "\"f\"",
        );
    }
}

#[test]
fn nothing_to_say() {
    for caller in CALLERS {
        for conversation in [
            json!([]),
            json!([{}]),
            json!([null]),
            json!([user(caller, "")]),
            json!([user(caller, " \n ")]),
            json!([user(caller, "u"), user(caller, "")]),
            json!([{ "role": "user" }]),
            json!([{ "role": "user", "content": null }]),
            json!([{ "role": "user", "content": [] }]),
            json!([{ "role": "user", "parts": [] }]),
            json!([{ "role": "user", "parts": [{}] }]),
            json!([{ "role": "nobody", "content": "u", "parts": [{ "text": "u" }] }]),
            json!([{ "content": "u", "parts": [{ "text": "u" }] }]),
            json!([{ "role": "", "content": "u", "parts": [{ "text": "u" }] }]),
            json!([{ "role": "assistant", "content": "only" }]),
            json!([{ "role": "system", "content": "only" }]),
        ] {
            let body = request(caller, conversation).to_string();
            send(caller, body.as_bytes(), |upstream, result| {
                if let Err(fault) = result {
                    assert!(
                        fault.param.is_some(),
                        "{caller:?} to {upstream:?}: {body}: {fault:?}"
                    );
                }
            });
        }
    }
}

#[test]
fn parts_that_nobody_takes() {
    for caller in CALLERS {
        for part in [
            json!({ "type": "hologram", "hologram": "x" }),
            json!({ "type": "" }),
            json!({ "type": "video_url", "video_url": { "url": "https://a/b" } }),
            json!({ "type": "input_audio", "input_audio": { "data": "AAAA", "format": "ogg" } }),
            json!({ "type": "image_url", "image_url": { "url": "file:///etc/passwd" } }),
            json!({ "type": "image_url", "image_url": { "url": "data:" } }),
            json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64," } }),
            json!({ "type": "image_url", "image_url": { "url": "" } }),
            json!({ "type": "input_image", "file_id": "f" }),
            json!({ "type": "image", "source": { "type": "file", "file_id": "f" } }),
            json!({ "type": "image", "source": { "type": "hologram" } }),
            json!({ "type": "document", "source": { "type": "base64", "media_type": "application/zip", "data": "AA" } }),
            json!({ "type": "file", "file": {} }),
            json!({ "type": "input_file", "file_url": "https://a/b.pdf" }),
            json!({ "type": "tool_result" }),
            json!({ "type": "tool_use" }),
            json!({ "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} }),
            json!({ "type": "thinking" }),
            json!({ "type": "redacted_thinking", "data": "x" }),
            json!({ "inlineData": { "mimeType": "x/y", "data": "AA" } }),
            json!({ "fileData": { "fileUri": "https://a/b" } }),
            json!({ "executableCode": { "code": "1" } }),
            json!({ "functionCall": {} }),
            json!({ "functionResponse": {} }),
            json!({ "hologram": {} }),
        ] {
            for role in ["user", "assistant", "model"] {
                let message = json!({ "role": role, "content": [part], "parts": [part] });
                let conversation = json!([user(caller, "u"), message]);
                let body = request(caller, conversation).to_string();
                send(caller, body.as_bytes(), |upstream, result| match result {
                    Ok(_) => {}
                    Err(fault) => assert!(
                        fault.param.is_some(),
                        "{caller:?} to {upstream:?}: {body}: {fault:?}"
                    ),
                });
            }
        }
    }
}
