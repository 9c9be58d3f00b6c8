//! The table of cases: what a caller sends, what the provider gets, what it answers, what the caller
//! sees, and what the ledger says.
//!
//! `tests/vectors/<from>__<to>/<case>.*`: `in.json` the caller's request; `ask.json` what its path
//! says (`model`, `stream`, `array`); `target.json` the provider, if the case depends on it (`model`,
//! `origin`, `caps`, `form`, `project`, `reasoning` as the model's suffix, `memory` by call id, `strip`
//! for the second try); `up.json` the provider's request; `loss.json` the request's losses (missing:
//! none); `fault.json` the kind, and perhaps `param` and `code`, of a refusal; `up.sse` the provider's
//! stream and `out.sse` the caller's; `reply.json` the provider's whole reply and `out.json` the
//! caller's. Kiro's frames stand in `up.frames.json`, stream and whole reply in one. JSON is compared
//! as values; an expected string that ends in `*` stands for any text with that beginning.
//!
//! With `BYOKEY_VECTORS=write` the expectations of a case that has none yet are written from what is
//! seen, to be read and judged before they are committed.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "kiro/event_stream.rs"]
mod event_stream;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use byokey_wire::{
    Answer, Ask, Capabilities, Dialect, Fault, Form, Frames, Memory, Proof, Proofs, Target,
    Translated, read_suffix, translate,
};
use serde_json::{Value, json};

#[test]
fn every_vector_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/vectors");
    let mut wrong = Vec::new();
    let mut run = 0;
    use Dialect::{Chat, Gemini, Kiro, Messages, Responses};
    let callers = [Chat, Responses, Messages, Gemini];
    let upstreams = [Chat, Responses, Messages, Gemini, Kiro];
    let pairs = callers.map(|from| upstreams.map(|to| (from, to)));
    for (from, to) in pairs.into_iter().flatten() {
        let folder = root.join(format!("{}__{}", from.name(), to.name()));
        for name in case_names(&folder) {
            let case = Case {
                folder: folder.clone(),
                name,
                from,
                to,
            };
            case.check(&mut wrong);
            run += 1;
        }
    }
    assert!(run > 40, "only {run} vectors found");
    assert!(
        wrong.is_empty(),
        "{} of {run} wrong\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

fn case_names(folder: &Path) -> BTreeSet<String> {
    let Ok(files) = std::fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    files
        .filter_map(|file| {
            let name = file.unwrap().file_name().into_string().unwrap();
            Some(name.strip_suffix(".in.json")?.to_owned())
        })
        .collect()
}

struct Case {
    folder: PathBuf,
    name: String,
    from: Dialect,
    to: Dialect,
}

impl Case {
    fn bytes(&self, part: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(format!("{}.{part}", self.name))).ok()
    }

    fn json(&self, part: &str) -> Option<Value> {
        let bytes = self.bytes(part)?;
        let name = &self.name;
        Some(
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}.{part}: {error}")),
        )
    }

    fn check(&self, wrong: &mut Vec<String>) {
        let target = self.json("target.json").unwrap_or_else(|| json!({}));
        let caps: Capabilities = target
            .get("caps")
            .map_or_else(Capabilities::default, |caps| {
                serde_json::from_value(caps.clone()).unwrap()
            });
        let text = |member: &str| target.get(member).and_then(Value::as_str);
        let recall = |id: &str| memory(target.get("memory")?.get(id)?);
        let target = Target {
            form: match text("form") {
                Some("plan") => Form::Plan,
                Some("code-assist") => Form::CodeAssist {
                    project: text("project").unwrap_or("p"),
                },
                _ if self.to == Dialect::Kiro => Form::Kiro {
                    profile: text("profile").unwrap_or_default(),
                },
                _ => Form::Full,
            },
            reasoning: text("reasoning").and_then(read_suffix),
            proofs: match target.get("strip") {
                Some(_) => Proofs::Stripped,
                None => Proofs::Recalled(&recall),
            },
            ..Target::new(
                text("model").unwrap_or("model-x"),
                &caps,
                text("origin").unwrap_or("anthropic"),
            )
        };
        let body = self.bytes("in.json").unwrap();
        let said = self.json("ask.json").unwrap_or_else(|| json!({}));
        let ask = Ask {
            model: said.get("model").and_then(Value::as_str),
            stream: said.get("stream").and_then(Value::as_bool),
            array: said.get("array").and_then(Value::as_bool).unwrap_or(false),
            ..Ask::new(self.from, &body)
        };
        let translated = translate(&ask, self.to, &target);
        if std::env::var_os("BYOKEY_VECTORS").is_some() {
            self.write_missing(&translated);
        }
        if let Some(expected) = self.json("fault.json") {
            let fault = translated.err().map(|fault| {
                let mut seen = json!({ "kind": fault.kind });
                for (member, value) in [("param", fault.param), ("code", fault.code)] {
                    if expected.get(member).is_some() {
                        seen[member] = json!(value);
                    }
                }
                seen
            });
            let fault = fault.unwrap_or(Value::Null);
            self.compare("fault.json", &expected, &fault, wrong);
            return;
        }
        match translated {
            Ok(translated) => self.check_both_ways(&translated, wrong),
            Err(fault) => wrong.push(format!("{}: refused, {fault:?}", self.name)),
        }
    }

    fn check_both_ways(&self, translated: &Translated, wrong: &mut Vec<String>) {
        if let Some(expected) = self.json("up.json") {
            let sent = serde_json::from_slice(&translated.body).unwrap();
            self.compare("up.json", &expected, &sent, wrong);
            let losses = self.json("loss.json").unwrap_or_else(|| json!([]));
            let noted = serde_json::to_value(&translated.losses).unwrap();
            self.compare("loss.json", &losses, &noted, wrong);
        }
        if let (Some(upstream), Some(expected)) = (self.upstream(), self.bytes("out.sse")) {
            let expected = Value::Array(frames(&expected));
            for piece in [1, 5, 1 << 16] {
                let seen = Value::Array(frames(&streamed(&translated.answer, &upstream, piece)));
                self.compare("out.sse", &expected, &seen, wrong);
            }
        }
        if let (Some(upstream), Some(expected)) = (self.whole_upstream(), self.json("out.json")) {
            match translated.answer.reply(&upstream, 0) {
                Ok(reply) => {
                    let seen = serde_json::from_slice(&reply.body).unwrap();
                    self.compare("out.json", &expected, &seen, wrong);
                }
                Err(fault) => wrong.push(format!("{}: reply refused, {fault:?}", self.name)),
            }
        }
    }

    fn write_missing(&self, translated: &Result<Translated, Fault>) {
        let parts = ["up.json", "fault.json", "out.sse", "out.json"];
        if parts.iter().any(|part| self.bytes(part).is_some()) {
            return;
        }
        let write = |part: &str, bytes: &[u8]| {
            std::fs::write(self.folder.join(format!("{}.{part}", self.name)), bytes).unwrap();
        };
        let pretty = |part: &str, value: &Value| {
            let text = serde_json::to_string_pretty(value).unwrap() + "\n";
            write(part, text.as_bytes());
        };
        let translated = match translated {
            Ok(translated) => translated,
            Err(fault) => {
                pretty(
                    "fault.json",
                    &json!({ "kind": fault.kind, "param": fault.param }),
                );
                return;
            }
        };
        pretty(
            "up.json",
            &serde_json::from_slice(&translated.body).unwrap(),
        );
        if !translated.losses.is_empty() {
            pretty("loss.json", &json!(translated.losses));
        }
        if let Some(upstream) = self.upstream() {
            write(
                "out.sse",
                &streamed(&translated.answer, &upstream, usize::MAX),
            );
        }
        if let Some(reply) = self.whole_upstream() {
            let reply = translated.answer.reply(&reply, 0).unwrap();
            pretty("out.json", &serde_json::from_slice(&reply.body).unwrap());
        }
    }

    /// The provider's whole reply.
    fn whole_upstream(&self) -> Option<Vec<u8>> {
        match self.to {
            Dialect::Kiro => self.upstream(),
            _ => self.bytes("reply.json"),
        }
    }

    /// The provider's stream.
    fn upstream(&self) -> Option<Vec<u8>> {
        match self.to {
            Dialect::Kiro => {
                let frames = self.json("up.frames.json")?;
                Some(event_stream::stream(frames.as_array().unwrap()))
            }
            _ => self.bytes("up.sse"),
        }
    }

    fn compare(&self, part: &str, expected: &Value, seen: &Value, wrong: &mut Vec<String>) {
        if !matches(expected, seen) {
            let (name, from, to) = (&self.name, self.from.name(), self.to.name());
            wrong.push(format!(
                "{from}__{to}/{name}.{part}\n expected {expected}\n seen     {seen}"
            ));
        }
    }
}

/// `{"thinking": [["text", "proof"]], "call": "proof"}`, the proofs tagged.
fn memory(value: &Value) -> Option<Memory> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let thought = |pair: &Value| (text(&pair[0]), Proof::Signature(text(&pair[1]).into()));
    let thinking = value.get("thinking").and_then(Value::as_array);
    Some(Memory {
        thinking: thinking.into_iter().flatten().map(thought).collect(),
        call: value.get("call").map(text),
    })
}

fn streamed(answer: &Answer, upstream: &[u8], piece: usize) -> Vec<u8> {
    let mut translation = answer.stream(0);
    let mut out = Vec::new();
    for bytes in upstream.chunks(piece) {
        translation.push(bytes, &mut out);
    }
    translation.finish(&mut out);
    // What a caller sent with line ends in it must not break a line of the stream.
    for line in String::from_utf8_lossy(&out).lines() {
        // Gemini's streams may be one JSON list, item by item.
        let begins = ["data: ", "event: ", ":", "[", ",", "]"];
        let whole = line.is_empty() || begins.iter().any(|begin| line.starts_with(begin));
        assert!(whole, "a broken line: {line}");
    }
    out
}

/// Frames as values: the data, or the bare text where it is no JSON.
fn frames(stream: &[u8]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut frames = Frames::new();
    let mut each = |frame: byokey_wire::Frame<'_>| {
        let data = String::from_utf8(frame.data.to_vec()).unwrap();
        let value = serde_json::from_str(&data).unwrap_or(Value::String(data));
        if let (Some(event), Some(kind)) = (frame.event, value.get("type")) {
            assert_eq!(event, kind, "an event's name and type differ");
        }
        all.push(value);
    };
    frames.push(stream, &mut each);
    frames.finish(&mut each);
    all
}

fn matches(expected: &Value, seen: &Value) -> bool {
    match (expected, seen) {
        (Value::String(pattern), Value::String(text)) => match pattern.strip_suffix('*') {
            Some(beginning) => text.starts_with(beginning),
            None => pattern == text,
        },
        (Value::Array(expected), Value::Array(seen)) => {
            expected.len() == seen.len() && expected.iter().zip(seen).all(|(e, s)| matches(e, s))
        }
        (Value::Object(expected), Value::Object(seen)) => {
            expected.len() == seen.len()
                && expected
                    .iter()
                    .all(|(name, e)| seen.get(name).is_some_and(|s| matches(e, s)))
        }
        (Value::Number(expected), Value::Number(seen)) => expected.as_f64() == seen.as_f64(),
        _ => expected == seen,
    }
}
