//! Repairs a conversation so that every provider takes it.
//!
//! Callers lose results, send them twice, late or without an id, and put system text anywhere;
//! providers answer such histories with 400. Nothing vanishes silently: each repair is one entry of
//! the ledger, and a history that needs none comes out as it went in. A repair depends only on what
//! the conversation already held, so that a longer one keeps the bytes a provider has cached.

mod pairing;
mod placing;

use std::borrow::Cow;

use crate::{
    Action, Block, Body, CallForm, Dialect, Format, Ledger, Message, Reason, Role, Target, Tool,
    ToolInput, Turn, Words, free_text, origin,
};
use pairing::Pairing;

/// What stands in for the person's words where a provider insists on some.
pub(crate) const OPENING: &str = "Continue.";

/// What a provider asks of a conversation.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// System messages may stand between the others.
    mid_system: bool,
    /// Two neighbours never have one role.
    alternate: bool,
    /// Texts of white space only are refused.
    no_blanks: bool,
    /// The last message may be the beginning of the reply.
    prefill: bool,
    /// How it must begin.
    opening: Opening,
}

/// How a conversation must begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// In any way, even with nothing.
    Any,
    /// With some message.
    Something,
    /// With a person's message.
    User,
}

impl Rules {
    fn of(upstream: Dialect, target: &Target<'_>) -> Self {
        // Kiro's models are mostly Claude's, and it has no system messages at all.
        let kiro = upstream == Dialect::Kiro;
        let openai = matches!(upstream, Dialect::Chat | Dialect::Responses);
        Self {
            // OpenAI's dialects have always taken them anywhere, Messages only lately.
            mid_system: target.caps.mid_system.unwrap_or(openai) && !kiro,
            // A provider so strict is so here as well.
            alternate: !openai || target.caps.mid_system == Some(false),
            no_blanks: kiro || upstream == Dialect::Messages,
            prefill: target.caps.prefill != Some(false),
            opening: match upstream {
                Dialect::Chat => Opening::Any,
                Dialect::Responses => Opening::Something,
                Dialect::Messages | Dialect::Gemini | Dialect::Kiro => Opening::User,
            },
        }
    }
}

/// Puts the conversation in order for a provider: reasoning that it may see; system text at the top
/// (after the first reply in its place, or as a marked user text where the model refuses that);
/// every call answered by the next user message, results first and in call order, each with its
/// tool's name; calls of free-text tools with their text.
pub(crate) fn repair(
    turn: &mut Turn<'_>,
    upstream: Dialect,
    target: &Target<'_>,
    ledger: &mut Ledger,
) {
    let keep_text = upstream == Dialect::Chat && target.caps.wants_reasoning_content;
    origin::settle(turn, target, keep_text, ledger);
    free_text_calls(turn);
    order(turn, Rules::of(upstream, target), ledger);
}

/// Speaks of JSON where nobody has: OpenAI refuses to answer with it otherwise. Its own callers know
/// that, Gemini's do not.
pub(crate) fn speak_of_json(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let speaks = |block: &Block<'_>| match &block.body {
        Body::Text(text) => text
            .as_bytes()
            .windows(4)
            .any(|word| word.eq_ignore_ascii_case(b"json")),
        _ => false,
    };
    let messages = turn.messages.iter().flat_map(|message| &message.blocks);
    if !matches!(turn.format, Some(Format::JsonObject))
        || turn.system.iter().chain(messages).any(speaks)
    {
        return;
    }
    ledger.note(turn.words.system, Action::Synthesised, Reason::Dialect);
    turn.system.push(Block::text(Format::in_words(None)));
}

fn order(turn: &mut Turn<'_>, rules: Rules, ledger: &mut Ledger) {
    if rules.no_blanks {
        drop_blanks(turn, ledger);
    }
    lift_system(turn, rules.mid_system, ledger);
    let words = turn.words;
    let mut messages = std::mem::take(&mut turn.messages);
    for message in &mut messages {
        drop_unusable(message, words, ledger);
    }
    let pairing = Pairing::of(&messages);
    turn.messages = placing::place(messages, &pairing, rules.alternate, words, ledger);
    if !rules.prefill {
        drop_prefill(turn, ledger);
    }
    open(turn, rules.opening, ledger);
}

/// Gives calls of tools that take free text their text, if the caller wrapped it into JSON: programs
/// that speak of such tools in one place do not always do so in the history. A name that is also a
/// plain tool's means that one.
fn free_text_calls(turn: &mut Turn<'_>) {
    let takes_text = |tool: &&Tool<'_>| matches!(tool.input, ToolInput::FreeText);
    let (free, plain): (Vec<_>, Vec<_>) = turn.tools.iter().partition(takes_text);
    if free.is_empty() {
        return;
    }
    let blocks = turn
        .messages
        .iter_mut()
        .flat_map(|message| &mut message.blocks);
    for block in blocks {
        let Body::Call(call) = &mut block.body else {
            continue;
        };
        let called = |tool: &&Tool<'_>| tool.name == call.name && tool.namespace == call.namespace;
        if call.form == CallForm::Json && free.iter().any(called) && !plain.iter().any(called) {
            call.form = CallForm::Text;
            call.arguments = free_text::unwrap(std::mem::take(&mut call.arguments));
        }
    }
}

/// Takes out a begun reply that the model would refuse to go on with.
fn drop_prefill(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    while let Some(last) = turn
        .messages
        .pop_if(|message| message.role == Role::Assistant)
    {
        let path = turn.words.message(last.at);
        ledger.note(path, Action::Dropped, Reason::ModelCapability);
    }
}

/// Takes out texts of white space only and the white space behind a begun answer: Messages refuses
/// both.
fn drop_blanks(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let blank = |block: &Block<'_>| match &block.body {
        Body::Text(text) | Body::Refusal(text) => !text.is_empty() && text.trim().is_empty(),
        _ => false,
    };
    let words = turn.words;
    turn.system.retain(|block| !blank(block));
    for message in &mut turn.messages {
        let before = message.blocks.len();
        message.blocks.retain(|block| !blank(block));
        if message.blocks.len() < before {
            ledger.note(
                words.message(message.at),
                Action::Dropped,
                Reason::InvalidHistory,
            );
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
        ledger.note(
            words.message(last.at),
            Action::Approximated,
            Reason::InvalidHistory,
        );
    }
}

/// Makes sure that the conversation begins as the provider insists.
fn open(turn: &mut Turn<'_>, opening: Opening, ledger: &mut Ledger) {
    let first = turn
        .messages
        .iter()
        .find(|message| message.role != Role::System);
    let good = match opening {
        Opening::Any => true,
        Opening::Something => !turn.messages.is_empty(),
        Opening::User => first.is_some_and(|message| message.role == Role::User),
    };
    if good {
        return;
    }
    ledger.note(
        turn.words.messages,
        Action::Synthesised,
        Reason::InvalidHistory,
    );
    let blocks = vec![Block::text(OPENING)];
    turn.messages.insert(0, Message::new(Role::User, 0, blocks));
}

fn lift_system(turn: &mut Turn<'_>, keep_mid_system: bool, ledger: &mut Ledger) {
    let words = turn.words;
    let (mut talked, mut answered) = (false, false);
    for mut message in std::mem::take(&mut turn.messages) {
        match message.role {
            Role::System if !answered => {
                if talked {
                    ledger.note(words.message(message.at), Action::Moved, Reason::Dialect);
                }
                turn.system.append(&mut message.blocks);
                continue;
            }
            Role::System if !keep_mid_system => {
                ledger.note(
                    words.message(message.at),
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

/// Takes out empty texts, which say nothing, calls of nothing, and blocks that have no place in this role.
fn drop_unusable(message: &mut Message<'_>, words: Words, ledger: &mut Ledger) {
    let Message {
        role, at, blocks, ..
    } = message;
    blocks.retain(|block| match &block.body {
        Body::Text(text) | Body::Refusal(text) => {
            if text.is_empty() && block.cache.is_some() {
                let path = format!("{}.cache_control", words.message(*at));
                ledger.note(path, Action::Dropped, Reason::InvalidHistory);
            }
            !text.is_empty()
        }
        Body::Call(call) if call.name.is_empty() => {
            ledger.note(words.message(*at), Action::Dropped, Reason::InvalidHistory);
            false
        }
        Body::Call(_) | Body::Thinking(_) if *role != Role::Assistant => {
            ledger.note(words.message(*at), Action::Dropped, Reason::InvalidHistory);
            false
        }
        Body::Result(_) if *role != Role::User => {
            ledger.note(words.message(*at), Action::Dropped, Reason::InvalidHistory);
            false
        }
        _ => true,
    });
}

#[cfg(test)]
mod tests;
