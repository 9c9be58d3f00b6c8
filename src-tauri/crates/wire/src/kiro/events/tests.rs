use proptest::prelude::*;

use super::*;
use crate::kiro::frames::tests::{event, exception};

/// What a reply of these frames says, one line per event, and the same with cuts anywhere.
fn said(frames: &[Vec<u8>]) -> Vec<String> {
    let stream = frames.concat();
    let whole = in_pieces([&*stream]);
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(
            joined(in_pieces([head, tail])),
            joined(whole.clone()),
            "{at}"
        );
    }
    assert_eq!(in_pieces(stream.chunks(1)), whole);
    whole
}

fn in_pieces<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<String> {
    let (mut events, mut lines) = (Events::default(), Vec::new());
    let mut sink = |event: Event<'_>| lines.push(line(&event));
    for piece in pieces {
        events.push(piece, &mut sink);
    }
    events.finish(&mut sink);
    lines
}

fn joined(lines: Vec<String>) -> String {
    lines.join("\n")
}

fn line(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::BlockStart { index, kind } => match kind {
            BlockKind::Call { id, name, .. } => format!("{index} call {id} {name}"),
            BlockKind::Redacted(data) => format!("{index} redacted {data}"),
            other => format!("{index} {other:?}").to_lowercase(),
        },
        Event::Delta { index, piece } => match piece {
            Piece::Text(text) => format!("{index} + {text}"),
            Piece::Arguments(text) => format!("{index} args {text}"),
            Piece::Signature(text) => format!("{index} signed {text}"),
            other => format!("{index} {other:?}"),
        },
        Event::BlockStop { index } => format!("{index} stop"),
        Event::Usage(usage) => format!("usage {:?} {:?}", usage.input, usage.output),
        Event::Finish { reason, native, .. } => format!("{reason:?} {native}"),
        Event::Fault(fault) => format!(
            "fault {:?} {} {}",
            fault.kind,
            fault.code.as_deref().unwrap_or_default(),
            fault.message
        ),
        Event::End => "end".to_owned(),
        Event::Ping => "ping".to_owned(),
    }
}

fn text(text: &str) -> Vec<u8> {
    let said = Value::from(text);
    event("assistantResponseEvent", &format!("{{\"content\":{said}}}"))
}

#[test]
fn text_reasoning_and_calls() {
    let lines = said(&[
        event("initial-response", "{}"),
        event(
            "messageMetadataEvent",
            r#"{"conversationId":"c","utteranceId":"u"}"#,
        ),
        event("reasoningContentEvent", r#"{"text":"think"}"#),
        event("reasoningContentEvent", r#"{"signature":"sig"}"#),
        event("reasoningContentEvent", r#"{"redactedContent":"blob"}"#),
        event(
            "assistantResponseEvent",
            r#"{"content":"Hel","modelId":"m"}"#,
        ),
        text(""),
        text("lo"),
        text("lo"),
        event("toolUseEvent", r#"{"toolUseId":"t1","name":"f"}"#),
        event(
            "toolUseEvent",
            r#"{"toolUseId":"t1","name":"f","input":"{\"a\""}"#,
        ),
        event(
            "toolUseEvent",
            r#"{"toolUseId":"t2","name":"g","input":{"b":1e2}}"#,
        ),
        event(
            "toolUseEvent",
            r#"{"toolUseId":"t1","name":"f","input":":1}"}"#,
        ),
        event(
            "toolUseEvent",
            r#"{"toolUseId":"t1","name":"f","stop":true}"#,
        ),
        event(
            "toolUseEvent",
            r#"{"toolUseId":"t1","name":"f","input":"more","stop":true}"#,
        ),
        event("toolUseEvent", r#"{"stop":true}"#),
        event("codeReferenceEvent", "no json"),
        event("meteringEvent", r#"{"usage":0.5,"unit":"credit"}"#),
        event("contextUsageEvent", r#"{"contextUsagePercentage":1.5}"#),
        event(
            "metadataEvent",
            r#"{"tokenUsage":{"uncachedInputTokens":3,"cacheReadInputTokens":4,"outputTokens":5},"stopReason":"TOOL_USE"}"#,
        ),
    ]);
    assert_eq!(
        lines,
        [
            "start u ",
            "0 thinking",
            "0 + think",
            "0 signed sig",
            "0 stop",
            "1 redacted blob",
            "1 stop",
            "2 text",
            "2 + Hel",
            "2 + lo",
            "2 + lo",
            "2 stop",
            "3 call t1 f",
            "3 args {\"a\"",
            "4 call t2 g",
            "4 args {\"b\":1e2}",
            "3 args :1}",
            "3 stop",
            "4 stop",
            "usage Some(7) Some(5)",
            "ToolCalls TOOL_USE",
            "end",
        ]
    );
}

#[test]
fn ends() {
    let with = |reason: &str| event("metadataEvent", &format!(r#"{{"stopReason":"{reason}"}}"#));
    let call = |input: &str| {
        let input = Value::from(input);
        event(
            "toolUseEvent",
            &format!(r#"{{"toolUseId":"t","name":"f","input":{input}}}"#),
        )
    };
    let incomplete = "fault Upstream upstream_incomplete";
    for (frames, end) in [
        (vec![text("a")], "Stop "),
        (vec![text("a"), with("END_TURN")], "Stop END_TURN"),
        (vec![text("a"), with("UNKNOWN")], "Stop UNKNOWN"),
        (vec![text("a"), with("MAX_TOKENS")], "Length MAX_TOKENS"),
        (vec![text("a"), with("PAUSE_TURN")], "Paused PAUSE_TURN"),
        (vec![call("{}")], "ToolCalls "),
        (vec![call("")], "ToolCalls "),
        (vec![call("{}"), with("END_TURN")], "ToolCalls END_TURN"),
        (vec![call("{\"a"), with("MAX_TOKENS")], "Length MAX_TOKENS"),
        (vec![call("{\"a")], incomplete),
        (vec![event("followupPromptEvent", "{}")], "Stop "),
        (vec![], incomplete),
    ] {
        let lines = in_pieces([&*frames.concat()]);
        let found = lines.iter().any(|line| line.starts_with(end));
        assert!(found, "{end}: {lines:?}");
        let stops = lines.iter().filter(|line| line.ends_with(" stop")).count();
        let starts = lines.iter().filter(|line| line.ends_with(" text")).count()
            + lines.iter().filter(|line| line.contains(" call ")).count();
        let open = end == incomplete || end.starts_with("Length") && lines[1].contains("call");
        assert_eq!(stops, starts - usize::from(open && starts > 0), "{lines:?}");
    }
}

#[test]
fn a_refusal_is_told() {
    let lines = said(&[
        text("I"),
        event(
            "metadataEvent",
            r#"{"stopReason":"CONTENT_FILTERED","stopDetails":{"refusal":{"category":"cyber","explanation":"No."}}}"#,
        ),
    ]);
    assert_eq!(
        lines[3..],
        [
            "0 stop",
            "1 refusal",
            "1 + No.",
            "1 stop",
            "Refused CONTENT_FILTERED",
            "end"
        ]
    );
}

#[test]
fn faults_end_the_reply() {
    let after = |frame: Vec<u8>| {
        let lines = said(&[text("a"), frame, text("b")]);
        assert_eq!(lines[..3], ["start  ", "0 text", "0 + a"]);
        assert_eq!(lines.len(), 4, "nothing follows");
        lines[3].clone()
    };
    assert_eq!(
        after(exception("ThrottlingException", r#"{"message":"slow"}"#)),
        "fault RateLimit ThrottlingException slow"
    );
    assert_eq!(
        after(exception(
            "ValidationException",
            r#"{"message":"long","reason":"CONTENT_LENGTH_EXCEEDS_THRESHOLD"}"#
        )),
        "fault ContextTooLong CONTENT_LENGTH_EXCEEDS_THRESHOLD long"
    );
    assert_eq!(
        after(exception("InternalServerException", "")),
        "fault Upstream InternalServerException InternalServerException"
    );
    assert_eq!(
        after(event(
            "invalidStateEvent",
            r#"{"reason":"INVALID_TASK_ASSIST_PLAN","message":"no"}"#
        )),
        "fault Upstream INVALID_TASK_ASSIST_PLAN no"
    );
    assert_eq!(
        after(event("toolUseEvent", "{")),
        "fault Upstream  the provider sent an event that makes no sense"
    );
    let mut damaged = text("x");
    damaged[20] ^= 1;
    assert!(after(damaged).starts_with("fault Upstream upstream_damaged"));
}

#[test]
fn half_characters_are_mended() {
    let lines = said(&[event("assistantResponseEvent", r#"{"content":"a\ud83d"}"#)]);
    assert_eq!(lines[2], "0 + a\u{fffd}");
}

#[test]
fn a_cut_stream_is_told() {
    let stream = [text("a"), text("b")].concat();
    for at in 0..stream.len() {
        let lines = in_pieces([&stream[..at]]);
        let whole = at == stream.len() / 2;
        assert_eq!(lines.last().unwrap() == "end", whole, "{at}: {lines:?}");
    }
}

#[test]
fn a_whole_body_is_the_same_stream() {
    let stream = [text("a"), text("b")].concat();
    let mut lines = Vec::new();
    read_reply(&stream, &mut |event| lines.push(line(&event)));
    assert_eq!(lines, in_pieces([&*stream]));
}

proptest! {
    #[test]
    fn odd_events_do_no_harm(
        kinds in proptest::collection::vec(0usize..6, 1..6),
        payload in prop_oneof![
            r#"\{("(content|text|input|stop|toolUseId|name|tokenUsage|stopDetails)":("x"|null|7|\[\]|\{\}|true|"\\\\ud800"),?){0,4}\}?"#,
            ".{0,12}",
        ],
    ) {
        const KINDS: [&str; 6] = [
            "assistantResponseEvent", "reasoningContentEvent", "toolUseEvent",
            "messageMetadataEvent", "metadataEvent", "invalidStateEvent",
        ];
        let frames: Vec<Vec<u8>> = kinds.iter().map(|kind| event(KINDS[*kind], &payload)).collect();
        let lines = in_pieces([&*frames.concat()]);
        let last = lines.last().unwrap();
        prop_assert!(last == "end" || last.starts_with("fault"), "{lines:?}");
        prop_assert_eq!(&lines, &in_pieces(frames.concat().chunks(3)));
    }
}
