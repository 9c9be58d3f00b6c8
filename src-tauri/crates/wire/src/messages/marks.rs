//! Cache breakpoints: Anthropic takes four, the longer-lived ones first.

use super::tools::is_offered;
use crate::json::Object;
use crate::{Action, Body, CacheMark, Ledger, Reason, Turn};

/// Most breakpoints in one request.
const MOST: usize = 4;

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
