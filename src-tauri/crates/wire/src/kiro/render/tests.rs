use serde_json::{Value, json};

use crate::{Ask, Capabilities, Dialect, FaultKind, Form, Target, Translated, translate};

/// What Kiro gets for a chat request.
fn sent(body: &Value) -> (Value, Translated) {
    let caps = Capabilities::default();
    let mut target = Target::new("claude-sonnet-5", &caps, "kiro");
    target.form = Form::Kiro { profile: "arn" };
    let body = body.to_string();
    let ask = Ask::new(Dialect::Chat, body.as_bytes());
    let translated = translate(&ask, Dialect::Kiro, &target).unwrap();
    (
        serde_json::from_slice(&translated.body).unwrap(),
        translated,
    )
}

fn paths(translated: &Translated) -> Vec<String> {
    let losses = translated.losses.entries().iter();
    losses
        .map(|loss| format!("{} {:?}", loss.path, loss.action))
        .collect()
}

#[test]
fn long_descriptions_go_on_in_the_instructions() {
    let long = "é".repeat(6000);
    let (body, translated) = sent(&json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "u" }],
        "tools": [{ "type": "function", "function": { "name": "f", "description": long } }],
    }));
    let message = &body["conversationState"]["currentMessage"]["userInputMessage"];
    let tool = &message["userInputMessageContext"]["tools"][0]["toolSpecification"];
    let (head, said) = (
        tool["description"].as_str().unwrap(),
        message["content"].as_str().unwrap(),
    );
    assert!(head.len() <= 9200 && said.starts_with("More about the tool `f`:\né"));
    assert!(said.ends_with("é\n\nu"));
    let letters = |text: &str| text.matches('é').count();
    assert_eq!(letters(head) + letters(said), 6000);
    assert_eq!(paths(&translated), ["tools[0].description Moved"]);
}

#[test]
fn a_name_is_declared_once() {
    let tool = |description| json!({ "type": "function", "function": { "name": "f", "description": description } });
    let (body, translated) = sent(&json!({
        "model": "m",
        "messages": [{ "role": "user", "content": "u" }],
        "tools": [tool("one"), tool("two")],
    }));
    let message = &body["conversationState"]["currentMessage"]["userInputMessage"];
    let tools = message["userInputMessageContext"]["tools"]
        .as_array()
        .unwrap();
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0]["toolSpecification"]["description"], "one");
    assert_eq!(paths(&translated), ["tools[1] Dropped"]);
}

#[test]
fn a_conversation_keeps_its_id() {
    let id = |body: &Value| {
        let (sent, _) = sent(body);
        let id = sent["conversationState"]["conversationId"].clone();
        let id = id.as_str().unwrap().to_owned();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        id
    };
    let user = |text: &str| json!({ "role": "user", "content": text });
    let first = json!({ "model": "m", "messages": [user("a")] });
    let later = json!({ "model": "m", "messages": [user("a"), { "role": "assistant", "content": "b" }, user("c")] });
    let other = json!({ "model": "m", "messages": [user("b")] });
    let keyed = |text| json!({ "model": "m", "messages": [user(text)], "prompt_cache_key": "key" });
    let picture = |data: &str| {
        let url = format!("data:image/png;base64,{data}");
        json!({ "model": "m", "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": url } }] }] })
    };
    assert_eq!(id(&first), id(&later));
    assert_ne!(id(&first), id(&other));
    assert_ne!(id(&first), id(&keyed("a")));
    assert_eq!(id(&keyed("a")), id(&keyed("b")));
    assert_ne!(id(&picture("iVBO")), id(&picture("iVBP")));
}

#[test]
fn what_has_no_place_is_refused_with_its_path() {
    let caps = Capabilities::default();
    let target = Target::new("claude-sonnet-5", &caps, "kiro");
    let part = |part: Value| json!({ "model": "m", "messages": [{ "role": "assistant", "content": "a" }, { "role": "user", "content": [part] }] });
    for body in [
        part(json!({ "type": "image_url", "image_url": { "url": "https://a/b.png" } })),
        part(json!({ "type": "image_url", "image_url": { "url": "data:image/tiff;base64,AA==" } })),
        part(json!({ "type": "input_audio", "input_audio": { "data": "AA==", "format": "wav" } })),
        part(json!({ "type": "file", "file": { "file_id": "file-1" } })),
        part(
            json!({ "type": "file", "file": { "file_data": "data:application/zip;base64,AA==" } }),
        ),
    ] {
        let body = body.to_string();
        let ask = Ask::new(Dialect::Chat, body.as_bytes());
        let fault = translate(&ask, Dialect::Kiro, &target).unwrap_err();
        assert_eq!(fault.kind, FaultKind::BadRequest, "{body}");
        assert_eq!(fault.param.as_deref(), Some("messages[1]"), "{body}");
    }
}
