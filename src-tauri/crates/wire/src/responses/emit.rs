//! Writes a reply as a Responses stream.
//!
//! The hub's blocks may interleave; here one item is open at a time, so that the block that came
//! first is written as it arrives and later ones wait. Neighbouring texts are parts of one message.
//! How an item ends is known only when the next event comes: the cut of a reply closes it too.

use std::collections::VecDeque;

use super::item::{
    Called, Content, Dress, Part, item_id, write_citation, write_item, write_logprobs, write_part,
    write_summary,
};
use super::reply::{ReplyState, incomplete_reason, is_cut, redacted, reply_id, status};
use crate::{
    BlockKind, Citation, Dialect, Event, Fault, Finish, Piece, Usage, error_event,
    fault::failed_error, json::Object, keep_alive, origin, translate::Envelope,
};

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

/// What has gone out.
#[derive(Debug, Default)]
struct Wire {
    /// Number of the next event.
    sequence: u64,
    /// Number of the next item.
    place: usize,
    /// The complete items, with commas between them.
    output: Vec<u8>,
}

/// An item that is open on the wire.
#[derive(Debug)]
struct Open {
    id: String,
    place: usize,
    content: Content,
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
                self.open_part(refusal, out);
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

    /// Begins a part of the open message, or a message with it.
    fn open_part(&mut self, refusal: bool, out: &mut Vec<u8>) {
        if self.message.is_none() {
            let content = Content::Message(Vec::new());
            self.message = Some(self.wire.open(content, &self.id, out));
        }
        let Some(Open {
            id,
            place,
            content: Content::Message(parts),
        }) = &mut self.message
        else {
            return;
        };
        let part = Part {
            refusal,
            ..Part::default()
        };
        self.wire.event("response.content_part.added", out, |data| {
            place_of(data, id, *place);
            data.int("content_index", parts.len());
            write_part(&part, data.key("part"));
        });
        parts.push(part);
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
                self.say(&held, citations, out);
            }
            Kind::Thinking if held.is_empty() => {}
            Kind::Thinking => self.think(&held, out),
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

    fn say(&mut self, text: &str, citations: Vec<Citation<'static>>, out: &mut Vec<u8>) {
        let Some(Open {
            id,
            place,
            content: Content::Message(parts),
        }) = &mut self.message
        else {
            return;
        };
        let number = parts.len().saturating_sub(1);
        let Some(part) = parts.last_mut() else { return };
        if !text.is_empty() {
            part.text.push_str(text);
            let name = if part.refusal {
                "response.refusal.delta"
            } else {
                "response.output_text.delta"
            };
            self.wire.event(name, out, |data| {
                place_of(data, id, *place);
                data.int("content_index", number);
                data.text("delta", text);
                if !part.refusal {
                    data.raw("logprobs", "[]");
                }
            });
        }
        for mut citation in citations {
            let end = || (0, part.text.chars().count() as u64);
            citation.span = Some(citation.span.unwrap_or_else(end));
            self.wire
                .event("response.output_text.annotation.added", out, |data| {
                    place_of(data, id, *place);
                    data.int("content_index", number);
                    data.int("annotation_index", part.citations.len());
                    write_citation(&citation, data.key("annotation"));
                });
            part.citations.push(citation);
        }
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) {
        self.open_thinking(out);
        let Some(Open {
            id,
            place,
            content: Content::Reasoning { text: all, .. },
        }) = self
            .blocks
            .front_mut()
            .and_then(|block| block.open.as_mut())
        else {
            return;
        };
        if all.is_empty() {
            self.wire
                .event("response.reasoning_summary_part.added", out, |data| {
                    place_of(data, id, *place);
                    data.int("summary_index", 0);
                    write_summary("", data.key("part"));
                });
        }
        all.push_str(text);
        self.wire
            .event("response.reasoning_summary_text.delta", out, |data| {
                place_of(data, id, *place);
                data.int("summary_index", 0);
                data.text("delta", text);
            });
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
                self.say("", block.citations, out);
                self.close_part(out);
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

    fn close_part(&mut self, out: &mut Vec<u8>) {
        let Some(Open {
            id,
            place,
            content: Content::Message(parts),
        }) = &self.message
        else {
            return;
        };
        let number = parts.len().saturating_sub(1);
        let Some(part) = parts.last() else { return };
        let (name, member) = if part.refusal {
            ("response.refusal.done", "refusal")
        } else {
            ("response.output_text.done", "text")
        };
        self.wire.event(name, out, |data| {
            place_of(data, id, *place);
            data.int("content_index", number);
            data.text(member, &part.text);
            if !part.refusal {
                write_logprobs(part, data);
            }
        });
        self.wire.event("response.content_part.done", out, |data| {
            place_of(data, id, *place);
            data.int("content_index", number);
            write_part(part, data.key("part"));
        });
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

impl Wire {
    fn event(&mut self, name: &str, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\ndata: ");
        let mut data = Object::begin(out);
        data.text("type", name);
        data.int("sequence_number", self.sequence);
        fill(&mut data);
        data.end();
        out.extend_from_slice(b"\n\n");
        self.sequence += 1;
    }

    fn open(&mut self, content: Content, reply: &str, out: &mut Vec<u8>) -> Open {
        let place = self.place;
        self.place += 1;
        let id = item_id(&content, reply, place);
        self.event("response.output_item.added", out, |data| {
            data.int("output_index", place);
            write_item(&content, &id, "in_progress", data.key("item"));
        });
        Open { id, place, content }
    }

    fn close(&mut self, open: &Open, status: &str, out: &mut Vec<u8>) {
        let mut item = Vec::with_capacity(256);
        write_item(&open.content, &open.id, status, &mut item);
        self.event("response.output_item.done", out, |data| {
            data.int("output_index", open.place);
            data.key("item").extend_from_slice(&item);
        });
        if !self.output.is_empty() {
            self.output.push(b',');
        }
        self.output.extend_from_slice(&item);
    }

    fn summary_done(&mut self, id: &str, place: usize, text: &str, out: &mut Vec<u8>) {
        self.event("response.reasoning_summary_text.done", out, |data| {
            place_of(data, id, place);
            data.int("summary_index", 0);
            data.text("text", text);
        });
        self.event("response.reasoning_summary_part.done", out, |data| {
            place_of(data, id, place);
            data.int("summary_index", 0);
            write_summary(text, data.key("part"));
        });
    }

    /// The end of a call's arguments.
    fn call_done(&mut self, open: &Open, called: &Called, status: &str, out: &mut Vec<u8>) {
        let shown = called.shown(status == "incomplete");
        let (done, member, name) = match &called.dress {
            Dress::Function { name, .. } => {
                ("response.function_call_arguments.done", "arguments", name)
            }
            Dress::Custom { name, .. } => ("response.custom_tool_call_input.done", "input", name),
            _ => return,
        };
        self.event(done, out, |data| {
            place_of(data, &open.id, open.place);
            if member == "arguments" {
                data.text("name", name);
            }
            data.text(member, shown);
        });
    }
}

fn place_of(data: &mut Object<'_>, id: &str, place: usize) {
    data.text("item_id", id);
    data.int("output_index", place);
}
