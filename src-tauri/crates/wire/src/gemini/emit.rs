//! Writes a reply as a Gemini stream: events with whole replies of new parts only, or one JSON array
//! of them.
//!
//! Gemini has no parts of parts: a function call goes out whole when its block closes. Reason and
//! counts stand in the last chunk, which waits for the provider's end.

use super::reply::{
    self, Cited, Shown, call_part, finish_word, is_cut, picture_part, redacted_part, text_part,
    thought_part, write_sources, write_usage,
};
use crate::{
    BlockKind, Citation, Dialect, Event, Finish, Piece, Usage,
    fault::{error_body, error_event},
    json::Object,
    translate::Envelope,
};

/// Writes a caller's stream.
#[derive(Debug)]
pub(crate) struct Emit {
    envelope: Envelope,
    id: String,
    /// Whether a chunk has been written.
    begun: bool,
    done: bool,
    blocks: Vec<Block>,
    /// The visible text so far: sources count its bytes.
    said: String,
    cited: Vec<Cited>,
    /// Calls whose arguments are no JSON; whether they were cut is known at the end.
    odd: Vec<Shown>,
    usage: Usage,
    finish: Finish,
}

/// A block under way.
#[derive(Debug)]
enum Block {
    Closed,
    Text { at: usize },
    Thinking { signature: Option<String> },
    Call(Shown),
    Image { media_type: String, data: String },
}

impl Emit {
    /// A writer for one reply.
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            id: String::new(),
            begun: false,
            done: false,
            blocks: Vec::new(),
            said: String::new(),
            cited: Vec::new(),
            odd: Vec::new(),
            usage: Usage::default(),
            finish: Finish::Stop,
        }
    }

    /// Appends what an event is in the caller's stream. Nothing follows `End` or `Fault`.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, .. } => self.id = reply::reply_id(id, &self.envelope),
            Event::BlockStart { index, kind } => self.block_start(*index, kind, out),
            Event::Delta { index, piece } => self.delta(*index, piece, out),
            Event::BlockStop { index } => self.block_stop(*index, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish { reason, .. } => {
                self.finish = *reason;
                for call in std::mem::take(&mut self.odd) {
                    if *reason != Finish::Length {
                        self.part(out, |part| call_part(&call, part));
                    }
                }
            }
            Event::Ping => out.extend_from_slice(self.keep_alive()),
            Event::Fault(fault) => {
                self.done = true;
                if self.envelope.array {
                    out.extend_from_slice(if self.begun { b",\n" } else { b"[" });
                    out.extend_from_slice(&error_body(Dialect::Gemini, fault, "").1);
                    out.push(b']');
                } else {
                    out.extend_from_slice(&error_event(Dialect::Gemini, fault, ""));
                }
            }
            Event::End => self.end(out),
        }
    }

    /// Bytes that keep a silent stream open; between the items of an array, white space.
    pub(crate) fn keep_alive(&self) -> &'static [u8] {
        if self.envelope.array {
            b"\n"
        } else {
            crate::keep_alive(Dialect::Gemini)
        }
    }

    fn block_start(&mut self, index: usize, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        let block = match kind {
            BlockKind::Text | BlockKind::Refusal => Block::Text {
                at: self.said.len(),
            },
            BlockKind::Thinking => Block::Thinking { signature: None },
            BlockKind::Redacted(data) => {
                let origin = self.envelope.origin.clone();
                self.part(out, |part| redacted_part(data, &origin, part));
                Block::Closed
            }
            BlockKind::Call { id, name, .. } => Block::Call(Shown {
                id: id.clone().into_owned(),
                name: name.clone().into_owned(),
                arguments: String::new(),
                signature: None,
            }),
            BlockKind::Image { media_type } => Block::Image {
                media_type: media_type.clone().into_owned(),
                data: String::new(),
            },
        };
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, || Block::Closed);
        }
        self.blocks[index] = block;
    }

    fn delta(&mut self, index: usize, piece: &Piece<'_>, out: &mut Vec<u8>) {
        match (self.blocks.get_mut(index), piece) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Block::Text { .. }), Piece::Text(text)) => {
                self.said.push_str(text);
                self.part(out, |part| text_part(text, part));
            }
            (Some(Block::Thinking { .. }), Piece::Text(text)) => {
                self.part(out, |part| thought_part(text, None, part));
            }
            (Some(Block::Text { at }), Piece::Citation(citation)) => {
                let cited = cite(&self.said, *at, citation);
                self.cited.push(cited);
            }
            (Some(Block::Thinking { signature }), Piece::Signature(proof)) => {
                *signature = Some(super::proof::show(proof, &self.envelope.origin));
            }
            (Some(Block::Call(call)), Piece::Signature(proof)) => {
                call.signature = Some(super::proof::show(proof, &self.envelope.origin));
            }
            (Some(Block::Call(call)), Piece::Arguments(more)) => call.arguments.push_str(more),
            (Some(Block::Image { data, .. }), Piece::Data(more)) => data.push_str(more),
            _ => {}
        }
    }

    fn block_stop(&mut self, index: usize, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.get_mut(index) else {
            return;
        };
        match std::mem::replace(block, Block::Closed) {
            Block::Thinking {
                signature: Some(signature),
            } => self.part(out, |part| thought_part("", Some(&signature), part)),
            Block::Call(call) if is_cut(&call.arguments) => self.odd.push(call),
            Block::Call(call) => self.part(out, |part| call_part(&call, part)),
            Block::Image { media_type, data } => {
                self.part(out, |part| picture_part(&media_type, &data, part));
            }
            Block::Closed | Block::Text { .. } | Block::Thinking { signature: None } => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.done = true;
        let (usage, cited) = (self.usage, std::mem::take(&mut self.cited));
        let finish = self.finish;
        self.chunk(
            out,
            |candidate| {
                let mut content = Object::begin(candidate.key("content"));
                content.raw("parts", r#"[{"text":""}]"#);
                content.text("role", "model");
                content.end();
                candidate.text("finishReason", finish_word(finish));
                write_sources(&cited, candidate);
            },
            |top| write_usage(&usage, top),
        );
        if self.envelope.array {
            out.push(b']');
        }
    }

    /// A chunk with one part.
    fn part(&mut self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        self.chunk(
            out,
            |candidate| {
                let mut content = Object::begin(candidate.key("content"));
                let parts = content.key("parts");
                parts.push(b'[');
                let mut part = Object::begin(parts);
                fill(&mut part);
                part.end();
                parts.push(b']');
                content.text("role", "model");
                content.end();
            },
            |_| {},
        );
    }

    fn chunk(
        &mut self,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut Object<'_>),
        more: impl FnOnce(&mut Object<'_>),
    ) {
        if self.id.is_empty() {
            self.id = reply::reply_id("", &self.envelope);
        }
        let first = !std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(match (self.envelope.array, first) {
            (true, true) => b"[",
            (true, false) => b",\n",
            (false, _) => b"data: ",
        });
        let mut top = Object::begin(out);
        let list = top.key("candidates");
        list.push(b'[');
        let mut candidate = Object::begin(list);
        fill(&mut candidate);
        candidate.int("index", 0);
        candidate.end();
        list.push(b']');
        more(&mut top);
        top.text("modelVersion", &self.envelope.model);
        top.text("responseId", &self.id);
        top.end();
        if !self.envelope.array {
            out.extend_from_slice(b"\n\n");
        }
    }
}

/// A source in the words of Gemini: bytes of the whole text for characters of a block.
fn cite(said: &str, block_at: usize, citation: &Citation<'_>) -> Cited {
    Cited::of(&said[block_at..], block_at, citation)
}
