//! Reads Kiro's reply: an event stream, whether or not the caller wants one.
//!
//! The stream has no mark of its end. A reply is whole when the bytes end between two frames and no
//! call is left in the middle of its arguments; how it ended is said by an event or, by older
//! servers, by nobody.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::frames::{Damaged, Frame, Frames, Kind};
use super::members::{self, Flag, Loose, MessageMetadata, Metadata, Response, Thought, ToolUse};
use crate::counts::Counts;
use crate::fault::stream_fault;
use crate::json::{is_json, mend};
use crate::{BlockKind, Dialect, Event, Fault, FaultKind, Finish, Piece};

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    frames: Frames,
    reader: Reader,
}

impl Events {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let Self { frames, reader } = self;
        if reader.ended {
            return;
        }
        let pushed = frames.push(bytes, |frame| reader.frame(frame, sink));
        if let Err(Damaged(what)) = pushed {
            let mut fault = Fault::new(
                FaultKind::Upstream,
                format!("the provider's stream is damaged: {what}"),
            );
            fault.code = Some("upstream_damaged".to_owned());
            reader.fail(fault, sink);
        }
    }

    /// The provider closed its stream; says a fault if that was too early.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        self.reader.finish(self.frames.at_boundary(), sink);
    }
}

/// Reads a whole reply, which is a stream all the same.
pub(crate) fn read_reply(body: &[u8], sink: &mut impl FnMut(Event<'_>)) {
    let mut events = Events::default();
    events.push(body, sink);
    events.finish(sink);
}

/// From frames to events.
#[derive(Debug, Default)]
struct Reader {
    /// A frame of the reply has come.
    alive: bool,
    started: bool,
    ended: bool,
    /// Number of the next block.
    next: usize,
    /// The open block of text or reasoning.
    open: Option<Open>,
    calls: Vec<Call>,
    counts: Counts,
    stop: Option<String>,
    explanation: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    index: usize,
    is_text: bool,
}

/// A call as far as it has come.
#[derive(Debug)]
struct Call {
    id: String,
    index: usize,
    arguments: String,
    closed: bool,
}

impl Reader {
    fn frame(&mut self, frame: Frame<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        match frame.kind {
            Kind::Event(kind) => {
                self.alive = true;
                self.event(kind, frame.payload, sink);
            }
            Kind::Exception(kind) => self.fail(fault(kind, frame.payload), sink),
            Kind::Error { code, message } => {
                let said = Value::from(message).to_string();
                let payload = format!("{{\"message\":{said}}}");
                self.fail(fault(code, payload.as_bytes()), sink);
            }
            Kind::Unknown => {}
        }
    }

    fn event(&mut self, kind: &str, payload: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        let mended = mend(payload);
        let payload = mended.as_deref().unwrap_or(payload);
        let known = match kind {
            "assistantResponseEvent" => read(payload).map(|event| self.response(event, sink)),
            "reasoningContentEvent" => read(payload).map(|event| self.thought(event, sink)),
            "toolUseEvent" => read(payload).map(|event| self.tool_use(event, sink)),
            "messageMetadataEvent" => read(payload).map(|event: MessageMetadata<'_>| {
                self.start(Loose::filled(event.utterance), None, sink);
            }),
            "metadataEvent" => read(payload).map(|event| self.metadata(event, sink)),
            "invalidStateEvent" => {
                self.fail(fault(kind, payload), sink);
                Some(())
            }
            // Credits, the filling of the window, citations, links, and what is not known yet.
            _ => Some(()),
        };
        if known.is_none() {
            let message = "the provider sent an event that makes no sense";
            self.fail(Fault::new(FaultKind::Upstream, message), sink);
        }
    }

    fn start(
        &mut self,
        id: Option<Cow<'_, str>>,
        model: Option<Cow<'_, str>>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (id.unwrap_or_default(), model.unwrap_or_default());
            sink(Event::Start { id, model });
        }
    }

    fn response(&mut self, event: Response<'_>, sink: &mut impl FnMut(Event<'_>)) {
        self.start(None, Loose::filled(event.model), sink);
        if let Some(text) = Loose::filled(event.content) {
            self.say(true, Piece::Text(text), sink);
        }
    }

    fn thought(&mut self, event: Thought<'_>, sink: &mut impl FnMut(Event<'_>)) {
        self.start(None, None, sink);
        if let Some(text) = Loose::filled(event.text) {
            self.say(false, Piece::Text(text), sink);
        }
        if let Some(signature) = Loose::filled(event.signature) {
            self.say(false, Piece::Signature(signature), sink);
            // It covers what came before; more reasoning is a block of its own.
            self.close(sink);
        }
        if let Some(data) = Loose::filled(event.redacted) {
            self.close(sink);
            let index = self.begin(BlockKind::Redacted(data), sink);
            sink(Event::BlockStop { index });
        }
    }

    fn tool_use(&mut self, event: ToolUse<'_>, sink: &mut impl FnMut(Event<'_>)) {
        self.start(None, None, sink);
        let (id, name) = (Loose::filled(event.id), Loose::filled(event.name));
        let known = match &id {
            Some(id) => self.calls.iter().position(|call| call.id == **id),
            // A fragment without an id belongs to the call that is under way.
            None => self.calls.iter().rposition(|call| !call.closed),
        };
        let place = match (known, name) {
            (Some(place), _) => place,
            (None, Some(name)) => {
                self.close(sink);
                let id = id.unwrap_or_default();
                let kept = id.clone().into_owned();
                let index = self.begin(BlockKind::call(id, name), sink);
                self.calls.push(Call {
                    id: kept,
                    index,
                    arguments: String::new(),
                    closed: false,
                });
                self.calls.len() - 1
            }
            (None, None) => return,
        };
        let call = &mut self.calls[place];
        if call.closed {
            return;
        }
        let index = call.index;
        let fragment = event.input.map(|raw| match members::string(raw.get()) {
            Some(text) => text,
            // The arguments themselves instead of their text.
            None => Cow::Borrowed(raw.get()),
        });
        if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
            call.arguments.push_str(&fragment);
            let piece = Piece::Arguments(fragment);
            sink(Event::Delta { index, piece });
        }
        if let Some(Flag(true)) = event.stop {
            call.closed = true;
            sink(Event::BlockStop { index });
        }
    }

    fn metadata(&mut self, event: Metadata<'_>, sink: &mut impl FnMut(Event<'_>)) {
        self.start(None, None, sink);
        if let Some(usage) = event.usage {
            self.counts.read(usage.get());
            let usage = self.counts.usage(Dialect::Kiro);
            if !usage.is_empty() {
                sink(Event::Usage(usage));
            }
        }
        if let Some(reason) = Loose::filled(event.stop_reason) {
            self.stop = Some(reason.into_owned());
        }
        let refusal = event.details.and_then(|details| details.refusal);
        if let Some(said) = refusal.and_then(|refusal| Loose::filled(refusal.explanation)) {
            self.explanation = Some(said.into_owned());
        }
    }

    /// Adds to the open block of text or reasoning, or opens one.
    fn say(&mut self, is_text: bool, piece: Piece<'_>, sink: &mut impl FnMut(Event<'_>)) {
        let index = match self.open {
            Some(open) if open.is_text == is_text => open.index,
            _ => {
                self.close(sink);
                let kind = if is_text {
                    BlockKind::Text
                } else {
                    BlockKind::Thinking
                };
                let index = self.begin(kind, sink);
                self.open = Some(Open { index, is_text });
                index
            }
        };
        sink(Event::Delta { index, piece });
    }

    fn begin(&mut self, kind: BlockKind<'_>, sink: &mut impl FnMut(Event<'_>)) -> usize {
        let index = self.next;
        self.next += 1;
        sink(Event::BlockStart { index, kind });
        index
    }

    /// Closes the open block of text or reasoning. Calls stay: their fragments may come later.
    fn close(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let Some(Open { index, .. }) = self.open.take() {
            sink(Event::BlockStop { index });
        }
    }

    fn finish(&mut self, at_boundary: bool, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        let reason = self.reason();
        // A call without an end is a broken stream, unless the model is said to have been cut there.
        let cut = reason == Finish::Length;
        let whole = |call: &Call| {
            call.closed || cut || call.arguments.is_empty() || is_json(&call.arguments)
        };
        if !self.alive || !at_boundary || !self.calls.iter().all(whole) {
            self.fail(Fault::incomplete(), sink);
            return;
        }
        self.ended = true;
        self.start(None, None, sink);
        self.close(sink);
        if !cut {
            for call in self.calls.iter().filter(|call| !call.closed) {
                sink(Event::BlockStop { index: call.index });
            }
        }
        if reason == Finish::Refused
            && let Some(said) = self.explanation.take()
        {
            let index = self.begin(BlockKind::Refusal, sink);
            let piece = Piece::Text(said.into());
            sink(Event::Delta { index, piece });
            sink(Event::BlockStop { index });
        }
        sink(Event::Finish {
            reason,
            native: self.stop.take().unwrap_or_default().into(),
            stop_sequence: None,
        });
        sink(Event::End);
    }

    /// Why the model stopped, in byokey's words. Older servers do not say it.
    fn reason(&self) -> Finish {
        match self.stop.as_deref() {
            Some("MAX_TOKENS" | "MODEL_CONTEXT_WINDOW_EXCEEDED") => Finish::Length,
            Some("CONTENT_FILTERED") => Finish::Refused,
            Some("PAUSE_TURN") => Finish::Paused,
            _ if self.calls.is_empty() => Finish::Stop,
            _ => Finish::ToolCalls,
        }
    }

    fn fail(&mut self, fault: Fault, sink: &mut impl FnMut(Event<'_>)) {
        if !std::mem::replace(&mut self.ended, true) {
            sink(Event::Fault(fault));
        }
    }
}

fn read<'p, T: Deserialize<'p>>(payload: &'p [u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}

/// A fault inside the stream: its type stands in the frame's head, the rest in the payload.
fn fault(kind: &str, payload: &[u8]) -> Fault {
    let mut body: Map<String, Value> = read(payload).unwrap_or_default();
    body.entry("__type").or_insert_with(|| kind.into());
    stream_fault(Dialect::Kiro, Value::Object(body).to_string().as_bytes())
}

#[cfg(test)]
mod tests;
