use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::fold::{Fold, Folded, Part};
use crate::sse::Frames;

fn read_stream(bytes: &[u8], piece: usize) -> Result<Folded, Fault> {
    let (mut frames, mut events, mut fold) = (Frames::new(), Events::default(), Fold::default());
    for bytes in bytes.chunks(piece.max(1)) {
        frames.push(bytes, |frame| {
            events.frame(&frame, &mut |event| fold.event(event))
        });
    }
    frames.finish(|frame| events.frame(&frame, &mut |event| fold.event(event)));
    events.finish(&mut |event| fold.event(event));
    fold.finish()
}

fn read_whole(body: &[u8]) -> Result<Folded, Fault> {
    let mut fold = Fold::default();
    read_reply(body, &mut |event| fold.event(event))?;
    fold.finish()
}

fn frames(lines: &[&str]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| format!("data: {line}\n\n").into_bytes())
        .collect()
}

fn joined(folded: &Folded, pick: impl Fn(&Part) -> Option<&str>) -> String {
    folded.blocks.iter().filter_map(pick).collect()
}

fn text(part: &Part) -> Option<&str> {
    match part {
        Part::Text(text) => Some(text),
        _ => None,
    }
}

fn reasoning(part: &Part) -> Option<&str> {
    match part {
        Part::Thinking { text, .. } => Some(text),
        _ => None,
    }
}

/// Recordings of our own making, and a folder of others where the environment names one.
fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/recordings/anthropic");
    let others = std::env::var_os("BYOKEY_RECORDINGS");
    std::iter::once(own)
        .chain(others.map(|folder| Path::new(&folder).join("anthropic")))
        .collect()
}

/// What an independent reader got out of the replies of a folder.
fn expectations(folder: &Path) -> Vec<Value> {
    let lines = std::fs::read_to_string(folder.join("../oracle.jsonl")).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn check(expected: &Value, folded: &Folded) {
    let name = &expected["name"];
    assert_eq!(
        joined(folded, text),
        expected["text"].as_str().unwrap(),
        "text of {name}"
    );
    let thought = joined(folded, reasoning);
    assert_eq!(
        thought,
        expected["reasoning"].as_str().unwrap(),
        "reasoning of {name}"
    );
    assert_eq!(
        folded.native,
        expected["finish"].as_str().unwrap(),
        "finish of {name}"
    );
    let calls: Vec<Value> = folded
        .blocks
        .iter()
        .filter_map(|part| match part {
            Part::Call {
                name, arguments, ..
            } => {
                let arguments = if arguments.is_empty() {
                    "{}"
                } else {
                    arguments
                };
                let args: Value = serde_json::from_str(arguments).unwrap();
                Some(serde_json::json!({ "name": name, "args": args }))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        &Value::Array(calls),
        &expected["tool_calls"],
        "calls of {name}"
    );
    let usage = &expected["usage"];
    let count = |member: &str| usage[member].as_u64().unwrap_or(0);
    let prompt = count("input") + count("cache_read") + count("cache_write");
    assert_eq!(folded.usage.input.unwrap_or(0), prompt, "prompt of {name}");
    assert_eq!(
        folded.usage.output.unwrap_or(0),
        count("output"),
        "output of {name}"
    );
}

#[test]
fn recordings_say_what_an_independent_reader_heard() {
    let mut read = 0;
    for folder in folders() {
        for expected in expectations(&folder) {
            if expected["wire"] != "anthropic" || expected.get("finish").is_none_or(Value::is_null)
            {
                continue;
            }
            let name = expected["name"].as_str().unwrap();
            if let Ok(bytes) = std::fs::read(folder.join(format!("{name}.response.sse"))) {
                // Some files hold several replies in a row, where a stream has one.
                let starts = String::from_utf8_lossy(&bytes)
                    .matches("event: message_start")
                    .count();
                if starts != 1 {
                    continue;
                }
                for piece in [1, 7, 1 << 20] {
                    check(&expected, &read_stream(&bytes, piece).unwrap());
                }
            } else {
                let bytes = std::fs::read(folder.join(format!("{name}.response.json"))).unwrap();
                check(&expected, &read_whole(&bytes).unwrap());
            }
            read += 1;
        }
    }
    assert!(read >= 2, "only {read} recordings found");
}

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","usage":{"input_tokens":13,"output_tokens":1,"cache_read_input_tokens":100,"cache_creation_input_tokens":7}}}"#;

#[test]
fn later_counts_replace_earlier_ones() {
    let folded = read_stream(
        &frames(&[
            START,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4,"cache_read_input_tokens":22000,"cache_creation_input_tokens":31}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        5,
    )
    .unwrap();
    assert_eq!(folded.usage.input, Some(22_044));
    assert_eq!(folded.usage.cache_read, Some(22_000));
    assert_eq!(folded.usage.cache_write, Some(31));
    assert_eq!(folded.usage.output, Some(4));
    assert_eq!(folded.usage.reasoning, None);
}

#[test]
fn arguments_may_stand_in_the_beginning_of_a_block() {
    let call = |delta: &str| {
        let delta = format!(
            r#"{{"type":"content_block_delta","index":3,"delta":{{"type":"input_json_delta","partial_json":"{delta}"}}}}"#
        );
        let folded = read_stream(
            &frames(&[
                START,
                r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t","name":"f","input":{"a":1}}}"#,
                &delta,
                r#"{"type":"content_block_stop","index":3}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
            ]),
            64,
        );
        let arguments = |part: &Part| match part {
            Part::Call { arguments, .. } => Some(arguments.clone()),
            _ => None,
        };
        folded.unwrap().blocks.iter().find_map(arguments).unwrap()
    };
    assert_eq!(call(""), r#"{"a":1}"#);
    assert_eq!(call("{}"), "{}");
}

#[test]
fn a_reply_may_come_whole_in_its_beginning() {
    let folded = read_stream(
        &frames(&[
            r#"{"type":"message_start","message":{"id":"msg_1","model":"claude","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use"}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        64,
    )
    .unwrap();
    assert_eq!(folded.finish, Finish::ToolCalls);
    assert_eq!(folded.blocks, [Part::call("t", "f", r#"{"a":1}"#)]);
}

#[test]
fn a_refusal_is_explained_in_a_block_of_its_own() {
    let folded = read_stream(
        &frames(&[
            START,
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        64,
    )
    .unwrap();
    assert_eq!(folded.finish, Finish::Refused);
    assert_eq!(folded.blocks, [Part::Refusal("No.".to_owned())]);
}

#[test]
fn an_early_end_and_nonsense_are_faults() {
    let cut = read_stream(&frames(&[START]), 64).unwrap_err();
    assert_eq!(cut.code.as_deref(), Some("upstream_incomplete"));
    let cut = read_stream(b"<html>busy</html>", 64).unwrap_err();
    assert_eq!(cut.code.as_deref(), Some("upstream_incomplete"));
    let nonsense = read_stream(&frames(&[START, "{]"]), 64).unwrap_err();
    assert_eq!(nonsense.kind, FaultKind::Upstream);
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;
    let fault = read_stream(&frames(&[START, overloaded]), 64).unwrap_err();
    assert_eq!(
        (fault.kind, fault.message.as_str()),
        (FaultKind::Overloaded, "busy")
    );
    let fault = read_whole(overloaded.as_bytes()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Overloaded);
    assert!(read_whole(b"[]").is_err());
}

#[test]
fn unknown_blocks_cannot_spoil_a_reply() {
    let folded = read_stream(
        &frames(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"painting","text":{"a":1},"data":[2],"id":3}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"stroke","stroke":[1]}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"future_event","index":"zero-ish"}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"a"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_details":null}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        64,
    )
    .unwrap();
    assert_eq!(folded.blocks, [Part::Text("a".to_owned())]);
}

#[test]
fn half_characters_are_repaired() {
    let folded = read_stream(
        &frames(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a\ud83d"}}"#,
            r#"{"type":"message_stop"}"#,
        ]),
        64,
    )
    .unwrap();
    assert_eq!(folded.blocks, [Part::Text("a\u{fffd}".to_owned())]);
}
