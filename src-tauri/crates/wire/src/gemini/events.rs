//! Reads what a provider that speaks generateContent says: a stream of chunks, or one reply.
//!
//! Each chunk is a whole reply with new parts only. The reason to end is held back until the stream
//! ends: counts and sources may stand in the same chunk or a later one.

use std::borrow::Cow;

use super::{
    chunk::{Called, Candidate, Chunk, Part},
    logprobs,
    partial::Partial,
    sources,
};
use crate::{
    BlockKind, Citation, Dialect, Event, Fault, FaultKind, Finish, Piece,
    counts::Counts,
    fault::stream_fault,
    json::{self, Text},
    sse::Frame,
};

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    started: bool,
    ended: bool,
    /// Number of the next block.
    next: usize,
    /// The open block.
    open: Option<Open>,
    /// A call whose arguments arrive in pieces.
    partial: Option<Partial>,
    calls: usize,
    counts: Counts,
    /// The visible text so far and where the open block of it begins: sources count its bytes.
    said: String,
    block_at: usize,
    /// Why the reply ended, in the provider's words, and what it said about it.
    finish: Option<(String, String)>,
    blocked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    kind: Kind,
    index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
}

impl Events {
    /// Takes the next frame.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(Event<'_>)) {
        let data = frame.data.trim_ascii();
        // Some gateways add Chat's end mark.
        if self.ended || data == b"[DONE]" {
            return;
        }
        self.data(data, sink);
    }

    /// Whether the provider has said why the reply ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    /// Says that the provider closed its stream: the end if a reason was given, else a fault.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        let Some((native, message)) = self.finish.take() else {
            self.fail(Fault::incomplete(), sink);
            return;
        };
        self.close(sink);
        if let Some(call) = self.partial.take() {
            // Cut off: its block stays open.
            self.start_call(&call.id, &call.name, call.signature.as_deref(), sink);
        }
        let something = self.calls > 0 || !self.said.is_empty();
        match reason(&native, self.calls > 0, something) {
            _ if self.blocked => self.end(Finish::Refused, native, sink),
            Some(reason) => self.end(reason, native, sink),
            None => self.fail(broken(native, message), sink),
        }
    }

    fn end(&mut self, reason: Finish, native: String, sink: &mut impl FnMut(Event<'_>)) {
        self.ended = true;
        sink(Event::Finish {
            reason,
            // Like all other providers' words.
            native: native.to_ascii_lowercase().into(),
            stop_sequence: None,
        });
        sink(Event::End);
    }

    fn fail(&mut self, fault: Fault, sink: &mut impl FnMut(Event<'_>)) {
        self.ended = true;
        sink(Event::Fault(fault));
    }

    /// Takes the JSON of a chunk, or of a list of them.
    fn data(&mut self, data: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let mended = json::mend(data);
        let text = String::from_utf8_lossy(mended.as_deref().unwrap_or(data));
        let read = if text.starts_with('[') {
            serde_json::from_str::<Vec<Chunk<'_>>>(&text)
        } else {
            serde_json::from_str(&text).map(|chunk| vec![chunk])
        };
        match read {
            Ok(chunks) => chunks
                .into_iter()
                .for_each(|chunk| self.chunk(chunk, &text, sink)),
            Err(_) => self.fail(senseless(), sink),
        }
    }

    fn chunk(&mut self, mut chunk: Chunk<'_>, text: &str, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        if chunk.error.is_some() {
            self.fail(stream_fault(Dialect::Gemini, text.as_bytes()), sink);
            return;
        }
        if let Some(mut inner) = chunk.response.take() {
            inner.id = inner.id.or(chunk.trace_id);
            self.chunk(*inner, text, sink);
            return;
        }
        if !self.started {
            self.started = true;
            sink(Event::Start {
                id: chunk.id.map(Cow::from).unwrap_or_default(),
                model: chunk.model.map(Cow::from).unwrap_or_default(),
            });
        }
        // Only one reply is ever asked for.
        let first = |candidate: &Candidate<'_>| candidate.index.is_none_or(|index| index.0 == 0);
        for candidate in chunk
            .candidates
            .unwrap_or_default()
            .into_iter()
            .filter(first)
        {
            self.candidate(candidate, sink);
        }
        if let Some(native) = chunk.feedback.and_then(|feedback| feedback.reason) {
            self.blocked = true;
            self.finish
                .get_or_insert((native.0.into_owned(), String::new()));
        }
        if let Some(usage) = chunk.usage {
            self.counts.read(usage.get());
            let usage = self.counts.usage(Dialect::Gemini);
            if !usage.is_empty() {
                sink(Event::Usage(usage));
            }
        }
    }

    fn candidate(&mut self, candidate: Candidate<'_>, sink: &mut impl FnMut(Event<'_>)) {
        let parts = candidate.content.and_then(|content| content.parts);
        for part in parts.unwrap_or_default().0 {
            self.part(part, sink);
        }
        if let Some(Open {
            kind: Kind::Text,
            index,
        }) = self.open
        {
            let mut cite = |citation: Citation<'_>| {
                let piece = Piece::Citation(citation);
                sink(Event::Delta { index, piece });
            };
            let said = sources::Said::new(&self.said, self.block_at);
            if let Some(grounding) = candidate.grounding {
                said.grounding(grounding, &mut cite);
            }
            if let Some(citations) = candidate.citations {
                said.citations(citations, &mut cite);
            }
            if let Some(list) = candidate.logprobs.and_then(logprobs::openai) {
                let piece = Piece::Logprobs(list.into());
                sink(Event::Delta { index, piece });
            }
        }
        if let Some(native) = candidate.finish.filter(|native| !native.is_empty()) {
            let message = candidate.message.unwrap_or_default().0.into_owned();
            self.finish = Some((native.0.into_owned(), message));
        }
    }

    fn part(&mut self, part: Part<'_>, sink: &mut impl FnMut(Event<'_>)) {
        let signature = part
            .signature
            .as_deref()
            .filter(|signature| !signature.is_empty());
        if let Some(call) = part.call {
            self.call(call, signature, sink);
        } else if let Some(blob) = part.inline {
            let media_type = blob.mime.map(Cow::from).unwrap_or_default();
            if media_type.starts_with("image/") {
                self.picture(media_type, blob.data.unwrap_or_default().0, sink);
            }
        } else if let Some(text) = part.text {
            if part.thought == Some(true) {
                self.text(Kind::Thinking, text.0, sink);
                self.sign(signature, sink);
            } else {
                self.sign(signature, sink);
                self.text(Kind::Text, text.0, sink);
            }
        }
    }

    fn text(&mut self, kind: Kind, text: Cow<'_, str>, sink: &mut impl FnMut(Event<'_>)) {
        if text.is_empty() {
            return;
        }
        let index = self.open(kind, sink);
        if kind == Kind::Text {
            self.said.push_str(&text);
        }
        let piece = Piece::Text(text);
        sink(Event::Delta { index, piece });
    }

    /// Hands on the proof of what was thought. Once visible text has begun it has no place any more:
    /// Google asks for it only with function calls.
    fn sign(&mut self, signature: Option<&str>, sink: &mut impl FnMut(Event<'_>)) {
        let speaking = self.open.is_some_and(|open| open.kind == Kind::Text);
        if let Some(signature) = signature
            && !speaking
        {
            let index = self.open(Kind::Thinking, sink);
            let piece = Piece::Signature(signature.into());
            sink(Event::Delta { index, piece });
        }
    }

    /// The number of the open block of this kind, which begins if need be.
    fn open(&mut self, kind: Kind, sink: &mut impl FnMut(Event<'_>)) -> usize {
        if let Some(open) = self.open
            && open.kind == kind
        {
            return open.index;
        }
        self.close(sink);
        let index = self.number();
        self.open = Some(Open { kind, index });
        self.block_at = self.said.len();
        sink(Event::BlockStart {
            index,
            kind: match kind {
                Kind::Text => BlockKind::Text,
                Kind::Thinking => BlockKind::Thinking,
            },
        });
        index
    }

    fn close(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let Some(Open { index, .. }) = self.open.take() {
            sink(Event::BlockStop { index });
        }
    }

    fn number(&mut self) -> usize {
        let index = self.next;
        self.next += 1;
        index
    }

    fn picture(
        &mut self,
        media_type: Cow<'_, str>,
        data: Cow<'_, str>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        self.close(sink);
        let index = self.number();
        let kind = BlockKind::Image { media_type };
        sink(Event::BlockStart { index, kind });
        let piece = Piece::Data(data);
        sink(Event::Delta { index, piece });
        sink(Event::BlockStop { index });
    }

    fn call(
        &mut self,
        call: Called<'_>,
        signature: Option<&str>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let text = |text: Option<Text<'_>>| text.map_or(String::new(), |text| text.0.into_owned());
        let name = text(call.name);
        if !name.is_empty() {
            self.end_partial(sink);
        }
        let pieces = call.partial.unwrap_or_default();
        let more = call.more == Some(true);
        if self.partial.is_some() || more || !pieces.is_empty() {
            let id = text(call.id);
            let partial = self
                .partial
                .get_or_insert_with(|| Partial::new(id, name, signature.map(str::to_owned)));
            pieces.into_iter().for_each(|piece| partial.add(piece));
            if !more {
                self.end_partial(sink);
            }
            return;
        }
        let arguments = call.args.map_or("", |args| args.get());
        let arguments = if arguments == "null" { "" } else { arguments };
        self.whole_call(&text(call.id), &name, arguments, signature, sink);
    }

    fn end_partial(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let Some(call) = self.partial.take() {
            let signature = call.signature.as_deref();
            self.whole_call(&call.id, &call.name, &call.arguments(), signature, sink);
        }
    }

    fn whole_call(
        &mut self,
        id: &str,
        name: &str,
        arguments: &str,
        signature: Option<&str>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let index = self.start_call(id, name, signature, sink);
        if !arguments.is_empty() {
            let piece = Piece::Arguments(arguments.into());
            sink(Event::Delta { index, piece });
        }
        sink(Event::BlockStop { index });
    }

    /// Begins a call, with its proof before it as a thought and upon it: callers without a place for
    /// the one have a place for the other.
    fn start_call(
        &mut self,
        id: &str,
        name: &str,
        signature: Option<&str>,
        sink: &mut impl FnMut(Event<'_>),
    ) -> usize {
        if let Some(signature) = signature {
            let index = self.open(Kind::Thinking, sink);
            let piece = Piece::Signature(signature.into());
            sink(Event::Delta { index, piece });
        }
        self.close(sink);
        let index = self.number();
        self.calls += 1;
        let kind = BlockKind::call(id, name);
        sink(Event::BlockStart { index, kind });
        if let Some(signature) = signature {
            let piece = Piece::Signature(signature.into());
            sink(Event::Delta { index, piece });
        }
        index
    }
}

/// Reads a provider's whole reply: one object, or the chunks of a stream as one list.
///
/// # Errors
/// When the body is no JSON of either kind.
pub(crate) fn read_reply(body: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    let mut events = Events::default();
    let body = body.trim_ascii();
    if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err() {
        return Err(senseless());
    }
    events.data(body, sink);
    events.finish(sink);
    Ok(())
}

/// A finish reason in byokey's words; `None` when the reply is worth nothing. `calls`: it holds
/// function calls, which Gemini has no reason of its own for; `something`: it holds anything.
pub(crate) fn reason(native: &str, calls: bool, something: bool) -> Option<Finish> {
    Some(match native {
        "MAX_TOKENS" => Finish::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" => Finish::Refused,
        image if image.starts_with("IMAGE_") => Finish::Refused,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE" => return None,
        "OTHER" | "LANGUAGE" if !something => return None,
        _ if calls => Finish::ToolCalls,
        _ => Finish::Stop,
    })
}

fn broken(native: String, message: String) -> Fault {
    let message = if message.is_empty() {
        format!("the provider broke off its reply: {native}")
    } else {
        format!("the provider broke off its reply ({native}): {message}")
    };
    let mut fault = Fault::new(FaultKind::Upstream, message);
    fault.code = Some(native);
    fault
}

fn senseless() -> Fault {
    Fault::new(FaultKind::Upstream, "the provider's reply makes no sense")
}
