use super::reply::{
    finish_word, reply_id, write_annotation, write_logprobs, write_picture, write_usage,
};
use crate::{
    BlockKind, CallForm, Citation, Dialect, Event, Fault, Finish, Piece, Usage,
    fault::error_event,
    ids,
    json::{Object, write_int, write_list, write_str},
    translate::Envelope,
};

/// Writes a caller's chat stream.
#[derive(Debug)]
pub(crate) struct Emit {
    envelope: Envelope,
    /// Everything of a chunk up to its delta.
    head: Vec<u8>,
    /// The reply's id.
    id: String,
    blocks: Vec<Block>,
    calls: usize,
    /// Characters of content so far.
    said: u64,
    /// Digests of the pictures so far: a picture is shown once.
    pictures: Vec<String>,
    usage: Usage,
}

/// What the deltas of a block become.
#[derive(Debug)]
enum Block {
    Text {
        /// Characters of content before it.
        from: u64,
        /// Its sources; they are told when it is known how far they reach.
        citations: Vec<Citation<'static>>,
    },
    /// A picture of this type.
    Image(String),
    Refusal,
    Thinking,
    Silent,
    Call {
        /// Number among the calls.
        number: usize,
        /// Whether it is a custom tool's, with text in place of arguments.
        custom: bool,
        /// Whether any arguments were sent.
        begun: bool,
    },
}

impl Emit {
    /// A writer for one reply.
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            head: Vec::new(),
            id: String::new(),
            blocks: Vec::new(),
            calls: 0,
            said: 0,
            pictures: Vec::new(),
            usage: Usage::default(),
        }
    }

    /// Appends what an event is in the caller's stream. Nothing may follow `End` or `Fault`.
    pub(crate) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { id, .. } => self.start(id, out),
            Event::Ping => out.extend_from_slice(crate::keep_alive(Dialect::Chat)),
            Event::Fault(fault) => Self::fault(fault, out),
            event => {
                self.start("", out);
                self.inner(event, out);
            }
        }
    }

    fn inner(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::BlockStart { index, kind } => self.block_start(*index, kind, out),
            Event::Delta { index, piece } => self.delta(*index, piece, out),
            Event::BlockStop { index } => self.block_stop(*index, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish { reason, native, .. } => self.finish(*reason, native, out),
            Event::End => self.end(out),
            Event::Start { .. } | Event::Ping | Event::Fault(_) => {}
        }
    }

    /// The role goes first, whatever the provider says first.
    fn start(&mut self, id: &str, out: &mut Vec<u8>) {
        if !self.head.is_empty() {
            return;
        }
        self.id = reply_id(id, &self.envelope);
        self.head.extend_from_slice(b"data: ");
        let mut chunk = Object::begin(&mut self.head);
        chunk.text("id", &self.id);
        chunk.text("object", "chat.completion.chunk");
        chunk.int("created", self.envelope.created_s);
        chunk.text("model", &self.envelope.model);
        chunk.key("choices");
        // The object stays open: every chunk goes on from here.
        self.chunk(out, |delta| {
            delta.extend_from_slice(br#""role":"assistant","content":"""#)
        });
    }

    /// A chunk with the members of its delta.
    fn chunk(&self, out: &mut Vec<u8>, delta: impl FnOnce(&mut Vec<u8>)) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(br#"[{"index":0,"delta":{"#);
        delta(out);
        out.extend_from_slice(b"},\"finish_reason\":null}]}\n\n");
    }

    fn block_start(&mut self, index: usize, kind: &BlockKind<'_>, out: &mut Vec<u8>) {
        let block = match kind {
            BlockKind::Text => Block::Text {
                from: self.said,
                citations: Vec::new(),
            },
            BlockKind::Refusal => Block::Refusal,
            BlockKind::Thinking => Block::Thinking,
            BlockKind::Redacted(_) => Block::Silent,
            BlockKind::Image { media_type } => Block::Image(media_type.clone().into_owned()),
            BlockKind::Call { id, name, form, .. } => {
                let number = self.calls;
                self.calls += 1;
                let custom = *form == CallForm::Text && self.envelope.is_custom(name);
                self.chunk(out, |out| {
                    out.extend_from_slice(br#""tool_calls":["#);
                    write_start(number, id, name, custom, out);
                    out.push(b']');
                });
                Block::Call {
                    number,
                    custom,
                    begun: *form == CallForm::Text,
                }
            }
        };
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, || Block::Silent);
        }
        self.blocks[index] = block;
    }

    fn delta(&mut self, index: usize, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let (member, text) = match (self.blocks.get_mut(index), piece) {
            (_, Piece::Text(text) | Piece::Arguments(text)) if text.is_empty() => return,
            (Some(Block::Text { .. }), Piece::Text(text)) => {
                self.said += text.chars().count() as u64;
                ("\"content\":", text)
            }
            (Some(Block::Text { citations, .. }), Piece::Citation(citation)) => {
                if !citation.url.is_empty() {
                    citations.push(citation.clone().into_owned());
                }
                return;
            }
            (Some(Block::Text { .. }), Piece::Logprobs(list)) => {
                self.logprobs(list, out);
                return;
            }
            (Some(Block::Image(media_type)), Piece::Data(data)) => {
                let media_type = std::mem::take(media_type);
                self.picture(&media_type, data, out);
                return;
            }
            (Some(Block::Thinking), Piece::Text(text)) => ("\"reasoning_content\":", text),
            (Some(Block::Refusal), Piece::Text(text)) => ("\"refusal\":", text),
            (
                Some(Block::Call {
                    number,
                    custom,
                    begun,
                }),
                Piece::Arguments(text),
            ) => {
                *begun = true;
                let (number, custom) = (*number, *custom);
                self.arguments(number, custom, text, out);
                return;
            }
            _ => return,
        };
        self.chunk(out, |out| {
            out.extend_from_slice(member.as_bytes());
            write_str(out, text);
        });
    }

    fn arguments(&self, number: usize, custom: bool, text: &str, out: &mut Vec<u8>) {
        let member: &[u8] = if custom {
            br#","custom":{"input":"#
        } else {
            br#","function":{"arguments":"#
        };
        self.chunk(out, |out| {
            out.extend_from_slice(br#""tool_calls":[{"index":"#);
            write_int(out, number);
            out.extend_from_slice(member);
            write_str(out, text);
            out.extend_from_slice(b"}}]");
        });
    }

    fn block_stop(&mut self, index: usize, out: &mut Vec<u8>) {
        let Some(block) = self.blocks.get_mut(index) else {
            return;
        };
        match std::mem::replace(block, Block::Silent) {
            Block::Call {
                number,
                begun: false,
                ..
            } => self.arguments(number, false, "{}", out),
            Block::Text { from, citations } if !citations.is_empty() => {
                let to = self.said;
                self.chunk(out, |out| {
                    out.extend_from_slice(b"\"annotations\":");
                    write_list(out, &citations, |out, citation| {
                        write_annotation(citation, from, to, out);
                    });
                });
            }
            _ => {}
        }
    }

    fn logprobs(&self, list: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(br#"[{"index":0,"delta":{},"logprobs":"#);
        write_logprobs([list], out);
        out.extend_from_slice(b",\"finish_reason\":null}]}\n\n");
    }

    fn picture(&mut self, media_type: &str, data: &str, out: &mut Vec<u8>) {
        let digest = ids::digest(data, 64);
        if self.pictures.contains(&digest) {
            return;
        }
        let number = self.pictures.len();
        self.pictures.push(digest);
        self.chunk(out, |out| {
            out.extend_from_slice(b"\"images\":[");
            write_picture(number, media_type, data, out);
            out.push(b']');
        });
    }

    fn finish(&mut self, reason: Finish, native: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(br#"[{"index":0,"delta":{},"finish_reason":"#);
        write_str(out, finish_word(reason));
        if !native.is_empty() {
            out.extend_from_slice(br#","native_finish_reason":"#);
            write_str(out, native);
        }
        out.extend_from_slice(b"}]}\n\n");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.envelope.include_usage && !self.usage.is_empty() {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"[],\"usage\":");
            write_usage(&self.usage, out);
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn fault(fault: &Fault, out: &mut Vec<u8>) {
        out.extend_from_slice(&error_event(Dialect::Chat, fault, ""));
    }
}

/// A call's first fragment: all but its arguments.
fn write_start(number: usize, id: &str, name: &str, custom: bool, out: &mut Vec<u8>) {
    let (kind, arguments) = if custom {
        ("custom", "input")
    } else {
        ("function", "arguments")
    };
    let mut call = Object::begin(out);
    call.int("index", number);
    call.text("id", id);
    call.text("type", kind);
    let mut called = Object::begin(call.key(kind));
    called.text("name", name);
    called.text(arguments, "");
    called.end();
    call.end();
}

#[cfg(test)]
mod tests;
