use serde_json::{Value, json};

use super::*;

const CAPS: Capabilities = Capabilities {
    sampling: crate::SamplingSupport::Full,
    temperature_max: None,
    thinking: None,
    prefill: None,
    mid_system: None,
    json_schema: None,
    json_schema_with_tools: None,
    tool_json_schema: None,
    fetches_urls: None,
    max_output: None,
    wants_reasoning_content: false,
    custom_tools: None,
    max_completion_tokens: false,
};

fn target() -> Target<'static> {
    Target::new("up", &CAPS, "o")
}

#[test]
fn pairs_without_a_way_are_refused() {
    use Dialect::{Chat, Kiro};
    for (caller, upstream) in [(Kiro, Chat), (Chat, Chat)] {
        let fault = translate(&Ask::new(caller, b"{}"), upstream, &target()).unwrap_err();
        assert_eq!(fault.kind, FaultKind::BadRequest, "{caller:?} {upstream:?}");
        assert!(fault.message.contains(caller.name()));
    }
}

#[test]
fn half_characters_are_mended_in_requests_and_replies() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a\ud83d b\ud83d\ude00"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"description":"\udc00"}}}]}"#;
    let translated = translate(
        &Ask::new(Dialect::Chat, body.as_bytes()),
        Dialect::Messages,
        &target(),
    )
    .unwrap();
    let sent: Value = serde_json::from_slice(&translated.body).unwrap();
    assert!(sent["messages"].to_string().contains("a\u{fffd} b😀"));
    let reply = r#"{"id":"msg_1","type":"message","role":"assistant","model":"up","content":[{"type":"text","text":"x\ud800"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let reply = translated.answer.reply(reply.as_bytes(), 7).unwrap();
    let shown: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(shown["choices"][0]["message"]["content"], "x\u{fffd}");
    assert_eq!(
        (&shown["model"], &shown["created"]),
        (&json!("m"), &json!(7))
    );
    assert_eq!(reply.seen.usage.total(), Some(3));
}

#[test]
fn shortened_names_come_back_whole() {
    let long = "mcp__server__".to_owned() + &"x".repeat(150);
    let body = format!(
        r#"{{"model":"m","max_tokens":5,"messages":[{{"role":"user","content":"u"}}],"tools":[{{"name":"{long}","input_schema":{{"type":"object"}}}}]}}"#
    );
    let translated = translate(
        &Ask::new(Dialect::Messages, body.as_bytes()),
        Dialect::Chat,
        &target(),
    )
    .unwrap();
    let sent: Value = serde_json::from_slice(&translated.body).unwrap();
    let short = sent["tools"][0]["function"]["name"].as_str().unwrap();
    assert!(short.len() <= 64);
    let reply = json!({"id": "c", "choices": [{"message": {"tool_calls": [{"id": "i", "function": {"name": short, "arguments": "{}"}}]}, "finish_reason": "tool_calls"}]});
    let reply = translated
        .answer
        .reply(reply.to_string().as_bytes(), 0)
        .unwrap();
    let shown: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(shown["content"][0]["name"], *long);
}

#[test]
fn faults_end_a_stream_once() {
    let body = br#"{"model":"m","stream":true,"messages":[{"role":"user","content":"u"}]}"#;
    let answer = translate(&Ask::new(Dialect::Chat, body), Dialect::Messages, &target())
        .unwrap()
        .answer;
    let start = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
    let cut = |end: &dyn Fn(&mut Translation, &mut Vec<u8>)| {
        let (mut translation, mut out) = (answer.stream(0), Vec::new());
        translation.push(start, &mut out);
        assert!(!translation.done());
        end(&mut translation, &mut out);
        assert!(translation.done());
        let length = out.len();
        translation.push(start, &mut out);
        translation.fail(&Fault::new(FaultKind::Timeout, "again"), &mut out);
        translation.finish(&mut out);
        assert_eq!(out.len(), length, "nothing follows");
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("[DONE]"));
        (text, translation.seen().fault.clone().unwrap())
    };
    let (text, fault) = cut(&|translation, out| translation.finish(out));
    assert_eq!(fault.code.as_deref(), Some("upstream_incomplete"));
    assert!(text.contains("\"code\":\"upstream_incomplete\""));
    let timeout = Fault::new(FaultKind::Timeout, "slow");
    let (text, _) = cut(&|translation, out| translation.fail(&timeout, out));
    assert!(text.contains("\"code\":\"timeout\""));

    for body in [
        "",
        "<html>",
        "{}",
        r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
    ] {
        assert!(answer.reply(body.as_bytes(), 0).is_err(), "{body}");
    }
}

#[test]
fn free_text_said_flat_comes_back_as_a_functions_arguments() {
    let caps = Capabilities::default();
    let target = Target::new("m", &caps, "anthropic");
    let tool = r#""tools":[{"type":"custom","name":"ApplyPatch"}]"#;
    let mixed = format!(r#"{{"model":"m","input":"x",{tool}}}"#);
    let flat = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}}],{tool}}}"#);
    let mixed = Ask {
        answer: Dialect::Chat,
        ..Ask::new(Dialect::Responses, mixed.as_bytes())
    };
    for ask in [mixed, Ask::new(Dialect::Chat, flat.as_bytes())] {
        let made = translate(&ask, Dialect::Messages, &target).unwrap();
        let reply = br#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"t1","name":"ApplyPatch","input":{"input":"*** Begin"}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}"#;
        let reply = made.answer.reply(reply, 0).unwrap();
        let reply: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let call = &reply["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["type"], "function");
        assert_eq!(call["function"]["arguments"], "*** Begin");
    }
}

#[test]
fn a_last_word_is_known_before_the_stream_is_closed() {
    let chunk =
        br#"data: {"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}

"#;
    let last = br#"data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}

"#;
    for (caller, upstream, body, said) in [
        (
            Dialect::Chat,
            Dialect::Gemini,
            r#"{"messages":[]}"#,
            &chunk[..],
        ),
        (
            Dialect::Gemini,
            Dialect::Chat,
            r#"{"contents":[]}"#,
            &last[..],
        ),
    ] {
        let ask = Ask {
            model: Some("m"),
            array: true,
            ..Ask::new(caller, body.as_bytes())
        };
        let translated = translate(&ask, upstream, &target()).unwrap();
        let mut translation = translated.answer.stream(0);
        let mut out = Vec::new();
        assert!(!translation.is_complete());
        translation.push(said, &mut out);
        assert!(translation.is_complete() && !translation.done());
        if caller == Dialect::Gemini {
            out.extend_from_slice(translation.keep_alive());
        }
        translation.finish(&mut out);
        assert!(translation.done() && translation.seen().fault.is_none());
        if caller == Dialect::Gemini {
            let chunks: Vec<Value> = serde_json::from_slice(&out).unwrap();
            assert_eq!(chunks.len(), 2);
        }
    }
}
