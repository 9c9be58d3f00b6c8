//! Repairs a conversation so that every provider takes it.
//!
//! Callers lose results, send them twice, late or without an id, and put system text anywhere;
//! providers answer such histories with 400. Nothing vanishes silently: each repair is one entry of
//! the ledger, and a history that needs none comes out as it went in. A repair depends only on what
//! the conversation already held, so that a longer one keeps the bytes a provider has cached.

mod pairing;
mod placing;

use std::borrow::Cow;

use crate::{Action, Block, Body, Dialect, Ledger, Message, Reason, Role, Target, Turn, origin};
use pairing::Pairing;

/// What stands in for the person's words where a provider insists on some.
pub(crate) const OPENING: &str = "Continue.";

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
    // Kiro's models are mostly Claude's.
    let particular = matches!(upstream, Dialect::Messages | Dialect::Kiro);
    if particular {
        drop_blanks(turn, ledger);
    }
    // Chat has always taken them anywhere; Messages only lately.
    let mid_system = target.caps.mid_system.unwrap_or(upstream == Dialect::Chat);
    let mid_system = mid_system && upstream != Dialect::Kiro;
    order(turn, mid_system, ledger);
    if particular {
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
    turn.messages = placing::place(messages, &pairing, ledger);
}

/// Takes out texts of white space only and the white space behind a begun answer: Messages refuses
/// both.
fn drop_blanks(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let blank = |block: &Block<'_>| match &block.body {
        Body::Text(text) | Body::Refusal(text) => !text.is_empty() && text.trim().is_empty(),
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
    turn.messages.insert(0, Message::new(Role::User, 0, blocks));
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
    let Message {
        role, at, blocks, ..
    } = message;
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

#[cfg(test)]
mod tests;
