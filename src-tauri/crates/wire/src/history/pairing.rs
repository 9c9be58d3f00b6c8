//! Decides which tool result answers which call.

use std::collections::HashMap;

use crate::{Body, Message, Role};

/// Which result answers which call, decided before anything moves.
pub(super) struct Pairing {
    pub(super) calls: Vec<PlannedCall>,
    /// The calls of each id, in order.
    known: HashMap<String, Vec<usize>>,
    /// In the order in which the results appear.
    pub(super) fates: Vec<Fate>,
}

pub(super) struct PlannedCall {
    pub(super) id: String,
    pub(super) name: String,
    batch: usize,
    /// Two calls of the batch share the id: nobody can tell which result is whose.
    pub(super) ambiguous: bool,
    answered: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// Answers this call; `moved` when it stands elsewhere than right behind the call's batch.
    Answer { call: usize, moved: bool },
    /// Replaces an earlier answer.
    Again { call: usize },
    /// Goes with its ambiguous call.
    Void,
    /// No call ever asked for it.
    Orphan,
}

impl Pairing {
    pub(super) fn of(messages: &[Message<'_>]) -> Self {
        let mut pairing = Self {
            calls: Vec::new(),
            known: HashMap::new(),
            fates: Vec::new(),
        };
        pairing.collect_calls(messages);
        pairing.match_results(messages);
        pairing
    }

    fn collect_calls(&mut self, messages: &[Message<'_>]) {
        for (batch, _, message) in batches(messages) {
            for (order, block) in message.blocks.iter().enumerate() {
                let Body::Call(call) = &block.body else {
                    continue;
                };
                let mut id = call.id.clone().into_owned();
                if id.is_empty() {
                    id = format!("call_{}_{order}", message.at);
                }
                let same = self.known.entry(id.clone()).or_default();
                let mut ambiguous = false;
                if let Some(other) = same.last().map(|other| &mut self.calls[*other])
                    && other.batch == batch
                {
                    other.ambiguous = true;
                    ambiguous = true;
                }
                same.push(self.calls.len());
                self.calls.push(PlannedCall {
                    id,
                    name: call.name.clone().into_owned(),
                    batch,
                    ambiguous,
                    answered: false,
                });
            }
        }
    }

    fn match_results(&mut self, messages: &[Message<'_>]) {
        let mut unnumbered = Vec::new();
        let mut content_since = false;
        for (batch, first, message) in batches(messages) {
            content_since &= !first;
            for block in &message.blocks {
                let Body::Result(result) = &block.body else {
                    content_since |= message.role != Role::Assistant;
                    continue;
                };
                if result.call_id.is_empty() {
                    unnumbered.push((
                        self.fates.len(),
                        batch,
                        content_since,
                        result.name.as_deref(),
                    ));
                    self.fates.push(Fate::Orphan);
                } else {
                    let fate = self.by_id(&result.call_id, batch, content_since);
                    self.fates.push(fate);
                }
            }
        }
        // Only now is it known which calls of a batch the explicit ids have left open.
        for (fate, batch, moved, name) in unnumbered {
            let open = |call: &PlannedCall| {
                let same_tool = name.is_none_or(|name| name == call.name);
                call.batch == batch && same_tool && !call.answered && !call.ambiguous
            };
            let first = self.calls.partition_point(|call| call.batch < batch);
            if let Some(call) = self.calls[first..].iter().position(open) {
                let call = first + call;
                self.calls[call].answered = true;
                self.fates[fate] = Fate::Answer { call, moved };
            }
        }
    }

    /// The latest batch so far in which the id is open, else the latest that had it.
    fn by_id(&mut self, id: &str, batch: usize, content_since: bool) -> Fate {
        let known = self.known.get(id).map_or(&[][..], Vec::as_slice);
        let so_far = || {
            let calls = known.iter().rev().copied();
            calls.filter(|call| self.calls[*call].batch <= batch)
        };
        let open = |call: &usize| self.calls[*call].ambiguous || !self.calls[*call].answered;
        let found = so_far().find(open).or_else(|| so_far().next());
        match found {
            None => Fate::Orphan,
            Some(call) if self.calls[call].ambiguous => Fate::Void,
            Some(call) if self.calls[call].answered => Fate::Again { call },
            Some(call) => {
                self.calls[call].answered = true;
                let moved = content_since || self.calls[call].batch != batch;
                Fate::Answer { call, moved }
            }
        }
    }
}

/// Messages with the number of their batch and whether they begin it. A batch is a run of the
/// assistant's messages and what follows until the next run; 0 is before the first.
fn batches<'m, 'a>(
    messages: &'m [Message<'a>],
) -> impl Iterator<Item = (usize, bool, &'m Message<'a>)> {
    let mut batch = 0;
    let mut before = None;
    messages.iter().map(move |message| {
        let first = message.role == Role::Assistant && before != Some(Role::Assistant);
        batch += usize::from(first);
        before = Some(message.role);
        (batch, first, message)
    })
}
