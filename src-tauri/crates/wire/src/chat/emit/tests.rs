use std::borrow::Cow;

use serde_json::{Value, json};

use super::*;
use crate::{FaultKind, Frames, chat::render_reply, fold::Fold};

fn envelope() -> Envelope {
    Envelope {
        model: "caller's".into(),
        created_s: 7,
        include_usage: true,
        free_text_tools: vec!["patch".into()],
        ..Envelope::default()
    }
}

/// The data of the frames for these events; JSON where it is JSON.
fn frames(events: &[Event<'_>], envelope: Envelope) -> Vec<Value> {
    let mut out = Vec::new();
    let mut emit = Emit::new(envelope);
    for event in events {
        emit.event(event, &mut out);
    }
    let mut seen = Vec::new();
    let mut frames = Frames::new();
    frames.push(&out, |frame| {
        let text = std::str::from_utf8(&frame.data).unwrap();
        seen.push(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
    });
    assert!(frames.at_boundary());
    seen
}

fn block<'a>(index: usize, kind: BlockKind<'a>, pieces: Vec<Piece<'a>>) -> Vec<Event<'a>> {
    let mut events = vec![Event::BlockStart { index, kind }];
    events.extend(
        pieces
            .into_iter()
            .map(|piece| Event::Delta { index, piece }),
    );
    events.push(Event::BlockStop { index });
    events
}

fn call<'a>(id: &'a str, name: &'a str) -> BlockKind<'a> {
    BlockKind::call(id, name)
}

fn end(reason: Finish, native: &str) -> [Event<'_>; 3] {
    let usage = Usage {
        input: Some(5),
        cache_read: Some(2),
        output: Some(3),
        ..Usage::default()
    };
    [
        Event::Usage(usage),
        Event::Finish {
            reason,
            native: native.into(),
            stop_sequence: None,
        },
        Event::End,
    ]
}

/// A reply with everything in it.
fn full<'a>() -> Vec<Event<'a>> {
    let text = |text: &'a str| Piece::Text(Cow::Borrowed(text));
    let arguments = |text: &'a str| Piece::Arguments(Cow::Borrowed(text));
    let mut events = vec![Event::Start {
        id: "msg_1".into(),
        model: "m".into(),
    }];
    events.extend(block(
        0,
        BlockKind::Thinking,
        vec![text("th\"ink"), Piece::Signature("s".into())],
    ));
    events.extend(block(1, BlockKind::Redacted("r".into()), vec![]));
    events.extend(block(2, BlockKind::Text, vec![text(""), text("hi")]));
    events.extend(block(
        3,
        call("a", "f"),
        vec![arguments("{\"x\""), arguments(":1}")],
    ));
    events.extend(block(4, call("b", "g"), vec![]));
    events.extend(block(
        5,
        BlockKind::Call {
            id: "c".into(),
            name: "patch".into(),
            form: CallForm::Text,
            namespace: None,
        },
        vec![arguments("*** a\n"), arguments("b")],
    ));
    events.extend(end(Finish::ToolCalls, "tool_use"));
    events
}

#[test]
fn everything_in_its_chunk() {
    let seen = frames(&full(), envelope());
    let deltas: Vec<&Value> = seen
        .iter()
        .filter_map(|chunk| chunk.pointer("/choices/0/delta"))
        .collect();
    assert_eq!(
        deltas,
        [
            &json!({"role": "assistant", "content": ""}),
            &json!({"reasoning_content": "th\"ink"}),
            &json!({"content": "hi"}),
            &json!({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            &json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"x\""}}]}),
            &json!({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
            &json!({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]}),
            &json!({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
            &json!({"tool_calls": [{"index": 2, "id": "c", "type": "custom", "custom": {"name": "patch", "input": ""}}]}),
            &json!({"tool_calls": [{"index": 2, "custom": {"input": "*** a\n"}}]}),
            &json!({"tool_calls": [{"index": 2, "custom": {"input": "b"}}]}),
            &json!({}),
        ]
    );
    let [.., finish, usage, done] = &seen[..] else {
        panic!("{seen:?}")
    };
    for chunk in &seen[..seen.len() - 1] {
        assert_eq!(chunk["id"], "chatcmpl-1");
        assert_eq!(
            (&chunk["object"], &chunk["created"], &chunk["model"]),
            (
                &json!("chat.completion.chunk"),
                &json!(7),
                &json!("caller's")
            )
        );
    }
    assert_eq!(
        finish["choices"],
        json!([{"index": 0, "delta": {}, "finish_reason": "tool_calls", "native_finish_reason": "tool_use"}])
    );
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(
        usage["usage"],
        json!({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "prompt_tokens_details": {"cached_tokens": 2}})
    );
    assert_eq!(done, "[DONE]");
}

#[test]
fn usage_only_when_asked_for_and_known() {
    let quiet = Envelope {
        include_usage: false,
        ..envelope()
    };
    assert!(
        frames(&full(), quiet)
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
    let unknown: Vec<Event<'_>> = full()
        .into_iter()
        .filter(|event| !matches!(event, Event::Usage(_)))
        .collect();
    assert!(
        frames(&unknown, envelope())
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
}

#[test]
fn the_role_is_first_and_a_fault_is_last() {
    let mut events = block(0, BlockKind::Refusal, vec![Piece::Text("no".into())]);
    events.push(Event::Fault(Fault::new(FaultKind::Upstream, "broke")));
    let seen = frames(&events, envelope());
    assert_eq!(seen[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(seen[1]["choices"][0]["delta"], json!({"refusal": "no"}));
    assert_eq!(seen[2]["error"]["message"], "broke");
    assert_eq!(seen.len(), 3);
    let mut out = Vec::new();
    Emit::new(envelope()).event(&Event::Ping, &mut out);
    assert_eq!(out, b": keep-alive\n\n");
}

#[test]
fn a_whole_reply_says_the_same() {
    let mut fold = Fold::default();
    for event in full() {
        fold.event(event);
    }
    let reply: Value =
        serde_json::from_slice(&render_reply(&fold.finish().unwrap(), &envelope())).unwrap();
    assert_eq!(
        reply,
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "caller's",
            "choices": [{"index": 0, "logprobs": null, "finish_reason": "tool_calls", "native_finish_reason": "tool_use",
                "message": {"role": "assistant", "content": "hi", "refusal": null, "reasoning_content": "th\"ink", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                    {"id": "c", "type": "custom", "custom": {"name": "patch", "input": "*** a\nb"}},
                ]}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "prompt_tokens_details": {"cached_tokens": 2}},
        })
    );

    let mut fold = Fold::default();
    fold.event(Event::Start {
        id: "".into(),
        model: "".into(),
    });
    for event in end(Finish::Refused, "refusal") {
        fold.event(event);
    }
    let reply: Value =
        serde_json::from_slice(&render_reply(&fold.finish().unwrap(), &envelope())).unwrap();
    assert_eq!(
        reply["choices"][0]["message"],
        json!({"role": "assistant", "content": "", "refusal": null})
    );
    assert_eq!(reply["choices"][0]["finish_reason"], "content_filter");
}
