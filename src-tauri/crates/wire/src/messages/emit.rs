//! Writes a reply as a Messages stream.
//!
//! Messages has one open block at a time, numbered without gaps; the hub's blocks may interleave. So
//! the block that came first is written as it arrives, later ones are held until it closes. The
//! reply's end waits for the provider's, because counts may still follow the reason.

use std::collections::VecDeque;

use super::reply::{message_id, stop_reason, write_source, write_usage};
use crate::json::Object;
use crate::translate::Envelope;
use crate::{
    BlockKind, CallForm, Citation, Dialect, Event, Finish, Piece, Usage, error_event, free_text,
    keep_alive, origin,
};

/// Writes a caller's stream.
#[derive(Debug)]
pub(crate) struct Emit {
    envelope: Envelope,
    started: bool,
    done: bool,
    id: String,
    /// Number of the next block on the wire.
    next: usize,
    /// Blocks not yet closed on the wire; the first one is open there.
    blocks: VecDeque<Block>,
    usage: Usage,
    finish: Option<(Finish, Option<String>)>,
}

/// A block under way.
#[derive(Debug)]
struct Block {
    /// The hub's number.
    index: usize,
    kind: Kind,
    /// Text or arguments that have not been written yet.
    held: String,
    /// A thinking block's proof; it goes out just before the block closes.
    signature: Option<String>,
    /// A text's sources that have not been written yet.
    citations: Vec<Citation<'static>>,
    stopped: bool,
}

#[derive(Debug)]
enum Kind {
    Text,
    Thinking,
    Redacted(String),
    Call {
        id: String,
        name: String,
        form: CallForm,
    },
}

impl Emit {
    /// A writer for one reply.
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            started: false,
            done: false,
            id: String::new(),
            next: 0,
            blocks: VecDeque::new(),
            usage: Usage::default(),
            finish: None,
        }
    }

    /// Appends what the event is in the caller's stream. Nothing follows `End` or `Fault`.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, .. } => {
                if !self.started {
                    self.id = id.clone().into_owned();
                }
                self.start(out);
            }
            Event::BlockStart { index, kind } => self.block_start(*index, kind, out),
            Event::Delta { index, piece } => self.delta(*index, piece, out),
            Event::BlockStop { index } => self.block_stop(*index, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish {
                reason,
                stop_sequence,
                ..
            } => {
                let sequence = stop_sequence.clone().map(std::borrow::Cow::into_owned);
                self.finish.get_or_insert((*reason, sequence));
            }
            Event::Ping => out.extend_from_slice(keep_alive(Dialect::Messages)),
            Event::Fault(fault) => {
                self.done = true;
                out.extend_from_slice(&error_event(Dialect::Messages, fault, ""));
            }
            Event::End => self.end(out),
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        event(out, "message_start", |data| {
            let mut message = Object::begin(data.key("message"));
            message.text("id", &message_id(&self.id, &self.envelope));
            message.text("type", "message");
            message.text("role", "assistant");
            message.text("model", &self.envelope.model);
            message.raw("content", "[]");
            message.raw("stop_reason", "null");
            message.raw("stop_sequence", "null");
            write_usage(&mut message, &self.usage);
            message.end();
        });
    }

    fn block_start(&mut self, index: usize, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        self.start(out);
        let kind = match kind {
            BlockKind::Text | BlockKind::Refusal => Kind::Text,
            BlockKind::Thinking => Kind::Thinking,
            BlockKind::Redacted(data) => {
                Kind::Redacted(origin::tag_redacted(data, &self.envelope.origin))
            }
            // The dialect has no place for it.
            BlockKind::Image { .. } => return,
            BlockKind::Call { id, name, form, .. } => Kind::Call {
                id: id.clone().into_owned(),
                name: name.clone().into_owned(),
                form: *form,
            },
        };
        let (held, signature) = (String::new(), None);
        self.blocks.push_back(Block {
            index,
            kind,
            held,
            signature,
            citations: Vec::new(),
            stopped: false,
        });
        if self.blocks.len() == 1 {
            self.open_first(out);
        }
    }

    fn delta(&mut self, index: usize, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let Some(position) = self.blocks.iter().position(|block| block.index == index) else {
            return;
        };
        let block = &mut self.blocks[position];
        match piece {
            Piece::Signature(signature) => block.signature = Some(signature.clone().into_owned()),
            Piece::Text(text) | Piece::Arguments(text)
                if position == 0 && !block.is_text_call() =>
            {
                block.write(self.next, text, out);
            }
            Piece::Text(text) | Piece::Arguments(text) => block.held.push_str(text),
            Piece::Citation(citation) if position == 0 => {
                write_citation(out, self.next, citation);
            }
            Piece::Citation(citation) => block.citations.push(citation.clone().into_owned()),
            Piece::Data(_) | Piece::Logprobs(_) => {}
        }
    }

    fn block_stop(&mut self, index: usize, out: &mut Vec<u8>) {
        if let Some(block) = self.blocks.iter_mut().find(|block| block.index == index) {
            block.stopped = true;
        }
        self.close_stopped(out);
    }

    /// Closes the open block if it is complete, and goes on with what was held behind it.
    fn close_stopped(&mut self, out: &mut Vec<u8>) {
        while self.blocks.front().is_some_and(|block| block.stopped) {
            let Some(mut block) = self.blocks.pop_front() else {
                return;
            };
            if block.is_text_call() {
                block.write_wrapped(self.next, out);
            }
            if let (Kind::Thinking, Some(signature)) = (&block.kind, &block.signature) {
                let tagged = origin::tag(signature, &self.envelope.origin);
                delta(out, self.next, "signature_delta", "signature", &tagged);
            }
            event(out, "content_block_stop", |data| {
                data.int("index", self.next as u64)
            });
            self.next += 1;
            self.open_first(out);
        }
    }

    /// Opens the first block that waits, with what it has gathered.
    fn open_first(&mut self, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.front_mut() else {
            return;
        };
        event(out, "content_block_start", |data| {
            data.int("index", self.next as u64);
            let mut start = Object::begin(data.key("content_block"));
            match &block.kind {
                Kind::Text => {
                    start.text("type", "text");
                    start.text("text", "");
                }
                Kind::Thinking => {
                    start.text("type", "thinking");
                    start.text("thinking", "");
                    start.text("signature", "");
                }
                Kind::Redacted(data) => {
                    start.text("type", "redacted_thinking");
                    start.text("data", data);
                }
                Kind::Call { id, name, .. } => {
                    start.text("type", "tool_use");
                    start.text("id", id);
                    start.text("name", name);
                    start.raw("input", "{}");
                }
            }
            start.end();
        });
        if !block.is_text_call() {
            let held = std::mem::take(&mut block.held);
            block.write(self.next, &held, out);
        }
        for citation in block.citations.drain(..) {
            write_citation(out, self.next, &citation);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.blocks
            .iter_mut()
            .for_each(|block| block.stopped = true);
        self.close_stopped(out);
        self.done = true;
        let (finish, sequence) = self.finish.take().unwrap_or((Finish::Stop, None));
        event(out, "message_delta", |data| {
            let mut delta = Object::begin(data.key("delta"));
            delta.text("stop_reason", stop_reason(finish, sequence.as_deref()));
            match &sequence {
                Some(sequence) => delta.text("stop_sequence", sequence),
                None => delta.raw("stop_sequence", "null"),
            }
            delta.end();
            write_usage(data, &self.usage);
        });
        event(out, "message_stop", |_| {});
    }
}

impl Block {
    /// Whether it is a call with free text, which Messages has no word for.
    fn is_text_call(&self) -> bool {
        matches!(
            self.kind,
            Kind::Call {
                form: CallForm::Text,
                ..
            }
        )
    }

    /// Writes the whole of a call with free text.
    fn write_wrapped(&mut self, number: usize, out: &mut Vec<u8>) {
        let mut wrapped = Vec::with_capacity(self.held.len() + 16);
        free_text::wrap(&std::mem::take(&mut self.held), &mut wrapped);
        self.write(number, &String::from_utf8_lossy(&wrapped), out);
    }

    fn write(&self, number: usize, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match self.kind {
            Kind::Text => delta(out, number, "text_delta", "text", text),
            Kind::Thinking => delta(out, number, "thinking_delta", "thinking", text),
            Kind::Call { .. } => delta(out, number, "input_json_delta", "partial_json", text),
            Kind::Redacted(_) => {}
        }
    }
}

fn delta(out: &mut Vec<u8>, number: usize, kind: &str, member: &'static str, text: &str) {
    event(out, "content_block_delta", |data| {
        data.int("index", number as u64);
        let mut delta = Object::begin(data.key("delta"));
        delta.text("type", kind);
        delta.text(member, text);
        delta.end();
    });
}

fn write_citation(out: &mut Vec<u8>, number: usize, citation: &Citation<'_>) {
    event(out, "content_block_delta", |data| {
        data.int("index", number as u64);
        let mut delta = Object::begin(data.key("delta"));
        delta.text("type", "citations_delta");
        write_source(citation, delta.key("citation"));
        delta.end();
    });
}

fn event(out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut data = Object::begin(out);
    data.text("type", name);
    fill(&mut data);
    data.end();
    out.extend_from_slice(b"\n\n");
}
