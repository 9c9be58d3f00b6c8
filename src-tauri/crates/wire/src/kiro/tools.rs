//! The tools of a request as Kiro takes them.
//!
//! Kiro has no word for a choice of tools, insists on a description, and refuses a history that calls
//! a tool which is not declared. A description beyond its limit goes on among the instructions.

use std::borrow::Cow;
use std::collections::HashSet;

use super::schema;
use crate::{
    Action, Body, Ledger, Reason, Tool, ToolChoice, ToolInput, Turn, Words, free_text,
    ids::ToolNames,
    json::{Object, write_list},
};

/// Longest description, in bytes. Kiro refuses some over 9,200.
const MAX_DESCRIPTION: usize = 9200;
/// What stands at the end of a description that was too long.
const GOES_ON: &str = "… (goes on in the instructions)";
/// The tools that are declared, in the order in which they are written.
pub(super) struct Tools<'t> {
    words: Words,
    names: &'t ToolNames,
    /// With their places in the caller's list.
    offered: Vec<(usize, &'t Tool<'t>)>,
    /// Kiro's names of tools that only the history knows.
    recalled: Vec<&'t str>,
}

impl<'t> Tools<'t> {
    /// Settles which tools the model gets to see.
    pub(super) fn of(turn: &'t Turn<'_>, names: &'t ToolNames, ledger: &mut Ledger) -> Self {
        let blocks = turn.messages.iter().flat_map(|message| &message.blocks);
        let called: Vec<&str> = blocks
            .filter_map(|block| match &block.body {
                Body::Call(call) => Some(names.call(call)),
                _ => None,
            })
            .collect();
        let in_use: HashSet<&str> = called.iter().copied().collect();
        let mut declared = HashSet::new();
        let mut offered = Vec::with_capacity(turn.tools.len());
        for (at, tool) in turn.tools.iter().enumerate() {
            let name = names.tool(tool);
            if !is_allowed(turn, name, names) && !in_use.contains(name) {
                continue;
            }
            if declared.insert(name) {
                offered.push((at, tool));
            } else {
                ledger.note(turn.words.tool(at), Action::Dropped, Reason::Dialect);
            }
        }
        let mut recalled = called;
        recalled.retain(|name| declared.insert(name));
        if !recalled.is_empty() {
            ledger.note(
                turn.words.tools,
                Action::Synthesised,
                Reason::InvalidHistory,
            );
        }
        note_choice(turn, declared.is_empty(), ledger);
        Self {
            words: turn.words,
            names,
            offered,
            recalled,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.offered.is_empty() && self.recalled.is_empty()
    }

    /// What did not fit into the descriptions, for the instructions.
    pub(super) fn further(&self) -> impl Iterator<Item = String> {
        self.offered.iter().filter_map(|(_, tool)| {
            let (_, rest) = split(tool.description.as_deref()?)?;
            let name = self.names.tool(tool);
            Some(format!("More about the tool `{name}`:\n{rest}"))
        })
    }

    /// Writes the list.
    pub(super) fn write(&self, out: &mut Vec<u8>, ledger: &mut Ledger) {
        let known = self.offered.iter().map(Ok);
        let all = known.chain(self.recalled.iter().map(Err));
        write_list(out, all, |out, tool| {
            let mut entry = Object::begin(out);
            let mut specification = Object::begin(entry.key("toolSpecification"));
            match tool {
                Ok((at, tool)) => self.write_tool(&mut specification, tool, *at, ledger),
                Err(name) => {
                    specification.text("name", name);
                    specification.text("description", name);
                    write_schema(&mut specification, &ToolInput::Schema(None));
                }
            }
            specification.end();
            entry.end();
        });
    }

    fn write_tool(
        &self,
        specification: &mut Object<'_>,
        tool: &Tool<'_>,
        at: usize,
        ledger: &mut Ledger,
    ) {
        let (name, path) = (self.names.tool(tool), self.words.tool(at));
        specification.text("name", name);
        let description = tool.description.as_deref().unwrap_or_default();
        let description = match split(description) {
            Some((head, _)) => {
                let path = format!("{path}.description");
                ledger.note(path, Action::Moved, Reason::Limit);
                Cow::Owned(format!("{head}{GOES_ON}"))
            }
            None if description.trim().is_empty() => Cow::Borrowed(name),
            None => Cow::Borrowed(description),
        };
        specification.text("description", &description);
        if write_schema(specification, &tool.input) {
            let path = format!("{path}.parameters");
            ledger.note(path, Action::Approximated, Reason::SchemaSubset);
        }
        for (given, member) in [
            (tool.strict == Some(true), "strict"),
            (tool.cache.is_some(), "cache_control"),
        ] {
            if given {
                let path = format!("{path}.{member}");
                ledger.note(path, Action::Dropped, Reason::Dialect);
            }
        }
    }
}

fn is_allowed(turn: &Turn<'_>, name: &str, names: &ToolNames) -> bool {
    match &turn.tool_choice {
        Some(ToolChoice::None) => false,
        Some(ToolChoice::Named(chosen)) => names.upstream(chosen) == name,
        Some(ToolChoice::Allowed(chosen, _)) => {
            chosen.iter().any(|chosen| names.upstream(chosen) == name)
        }
        None | Some(ToolChoice::Auto | ToolChoice::Required) => true,
    }
}

/// Names what becomes of the wish for a certain tool, for none, or for one at a time.
fn note_choice(turn: &Turn<'_>, none_shown: bool, ledger: &mut Ledger) {
    let action = match &turn.tool_choice {
        None | Some(ToolChoice::Auto | ToolChoice::Allowed(_, false)) => None,
        Some(ToolChoice::None) if turn.tools.is_empty() => None,
        Some(ToolChoice::None) if none_shown => Some(Action::Emulated),
        // The other tools are not shown, unless the history calls them.
        Some(ToolChoice::None | ToolChoice::Named(_) | ToolChoice::Allowed(_, true)) => {
            Some(Action::Approximated)
        }
        Some(ToolChoice::Required) => Some(Action::Dropped),
    };
    if let Some(action) = action {
        ledger.note(turn.words.tool_choice, action, Reason::Dialect);
    }
    if turn.parallel_tools == Some(false) {
        ledger.note(turn.words.parallel_tools, Action::Dropped, Reason::Dialect);
    }
}

/// Writes how arguments look; returns whether that had to be bent.
fn write_schema(specification: &mut Object<'_>, input: &ToolInput<'_>) -> bool {
    let mut wrapped = Object::begin(specification.key("inputSchema"));
    let bent = match input {
        ToolInput::FreeText => {
            wrapped.raw("json", free_text::SCHEMA);
            false
        }
        ToolInput::Schema(given) => schema::write(wrapped.key("json"), *given),
    };
    wrapped.end();
    bent
}

/// A description that is too long, in the part that fits and the rest.
fn split(description: &str) -> Option<(&str, &str)> {
    (description.len() > MAX_DESCRIPTION).then(|| {
        let at = description.floor_char_boundary(MAX_DESCRIPTION - GOES_ON.len());
        description.split_at(at)
    })
}
