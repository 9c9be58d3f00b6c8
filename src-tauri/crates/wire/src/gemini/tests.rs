//! What the table of cases cannot say: streams as one array, whole replies as lists, odd bodies.

use serde_json::{Value, json};

use super::*;
use crate::{BlockKind, Event, Fault, FaultKind, Finish, Piece, fold::Fold, translate::Envelope};

fn envelope(array: bool) -> Envelope {
    Envelope {
        model: "m".into(),
        origin: "o".into(),
        array,
        ..Envelope::default()
    }
}

/// A short reply, or what comes before its fault.
fn say(emit: &mut Emit, out: &mut Vec<u8>, end: Event<'_>) {
    let finish = Event::Finish {
        reason: Finish::Stop,
        native: "stop".into(),
        stop_sequence: None,
    };
    let piece = Piece::Text("a".into());
    for event in [
        Event::Start {
            id: "r".into(),
            model: "up".into(),
        },
        Event::BlockStart {
            index: 0,
            kind: BlockKind::Text,
        },
        Event::Delta { index: 0, piece },
        Event::Ping,
        Event::BlockStop { index: 0 },
        finish,
        end,
        Event::Ping,
    ] {
        emit.event(&event, out);
    }
}

#[test]
fn a_stream_without_events_is_one_array() {
    let (mut emit, mut out) = (Emit::new(envelope(true)), Vec::new());
    say(&mut emit, &mut out, Event::End);
    let chunks: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(chunks.as_array().unwrap().len(), 2);
    assert_eq!(
        chunks[0]["candidates"][0]["content"]["parts"][0]["text"],
        "a"
    );
    assert_eq!(chunks[1]["candidates"][0]["finishReason"], "STOP");

    // What the array says, read as a whole reply.
    let mut fold = Fold::default();
    read_reply(&out, &mut |event| fold.event(event)).unwrap();
    let folded = fold.finish().unwrap();
    assert_eq!(folded.finish, Finish::Stop);
    let reply: Value = serde_json::from_slice(&render_reply(&folded, &envelope(true))).unwrap();
    assert_eq!(
        reply["candidates"][0]["content"]["parts"],
        json!([{ "text": "a" }])
    );

    let fault = || Event::Fault(Fault::new(FaultKind::Overloaded, "busy"));
    let (mut emit, mut out) = (Emit::new(envelope(true)), Vec::new());
    say(&mut emit, &mut out, fault());
    let chunks: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(chunks[1]["error"]["code"], 503);

    let (mut emit, mut out) = (Emit::new(envelope(true)), Vec::new());
    emit.event(&fault(), &mut out);
    let chunks: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(chunks[0]["error"]["message"], "busy");
}

#[test]
fn whole_replies_that_are_none_are_faults() {
    for (body, kind) in [
        (
            r#"{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}"#,
            FaultKind::UnknownModel,
        ),
        (
            r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#,
            FaultKind::Overloaded,
        ),
        ("<html>", FaultKind::Upstream),
        ("", FaultKind::Upstream),
        ("[]", FaultKind::Upstream),
        ("{}", FaultKind::Upstream),
        ("7", FaultKind::Upstream),
        (
            r#"{"candidates":[{"content":{"parts":[{"text":"cut"}]}}]}"#,
            FaultKind::Upstream,
        ),
        (
            r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"x"}]}"#,
            FaultKind::Upstream,
        ),
    ] {
        let mut fold = Fold::default();
        let read = read_reply(body.as_bytes(), &mut |event| fold.event(event));
        let fault = read.err().or_else(|| fold.finish().err());
        assert_eq!(fault.map(|fault| fault.kind), Some(kind), "{body}");
    }
}

#[test]
fn odd_requests_are_read_or_refused() {
    let long = format!(
        r#"{{"contents":[{}]}}"#,
        "{\"parts\":[]},".repeat(10_000) + "{}"
    );
    for (body, good) in [
        (r#"{"contents":[]}"#, true),
        (r#"{"contents":[{}]}"#, true),
        (r#"{"contents":[{"parts":null,"role":null}]}"#, true),
        (r#"{"contents":[{"parts":[{}]}]}"#, true),
        (r#"{"contents":{"parts":{"text":""}}}"#, true),
        (
            r#"{"contents":[{"parts":[{"functionCall":{}}]},{"parts":[{"functionResponse":{}}]}]}"#,
            true,
        ),
        (
            r#"{"contents":[{"parts":[{"functionCall":{"args":7}}]}]}"#,
            true,
        ),
        (
            r#"{"contents":[{"parts":[{"functionResponse":{"response":[1]}}]}]}"#,
            true,
        ),
        (
            r#"{"contents":[{"parts":[{"inlineData":{"data":"%%%","mimeType":"text/plain"}}]}]}"#,
            true,
        ),
        (
            r#"{"contents":[{"parts":[{"text":"\ufffd\u0000"}]}],"contents":[]}"#,
            true,
        ),
        (&long, true),
        (r#"{"contents":[{"parts":[{"inlineData":{}}]}]}"#, false),
        (r#"{"contents":[{"parts":[{"fileData":{}}]}]}"#, false),
        (r#"{"contents":[{"parts":[{"text":7}]}]}"#, false),
        (r#"{"contents":[7]}"#, false),
        (r#"{"contents":"hi"}"#, false),
        (r#"{"contents":null}"#, false),
        (r#"{"contents":[{"role":7}]}"#, false),
        (r#"[]"#, false),
        ("", false),
        ("{", false),
    ] {
        match read_request(body.as_bytes()) {
            Ok(_) => assert!(good, "{body}"),
            Err(fault) => {
                assert!(!good, "{body}: {fault:?}");
                assert_eq!(fault.kind, FaultKind::BadRequest, "{body}");
            }
        }
    }
}

#[test]
fn made_up_ids_depend_on_what_came_before_only() {
    let ids = |contents: &Value| -> Vec<String> {
        let body = json!({ "contents": contents }).to_string();
        let (turn, _) = read_request(body.as_bytes()).unwrap();
        let blocks = turn.messages.iter().flat_map(|message| &message.blocks);
        blocks
            .filter_map(|block| match &block.body {
                crate::Body::Call(call) => Some(call.id.clone().into_owned()),
                crate::Body::Result(result) => Some(result.call_id.clone().into_owned()),
                _ => None,
            })
            .collect()
    };
    let call = json!({ "functionCall": { "name": "f", "args": {} } });
    let answer = json!({ "functionResponse": { "name": "f", "response": {} } });
    let step = [
        json!({ "role": "model", "parts": [call, call] }),
        json!({ "role": "user", "parts": [answer, answer] }),
    ];
    let short = ids(&json!(step));
    assert_eq!((&short[0], &short[1]), (&short[2], &short[3]));
    assert_ne!(short[0], short[1]);
    let long = ids(&json!([step[0], step[1], step[0], step[1]]));
    assert_eq!(long[..4], short);
    assert!(!short.contains(&long[4]) && long[4] == long[6]);
    for _ in 0..100 {
        assert_eq!(ids(&json!(step)), short);
    }
}
