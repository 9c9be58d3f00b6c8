//! Recorded replies, read and brought to callers of all dialects. Besides our own recordings, those
//! in the folder that `BYOKEY_RECORDINGS` names are read, with what an independent reader made of
//! them in its `oracle.jsonl`.

use std::{fs, path::Path};

use serde_json::Value;

use super::*;
use crate::fold::{Folded, Part};

/// A recorded reply and what it says.
struct Recording {
    name: String,
    upstream: Dialect,
    stream: bool,
    body: Vec<u8>,
    expected: Value,
}

fn dialect(wire: &Value) -> Option<Dialect> {
    match wire.as_str()? {
        "openai-chat" => Some(Dialect::Chat),
        "anthropic" => Some(Dialect::Messages),
        "openai-responses" => Some(Dialect::Responses),
        "gemini" => Some(Dialect::Gemini),
        _ => None,
    }
}

/// Our own recordings.
fn own() -> Vec<Recording> {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/recordings"))
}

/// Those of the folder that the environment names, if it names one.
fn given() -> Vec<Recording> {
    let root = std::env::var_os("BYOKEY_RECORDINGS");
    root.map(|root| load(Path::new(&root))).unwrap_or_default()
}

/// The replies of a folder of which it is known what they say.
fn load(root: &Path) -> Vec<Recording> {
    let oracle = fs::read_to_string(root.join("oracle.jsonl")).unwrap();
    let found: Vec<_> = oracle
        .lines()
        .filter_map(|line| {
            let expected: Value = serde_json::from_str(line).unwrap();
            let upstream = dialect(&expected["wire"])?;
            if DISPUTED.iter().any(|name| expected["name"] == *name) {
                return None;
            }
            let stream = expected["stream"].as_bool().unwrap();
            let name = expected["name"].as_str().unwrap().to_owned();
            let kind = if stream { "sse" } else { "json" };
            let folder = root.join(expected["wire"].as_str().unwrap());
            let body = fs::read(folder.join(format!("{name}.response.{kind}"))).unwrap();
            Some(Recording {
                name,
                upstream,
                stream,
                body,
                expected,
            })
        })
        .collect();
    assert!(!found.is_empty());
    found
}

/// Recordings on which the independent reader and the rules differ: a name sent again with each
/// fragment is one name; `reasoning` is read where there is no `reasoning_content`, and reasoning that is no
/// summary of it as well; several streams one after the other in one file are no reply; a call whose
/// arguments come in pieces is one call.
const DISPUTED: [&str; 6] = [
    "pydantic-ai-test-openai-responses-raw-cot-stream-openrouter.0",
    "llm-test-tools-streaming-variant-a.0",
    "pydantic-ai-test-openrouter-streaming-reasoning.0",
    "ruby-llm-chat-openrouter-reasoning-details-round-trip-accumulates-reasoning-details-while-streaming-tool-calls.0",
    "vercel-ai-anthropic-programmatic-tool-calling-1-stream.0",
    "vercel-ai-google-stream-tool-call-arguments-stream.0",
];

/// What the hub makes of a recording.
fn fold(recording: &Recording) -> Result<Folded, Fault> {
    let mut settle = Settle::new(Dialect::Chat);
    let mut fold = Fold::default();
    let mut sink =
        |event: Event<'_>| settle.event(event, &mut |event: Event<'_>| fold.event(event));
    if recording.stream {
        let mut reader = Reader::new(recording.upstream);
        let mut frames = Frames::new();
        frames.push(&recording.body, |frame| reader.frame(&frame, &mut sink));
        frames.finish(|frame| reader.frame(&frame, &mut sink));
        reader.finish(&mut sink);
    } else {
        match recording.upstream {
            Dialect::Messages => messages::read_reply(&recording.body, &mut sink)?,
            Dialect::Responses => responses::read_reply(&recording.body, &mut sink)?,
            Dialect::Gemini => gemini::read_reply(&recording.body, &mut sink)?,
            _ => chat::read_reply(&recording.body, &mut sink)?,
        }
    }
    fold.finish()
}

/// In the words of the expectation.
fn facts(folded: &Folded) -> Value {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for part in &folded.blocks {
        match part {
            Part::Text(more) => text.push_str(more),
            Part::Thinking { text: more, .. } => reasoning.push_str(more),
            Part::Call {
                name, arguments, ..
            } => {
                let arguments = if arguments.is_empty() {
                    "{}"
                } else {
                    arguments
                };
                let args: Value = serde_json::from_str(arguments)
                    .unwrap_or_else(|_| serde_json::json!({"_unparsed": arguments}));
                calls.push(serde_json::json!({"name": name, "args": args}));
            }
            Part::Refusal(_) | Part::Redacted(_) | Part::Image { .. } => {}
        }
    }
    let finish = match folded.finish {
        crate::Finish::ToolCalls => "tool_calls",
        crate::Finish::Length => "length",
        crate::Finish::Refused => "content_filter",
        _ => "stop",
    };
    serde_json::json!({
        "text": text, "reasoning": reasoning, "tool_calls": calls, "finish_openai": finish,
        "usage": {"input": folded.usage.input, "output": folded.usage.output,
            "cache_read": folded.usage.cache_read, "cache_write": folded.usage.cache_write},
    })
}

/// Differences from the expectation; members that it does not name do not count.
fn differences(recording: &Recording) -> Vec<String> {
    let folded = match fold(recording) {
        Ok(folded) => folded,
        Err(fault) => return vec![format!("{}: {fault:?}", recording.name)],
    };
    let facts = facts(&folded);
    let mut found = Vec::new();
    for member in ["text", "reasoning", "tool_calls", "finish_openai"] {
        let expected = &recording.expected[member];
        if !expected.is_null() && facts[member] != *expected {
            found.push(format!(
                "{}: {member}: {} for {expected}",
                recording.name, facts[member]
            ));
        }
    }
    if let Some(usage) = recording.expected["usage"].as_object() {
        for (member, expected) in usage {
            let ours = &facts["usage"][member];
            let cached = |name: &str| usage.get(name).and_then(Value::as_u64).unwrap_or(0);
            let mut expected = expected.as_u64();
            if recording.upstream == Dialect::Messages && member == "input" {
                // Anthropic counts what is cached apart.
                expected = expected.map(|n| n + cached("cache_read") + cached("cache_write"));
            }
            if recording.upstream == Dialect::Gemini {
                // Google counts thoughts apart, and the prompts of its own tools; the total has all.
                let counted = |name: &str| usage.get(name).and_then(Value::as_u64);
                let answer = counted("output").unwrap_or(0) + counted("thoughts").unwrap_or(0);
                expected = match member.as_str() {
                    "input" => counted("total").map(|total| total - answer),
                    "output" => Some(answer),
                    "cache_read" | "cache_write" => expected,
                    _ => continue,
                };
            }
            let unknown = ours.is_null() && expected.unwrap_or(0) == 0;
            if !unknown && ours.as_u64() != expected {
                found.push(format!(
                    "{}: {member}: {ours} for {expected:?}",
                    recording.name
                ));
            }
        }
    }
    found
}

#[test]
fn readers_agree_with_what_is_known() {
    let found: Vec<String> = own().iter().chain(&given()).flat_map(differences).collect();
    assert!(
        found.is_empty(),
        "{} differences:\n{}",
        found.len(),
        found.join("\n")
    );
}

fn answer(caller: Dialect, upstream: Dialect) -> Answer {
    Answer {
        caller,
        upstream,
        envelope: Envelope {
            model: "caller's".into(),
            include_usage: true,
            ..Envelope::default()
        },
        restore: Restore::of(&Turn::default(), caller, ToolNames::default(), "o"),
    }
}

const CALLERS: [Dialect; 4] = [
    Dialect::Chat,
    Dialect::Messages,
    Dialect::Responses,
    Dialect::Gemini,
];

/// The caller's stream for a recording that arrives in pieces of these sizes, over and over.
fn translated(recording: &Recording, caller: Dialect, sizes: &[usize]) -> (Vec<u8>, Seen) {
    let mut translation = answer(caller, recording.upstream).stream(7);
    let mut out = Vec::new();
    let mut rest = &recording.body[..];
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        translation.push(piece, &mut out);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    translation.finish(&mut out);
    (out, translation.seen().clone())
}

/// What a caller got, read again, must be what the provider said, but for what a dialect lacks.
fn alike(first: &Folded, second: &Folded, again: &Recording) {
    let (first_facts, mut second_facts) = (facts(first), facts(second));
    // Messages has no refusals apart from text.
    if first
        .blocks
        .iter()
        .any(|part| matches!(part, Part::Refusal(_)))
    {
        second_facts["text"] = first_facts["text"].clone();
    }
    // Calls that the provider's own program has made already do not end a turn, but only Messages can
    // say so.
    let called = first
        .blocks
        .iter()
        .any(|part| matches!(part, Part::Call { .. }));
    if called && first.finish == crate::Finish::Stop {
        second_facts["finish_openai"] = first_facts["finish_openai"].clone();
    }
    // Gemini's calls are whole; one that the limit cut is none.
    if again.upstream == Dialect::Gemini && first.finish == crate::Finish::Length {
        second_facts["tool_calls"] = first_facts["tool_calls"].clone();
    }
    // xAI counts what was thought apart from the answer; Gemini's form has the sum.
    if again.upstream == Dialect::Gemini && first.usage.reasoning > first.usage.output {
        second_facts["usage"]["output"] = first_facts["usage"]["output"].clone();
    }
    // Gemini has no word for what is written to a cache.
    if again.upstream == Dialect::Gemini {
        second_facts["usage"]["cache_write"] = first_facts["usage"]["cache_write"].clone();
    }
    // A Messages stream begins with counts, known or not.
    for (member, count) in first_facts["usage"].as_object().unwrap() {
        if count.is_null() {
            second_facts["usage"][member] = Value::Null;
        }
    }
    assert_eq!(first_facts, second_facts, "{}", again.name);
}

#[test]
fn cuts_do_not_matter_and_streams_fold_to_the_same_reply() {
    for recording in own()
        .iter()
        .chain(&given())
        .filter(|recording| recording.stream)
    {
        for caller in CALLERS
            .into_iter()
            .filter(|caller| *caller != recording.upstream)
        {
            let (whole, seen) = translated(recording, caller, &[usize::MAX]);
            for sizes in [&[1][..], &[7, 1, 64], &[1000]] {
                let (cut, _) = translated(recording, caller, sizes);
                assert!(cut == whole, "{} to {caller:?}, {sizes:?}", recording.name);
            }
            // What the caller gets, read again, is what the provider said.
            let again = Recording {
                name: format!("{} to {caller:?}", recording.name),
                upstream: caller,
                stream: true,
                body: whole,
                expected: recording.expected.clone(),
            };
            if fold(recording).is_ok() {
                assert!(seen.ended && seen.fault.is_none(), "{}", again.name);
                let (first, second) = (fold(recording).unwrap(), fold(&again).unwrap());
                alike(&first, &second, &again);
                let mut watch = crate::Watch::new(caller, true);
                watch.push(&again.body);
                assert_eq!(watch.seen().usage, second.usage, "{}", again.name);
                assert!(watch.seen().ended, "{}", again.name);
            }
        }
    }
}

#[test]
fn whole_replies_say_the_same_in_every_dialect() {
    let all: Vec<_> = own().into_iter().chain(given()).collect();
    for recording in all.iter().filter(|recording| !recording.stream) {
        let Ok(first) = fold(recording) else {
            continue;
        };
        for caller in CALLERS {
            if caller == recording.upstream {
                continue;
            }
            let reply = answer(caller, recording.upstream).reply(&recording.body, 7);
            let again = Recording {
                name: format!("{} to {caller:?}", recording.name),
                upstream: caller,
                stream: false,
                body: reply.unwrap().body,
                expected: Value::Null,
            };
            alike(&first, &fold(&again).unwrap(), &again);
        }
    }
}

#[test]
fn looking_on_agrees_with_reading() {
    for recording in own().iter().chain(&given()) {
        let Ok(folded) = fold(recording) else {
            continue;
        };
        let mut watch = crate::Watch::new(recording.upstream, recording.stream);
        watch.push(&recording.body);
        watch.finish();
        let seen = watch.seen();
        assert!(seen.ended, "{}", recording.name);
        assert_eq!(seen.usage, folded.usage, "{}", recording.name);
        let native = seen.native_finish.as_deref().unwrap_or_default();
        assert!(
            native.eq_ignore_ascii_case(&folded.native),
            "{}",
            recording.name
        );
    }
}
