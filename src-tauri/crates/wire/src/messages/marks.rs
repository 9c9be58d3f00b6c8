//! Cache breakpoints: Anthropic takes four, the longer-lived ones first.

use super::tools::is_offered;
use crate::json::Object;
use crate::{Action, Block, Body, CacheMark, Ledger, Reason, Role, Tool, ToolInput, Turn};

/// Most breakpoints in one request.
const MOST: usize = 4;
/// Bytes of text from which on a prompt is worth caching: about four thousand tokens. Anthropic caches
/// nothing shorter with most models.
const WORTH_CACHING: usize = 16 * 1024;

/// The breakpoints of a request in the order in which they are written: tools, system, messages.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Breakpoints to leave out, from the first: later ones cover more of the prompt.
    surplus: usize,
    /// A short-lived one was written, so no long-lived one may follow.
    short: bool,
}

impl Marks {
    /// Counts what the caller set and records what will not fit.
    pub(super) fn of(turn: &Turn<'_>, ledger: &mut Ledger) -> Self {
        let tools = turn.tools.iter().enumerate().map(|(order, tool)| {
            (
                turn.words.tool(order),
                tool.cache.filter(|_| is_offered(turn, tool)),
            )
        });
        let system = turn
            .system
            .iter()
            .enumerate()
            .map(|(order, block)| (format!("{}[{order}]", turn.words.system), block.cache));
        let messages = turn.messages.iter().flat_map(|message| {
            message.blocks.iter().map(|block| {
                (
                    turn.words.message(message.at),
                    mark(&block.body, block.cache),
                )
            })
        });
        let set: Vec<(String, CacheMark)> = tools
            .chain(system)
            .chain(messages)
            .filter_map(|(path, mark)| Some((format!("{path}.cache_control"), mark?)))
            .collect();
        let surplus = set.len().saturating_sub(MOST);
        let mut short = false;
        for (order, (path, mark)) in set.into_iter().enumerate() {
            if order < surplus {
                ledger.note(path, Action::Dropped, Reason::Limit);
            } else if mark == CacheMark::Default {
                short = true;
            } else if short {
                ledger.note(path, Action::Approximated, Reason::Limit);
            }
        }
        Self {
            surplus,
            short: false,
        }
    }

    /// Writes the breakpoint of an object, if it has one and keeps it.
    pub(super) fn write(&mut self, object: &mut Object<'_>, mark: Option<CacheMark>) {
        let Some(mark) = mark else { return };
        if self.surplus > 0 {
            self.surplus -= 1;
            return;
        }
        let long = mark == CacheMark::Hour && !self.short;
        self.short |= !long;
        let json = if long {
            r#"{"type":"ephemeral","ttl":"1h"}"#
        } else {
            r#"{"type":"ephemeral"}"#
        };
        object.raw("cache_control", json);
    }
}

/// Sets breakpoints for a caller that set none, most likely because its dialect has no word for them:
/// behind the tools, the system text and the person's last words. OpenAI caches by itself; Anthropic
/// has to be told. The caller's wish for a long life of its cache makes them long-lived.
pub(crate) fn mark_for_cache(turn: &mut Turn<'_>, ledger: &mut Ledger) {
    let long = turn.cache_retention.as_deref() == Some("24h");
    let set = !has_marks(turn) && text_bytes(turn) >= WORTH_CACHING;
    if set {
        set_marks(
            turn,
            if long {
                CacheMark::Hour
            } else {
                CacheMark::Default
            },
        );
    }
    let action = if set {
        Action::Approximated
    } else {
        Action::Dropped
    };
    for (given, path) in [
        (turn.cache_key.is_some(), "prompt_cache_key"),
        (long, "prompt_cache_retention"),
    ] {
        if given {
            ledger.note(path, action, Reason::Dialect);
        }
    }
}

fn has_marks(turn: &Turn<'_>) -> bool {
    let messages = turn.messages.iter().flat_map(|message| &message.blocks);
    turn.tools.iter().any(|tool| tool.cache.is_some())
        || turn.system.iter().any(|block| block.cache.is_some())
        || messages
            .into_iter()
            .any(|block| mark(&block.body, block.cache).is_some())
}

fn set_marks(turn: &mut Turn<'_>, mark: CacheMark) {
    let last_tool = turn.tools.iter().rposition(|tool| is_offered(turn, tool));
    if let Some(tool) = last_tool.and_then(|last| turn.tools.get_mut(last)) {
        tool.cache = Some(mark);
    }
    if let Some(block) = turn.system.last_mut() {
        block.cache = Some(mark);
    }
    let mut said = turn.messages.iter_mut();
    let last = said.rfind(|message| message.role == Role::User);
    if let Some(block) = last.and_then(|message| message.blocks.last_mut()) {
        block.cache = Some(mark);
    }
}

fn text_bytes(turn: &Turn<'_>) -> usize {
    fn of(blocks: &[Block<'_>]) -> usize {
        let bytes = |block: &Block<'_>| match &block.body {
            Body::Text(text) | Body::Refusal(text) => text.len(),
            Body::Call(call) => call.arguments.len(),
            Body::Result(result) => of(&result.blocks),
            _ => 0,
        };
        blocks.iter().map(bytes).sum()
    }
    let tool = |tool: &Tool<'_>| {
        let schema = match tool.input {
            ToolInput::Schema(Some(schema)) => schema.get().len(),
            _ => 0,
        };
        schema + tool.description.as_deref().map_or(0, str::len)
    };
    let messages = turn.messages.iter().map(|message| of(&message.blocks));
    turn.tools.iter().map(tool).sum::<usize>() + of(&turn.system) + messages.sum::<usize>()
}

/// The breakpoint behind a block: none on reasoning, the result's own or its last part's on results.
pub(super) fn mark(body: &Body<'_>, cache: Option<CacheMark>) -> Option<CacheMark> {
    match body {
        Body::Thinking(_) => None,
        Body::Result(result) => {
            cache.or_else(|| result.blocks.iter().rev().find_map(|block| block.cache))
        }
        _ => cache,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn turn(text: &str, retention: Option<&'static str>) -> Turn<'static> {
        let said = |role, at| Message::new(role, at, vec![Block::text(text.to_owned())]);
        Turn {
            tools: vec![
                Tool::new("a", ToolInput::Schema(None)),
                Tool::new("b", ToolInput::Schema(None)),
            ],
            system: vec![Block::text("s"), Block::text("t")],
            messages: vec![
                said(Role::User, 0),
                said(Role::Assistant, 1),
                said(Role::User, 2),
            ],
            cache_key: Some("k".into()),
            cache_retention: retention.map(Into::into),
            ..Turn::default()
        }
    }

    fn marked(turn: &mut Turn<'_>) -> (Vec<Option<CacheMark>>, Vec<String>) {
        let mut ledger = Ledger::default();
        mark_for_cache(turn, &mut ledger);
        let tools = turn.tools.iter().map(|tool| tool.cache);
        let blocks = turn.messages.iter().flat_map(|message| &message.blocks);
        let blocks = turn.system.iter().chain(blocks).map(|block| block.cache);
        let losses = ledger.entries().iter();
        let losses = losses.map(|loss| format!("{} {}", loss.path, loss.action.name()));
        (tools.chain(blocks).collect(), losses.collect())
    }

    #[test]
    fn long_prompts_of_callers_without_marks_are_cached() {
        let long = "x".repeat(WORTH_CACHING / 3 + 1);
        let on = |mark| vec![None, Some(mark), None, Some(mark), None, None, Some(mark)];
        let key = |action: &str| format!("prompt_cache_key {action}");
        assert_eq!(
            marked(&mut turn(&long, None)),
            (on(CacheMark::Default), vec![key("approximated")])
        );
        let (marks, losses) = marked(&mut turn(&long, Some("24h")));
        assert_eq!(marks, on(CacheMark::Hour));
        assert_eq!(losses[1], "prompt_cache_retention approximated");
        assert_eq!(
            marked(&mut turn("short", Some("in_memory"))),
            (vec![None; 7], vec![key("dropped")])
        );

        let mut own = turn(&long, None);
        own.system[0].cache = Some(CacheMark::Hour);
        let (marks, _) = marked(&mut own);
        assert_eq!(marks.iter().flatten().count(), 1);
    }
}
