//! Reads what a provider that speaks Messages says: a stream of frames, or one reply.
//!
//! Blocks that only Anthropic's own servers fill (their tools' calls and results) have no place in
//! the hub and are passed over, as are kinds of events, blocks and deltas that are not known yet.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::frame::{
    BlockMembers, CitationMembers, DeltaMembers, FrameKind, FrameMembers, Loose, ReplyMembers,
    StopDetails, filled,
};
use crate::counts::Counts;
use crate::fault::stream_fault;
use crate::json::mend;
use crate::sse::Frame;
use crate::{BlockKind, Dialect, Event, Fault, FaultKind, Finish, Piece, read_error};

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    started: bool,
    finished: bool,
    ended: bool,
    /// Number of the next block of the hub.
    next: usize,
    open: Vec<OpenBlock>,
    counts: Counts,
    /// The reason that the reply's beginning already gave.
    reason: Option<String>,
}

#[derive(Debug)]
struct OpenBlock {
    /// The provider's number.
    theirs: u64,
    /// The hub's.
    index: usize,
    /// Arguments that stood in the block's beginning; they count if no delta brings others.
    arguments: Option<String>,
}

impl Events {
    /// Takes the next frame.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        if let Ok(members) = serde_json::from_slice(&frame.data) {
            self.members(members, frame, sink);
            return;
        }
        // Half a character somewhere is no reason to give up the reply, nor is an event of a kind
        // that is not known yet.
        let mended = mend(&frame.data);
        let data = mended.as_deref().unwrap_or(&frame.data);
        if let Ok(members) = serde_json::from_slice(data) {
            self.members(members, frame, sink);
        } else if !is_new_kind(data) {
            self.ended = true;
            sink(Event::Fault(senseless()));
        }
    }

    /// The provider closed its stream; says a fault if it had not ended.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.finished {
            sink(Event::End);
        } else {
            let mut fault = Fault::new(
                FaultKind::Upstream,
                "the provider ended its stream before the reply's end",
            );
            fault.code = Some("upstream_incomplete".to_owned());
            sink(Event::Fault(fault));
        }
    }

    fn members(
        &mut self,
        members: FrameMembers<'_>,
        frame: &Frame<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let kind = members.kind.as_deref().or(frame.event).unwrap_or_default();
        match kind {
            "message_start" => self.start(members.message.unwrap_or_default(), sink),
            "content_block_start" => {
                let theirs = members.index.map_or(self.next as u64, |index| index.0);
                self.block_start(theirs, members.content_block.unwrap_or_default(), sink);
            }
            "content_block_delta" => {
                let theirs = members.index.map(|index| index.0);
                self.delta(theirs, members.delta.unwrap_or_default(), sink);
            }
            "content_block_stop" => self.block_stop(members.index.map(|index| index.0), sink),
            "message_delta" => {
                self.usage(members.usage, sink);
                if let Some(delta) = members.delta {
                    let details = delta.stop_details.unwrap_or_default();
                    if let Some(reason) = filled(delta.stop_reason) {
                        self.stop(reason, delta.stop_sequence, details, sink);
                    }
                }
            }
            "message_stop" => {
                // The end is certain even if nobody said why.
                let reason = self.reason.take().unwrap_or_default();
                self.stop(reason.into(), None, StopDetails::default(), sink);
                self.ended = true;
                sink(Event::End);
            }
            "ping" => sink(Event::Ping),
            "error" => {
                self.ended = true;
                sink(Event::Fault(stream_fault(Dialect::Messages, &frame.data)));
            }
            _ => {}
        }
    }

    fn start(&mut self, reply: ReplyMembers<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.started {
            return;
        }
        self.started = true;
        sink(Event::Start {
            id: filled(reply.id).unwrap_or_default(),
            model: filled(reply.model).unwrap_or_default(),
        });
        self.usage(reply.usage, sink);
        // A reply that goes on with a server-side tool run may come whole in its beginning.
        for block in reply.content.unwrap_or_default() {
            whole_block(&mut self.next, block, sink);
        }
        self.reason = filled(reply.stop_reason).map(Cow::into_owned);
    }

    fn begin(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        self.start(ReplyMembers::default(), sink);
    }

    fn usage(&mut self, usage: Option<&RawValue>, sink: &mut impl FnMut(Event<'_>)) {
        let Some(usage) = usage else { return };
        self.begin(sink);
        self.counts.read(usage.get());
        let usage = self.counts.usage(Dialect::Messages);
        if !usage.is_empty() {
            sink(Event::Usage(usage));
        }
    }

    fn block_start(
        &mut self,
        theirs: u64,
        block: BlockMembers<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        self.begin(sink);
        if self.finished || self.open.iter().any(|open| open.theirs == theirs) {
            return;
        }
        let arguments = block
            .input
            .map(RawValue::get)
            .filter(|input| !is_empty_object(input));
        let arguments = arguments.map(str::to_owned);
        if begin_block(self.next, block, sink) {
            self.open.push(OpenBlock {
                theirs,
                index: self.next,
                arguments,
            });
            self.next += 1;
        }
    }

    fn delta(
        &mut self,
        theirs: Option<u64>,
        delta: DeltaMembers<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let Some(open) = find(&mut self.open, theirs) else {
            return;
        };
        let index = open.index;
        for (text, piece) in [
            (delta.text, Piece::Text as fn(_) -> _),
            (delta.thinking, Piece::Text),
            (delta.partial_json, Piece::Arguments),
            (delta.signature, Piece::Signature),
        ] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                let piece = piece(text.0);
                if matches!(piece, Piece::Arguments(_)) {
                    open.arguments = None;
                }
                sink(Event::Delta { index, piece });
            }
        }
        if let Some(citation) = delta.citation {
            let piece = Piece::Citation(citation.read());
            sink(Event::Delta { index, piece });
        }
    }

    fn block_stop(&mut self, theirs: Option<u64>, sink: &mut impl FnMut(Event<'_>)) {
        let position = self
            .open
            .iter()
            .position(|open| Some(open.theirs) == theirs);
        if let Some(position) = position {
            close(self.open.remove(position), sink);
        }
    }

    fn stop(
        &mut self,
        reason: Cow<'_, str>,
        sequence: Option<Loose<'_>>,
        details: StopDetails<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if self.finished {
            return;
        }
        self.begin(sink);
        self.finished = true;
        // What is still open was cut, and stays so: a cut call must not pass for a complete one.
        for open in self.open.drain(..) {
            late_arguments(open, sink);
        }
        finish(&mut self.next, reason, sequence, details, sink);
    }
}

/// Whether a frame is sound but of a kind that nothing here waits for.
fn is_new_kind(data: &[u8]) -> bool {
    let known = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    serde_json::from_slice::<FrameKind<'_>>(data)
        .ok()
        .and_then(|frame| filled(frame.kind))
        .is_some_and(|kind| !known.contains(&&*kind))
}

/// Reads a provider's whole reply; ends with `End`.
///
/// # Errors
/// When the body is no reply, or says that the provider failed.
pub(crate) fn read_reply(body: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    let reply: ReplyMembers<'_> = serde_json::from_slice(body).map_err(|_| senseless())?;
    if filled(reply.kind).as_deref() == Some("error") {
        return Err(read_error(Dialect::Messages, 200, body));
    }
    let (Some(content), Some(reason)) = (reply.content, filled(reply.stop_reason)) else {
        return Err(senseless());
    };
    sink(Event::Start {
        id: filled(reply.id).unwrap_or_default(),
        model: filled(reply.model).unwrap_or_default(),
    });
    let mut next = 0;
    for block in content {
        whole_block(&mut next, block, sink);
    }
    let mut counts = Counts::default();
    if let Some(usage) = reply.usage {
        counts.read(usage.get());
    }
    let usage = counts.usage(Dialect::Messages);
    if !usage.is_empty() {
        sink(Event::Usage(usage));
    }
    let details = reply.stop_details.unwrap_or_default();
    finish(&mut next, reason, reply.stop_sequence, details, sink);
    sink(Event::End);
    Ok(())
}

fn whole_block(next: &mut usize, block: BlockMembers<'_>, sink: &mut impl FnMut(Event<'_>)) {
    let arguments = block
        .input
        .map(RawValue::get)
        .filter(|input| !is_empty_object(input));
    let arguments = arguments.map(str::to_owned);
    if begin_block(*next, block, sink) {
        close(
            OpenBlock {
                theirs: 0,
                index: *next,
                arguments,
            },
            sink,
        );
        *next += 1;
    }
}

/// Begins a block and says what its beginning holds; false for blocks the hub does not know.
fn begin_block(index: usize, block: BlockMembers<'_>, sink: &mut impl FnMut(Event<'_>)) -> bool {
    let (kind, text) = match filled(block.kind).as_deref() {
        Some("text") => (BlockKind::Text, block.text),
        Some("thinking") => (BlockKind::Thinking, block.thinking),
        Some("redacted_thinking") => (
            BlockKind::Redacted(filled(block.data).unwrap_or_default()),
            None,
        ),
        Some("tool_use") => {
            let id = filled(block.id).unwrap_or_default();
            let name = filled(block.name).unwrap_or_default();
            (BlockKind::call(id, name), None)
        }
        _ => return false,
    };
    sink(Event::BlockStart { index, kind });
    if let Some(text) = filled(text) {
        let piece = Piece::Text(text);
        sink(Event::Delta { index, piece });
    }
    let sources = block.citations.map(RawValue::get).unwrap_or("[]");
    for source in serde_json::from_str::<Vec<CitationMembers<'_>>>(sources).unwrap_or_default() {
        let piece = Piece::Citation(source.read());
        sink(Event::Delta { index, piece });
    }
    if let Some(signature) = filled(block.signature) {
        let piece = Piece::Signature(signature);
        sink(Event::Delta { index, piece });
    }
    true
}

fn find(open: &mut [OpenBlock], theirs: Option<u64>) -> Option<&mut OpenBlock> {
    open.iter_mut().find(|open| Some(open.theirs) == theirs)
}

fn close(open: OpenBlock, sink: &mut impl FnMut(Event<'_>)) {
    let index = open.index;
    late_arguments(open, sink);
    sink(Event::BlockStop { index });
}

/// Arguments that only the block's beginning held.
fn late_arguments(open: OpenBlock, sink: &mut impl FnMut(Event<'_>)) {
    if let Some(arguments) = open.arguments {
        let piece = Piece::Arguments(Cow::Owned(arguments));
        sink(Event::Delta {
            index: open.index,
            piece,
        });
    }
}

/// Says why the reply ended; before that, in a block of its own, how the model explains a refusal.
fn finish(
    next: &mut usize,
    native: Cow<'_, str>,
    sequence: Option<Loose<'_>>,
    details: StopDetails<'_>,
    sink: &mut impl FnMut(Event<'_>),
) {
    let reason = match &*native {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "stop_sequence" => Finish::StopSequence,
        "tool_use" => Finish::ToolCalls,
        "pause_turn" => Finish::Paused,
        "refusal" | "sensitive" => Finish::Refused,
        _ => Finish::Stop,
    };
    if let Some(explanation) = filled(details.explanation)
        && reason == Finish::Refused
    {
        let index = *next;
        *next += 1;
        sink(Event::BlockStart {
            index,
            kind: BlockKind::Refusal,
        });
        sink(Event::Delta {
            index,
            piece: Piece::Text(explanation),
        });
        sink(Event::BlockStop { index });
    }
    let stop_sequence = filled(sequence);
    sink(Event::Finish {
        reason,
        native,
        stop_sequence,
    });
}

fn is_empty_object(json: &str) -> bool {
    json.bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .eq(*b"{}")
}

fn senseless() -> Fault {
    Fault::new(
        FaultKind::Upstream,
        "the provider's reply is not what the Messages dialect says",
    )
}

#[cfg(test)]
mod tests;
