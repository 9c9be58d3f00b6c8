//! Writes a reply as a Responses stream.
//!
//! The hub's blocks may interleave; here one item is open at a time, so that the block that came
//! first is written as it arrives and later ones wait. Neighbouring texts are parts of one message.
//! How an item ends is known only when the next event comes: the cut of a reply closes it too.

mod message;
mod wire;

use std::collections::VecDeque;

use super::item::{Called, Content, Dress};
use super::reply::{ReplyState, incomplete_reason, is_cut, redacted, reply_id, status};
use crate::{
    BlockKind, Citation, Dialect, Event, Fault, Finish, Piece, Usage, error_event,
    fault::failed_error, keep_alive, origin, translate::Envelope,
};
use wire::{Open, Wire, place_of};

/// Writes a caller's stream.
#[derive(Debug)]
pub(crate) struct Emit {
    envelope: Envelope,
    id: String,
    started: bool,
    ended: bool,
    wire: Wire,
    /// Blocks that are not closed on the wire; the first one is written as it arrives.
    blocks: VecDeque<Block>,
    /// The message that is open on the wire.
    message: Option<Open>,
    usage: Usage,
    finish: Option<Finish>,
}

/// A block of the hub under way.
#[derive(Debug)]
struct Block {
    /// The hub's number.
    index: usize,
    kind: Kind,
    /// What has arrived and is not written yet.
    held: String,
    citations: Vec<Citation<'static>>,
    signature: Option<String>,
    stopped: bool,
    /// Its item, where it has one of its own and has begun.
    open: Option<Open>,
}

#[derive(Debug)]
enum Kind {
    Text {
        refusal: bool,
    },
    Thinking,
    /// Comes whole, at its end.
    Whole(Content),
    Call(Called),
}

impl Emit {
    /// A writer for one reply.
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            id: String::new(),
            started: false,
            ended: false,
            wire: Wire::default(),
            blocks: VecDeque::new(),
            message: None,
            usage: Usage::default(),
            finish: None,
        }
    }

    /// Appends what an event is in the caller's stream. Nothing follows `End` or `Fault`.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, .. } => self.start(id, out),
            Event::BlockStart { index, kind } => {
                self.close_stopped(false, out);
                self.block_start(*index, kind, out);
            }
            Event::Delta { index, piece } => {
                self.close_stopped(false, out);
                self.delta(*index, piece, out);
            }
            Event::BlockStop { index } => {
                if let Some(block) = self.blocks.iter_mut().find(|block| block.index == *index) {
                    block.stopped = true;
                }
            }
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish { reason, .. } => self.close_all(*reason, out),
            Event::Ping => out.extend_from_slice(keep_alive(Dialect::Responses)),
            Event::Fault(fault) => self.fail(fault, out),
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, id: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.id = reply_id(id, &self.envelope);
        for name in ["response.created", "response.in_progress"] {
            self.reply(name, "in_progress", None, out);
        }
    }

    /// An event that shows the whole reply.
    fn reply(&mut self, name: &str, status: &'static str, error: Option<&[u8]>, out: &mut Vec<u8>) {
        let (envelope, usage, id) = (&self.envelope, self.usage, &self.id);
        let finish = self.finish.filter(|_| status == "incomplete");
        let output = std::mem::take(&mut self.wire.output);
        self.wire.event(name, out, |data| {
            let reply = ReplyState {
                id,
                status,
                output: &output,
                incomplete: finish.and_then(incomplete_reason),
                error,
                usage: Some(&usage).filter(|_| status != "in_progress"),
            };
            reply.write(envelope, data.key("response"));
        });
        self.wire.output = output;
    }

    fn block_start(&mut self, index: usize, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        self.start("", out);
        let kind = match kind {
            BlockKind::Text => Kind::Text { refusal: false },
            BlockKind::Refusal => Kind::Text { refusal: true },
            BlockKind::Thinking => Kind::Thinking,
            BlockKind::Redacted(data) => Kind::Whole(redacted(data, &self.envelope)),
            BlockKind::Image { media_type } => Kind::Whole(Content::Image {
                media_type: media_type.clone().into_owned(),
                data: String::new(),
            }),
            BlockKind::Call {
                id,
                name,
                form,
                namespace,
            } => Kind::Call(Called {
                call_id: id.clone().into_owned(),
                dress: Dress::of(name, *form, namespace.as_deref(), &self.envelope),
                arguments: String::new(),
            }),
        };
        self.blocks.push_back(Block {
            index,
            kind,
            held: String::new(),
            citations: Vec::new(),
            signature: None,
            stopped: false,
            open: None,
        });
        if self.blocks.len() == 1 {
            self.open_first(out);
        }
    }

    fn delta(&mut self, index: usize, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let Some(at) = self.blocks.iter().position(|block| block.index == index) else {
            return;
        };
        let block = &mut self.blocks[at];
        match piece {
            Piece::Signature(proof) => block.signature = Some(proof.clone().into_owned()),
            // A document of the request has no address.
            Piece::Citation(citation) if citation.url.is_empty() => {}
            Piece::Citation(citation) => block.citations.push(citation.clone().into_owned()),
            // They go with the part that is open; of a text that waits they would come too early.
            Piece::Logprobs(list) => {
                if at == 0
                    && let Some(Open {
                        content: Content::Message(parts),
                        ..
                    }) = &mut self.message
                    && let Some(part) = parts.last_mut()
                {
                    part.add_logprobs(list);
                }
            }
            Piece::Text(text) | Piece::Arguments(text) => block.held.push_str(text),
            Piece::Data(more) => {
                if let Kind::Whole(Content::Image { data, .. }) = &mut block.kind {
                    data.push_str(more);
                }
            }
        }
        if at == 0 {
            self.write_first(out);
        }
    }

    /// Begins the item of the first block, as far as it is known to have one.
    fn open_first(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.front_mut() else {
            return;
        };
        match &mut block.kind {
            Kind::Text { refusal } => {
                let refusal = *refusal;
                let message = match self.message.take() {
                    Some(message) => message,
                    None => self.wire.open(Content::Message(Vec::new()), &self.id, out),
                };
                let message = self.message.insert(message);
                self.wire.part_added(message, refusal, out);
            }
            Kind::Call(called) if called.streams() => {
                let called = Called {
                    call_id: called.call_id.clone(),
                    dress: called.dress.clone(),
                    arguments: String::new(),
                };
                self.close_message("completed", out);
                let open = self.wire.open(Content::Call(called), &self.id, out);
                if let Some(block) = self.blocks.front_mut() {
                    block.open = Some(open);
                }
            }
            Kind::Call(_) | Kind::Thinking | Kind::Whole(_) => {}
        }
        self.write_first(out);
    }

    /// Writes what the first block holds.
    fn write_first(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.front_mut() else {
            return;
        };
        let held = std::mem::take(&mut block.held);
        match &mut block.kind {
            Kind::Text { .. } => {
                // A source of the whole text can be named when the text is whole.
                let placed = |citation: &mut Citation<'_>| citation.span.is_some();
                let citations = block.citations.extract_if(.., placed).collect();
                if let Some(message) = &mut self.message {
                    self.wire.say(message, &held, citations, out);
                }
            }
            Kind::Thinking if held.is_empty() => {}
            Kind::Thinking => {
                self.open_thinking(out);
                let open = self
                    .blocks
                    .front_mut()
                    .and_then(|block| block.open.as_mut());
                if let Some(open) = open {
                    self.wire.think(open, &held, out);
                }
            }
            Kind::Call(called) => match &mut block.open {
                Some(Open {
                    id,
                    place,
                    content: Content::Call(open),
                }) if !held.is_empty() => {
                    open.arguments.push_str(&held);
                    let name = match open.dress {
                        Dress::Custom { .. } => "response.custom_tool_call_input.delta",
                        _ => "response.function_call_arguments.delta",
                    };
                    self.wire.event(name, out, |data| {
                        place_of(data, id, *place);
                        data.text("delta", &held);
                    });
                }
                Some(_) => {}
                None => called.arguments.push_str(&held),
            },
            Kind::Whole(_) => {}
        }
    }

    fn open_thinking(&mut self, out: &mut Vec<u8>) {
        if self
            .blocks
            .front()
            .is_some_and(|block| block.open.is_none())
        {
            self.close_message("completed", out);
            let (text, proof) = (String::new(), None);
            let open = self
                .wire
                .open(Content::Reasoning { text, proof }, &self.id, out);
            if let Some(block) = self.blocks.front_mut() {
                block.open = Some(open);
            }
        }
    }

    /// Closes the first blocks that are complete and goes on with what waits behind them. `cut`: the
    /// reply ends here, short of its proper end.
    fn close_stopped(&mut self, cut: bool, out: &mut Vec<u8>) {
        while self.blocks.front().is_some_and(|block| block.stopped) {
            self.close_first(cut, out);
            self.open_first(out);
        }
    }

    fn close_first(&mut self, cut: bool, out: &mut Vec<u8>) {
        if let Some(block) = self.blocks.front()
            && matches!(block.kind, Kind::Thinking)
            && block.signature.is_some()
        {
            self.open_thinking(out);
        }
        let last = self.blocks.len() == 1;
        let Some(block) = self.blocks.pop_front() else {
            return;
        };
        match block.kind {
            Kind::Text { .. } => {
                if let Some(message) = &mut self.message {
                    self.wire.say(message, "", block.citations, out);
                    self.wire.part_done(message, out);
                }
            }
            Kind::Thinking => {
                let Some(mut open) = block.open else { return };
                if let Content::Reasoning { text, proof } = &mut open.content {
                    let tag = |signature: String| origin::tag(&signature, &self.envelope.origin);
                    *proof = block.signature.map(tag);
                    if !text.is_empty() {
                        self.wire.summary_done(&open.id, open.place, text, out);
                    }
                }
                self.wire.close(&open, "completed", out);
            }
            Kind::Whole(content) => {
                self.close_message("completed", out);
                let open = self.wire.open(content, &self.id, out);
                self.wire.close(&open, "completed", out);
            }
            Kind::Call(called) => {
                let open = match block.open {
                    Some(open) => open,
                    None => {
                        self.close_message("completed", out);
                        self.wire.open(Content::Call(called), &self.id, out)
                    }
                };
                let status = status(&open.content, cut, last);
                if let Content::Call(called) = &open.content {
                    self.wire.call_done(&open, called, status, out);
                }
                self.wire.close(&open, status, out);
            }
        }
    }

    fn close_message(&mut self, status: &str, out: &mut Vec<u8>) {
        if let Some(open) = self.message.take() {
            self.wire.close(&open, status, out);
        }
    }

    fn close_all(&mut self, reason: Finish, out: &mut Vec<u8>) {
        self.start("", out);
        self.finish.get_or_insert(reason);
        for block in &mut self.blocks {
            block.stopped = true;
        }
        self.close_stopped(is_cut(reason), out);
        let status = if is_cut(reason) {
            "incomplete"
        } else {
            "completed"
        };
        self.close_message(status, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.close_all(self.finish.unwrap_or(Finish::Stop), out);
        self.ended = true;
        if self.finish.is_some_and(is_cut) {
            self.reply("response.incomplete", "incomplete", None, out);
        } else {
            self.reply("response.completed", "completed", None, out);
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.ended = true;
        if self.started {
            let error = failed_error(fault);
            self.reply("response.failed", "failed", Some(&error), out);
        } else {
            out.extend_from_slice(&error_event(Dialect::Responses, fault, ""));
        }
    }
}
