//! Looks on while a reply passes through untouched.
//!
//! Counts, ending and faults are read from the few frames that hold them; everything else is only
//! searched. What cannot be read is ignored: looking on never disturbs the reply.

mod frames;
mod members;

use crate::{Dialect, Fault, Finish, Usage, counts::Counts, sse::Frames};
use frames::Look;
use members::Members;

/// What was seen of a reply.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Token counts, as far as reported.
    pub usage: Usage,
    /// Why the reply ended.
    pub finish: Option<Finish>,
    /// The same in the provider's words.
    pub native_finish: Option<String>,
    /// Whether the reply came to its proper end.
    pub ended: bool,
    /// Whether any content was seen.
    pub content: bool,
    /// The provider's own error inside the reply.
    pub fault: Option<Fault>,
    /// The model that answered, in the provider's words.
    pub model: Option<String>,
    /// The provider's id of the reply.
    pub upstream_id: Option<String>,
}

/// A look at one reply.
#[derive(Debug)]
pub struct Watch {
    sight: Sight,
    reply: Reply,
}

/// How a reply is looked at.
#[derive(Debug)]
enum Sight {
    Stream(Box<Frames>, Box<Look>),
    Whole(Box<Members>),
}

impl Watch {
    /// A look at a reply of this dialect, a stream or one JSON object.
    pub fn new(dialect: Dialect, streaming: bool) -> Self {
        let sight = if streaming {
            Sight::Stream(Box::default(), Box::new(Look::new()))
        } else {
            Sight::Whole(Box::default())
        };
        let reply = Reply {
            dialect,
            seen: Seen::default(),
            counts: Counts::default(),
            calls: false,
            sequence: None,
        };
        Self { sight, reply }
    }

    /// Takes the next bytes of the reply.
    pub fn push(&mut self, bytes: &[u8]) {
        let reply = &mut self.reply;
        match &mut self.sight {
            Sight::Stream(frames, look) => {
                frames.push(bytes, |frame| look.frame(&frame, reply));
            }
            Sight::Whole(members) => members.push(bytes, reply),
        }
    }

    /// Says that the reply has ended.
    pub fn finish(&mut self) {
        let reply = &mut self.reply;
        match &mut self.sight {
            Sight::Stream(frames, look) => frames.finish(|frame| look.frame(&frame, reply)),
            Sight::Whole(members) => members.finish(reply),
        }
    }

    /// What was seen so far.
    pub fn seen(&self) -> &Seen {
        &self.reply.seen
    }

    /// The last frame of a stream that ends here with a fault: for Responses a reply that has failed,
    /// once it had begun.
    pub fn error_event(&self, fault: &Fault, request_id: &str) -> Vec<u8> {
        match self.reply.dialect {
            Dialect::Responses => crate::responses::broken_off(
                self.reply.seen.upstream_id.as_deref(),
                self.reply.seen.model.as_deref(),
                self.reply.sequence.map_or(0, |last| last.saturating_add(1)),
                fault,
            ),
            dialect => crate::error_event(dialect, fault, request_id),
        }
    }

    /// Whether a stream stands between two frames, so that something may be put in.
    pub fn at_boundary(&self) -> bool {
        match &self.sight {
            Sight::Stream(frames, _) => frames.at_boundary(),
            Sight::Whole(_) => false,
        }
    }
}

/// What is known of a reply, and how its dialect says it.
#[derive(Debug)]
struct Reply {
    dialect: Dialect,
    seen: Seen,
    counts: Counts,
    /// Whether a tool call was seen: Gemini and Responses have no word of their own for it.
    calls: bool,
    /// Number of the last event of a Responses stream.
    sequence: Option<u64>,
}

impl Reply {
    fn usage(&mut self, raw: &str) {
        self.counts.read(raw);
        self.seen.usage = self.counts.usage(self.dialect);
    }

    fn model(&mut self, model: &str) {
        if self.seen.model.is_none() && !model.is_empty() {
            self.seen.model = Some(model.to_owned());
        }
    }

    fn id(&mut self, id: &str) {
        if self.seen.upstream_id.is_none() && !id.is_empty() {
            self.seen.upstream_id = Some(id.to_owned());
        }
    }

    /// A reason to end, in the provider's words.
    fn ended(&mut self, native: &str) {
        let reason = match self.dialect {
            Dialect::Chat | Dialect::Kiro => crate::chat::reason(native),
            Dialect::Messages => messages_reason(native),
            Dialect::Responses => responses_reason(native, self.calls),
            // A reply that was broken off has no reason of byokey's.
            Dialect::Gemini => {
                crate::gemini::reason(native, self.calls, true).unwrap_or(Finish::Stop)
            }
        };
        self.seen.finish = Some(reason);
        self.seen.native_finish = Some(native.to_owned());
        self.seen.ended = true;
    }

    /// The prompt was refused, for a reason in the provider's words (Gemini).
    fn blocked(&mut self, native: &str) {
        self.ended(native);
        self.seen.finish = Some(Finish::Refused);
    }

    fn fault(&mut self, data: &[u8]) {
        self.seen.fault = Some(crate::fault::stream_fault(self.dialect, data));
    }
}

fn messages_reason(native: &str) -> Finish {
    match native {
        "stop_sequence" => Finish::StopSequence,
        "tool_use" => Finish::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "refusal" | "sensitive" => Finish::Refused,
        "pause_turn" => Finish::Paused,
        _ => Finish::Stop,
    }
}

/// `native` is the status, or the reason of an incomplete reply.
fn responses_reason(native: &str, calls: bool) -> Finish {
    match native {
        "max_output_tokens" | "incomplete" => Finish::Length,
        "content_filter" => Finish::Refused,
        _ if calls => Finish::ToolCalls,
        _ => Finish::Stop,
    }
}

#[cfg(test)]
mod tests;
