//! Between a provider's events and the caller's writer: checks the order of events, decides how the
//! reply really ended, and remembers what the meter wants to know.
//!
//! Providers disagree on how a reply with tool calls ends; the callers' programs act on it. A call
//! is complete when its block was closed and its joined arguments parse.

use crate::{Action, BlockKind, Event, Finish, Ledger, Piece, Reason, json, watch::Seen};

/// The state of one reply.
#[derive(Debug, Default)]
pub(crate) struct Settle {
    seen: Seen,
    losses: Ledger,
    calls: Vec<OpenCall>,
    done: bool,
}

/// A tool call seen so far.
#[derive(Debug)]
struct OpenCall {
    index: usize,
    arguments: String,
    closed: bool,
}

impl OpenCall {
    fn complete(&self) -> bool {
        self.closed && (self.arguments.is_empty() || json::is_json(&self.arguments))
    }
}

impl Settle {
    /// Takes an event and hands on what the writer shall see: nothing after the end.
    pub(crate) fn event(&mut self, event: Event<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.done {
            return;
        }
        let event = match event {
            Event::Finish {
                reason,
                native,
                stop_sequence,
            } => {
                if native.is_empty() {
                    // The reader concluded it from what had arrived.
                    self.losses
                        .note("finish_reason", Action::Synthesised, Reason::Dialect);
                }
                let reason = self.reason(reason);
                self.seen.finish = Some(reason);
                self.seen.native_finish = Some(native.clone().into_owned());
                Event::Finish {
                    reason,
                    native,
                    stop_sequence,
                }
            }
            other => other,
        };
        self.note(&event);
        sink(event);
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What was seen.
    pub(crate) fn into_seen(self) -> Seen {
        self.seen
    }

    /// What the reply lost.
    pub(crate) fn losses(&self) -> &Ledger {
        &self.losses
    }

    /// Whether the reply has ended, well or not.
    pub(crate) fn done(&self) -> bool {
        self.done
    }

    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Start { id, model } => {
                self.seen.upstream_id = (!id.is_empty()).then(|| id.clone().into_owned());
                self.seen.model = (!model.is_empty()).then(|| model.clone().into_owned());
            }
            Event::BlockStart { index, kind } => match kind {
                BlockKind::Call { .. } => {
                    self.seen.content = true;
                    self.calls.push(OpenCall {
                        index: *index,
                        arguments: String::new(),
                        closed: false,
                    });
                }
                BlockKind::Redacted(_) => {
                    self.seen.content = true;
                    self.losses
                        .note("redacted_thinking", Action::Dropped, Reason::Dialect);
                }
                BlockKind::Text | BlockKind::Refusal | BlockKind::Thinking => {}
            },
            Event::Delta { index, piece } => {
                self.seen.content = true;
                if let Piece::Arguments(more) = piece
                    && let Some(call) = self.calls.iter_mut().find(|call| call.index == *index)
                {
                    call.arguments.push_str(more);
                }
            }
            Event::BlockStop { index } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.index == *index) {
                    call.closed = true;
                }
            }
            Event::Usage(usage) => self.seen.usage.update(usage),
            Event::Fault(fault) => {
                self.seen.fault = Some(fault.clone());
                self.done = true;
            }
            Event::End => {
                self.seen.ended = true;
                self.done = true;
            }
            Event::Finish { .. } | Event::Ping => {}
        }
    }

    /// How the reply really ended.
    fn reason(&self, said: Finish) -> Finish {
        let complete = !self.calls.is_empty() && self.calls.iter().all(OpenCall::complete);
        match said {
            Finish::Length if complete => Finish::ToolCalls,
            Finish::ToolCalls if self.calls.is_empty() => Finish::Stop,
            other => other,
        }
    }
}
