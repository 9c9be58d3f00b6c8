//! Repairs a conversation so that every provider takes it.
//!
//! Callers lose results, send them twice, late or without an id, and put system text anywhere;
//! providers answer such histories with 400. Nothing vanishes silently: each repair is one entry of
//! the ledger, and a history that needs none comes out as it went in. A repair depends only on what
//! the conversation already held, so that a longer one keeps the bytes a provider has cached.

use std::borrow::Cow;
use std::ops::Range;

use crate::{
    Action, Block, Body, Call, CallResult, Dialect, Ledger, Message, Reason, Role, Target, Turn,
    origin,
};

/// What stands in for the person's words where a provider insists on some.
const OPENING: &str = "Continue.";
/// What stands in for a tool result that the caller never sent.
const NO_RESULT: &str = "no result";

/// Puts the conversation in order for a provider: reasoning that it may see; system text at the top
/// (after the first reply in its place, or as a marked user text where the model refuses that);
/// neighbours of one role joined; every call answered by the next user message, results first and in
/// call order.
pub(crate) fn repair(
    turn: &mut Turn<'_>,
    upstream: Dialect,
    target: &Target<'_>,
    ledger: &mut Ledger,
) {
    let keep_text = upstream == Dialect::Chat && target.caps.wants_reasoning_content;
    origin::settle(turn, target.origin, keep_text, ledger);
    if upstream == Dialect::Messages {
        drop_blanks(turn, ledger);
    }
    order(turn, target.caps.mid_system, ledger);
    if upstream == Dialect::Messages {
        open_with_user(turn, ledger);
    }
}

/// The path of a message in the caller's body.
pub(crate) fn path(at: usize) -> String {
    format!("messages[{at}]")
}

fn order(turn: &mut Turn<'_>, keep_mid_system: bool, ledger: &mut Ledger) {
    lift_system(turn, keep_mid_system, ledger);
    let mut messages = std::mem::take(&mut turn.messages);
    for message in &mut messages {
        drop_unusable(message, ledger);
    }
    let pairing = Pairing::of(&messages);
    let built = build(messages, pairing, ledger);
    turn.messages = join_neighbours(built);
}

/// Takes out texts of white space only and the white space behind a begun answer: Messages refuses
/// both.
fn drop_blanks(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let blank = |block: &Block<'_>| match &block.body {
        Body::Text(text) => !text.is_empty() && text.trim().is_empty(),
        _ => false,
    };
    turn.system.retain(|block| !blank(block));
    for message in &mut turn.messages {
        let before = message.blocks.len();
        message.blocks.retain(|block| !blank(block));
        if message.blocks.len() < before {
            ledger.note(path(message.at), Action::Dropped, Reason::InvalidHistory);
        }
    }
    if let Some(last) = turn.messages.last_mut()
        && last.role == Role::Assistant
        && let Some(Block {
            body: Body::Text(text),
            ..
        }) = last.blocks.last_mut()
        && text.trim_end().len() < text.len()
    {
        *text = match std::mem::take(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_end()),
            Cow::Owned(text) => Cow::Owned(text.trim_end().to_owned()),
        };
        ledger.note(path(last.at), Action::Approximated, Reason::InvalidHistory);
    }
}

/// Makes sure that a person speaks first, as Messages insists.
fn open_with_user(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let first = turn
        .messages
        .iter()
        .find(|message| message.role != Role::System);
    if first.is_some_and(|message| message.role == Role::User) {
        return;
    }
    ledger.note("messages", Action::Synthesised, Reason::InvalidHistory);
    let blocks = vec![Block::text(OPENING)];
    turn.messages.insert(
        0,
        Message {
            role: Role::User,
            at: 0,
            blocks,
        },
    );
}

fn lift_system(turn: &mut Turn<'_>, keep_mid_system: bool, ledger: &mut Ledger) {
    let (mut talked, mut answered) = (false, false);
    for mut message in std::mem::take(&mut turn.messages) {
        match message.role {
            Role::System if !answered => {
                if talked {
                    ledger.note(path(message.at), Action::Moved, Reason::Dialect);
                }
                turn.system.append(&mut message.blocks);
                continue;
            }
            Role::System if !keep_mid_system => {
                ledger.note(
                    path(message.at),
                    Action::Approximated,
                    Reason::ModelCapability,
                );
                remind(&mut message);
            }
            Role::System => {}
            Role::User => talked = true,
            Role::Assistant => answered = true,
        }
        turn.messages.push(message);
    }
}

/// Makes a system message a user's, marked as what it is.
fn remind(message: &mut Message<'_>) {
    message.role = Role::User;
    for block in &mut message.blocks {
        if let Body::Text(text) = &mut block.body
            && !text.is_empty()
        {
            *text = Cow::Owned(format!("<system-reminder>\n{text}\n</system-reminder>"));
        }
    }
}

/// Takes out empty texts, which say nothing, and blocks that have no place in this role.
fn drop_unusable(message: &mut Message<'_>, ledger: &mut Ledger) {
    let Message { role, at, blocks } = message;
    blocks.retain(|block| match &block.body {
        Body::Text(text) | Body::Refusal(text) => {
            if text.is_empty() && block.cache.is_some() {
                let path = format!("{}.cache_control", path(*at));
                ledger.note(path, Action::Dropped, Reason::InvalidHistory);
            }
            !text.is_empty()
        }
        Body::Call(_) | Body::Thinking(_) if *role != Role::Assistant => {
            ledger.note(path(*at), Action::Dropped, Reason::InvalidHistory);
            false
        }
        Body::Result(_) if *role != Role::User => {
            ledger.note(path(*at), Action::Dropped, Reason::InvalidHistory);
            false
        }
        _ => true,
    });
}

/// Which result answers which call, decided before anything moves.
struct Pairing {
    calls: Vec<PlannedCall>,
    /// In the order in which the results appear.
    fates: Vec<Fate>,
}

struct PlannedCall {
    id: String,
    batch: usize,
    /// Two calls of the batch share the id: nobody can tell which result is whose.
    ambiguous: bool,
    answered: bool,
}

#[derive(Clone, Copy)]
enum Fate {
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
    fn of(messages: &[Message<'_>]) -> Self {
        let mut pairing = Self {
            calls: Vec::new(),
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
                let mut ambiguous = false;
                for other in self
                    .calls
                    .iter_mut()
                    .rev()
                    .take_while(|other| other.batch == batch)
                {
                    if other.id == id {
                        other.ambiguous = true;
                        ambiguous = true;
                    }
                }
                self.calls.push(PlannedCall {
                    id,
                    batch,
                    ambiguous,
                    answered: false,
                });
            }
        }
    }

    fn match_results(&mut self, messages: &[Message<'_>]) {
        let mut nameless = Vec::new();
        let mut content_since = false;
        for (batch, first, message) in batches(messages) {
            content_since &= !first;
            for block in &message.blocks {
                let Body::Result(result) = &block.body else {
                    content_since |= message.role != Role::Assistant;
                    continue;
                };
                if result.call_id.is_empty() {
                    nameless.push((self.fates.len(), batch, content_since));
                    self.fates.push(Fate::Orphan);
                } else {
                    let fate = self.by_id(&result.call_id, batch, content_since);
                    self.fates.push(fate);
                }
            }
        }
        // Only now is it known which calls of a batch the explicit ids have left open.
        for (fate, batch, moved) in nameless {
            let open =
                |call: &PlannedCall| call.batch == batch && !call.answered && !call.ambiguous;
            if let Some(call) = self.calls.iter().position(open) {
                self.calls[call].answered = true;
                self.fates[fate] = Fate::Answer { call, moved };
            }
        }
    }

    /// The latest batch so far in which the id is open, else the latest that had it.
    fn by_id(&mut self, id: &str, batch: usize, content_since: bool) -> Fate {
        let known = |call: &PlannedCall| call.batch <= batch && call.id == id;
        let open = |call: &PlannedCall| known(call) && (call.ambiguous || !call.answered);
        let found = self
            .calls
            .iter()
            .rposition(open)
            .or_else(|| self.calls.iter().rposition(known));
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

/// A message and the calls it makes, by their numbers in the [`Pairing`].
type Built<'a> = (Message<'a>, Range<usize>);

/// Takes the results out of the messages and puts each behind the calls it answers.
fn build<'a>(
    messages: Vec<Message<'a>>,
    pairing: Pairing,
    ledger: &mut Ledger,
) -> Vec<Message<'a>> {
    let mut answers: Vec<Option<Block<'a>>> = pairing.calls.iter().map(|_| None).collect();
    let mut fates = pairing.fates.iter();
    let mut calls = 0;
    let mut built: Vec<Built<'a>> = Vec::new();
    for Message { role, at, blocks } in messages {
        let first_call = calls;
        let mut kept = Vec::with_capacity(blocks.len());
        for mut block in blocks {
            match block.body {
                Body::Call(call) => {
                    let planned = &pairing.calls[calls];
                    calls += 1;
                    if planned.ambiguous {
                        ledger.note(path(at), Action::Dropped, Reason::InvalidHistory);
                        continue;
                    }
                    block.body = Body::Call(with_id(call, planned, at, ledger));
                    kept.push(block);
                }
                Body::Result(_) => match fates.next().copied().unwrap_or(Fate::Orphan) {
                    Fate::Answer { call, moved } => {
                        answers[call] = Some(block);
                        if moved {
                            ledger.note(path(at), Action::Moved, Reason::InvalidHistory);
                        }
                    }
                    Fate::Again { call } => {
                        answers[call] = Some(block);
                        ledger.note(path(at), Action::Approximated, Reason::InvalidHistory);
                    }
                    Fate::Void => {}
                    Fate::Orphan => kept.extend(orphan(block, at, ledger)),
                },
                _ => kept.push(block),
            }
        }
        match built.last_mut() {
            Some((last, range)) if role == Role::Assistant && last.role == role => {
                range.end = calls;
                append_to_batch(last, kept, at, ledger);
            }
            _ => built.push((
                Message {
                    role,
                    at,
                    blocks: kept,
                },
                first_call..calls,
            )),
        }
    }
    place_answers(built, &pairing, answers, ledger)
}

fn with_id<'a>(call: Call<'a>, planned: &PlannedCall, at: usize, ledger: &mut Ledger) -> Call<'a> {
    if !call.id.is_empty() {
        return call;
    }
    ledger.note(path(at), Action::Synthesised, Reason::InvalidHistory);
    Call {
        id: Cow::Owned(planned.id.clone()),
        ..call
    }
}

/// A result that answers nothing, as what it says.
fn orphan<'a>(block: Block<'a>, at: usize, ledger: &mut Ledger) -> Vec<Block<'a>> {
    let Body::Result(CallResult { mut blocks, .. }) = block.body else {
        return vec![block];
    };
    blocks.retain(|block| !matches!(&block.body, Body::Text(text) if text.is_empty()));
    let action = if blocks.is_empty() {
        Action::Dropped
    } else {
        Action::Approximated
    };
    ledger.note(path(at), action, Reason::InvalidHistory);
    if let Some(last) = blocks.last_mut() {
        last.cache = last.cache.or(block.cache);
    }
    blocks
}

/// Joins a further message of the assistant: its text goes before calls that are already there.
fn append_to_batch<'a>(
    last: &mut Message<'a>,
    blocks: Vec<Block<'a>>,
    at: usize,
    ledger: &mut Ledger,
) {
    let is_call = |block: &Block<'_>| matches!(block.body, Body::Call(_));
    let Some(first_call) = last.blocks.iter().position(is_call) else {
        last.blocks.extend(blocks);
        return;
    };
    let (calls, said): (Vec<_>, Vec<_>) = blocks.into_iter().partition(is_call);
    if !said.is_empty() {
        ledger.note(path(at), Action::Moved, Reason::InvalidHistory);
    }
    last.blocks.splice(first_call..first_call, said);
    last.blocks.extend(calls);
}

fn place_answers<'a>(
    built: Vec<Built<'a>>,
    pairing: &Pairing,
    mut answers: Vec<Option<Block<'a>>>,
    ledger: &mut Ledger,
) -> Vec<Message<'a>> {
    let mut placed: Vec<Message<'a>> = Vec::with_capacity(built.len());
    let mut waiting: Vec<Block<'a>> = Vec::new();
    for (mut message, range) in built {
        if !waiting.is_empty() {
            let mut blocks = std::mem::take(&mut waiting);
            if message.role == Role::User {
                blocks.append(&mut message.blocks);
                message.blocks = blocks;
            } else {
                placed.push(Message {
                    role: Role::User,
                    at: message.at,
                    blocks,
                });
            }
        }
        for call in range.filter(|call| !pairing.calls[*call].ambiguous) {
            let mut block = answers[call].take().unwrap_or_else(|| {
                ledger.note(
                    path(message.at),
                    Action::Synthesised,
                    Reason::InvalidHistory,
                );
                no_result()
            });
            if let Body::Result(result) = &mut block.body {
                let id = &pairing.calls[call].id;
                if result.call_id != id.as_str() {
                    result.call_id = Cow::Owned(id.clone());
                }
            }
            waiting.push(block);
        }
        placed.push(message);
    }
    if !waiting.is_empty() {
        let at = placed.last().map_or(0, |message| message.at);
        placed.push(Message {
            role: Role::User,
            at,
            blocks: waiting,
        });
    }
    placed
}

fn no_result<'a>() -> Block<'a> {
    Block::new(Body::Result(CallResult {
        call_id: Cow::Borrowed(""),
        blocks: vec![Block::text(NO_RESULT)],
        is_error: true,
    }))
}

/// Joins neighbours of one role and takes out messages that say nothing any more.
fn join_neighbours(messages: Vec<Message<'_>>) -> Vec<Message<'_>> {
    let mut joined: Vec<Message<'_>> = Vec::with_capacity(messages.len());
    for mut message in messages {
        if message.blocks.is_empty() {
            continue;
        }
        match joined.last_mut() {
            Some(last) if last.role == message.role && last.role != Role::System => {
                last.blocks.append(&mut message.blocks);
            }
            _ => joined.push(message),
        }
    }
    joined
}

#[cfg(test)]
mod tests;
