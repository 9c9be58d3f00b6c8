//! Between a provider's events and the caller's writer: checks the order of events, decides how the
//! reply really ended, and remembers what the meter wants to know.
//!
//! Providers disagree on how a reply with tool calls ends; the callers' programs act on it. A call
//! is complete when its block was closed and its joined arguments parse.

use crate::{
    Action, BlockKind, CallForm, Dialect, Event, Finish, Ledger, Piece, Reason, json, watch::Seen,
};

/// The state of one reply.
#[derive(Debug)]
pub(crate) struct Settle {
    caller: Dialect,
    seen: Seen,
    losses: Ledger,
    /// Numbers of the open blocks.
    open: Vec<usize>,
    calls: Vec<CallSeen>,
    done: bool,
}

/// A tool call seen so far.
#[derive(Debug)]
struct CallSeen {
    index: usize,
    form: CallForm,
    arguments: String,
    closed: bool,
}

impl CallSeen {
    fn complete(&self) -> bool {
        let whole = match self.form {
            CallForm::Json => self.arguments.is_empty() || json::is_json(&self.arguments),
            CallForm::Text => true,
        };
        self.closed && whole
    }
}

impl Settle {
    /// For a caller of this dialect.
    pub(crate) fn new(caller: Dialect) -> Self {
        Self {
            caller,
            seen: Seen::default(),
            losses: Ledger::default(),
            open: Vec::new(),
            calls: Vec::new(),
            done: false,
        }
    }

    /// Takes an event and hands on what the writer shall see: every block closed before the end, and
    /// nothing after it.
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
                for index in self.open.drain(..) {
                    sink(Event::BlockStop { index });
                }
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

    /// What was seen and what was lost.
    pub(crate) fn into_parts(self) -> (Seen, Ledger) {
        (self.seen, self.losses)
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
            Event::BlockStart { index, kind } => self.note_start(*index, kind),
            Event::Delta { index, piece } => {
                self.seen.content = true;
                self.note_piece(*index, piece);
            }
            Event::BlockStop { index } => {
                self.open.retain(|open| open != index);
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

    fn note_piece(&mut self, index: usize, piece: &Piece<'_>) {
        match piece {
            Piece::Arguments(more) => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.index == index)
                    && call.form == CallForm::Json
                {
                    call.arguments.push_str(more);
                }
            }
            // Messages names documents as well; all others know addresses only.
            Piece::Citation(citation)
                if citation.url.is_empty() && self.caller != Dialect::Messages =>
            {
                self.losses
                    .note("citations", Action::Dropped, Reason::Dialect);
            }
            _ => {}
        }
    }

    fn note_start(&mut self, index: usize, kind: &BlockKind<'_>) {
        self.open.push(index);
        match kind {
            BlockKind::Call { form, .. } => {
                self.seen.content = true;
                self.calls.push(CallSeen {
                    index,
                    form: *form,
                    arguments: String::new(),
                    closed: false,
                });
            }
            BlockKind::Redacted(_) => self.seen.content = true,
            BlockKind::Image { .. } if self.caller == Dialect::Messages => {
                self.losses.note("images", Action::Dropped, Reason::Dialect);
            }
            BlockKind::Text
            | BlockKind::Refusal
            | BlockKind::Thinking
            | BlockKind::Image { .. } => {}
        }
    }

    /// How the reply really ended.
    fn reason(&self, said: Finish) -> Finish {
        let complete = !self.calls.is_empty() && self.calls.iter().all(CallSeen::complete);
        match said {
            Finish::Length if complete => Finish::ToolCalls,
            Finish::ToolCalls if self.calls.is_empty() => Finish::Stop,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, FaultKind};

    /// A reply with these calls (arguments, closed or not) and this end, as the writer sees it.
    fn settled(calls: &[(&str, bool)], reason: Finish) -> (Vec<String>, Settle) {
        let mut settle = Settle::new(Dialect::Chat);
        let mut seen = Vec::new();
        let mut sink = |event: Event<'_>| {
            seen.push(match event {
                Event::BlockStop { index } => format!("stop {index}"),
                Event::Finish { reason, .. } => format!("{reason:?}"),
                Event::End => "end".into(),
                Event::Fault(_) => "fault".into(),
                _ => return,
            });
        };
        for (index, (arguments, closed)) in calls.iter().enumerate() {
            let kind = BlockKind::call("i", "n");
            settle.event(Event::BlockStart { index, kind }, &mut sink);
            let piece = Piece::Arguments((*arguments).into());
            settle.event(Event::Delta { index, piece }, &mut sink);
            if *closed {
                settle.event(Event::BlockStop { index }, &mut sink);
            }
        }
        let finish = Event::Finish {
            reason,
            native: "x".into(),
            stop_sequence: None,
        };
        settle.event(finish, &mut sink);
        settle.event(Event::End, &mut sink);
        settle.event(
            Event::Fault(Fault::new(FaultKind::Upstream, "late")),
            &mut sink,
        );
        settle.event(Event::Ping, &mut sink);
        (seen, settle)
    }

    #[test]
    fn the_end_follows_the_calls() {
        use Finish::{Length, Refused, Stop, ToolCalls};
        for (calls, said, meant) in [
            (&[][..], Length, Length),
            (&[], ToolCalls, Stop),
            (&[("{}", true)], ToolCalls, ToolCalls),
            (&[("{}", true)], Refused, Refused),
            (&[("{}", true), ("", true)], Length, ToolCalls),
            (&[("{\"a\":", true)], Length, Length),
            (&[("{}", true), ("{\"a\"", true)], Length, Length),
            (&[("{}", true), ("", false)], Length, Length),
            (&[("{}", true)], Stop, Stop),
        ] {
            let (seen, settle) = settled(calls, said);
            let stops = (0..calls.len()).map(|index| format!("stop {index}"));
            let expected: Vec<String> = stops.chain([format!("{meant:?}"), "end".into()]).collect();
            assert_eq!(seen, expected, "{calls:?} {said:?}");
            assert_eq!(settle.seen().finish, Some(meant));
            assert!(settle.done() && settle.seen().ended && settle.seen().fault.is_none());
        }
    }
}
