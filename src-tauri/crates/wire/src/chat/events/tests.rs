use super::*;
use crate::{
    Frames, Usage,
    fold::{Fold, Part},
};

/// The events of a stream given by the data of its frames, one line each.
fn events(frames: &[&str]) -> Vec<String> {
    let mut seen = Vec::new();
    let mut reader = Events::default();
    let mut sink = |event: Event<'_>| seen.push(short(&event));
    let stream: String = frames
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect();
    let mut cut = Frames::new();
    cut.push(stream.as_bytes(), |frame| reader.frame(&frame, &mut sink));
    reader.finish(&mut sink);
    seen
}

fn short(event: &Event<'_>) -> String {
    match event {
        Event::Start { id, model } => format!("start {id} {model}"),
        Event::BlockStart { index, kind } => match kind {
            BlockKind::Text => format!("{index} text"),
            BlockKind::Refusal => format!("{index} refusal"),
            BlockKind::Thinking => format!("{index} thinking"),
            BlockKind::Redacted(_) => format!("{index} redacted"),
            BlockKind::Call { id, name, .. } => format!("{index} call {id:?} {name}"),
            BlockKind::Image { media_type } => format!("{index} image {media_type}"),
        },
        Event::Delta { index, piece } => match piece {
            Piece::Text(text) | Piece::Arguments(text) | Piece::Signature(text) => {
                format!("{index} + {text}")
            }
            Piece::Data(data) => format!("{index} + {data}"),
            Piece::Logprobs(list) => format!("{index} % {list}"),
            Piece::Citation(citation) => format!("{index} from {}", citation.url),
        },
        Event::BlockStop { index } => format!("{index} stop"),
        Event::Usage(usage) => format!("usage {:?} {:?}", usage.input, usage.output),
        Event::Finish { reason, native, .. } => format!("finish {reason:?} {native}"),
        Event::Ping => "ping".into(),
        Event::Fault(fault) => format!("fault {:?} {:?}", fault.kind, fault.code),
        Event::End => "end".into(),
    }
}

fn delta(delta: &str) -> String {
    format!(
        r#"{{"id":"c1","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#
    )
}

fn finish(reason: &str) -> String {
    format!(r#"{{"id":"c1","choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

fn call(fragment: &str) -> String {
    delta(&format!(r#"{{"tool_calls":[{fragment}]}}"#))
}

fn check(frames: &[String], expected: &[&str]) {
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    let seen = events(&frames);
    assert_eq!(
        seen.first().map(String::as_str),
        Some("start c1 m"),
        "{frames:?}"
    );
    assert_eq!(seen[1..], *expected, "{frames:?}");
}

const DONE: &str = "[DONE]";

#[test]
fn reasoning_text_and_usage() {
    check(
        &[
            delta(r#"{"role":"assistant","content":""}"#),
            delta(r#"{"reasoning_content":"A ","reasoning":"no"}"#),
            delta(r#"{"reasoning_content":"","reasoning":"B"}"#),
            delta(r#"{"content":"x \ud83d"}"#),
            delta(r#"{"content":"y"}"#),
            finish("stop"),
            r#"{"id":"c1","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7}}"#.into(),
            DONE.into(),
            delta(r#"{"content":"late"}"#),
        ],
        &[
            "0 thinking",
            "0 + A ",
            "0 + B",
            "0 stop",
            "1 text",
            "1 + x \u{fffd}",
            "1 + y",
            "1 stop",
            "usage Some(11) Some(7)",
            "finish Stop stop",
            "end",
        ],
    );
}

#[test]
fn calls_start_when_id_and_name_are_known() {
    // The id comes late, once outside of `function`; names that are null, repeated or numbers do
    // not start another.
    check(
        &[
            call(
                r#"{"index":0,"id":"","type":"function","function":{"name":"do_it","arguments":""}}"#,
            ),
            call(r#"{"index":0,"id":"call_real"}"#),
            call(r#"{"index":0,"function":{"name":null,"arguments":"{\"a\":"}}"#),
            call(r#"{"index":0,"id":"other","function":{"name":7,"arguments":"1}"}}"#),
            finish("tool_calls"),
            call(r#"{"index":0,"id":"late"}"#),
            DONE.into(),
        ],
        &[
            r#"0 call "call_real" do_it"#,
            r#"0 + {"a":"#,
            "0 + 1}",
            "0 stop",
            "finish ToolCalls tool_calls",
            "end",
        ],
    );
    // An id or a name that never comes.
    check(
        &[
            call(r#"{"index":1,"function":{"name":"b","arguments":"{}"}}"#),
            call(r#"{"index":0,"id":"i","function":{"arguments":"{\"x\":1}"}}"#),
            call(r#"{"index":2}"#),
            finish("tool_calls"),
        ],
        &[
            r#"0 call "i" tool_0"#,
            r#"0 + {"x":1}"#,
            "0 stop",
            r#"1 call "" b"#,
            "1 + {}",
            "1 stop",
            "finish ToolCalls tool_calls",
            "end",
        ],
    );
    // A whole one goes first, the one without a name last.
    check(
        &[
            call(
                r#"{"index":0,"id":"n"},{"index":1,"id":"w","function":{"name":"whole","arguments":"{}"}}"#,
            ),
            finish("tool_calls"),
            DONE.into(),
        ],
        &[
            r#"0 call "w" whole"#,
            "0 + {}",
            "0 stop",
            r#"1 call "n" tool_0"#,
            "1 stop",
            "finish ToolCalls tool_calls",
            "end",
        ],
    );
}

#[test]
fn a_whole_call_closes_when_the_next_begins() {
    check(
        &[
            delta(r#"{"content":"t"}"#),
            call(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"k\":"}}"#),
            call(r#"{"index":0,"function":{"arguments":"2}"}}"#),
            call(r#"{"index":1,"id":"b","function":{"name":"g"}}"#),
            call(r#"{"index":1,"function":{"arguments":{"k":3}}}"#),
            finish("tool_calls"),
            DONE.into(),
        ],
        &[
            "0 text",
            "0 + t",
            "0 stop",
            r#"1 call "a" f"#,
            r#"1 + {"k":"#,
            "1 + 2}",
            "1 stop",
            r#"2 call "b" g"#,
            r#"2 + {"k":3}"#,
            "2 stop",
            "finish ToolCalls tool_calls",
            "end",
        ],
    );
}

#[test]
fn an_end_without_a_reason_is_not_believed_of_anything_unfinished() {
    let text = delta(r#"{"content":"t"}"#);
    let open = call(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\""}}"#);
    let whole = call(r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}"#);
    let incomplete = r#"fault Upstream Some("upstream_incomplete")"#;
    check(
        &[text.clone(), DONE.into()],
        &["0 text", "0 + t", "0 stop", "finish Stop ", "end"],
    );
    check(
        std::slice::from_ref(&text),
        &["0 text", "0 + t", incomplete],
    );
    check(
        &[delta(r#"{"reasoning":"r"}"#), DONE.into()],
        &["0 thinking", "0 + r", incomplete],
    );
    check(
        &[open, DONE.into()],
        &[r#"0 call "a" f"#, r#"0 + {"a""#, incomplete],
    );
    check(
        &[whole, DONE.into()],
        &[
            r#"0 call "a" f"#,
            "0 + {}",
            "0 stop",
            "finish ToolCalls ",
            "end",
        ],
    );
    check(&[delta("{}"), DONE.into()], &[incomplete]);
    // The limit cuts the call that is not whole.
    check(
        &[
            call(
                r#"{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"b","function":{"name":"g"}}"#,
            ),
            finish("length"),
        ],
        &[
            r#"0 call "a" f"#,
            "0 + {}",
            "0 stop",
            r#"1 call "b" g"#,
            "finish Length length",
            "end",
        ],
    );
    check(
        &[text, finish("length")],
        &["0 text", "0 + t", "0 stop", "finish Length length", "end"],
    );
}

#[test]
fn odd_frames() {
    let text = delta(r#"{"content":"t"}"#);
    // Azure and Copilot begin without choices; a reply may be spread over two of them.
    assert_eq!(
        events(&[
            "not json",
            "",
            "[]",
            "7",
            r#"{"choices":[],"prompt_filter_results":[]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"t"},"finish_reason":"stop"},{"index":1,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            DONE,
        ]),
        [
            "start  ",
            "0 text",
            "0 + t",
            "0 stop",
            r#"1 call "a" f"#,
            "1 + {}",
            "1 stop",
            "finish ToolCalls tool_calls",
            "end",
        ],
    );
    check(
        &[
            text.clone(),
            r#"{"error":{"message":"m","type":"overloaded_error"},"choices":[]}"#.into(),
            finish("stop"),
        ],
        &[
            "0 text",
            "0 + t",
            r#"fault Overloaded Some("overloaded_error")"#,
        ],
    );
    check(
        &[text, finish("error")],
        &["0 text", "0 + t", "0 stop", "fault Upstream None"],
    );
    check(
        &[
            delta(
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]},{"type":"text","text":"t"},3,null]}"#,
            ),
            delta(r#"{"content":{"a":[]},"refusal":"no"}"#),
            finish("stop"),
        ],
        &[
            "0 thinking",
            "0 + r",
            "0 stop",
            "1 text",
            "1 + t",
            "1 stop",
            "2 refusal",
            "2 + no",
            "2 stop",
            "finish Stop stop",
            "end",
        ],
    );
    check(
        &[
            delta(r#"{"function_call":{"name":"f","arguments":"{}"}}"#),
            finish("function_call"),
        ],
        &[
            r#"0 call "" f"#,
            "0 + {}",
            "0 stop",
            "finish ToolCalls function_call",
            "end",
        ],
    );
}

#[test]
fn a_whole_reply_is_one_chunk() {
    let mut fold = Fold::default();
    read_reply(
        br#"{"id":"chatcmpl-1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi","reasoning_content":"r","refusal":null,
            "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 1.50}"}},{"id":"b","function":{"name":"g","arguments":""}}]},
            "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}"#,
        &mut |event| fold.event(event),
    )
    .unwrap();
    let folded = fold.finish().unwrap();
    let call = |id: &str, name: &str, arguments: &str| Part::call(id, name, arguments);
    assert_eq!(
        folded.blocks,
        [
            Part::Thinking {
                text: "r".into(),
                signature: None
            },
            Part::Text("hi".into()),
            call("a", "f", r#"{"x": 1.50}"#),
            call("b", "g", ""),
        ]
    );
    assert_eq!(folded.finish, Finish::ToolCalls);
    assert_eq!(
        folded.usage,
        Usage {
            input: Some(3),
            cache_read: Some(1),
            output: Some(2),
            ..Usage::default()
        }
    );
    assert!(read_reply(b"<html>", &mut |_| {}).is_err());
}
