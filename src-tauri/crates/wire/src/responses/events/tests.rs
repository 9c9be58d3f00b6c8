use super::*;
use crate::{
    fold::{Fold, Folded, Part},
    sse::Frames,
};

/// What a stream of these events says.
fn folded(events: &[&str]) -> Result<Folded, Fault> {
    let stream: String = events
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect();
    let mut fold = Fold::default();
    let mut reader = Events::default();
    let mut frames = Frames::new();
    let mut sink = |event: Event<'_>| fold.event(event);
    frames.push(stream.as_bytes(), |frame| reader.frame(&frame, &mut sink));
    reader.finish(&mut sink);
    fold.finish()
}

const END: &str = r#"{"type":"response.completed","response":{"status":"completed"}}"#;

#[test]
fn frames_find_their_item_by_id_then_place_then_order() {
    let reply = folded(&[
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"a","call_id":"1","name":"f"}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"b","call_id":"2","name":"g"}}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"a","output_index":1,"delta":"A"}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"x","output_index":1,"delta":"B"}"#,
        r#"{"type":"response.function_call_arguments.delta","delta":"b"}"#,
        r#"{"type":"response.output_text.delta","delta":"t"}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"a"}"#,
        END,
    ])
    .unwrap();
    let expected = [
        Part::call("1", "f", "Aa"),
        Part::call("2", "g", "Bb"),
        Part::Text("t".into()),
    ];
    assert_eq!(reply.blocks, expected);
    assert_eq!(reply.finish, Finish::ToolCalls);
}

#[test]
fn everything_is_said_once_however_often_it_comes() {
    let item = r#"{"type":"message","id":"m","content":[{"type":"output_text","text":"héllo"},{"type":"refusal","refusal":"no"}]}"#;
    let whole = format!(r#"{{"type":"response.output_item.done","output_index":0,"item":{item}}}"#);
    let end = format!(
        r#"{{"type":"response.completed","response":{{"status":"completed","output":[{item}]}}}}"#
    );
    let delta = r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"content_index":0,"delta":"hé"}"#;
    let done = r#"{"type":"response.output_text.done","item_id":"m","output_index":0,"content_index":0,"text":"héllo"}"#;
    let (whole, end) = (whole.as_str(), end.as_str());
    for events in [
        &[delta, done, whole, end][..],
        &[delta, whole, whole, END],
        &[delta, end],
        &[done, end],
        &[done, END],
        &[whole, delta, end],
        &[end],
    ] {
        let reply = folded(events).unwrap();
        let text: String = (reply.blocks.iter())
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(text, "héllo", "{events:?}");
        let refusals = reply
            .blocks
            .iter()
            .filter(|part| matches!(part, Part::Refusal(_)));
        assert_eq!(
            refusals.count(),
            usize::from(events.last() != Some(&END) || events.contains(&whole))
        );
    }
}

#[test]
fn thoughts_come_in_full_or_in_short() {
    let summary = r#"{"type":"response.reasoning_summary_text.delta","item_id":"r","summary_index":0,"delta":"short"}"#;
    let full = r#"{"type":"response.reasoning_text.delta","item_id":"r","content_index":0,"delta":"long"}"#;
    for (events, text) in [
        (&[summary, full, END], "short"),
        (&[full, summary, END], "long"),
    ] {
        let reply = folded(events).unwrap();
        let signature = None;
        let text = text.to_owned();
        assert_eq!(reply.blocks, [Part::Thinking { text, signature }]);
    }
}

#[test]
fn nonsense_does_no_harm() {
    for noise in [
        "",
        "[DONE]",
        "7",
        "[]",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"response.output_item.added"}"#,
        r#"{"type":"response.output_item.added","item":{"type":["x"],"id":{}}}"#,
        r#"{"type":"response.output_item.done","item":null,"output_index":-1}"#,
        r#"{"type":"response.output_text.delta","delta":{"x":1},"output_index":"0"}"#,
        r#"{"type":"response.output_text.done","text":"","content_index":99999999999999999999}"#,
        r#"{"type":"response.output_text.annotation.added","annotation":[]}"#,
        r#"{"type":"response.function_call_arguments.done","arguments":"{}"}"#,
        r#"{"type":"response.image_generation_call.partial_image"}"#,
        r#"{"type":"response.made_up.event","delta":"x"}"#,
    ] {
        let reply = folded(&[noise, END]).unwrap();
        assert!(reply.blocks.is_empty(), "{noise}: {:?}", reply.blocks);
        assert_eq!(
            folded(&[noise]).unwrap_err().code.as_deref(),
            Some("upstream_incomplete")
        );
    }
}

#[test]
fn whole_replies_and_what_is_none() {
    let read = |body: &str| {
        let mut fold = Fold::default();
        read_reply(body.as_bytes(), &mut |event| fold.event(event))?;
        fold.finish()
    };
    let reply = read(
        r#"{"id":"resp_1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"x"}]}]}"#,
    );
    assert_eq!(reply.unwrap().blocks, [Part::Text("x".into())]);
    let stream = format!("event: response.completed\ndata: {END}\n\n");
    assert!(read(&stream).unwrap().blocks.is_empty());
    for (body, code) in [
        (
            r#"{"error":{"code":"model_not_found","message":"m"}}"#,
            Some("model_not_found"),
        ),
        (
            r#"{"status":"failed","output":[],"error":{"code":"server_error","message":"m"}}"#,
            Some("server_error"),
        ),
        (r#"{"status":"in_progress","output":[]}"#, None),
        (r#"{"status":"cancelled","output":[]}"#, None),
        ("<html>", None),
        ("{}", None),
        ("data: x\n\n", Some("upstream_incomplete")),
    ] {
        assert_eq!(read(body).unwrap_err().code.as_deref(), code, "{body}");
    }
}
