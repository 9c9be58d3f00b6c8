//! A look at a whole JSON reply while it passes, without keeping it: a scan of its structure that
//! picks out the few small members of interest, in bounded memory whatever the reply's size.

use super::Reply;
use crate::{
    Dialect,
    json::{Text, fields},
};

/// Longest value that is picked out, in bytes; the members of interest stay far below.
const MAX_VALUE: usize = 16 * 1024;
/// Longest key looked at, in bytes.
const MAX_KEY: usize = 32;

/// The scan.
#[derive(Debug, Default)]
pub(super) struct Members {
    text: Option<InText>,
    /// A string that begins now is a key.
    at_key: bool,
    depth: usize,
    /// Levels around the reply: one when it comes as a list of chunks (Gemini).
    around: usize,
    /// One bit for each of the outer levels: set for an object.
    objects: u64,
    key: Vec<u8>,
    /// The outermost member that the scan is inside of.
    top: Top,
    /// The value being picked out, and the depth of its member.
    value: Vec<u8>,
    picking: Option<(Member, usize)>,
    native: Option<String>,
    incomplete: Option<String>,
    done: bool,
}

/// Inside a string.
#[derive(Clone, Copy, Debug)]
struct InText {
    key: bool,
    escaped: bool,
}

/// Outermost members that hold lists of interest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Top {
    /// `choices` of Chat, `candidates` of Gemini.
    Choices,
    /// `output` of Responses.
    Output,
    #[default]
    Other,
}

/// A member of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Id,
    Model,
    Usage,
    /// Why the reply ended.
    Native,
    /// The details of an incomplete or blocked reply.
    Incomplete,
    Error,
    /// The type of an output item.
    Item,
}

fields! {
    struct Details<'a> {
        reason: Text<'a> = "reason" | "blockReason",
    }
}

impl Members {
    pub(super) fn push(&mut self, bytes: &[u8], reply: &mut Reply) {
        let mut at = 0;
        while at < bytes.len() && !self.done {
            at = match self.text {
                Some(text) => self.in_text(bytes, at, text),
                None => {
                    self.token(bytes[at], reply);
                    at + 1
                }
            };
        }
    }

    pub(super) fn finish(&mut self, reply: &mut Reply) {
        if !self.done || reply.seen.fault.is_some() {
            return;
        }
        reply.seen.content = true;
        reply.seen.ended = true;
        match (self.incomplete.take(), self.native.take()) {
            (Some(native), _) if reply.dialect == Dialect::Gemini => reply.blocked(&native),
            (Some(native), _) | (None, Some(native)) => reply.ended(&native),
            (None, None) => {}
        }
    }

    /// Reads on inside a string; returns where to go on.
    fn in_text(&mut self, bytes: &[u8], at: usize, text: InText) -> usize {
        let end = if text.escaped {
            self.text = Some(InText {
                escaped: false,
                ..text
            });
            at + 1
        } else {
            match memchr::memchr2(b'"', b'\\', &bytes[at..]) {
                None => bytes.len(),
                Some(found) => {
                    let escaped = bytes[at + found] == b'\\';
                    self.text = escaped.then_some(InText { escaped, ..text });
                    at + found + 1
                }
            }
        };
        self.take(&bytes[at..end]);
        if text.key {
            let read = if self.text.is_none() { end - 1 } else { end };
            let room = (MAX_KEY + 1).saturating_sub(self.key.len());
            self.key.extend(bytes[at..read].iter().take(room));
        }
        end
    }

    /// Reads one byte outside of strings.
    fn token(&mut self, byte: u8, reply: &mut Reply) {
        match byte {
            b'"' => {
                self.text = Some(InText {
                    key: self.at_key,
                    escaped: false,
                });
                if self.at_key {
                    self.key.clear();
                }
            }
            b'{' | b'[' => {
                if self.depth == 0 && byte == b'[' && reply.dialect == Dialect::Gemini {
                    self.around = 1;
                }
                self.depth += 1;
                self.at_key = byte == b'{';
                if self.depth < 64 {
                    let bit = 1 << self.depth;
                    self.objects = if self.at_key {
                        self.objects | bit
                    } else {
                        self.objects & !bit
                    };
                }
            }
            b'}' | b']' => {
                self.value_ends(reply);
                self.depth = self.depth.saturating_sub(1);
                self.at_key = false;
                self.done = self.depth == 0;
            }
            b',' => {
                self.value_ends(reply);
                self.at_key = self.depth < 64 && self.objects & (1 << self.depth) != 0;
            }
            b':' => {
                self.at_key = false;
                if self.picking.is_none() {
                    self.value_begins(reply);
                    return;
                }
            }
            _ => {}
        }
        self.take(&[byte]);
    }

    /// Behind the colon of a member.
    fn value_begins(&mut self, reply: &mut Reply) {
        let key = &*self.key;
        let member = match (self.depth.saturating_sub(self.around), self.top) {
            (1, _) => {
                self.top = match key {
                    b"choices" | b"candidates" => Top::Choices,
                    b"output" => Top::Output,
                    _ => Top::Other,
                };
                top_member(key, reply.dialect)
            }
            (3, Top::Choices) if matches!(key, b"finish_reason" | b"finishReason") => {
                Some(Member::Native)
            }
            (3, Top::Output) if key == b"type" => Some(Member::Item),
            // A part of Gemini's first level of content.
            (6, Top::Choices) if key == b"functionCall" => {
                reply.calls = true;
                None
            }
            _ => None,
        };
        self.value.clear();
        self.picking = member.map(|member| (member, self.depth));
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.picking.is_none() {
            return;
        }
        if self.value.len() + bytes.len() > MAX_VALUE {
            self.picking = None;
        } else {
            self.value.extend_from_slice(bytes);
        }
    }

    /// Before a comma or the end of a container.
    fn value_ends(&mut self, reply: &mut Reply) {
        let Some((member, depth)) = self.picking else {
            return;
        };
        if depth != self.depth {
            return;
        }
        self.picking = None;
        let Ok(raw) = std::str::from_utf8(&self.value) else {
            return;
        };
        let raw = raw.trim_ascii();
        let text = || {
            serde_json::from_str::<Text<'_>>(raw)
                .ok()
                .map(|text| text.0)
        };
        match member {
            Member::Id => reply.id(&text().unwrap_or_default()),
            Member::Model => reply.model(&text().unwrap_or_default()),
            Member::Usage => reply.usage(raw),
            Member::Native => {
                if let Some(native) = text()
                    && (self.native.is_none() || native == "tool_calls")
                {
                    self.native = Some(native.into_owned());
                }
            }
            Member::Incomplete => {
                let details = serde_json::from_str::<Details<'_>>(raw).unwrap_or_default();
                self.incomplete = details.reason.map(|reason| reason.0.into_owned());
            }
            Member::Item => reply.calls |= text().is_some_and(|kind| kind.ends_with("_call")),
            Member::Error if raw != "null" => {
                reply.fault(format!("{{\"error\":{raw}}}").as_bytes());
            }
            Member::Error => {}
        }
    }
}

fn top_member(key: &[u8], dialect: Dialect) -> Option<Member> {
    Some(match key {
        b"id" | b"responseId" => Member::Id,
        b"model" | b"modelVersion" => Member::Model,
        b"usage" | b"usageMetadata" => Member::Usage,
        b"stop_reason" => Member::Native,
        b"status" if dialect == Dialect::Responses => Member::Native,
        b"incomplete_details" | b"promptFeedback" => Member::Incomplete,
        b"error" => Member::Error,
        _ => return None,
    })
}
