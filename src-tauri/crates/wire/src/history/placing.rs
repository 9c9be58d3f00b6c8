//! Puts every result right behind the calls it answers.

use std::borrow::Cow;
use std::ops::Range;

use super::pairing::{Fate, Pairing};
use crate::{
    Action, Block, Body, CacheMark, Call, CallResult, Ledger, Message, Reason, Role, Words,
};

/// What stands in for a tool result that the caller never sent.
const NO_RESULT: &str = "no result";

/// A message and the calls it makes, by their numbers in the [`Pairing`].
type Built<'a> = (Message<'a>, Range<usize>);

/// Takes the results out of the messages and puts each behind the calls it answers; joins neighbours
/// of one role if they must `alternate`.
pub(super) fn place<'a>(
    messages: Vec<Message<'a>>,
    pairing: &Pairing,
    alternate: bool,
    words: Words,
    ledger: &mut Ledger,
) -> Vec<Message<'a>> {
    let mut placing = Placing {
        pairing,
        words,
        ledger,
        answers: pairing.calls.iter().map(|_| None).collect(),
        calls: 0,
        results: 0,
        built: Vec::new(),
    };
    for message in messages {
        placing.take(message);
    }
    join_neighbours(placing.put_answers(), alternate)
}

/// Messages on their way into order.
struct Placing<'p, 'a> {
    pairing: &'p Pairing,
    words: Words,
    ledger: &'p mut Ledger,
    /// The result of each call, once seen.
    answers: Vec<Option<Block<'a>>>,
    /// Calls seen.
    calls: usize,
    /// Results seen.
    results: usize,
    built: Vec<Built<'a>>,
}

impl<'a> Placing<'_, 'a> {
    fn take(&mut self, message: Message<'a>) {
        let Message {
            role,
            at,
            blocks,
            phase,
        } = message;
        let first_call = self.calls;
        let mut kept = Vec::with_capacity(blocks.len());
        for block in blocks {
            match block.body {
                Body::Call(call) => kept.extend(self.call(call, block.cache, at)),
                Body::Result(_) => kept.extend(self.result(block, at)),
                _ => kept.push(block),
            }
        }
        match self.built.last_mut() {
            Some((last, range)) if role == Role::Assistant && last.role == role => {
                range.end = self.calls;
                append_to_batch(last, kept, self.words.message(at), self.ledger);
            }
            _ => {
                let message = Message {
                    role,
                    at,
                    blocks: kept,
                    phase,
                };
                self.built.push((message, first_call..self.calls));
            }
        }
    }

    /// The call, unless nobody could tell its result from another's.
    fn call(&mut self, call: Call<'a>, cache: Option<CacheMark>, at: usize) -> Option<Block<'a>> {
        let planned = &self.pairing.calls[self.calls];
        self.calls += 1;
        if planned.ambiguous {
            self.ledger.note(
                self.words.message(at),
                Action::Dropped,
                Reason::InvalidHistory,
            );
            return None;
        }
        let mut call = call;
        if call.id.is_empty() {
            self.ledger.note(
                self.words.message(at),
                Action::Synthesised,
                Reason::InvalidHistory,
            );
            call.id = Cow::Owned(planned.id.clone());
        }
        Some(Block {
            body: Body::Call(call),
            cache,
        })
    }

    /// Lays the result aside for its call; what is left of one that answers nothing.
    fn result(&mut self, block: Block<'a>, at: usize) -> Vec<Block<'a>> {
        let fate = self
            .pairing
            .fates
            .get(self.results)
            .copied()
            .unwrap_or(Fate::Orphan);
        self.results += 1;
        match fate {
            Fate::Answer { call, moved } => {
                self.answers[call] = Some(block);
                if moved {
                    self.ledger.note(
                        self.words.message(at),
                        Action::Moved,
                        Reason::InvalidHistory,
                    );
                }
            }
            Fate::Again { call } => {
                self.answers[call] = Some(block);
                self.ledger.note(
                    self.words.message(at),
                    Action::Approximated,
                    Reason::InvalidHistory,
                );
            }
            Fate::Void => {}
            Fate::Orphan => return orphan(block, self.words.message(at), self.ledger),
        }
        Vec::new()
    }

    fn put_answers(mut self) -> Vec<Message<'a>> {
        let mut placed: Vec<Message<'a>> = Vec::with_capacity(self.built.len());
        let mut waiting: Vec<Block<'a>> = Vec::new();
        for (mut message, calls) in std::mem::take(&mut self.built) {
            if !waiting.is_empty() {
                let mut blocks = std::mem::take(&mut waiting);
                if message.role == Role::User {
                    blocks.append(&mut message.blocks);
                    message.blocks = blocks;
                } else {
                    placed.push(Message::new(Role::User, message.at, blocks));
                }
            }
            for call in calls {
                waiting.extend(self.answer(call, message.at));
            }
            placed.push(message);
        }
        if !waiting.is_empty() {
            let at = placed.last().map_or(0, |message| message.at);
            placed.push(Message::new(Role::User, at, waiting));
        }
        placed
    }

    fn answer(&mut self, call: usize, at: usize) -> Option<Block<'a>> {
        let planned = &self.pairing.calls[call];
        if planned.ambiguous {
            return None;
        }
        let mut block = self.answers[call].take().unwrap_or_else(|| {
            self.ledger.note(
                self.words.message(at),
                Action::Synthesised,
                Reason::InvalidHistory,
            );
            no_result()
        });
        if let Body::Result(result) = &mut block.body {
            if result.call_id != planned.id.as_str() {
                result.call_id = Cow::Owned(planned.id.clone());
            }
            result
                .name
                .get_or_insert_with(|| Cow::Owned(planned.name.clone()));
        }
        Some(block)
    }
}

/// A result that answers nothing, as what it says.
fn orphan<'a>(block: Block<'a>, path: String, ledger: &mut Ledger) -> Vec<Block<'a>> {
    let Body::Result(CallResult { mut blocks, .. }) = block.body else {
        return vec![block];
    };
    blocks.retain(|block| !matches!(&block.body, Body::Text(text) if text.trim().is_empty()));
    let action = if blocks.is_empty() {
        Action::Dropped
    } else {
        Action::Approximated
    };
    ledger.note(path, action, Reason::InvalidHistory);
    if let Some(last) = blocks.last_mut() {
        last.cache = last.cache.or(block.cache);
    }
    blocks
}

/// Joins a further message of the assistant: its text goes before calls that are already there.
fn append_to_batch<'a>(
    last: &mut Message<'a>,
    blocks: Vec<Block<'a>>,
    path: String,
    ledger: &mut Ledger,
) {
    let is_call = |block: &Block<'_>| matches!(block.body, Body::Call(_));
    let Some(first_call) = last.blocks.iter().position(is_call) else {
        last.blocks.extend(blocks);
        return;
    };
    let (calls, said): (Vec<_>, Vec<_>) = blocks.into_iter().partition(is_call);
    if !said.is_empty() {
        ledger.note(path, Action::Moved, Reason::InvalidHistory);
    }
    last.blocks.splice(first_call..first_call, said);
    last.blocks.extend(calls);
}

fn no_result<'a>() -> Block<'a> {
    Block::new(Body::Result(CallResult {
        call_id: Cow::Borrowed(""),
        name: None,
        blocks: vec![Block::text(NO_RESULT)],
        is_error: true,
    }))
}

/// Takes out messages that say nothing any more and joins neighbours of one role.
fn join_neighbours(messages: Vec<Message<'_>>, alternate: bool) -> Vec<Message<'_>> {
    let mut joined: Vec<Message<'_>> = Vec::with_capacity(messages.len());
    for mut message in messages {
        if message.blocks.is_empty() {
            continue;
        }
        match joined.last_mut() {
            Some(last) if alternate && last.role == message.role && last.role != Role::System => {
                last.blocks.append(&mut message.blocks);
            }
            _ => joined.push(message),
        }
    }
    joined
}
