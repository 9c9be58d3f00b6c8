//! What is fuzzed, as plain functions of bytes: each feeds its input to one part of the crate and
//! panics when a law is broken. The gate runs them over seeds and mutations, libFuzzer over whatever
//! it finds.

use byokey_wire::{
    Answer, Ask, Capabilities, Dialect, FaultKind, Form, Frames, Plan, Scan, Splice, Target, Watch,
    error_body, error_event, plan, read_error, translate,
};
use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::event_stream;

/// Dialects that callers speak.
pub(crate) const CALLERS: [Dialect; 4] = [
    Dialect::Chat,
    Dialect::Responses,
    Dialect::Messages,
    Dialect::Gemini,
];

/// Dialects that providers speak.
pub(crate) const UPSTREAMS: [Dialect; 5] = [
    Dialect::Chat,
    Dialect::Responses,
    Dialect::Messages,
    Dialect::Gemini,
    Dialect::Kiro,
];

/// A part that is fuzzed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The cutting of streams into events.
    Sse,
    /// The look at a body while it arrives, and the putting in of another model.
    Scan,
    /// A request of this dialect, to every provider.
    Request(Dialect),
    /// A reply of this dialect, to every caller.
    Reply(Dialect),
    /// Kiro's binary frames as they are, without right checksums.
    KiroFrames,
    /// A look at replies that pass.
    Watch,
    /// The error replies of providers.
    Errors,
}

/// All parts.
pub(crate) fn parts() -> Vec<Part> {
    let mut parts = vec![
        Part::Sse,
        Part::Scan,
        Part::KiroFrames,
        Part::Watch,
        Part::Errors,
    ];
    parts.extend(CALLERS.map(Part::Request));
    parts.extend(UPSTREAMS.map(Part::Reply));
    parts
}

impl Part {
    /// Its name, as files and the environment have it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Sse => "sse".to_owned(),
            Self::Scan => "scan".to_owned(),
            Self::Request(dialect) => format!("request-{}", dialect.name()),
            Self::Reply(dialect) => format!("reply-{}", dialect.name()),
            Self::KiroFrames => "kiro-frames".to_owned(),
            Self::Watch => "watch".to_owned(),
            Self::Errors => "errors".to_owned(),
        }
    }

    /// Feeds it.
    pub(crate) fn run(self, data: &[u8]) {
        match self {
            Self::Sse => sse(data),
            Self::Scan => scan(data),
            Self::Request(caller) => request(caller, data),
            Self::Reply(Dialect::Kiro) => reply(Dialect::Kiro, &sealed(data)),
            Self::Reply(upstream) => reply(upstream, data),
            Self::KiroFrames => reply(Dialect::Kiro, data),
            Self::Watch => watch(data),
            Self::Errors => errors(data),
        }
    }
}

/// Sizes of the pieces in which an input arrives; they follow from the input itself.
fn piece_sizes(data: &[u8]) -> [usize; 2] {
    let sum = data.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    [1 + sum % 7, 1 + sum % 61]
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn sse(data: &[u8]) {
    type Seen = Vec<(Option<String>, Vec<u8>)>;
    fn cut<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Seen {
        let (mut frames, mut seen) = (Frames::new(), Vec::new());
        let mut each = |frame: byokey_wire::Frame<'_>| {
            seen.push((frame.event.map(str::to_owned), frame.data.into_owned()));
        };
        for piece in pieces {
            frames.push(piece, &mut each);
        }
        frames.finish(&mut each);
        seen
    }
    let whole = cut(std::iter::once(data));
    for size in piece_sizes(data) {
        assert_eq!(cut(data.chunks(size)), whole, "cut by {size}");
    }
}

fn scan(data: &[u8]) {
    // Of several faults in one body, the cuts decide which one is found first.
    let look = |size: usize| {
        let mut scan = Scan::new();
        let read = data.chunks(size).try_for_each(|piece| scan.push(piece));
        let model = read.and_then(|()| scan.finish().cloned()).ok();
        let first_key = scan.finish_any().ok().and_then(|()| scan.first_key());
        (model, first_key.filter(|_| read.is_ok()))
    };
    let whole = look(data.len().max(1));
    for size in piece_sizes(data) {
        assert_eq!(look(size), whole, "cut by {size}");
    }
    let (model, first_key) = whole;
    if let Some(model) = model {
        splice(
            data,
            model.at.clone(),
            &Splice::new(model.at, "other \"model\""),
        );
    }
    if let Some(at) = first_key {
        splice(data, at..at, &Splice::insert(at, "other \"model\""));
    }
}

fn splice(data: &[u8], at: std::ops::Range<usize>, splice: &Splice) {
    assert!(is_json(data), "not JSON after all");
    let body = Bytes::copy_from_slice(data);
    for size in piece_sizes(data) {
        let (mut splice, mut out) = (splice.clone(), Vec::new());
        for start in (0..body.len()).step_by(size) {
            let piece = body.slice(start..body.len().min(start + size));
            for part in splice.piece(piece) {
                out.extend(part);
            }
        }
        assert_eq!(out.len() as u64, splice.length(data.len() as u64));
        assert!(out.starts_with(&data[..at.start]) && out.ends_with(&data[at.end..]));
        assert!(is_json(&out), "{}", out.escape_ascii());
    }
}

/// The forms in which a provider of this dialect takes requests.
fn forms(upstream: Dialect) -> Vec<Form<'static>> {
    match upstream {
        Dialect::Responses => vec![Form::Full, Form::Plan],
        Dialect::Gemini => vec![Form::Full, Form::CodeAssist { project: "p" }],
        Dialect::Kiro => vec![Form::Kiro { profile: "arn" }],
        Dialect::Chat | Dialect::Messages => vec![Form::Full],
    }
}

fn request(caller: Dialect, body: &[u8]) {
    let caps = Capabilities::default();
    for upstream in UPSTREAMS {
        if plan(caller, upstream) != Some(Plan::Via) {
            continue;
        }
        for form in forms(upstream) {
            let mut target = Target::new("up", &caps, "origin");
            target.form = form;
            match translate(&Ask::new(caller, body), upstream, &target) {
                Ok(translated) => {
                    let shown = String::from_utf8_lossy(&translated.body);
                    assert!(is_json(&translated.body), "{upstream:?}: not JSON: {shown}");
                }
                Err(fault) => {
                    assert!(
                        matches!(fault.kind, FaultKind::BadRequest | FaultKind::Lossy),
                        "{upstream:?}: {fault:?}"
                    );
                    assert!(!fault.message.is_empty());
                }
            }
        }
    }
}

/// The way back to a caller that asked for a stream.
fn answer(caller: Dialect, upstream: Dialect) -> Option<Answer> {
    if plan(caller, upstream) != Some(Plan::Via) {
        return None;
    }
    let body: &[u8] = match caller {
        Dialect::Responses => br#"{"model":"m","stream":true,"input":"hi"}"#,
        Dialect::Gemini => br#"{"model":"m","contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
        _ => br#"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#,
    };
    let caps = Capabilities::default();
    let mut target = Target::new("up", &caps, "origin");
    target.form = forms(upstream)[0];
    let mut ask = Ask::new(caller, body);
    ask.stream = Some(true);
    match translate(&ask, upstream, &target) {
        Ok(translated) => Some(translated.answer),
        Err(fault) => panic!("{caller:?} to {upstream:?}: {fault:?}"),
    }
}

fn reply(upstream: Dialect, stream: &[u8]) {
    for caller in CALLERS {
        let Some(answer) = answer(caller, upstream) else {
            continue;
        };
        let streamed = |size: usize| {
            let (mut translation, mut out) = (answer.stream(0), Vec::new());
            for piece in stream.chunks(size) {
                translation.push(piece, &mut out);
            }
            translation.finish(&mut out);
            assert!(translation.done(), "{caller:?}: no end");
            let length = out.len();
            translation.push(stream, &mut out);
            translation.finish(&mut out);
            assert_eq!(out.len(), length, "{caller:?}: something after the end");
            out
        };
        let whole = streamed(stream.len().max(1));
        for size in piece_sizes(stream) {
            assert_eq!(
                String::from_utf8_lossy(&streamed(size)),
                String::from_utf8_lossy(&whole),
                "{caller:?}: cut by {size}"
            );
        }
        let mut each = |frame: byokey_wire::Frame<'_>| {
            let shown = String::from_utf8_lossy(&frame.data);
            let fine = is_json(&frame.data) || &*frame.data == b"[DONE]";
            assert!(fine, "{caller:?}: not JSON: {shown}");
        };
        let mut frames = Frames::new();
        frames.push(&whole, &mut each);
        frames.finish(&mut each);

        match answer.reply(stream, 0) {
            Ok(reply) => assert!(is_json(&reply.body), "{caller:?}: reply is not JSON"),
            Err(fault) => assert!(fault.kind != FaultKind::Internal, "{caller:?}: {fault:?}"),
        }
    }
}

/// Frames with right checksums around the lines of the input: a line's first byte chooses the kind.
fn sealed(data: &[u8]) -> Vec<u8> {
    const KINDS: [&str; 8] = [
        "assistantResponseEvent",
        "reasoningContentEvent",
        "toolUseEvent",
        "messageMetadataEvent",
        "metadataEvent",
        "contextUsageEvent",
        "invalidStateEvent",
        "somethingNew",
    ];
    let mut stream = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some((kind, payload)) = line.split_first() else {
            continue;
        };
        let kind = usize::from(*kind);
        let (header, name, message) = match kind % 16 {
            15 => (":exception-type", "ThrottlingException", "exception"),
            _ => (":event-type", KINDS[kind % 8], "event"),
        };
        let headers = event_stream::headers(&[(header, name), (":message-type", message)]);
        stream.extend(event_stream::sealed(&headers, payload));
    }
    stream
}

fn watch(data: &[u8]) {
    for upstream in CALLERS {
        for streaming in [false, true] {
            let look = |size: usize| {
                let mut watch = Watch::new(upstream, streaming);
                data.chunks(size).for_each(|piece| watch.push(piece));
                watch.finish();
                format!("{:?}", watch.seen())
            };
            let whole = look(data.len().max(1));
            for size in piece_sizes(data) {
                assert_eq!(look(size), whole, "{upstream:?} cut by {size}");
            }
        }
    }
}

fn errors(data: &[u8]) {
    for upstream in UPSTREAMS {
        for status in [200, 400, 403, 429, 500] {
            let fault = read_error(upstream, status, data);
            assert!(!fault.message.is_empty() && fault.kind != FaultKind::Internal);
            for caller in CALLERS {
                let (_, body) = error_body(caller, &fault, "r");
                assert!(is_json(&body), "{caller:?}");
                assert!(error_event(caller, &fault, "r").ends_with(b"\n\n"));
            }
        }
    }
}
