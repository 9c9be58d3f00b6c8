//! Reads the tools of a Responses request: plain ones, groups of them, those that programs run by a
//! protocol of their own, and those that the provider runs.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{
    members::{Choice, Nested, ToolMembers, bad, read},
    request::{drop_member, drop_members},
};
use crate::{
    Action, Fault, Ledger, Reason, ServerTool, ServerToolKind, Tool, ToolChoice, ToolInput,
    ToolShape, Turn, ids,
    json::{Text, says_nothing},
};

/// The hub's names of the tools with a protocol of their own; callers choose them by these too.
pub(super) const LOCAL_SHELL: &str = "local_shell";
pub(super) const SHELL: &str = "shell";
pub(super) const APPLY_PATCH: &str = "apply_patch";
pub(super) const TOOL_SEARCH: &str = "tool_search";

const LOCAL_SHELL_INPUT: &str = r#"{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"}},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},"env":{"type":"object","additionalProperties":{"type":"string"}}},"required":["command"]}"#;
const SHELL_INPUT: &str = r#"{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"}},"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},"required":["commands"]}"#;
const APPLY_PATCH_INPUT: &str = r#"{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},"diff":{"type":"string"}},"required":["type","path"]}"#;

/// The tools of one request, wherever it names them.
pub(super) struct Tools<'l, 'a> {
    pub(super) ledger: &'l mut Ledger,
    found: Vec<Found<'a>>,
    server: Vec<ServerTool<'a>>,
}

struct Found<'a> {
    tool: Tool<'a>,
    shape: Option<ToolShape>,
    path: String,
}

impl<'l, 'a> Tools<'l, 'a> {
    /// No tools yet.
    pub(super) fn new(ledger: &'l mut Ledger) -> Self {
        Self {
            ledger,
            found: Vec::new(),
            server: Vec::new(),
        }
    }

    /// Reads the tools listed at `path`.
    pub(super) fn read_all(&mut self, list: Vec<&'a RawValue>, path: &str) -> Result<(), Fault> {
        for (at, raw) in list.into_iter().enumerate() {
            let path = format!("{path}[{at}]");
            let tool: ToolMembers<'a> = read(raw, &path)?;
            self.one(tool, path)?;
        }
        Ok(())
    }

    /// Puts the tools and the choice among them into the turn.
    pub(super) fn finish(
        self,
        choice: Option<&'a RawValue>,
        turn: &mut Turn<'a>,
    ) -> Result<(), Fault> {
        let mut known = HashSet::new();
        for Found { tool, shape, path } in self.found {
            if !known.insert((tool.namespace.clone(), tool.name.clone())) {
                self.ledger
                    .note(path, Action::Dropped, Reason::InvalidHistory);
                continue;
            }
            if let Some(shape) = shape {
                turn.shaped_tools.push((tool.name.clone(), shape));
            }
            turn.tools.push(tool);
        }
        turn.server_tools = self.server;
        if let Some(choice) = choice {
            turn.tool_choice = read_choice(choice, self.ledger)?;
        }
        Ok(())
    }

    fn one(&mut self, tool: ToolMembers<'a>, path: String) -> Result<(), Fault> {
        drop_members(self.ledger, &format!("{path}."), &tool.unknown);
        match tool.kind.as_deref().unwrap_or("function") {
            "namespace" => self.group(tool, &path),
            "function" | "custom" => {
                self.plain(tool, None, path);
                Ok(())
            }
            "local_shell" => {
                let what = "Runs one command on the user's machine and returns its output.";
                self.own(
                    LOCAL_SHELL,
                    what,
                    LOCAL_SHELL_INPUT,
                    ToolShape::LocalShell,
                    path,
                );
                Ok(())
            }
            "shell" => {
                let what = "Runs shell commands on the user's machine and returns their output.";
                self.own(SHELL, what, SHELL_INPUT, ToolShape::Shell, path);
                Ok(())
            }
            "apply_patch" => {
                let what = "Creates, changes or deletes one file of the user's. `diff` holds the \
                            change as lines that begin with a space, + or -.";
                self.own(
                    APPLY_PATCH,
                    what,
                    APPLY_PATCH_INPUT,
                    ToolShape::ApplyPatch,
                    path,
                );
                Ok(())
            }
            "tool_search" if tool.execution.as_deref() == Some("client") => {
                self.found.push(Found {
                    tool: Tool {
                        description: tool.description.map(Cow::from),
                        ..Tool::new(TOOL_SEARCH, ToolInput::Schema(tool.parameters))
                    },
                    shape: Some(ToolShape::ToolSearch),
                    path,
                });
                Ok(())
            }
            _ => {
                self.hosted(tool, path);
                Ok(())
            }
        }
    }

    fn group(&mut self, group: ToolMembers<'a>, path: &str) -> Result<(), Fault> {
        let Some(namespace) = group.name else {
            return Err(bad(path, format!("`{path}` needs a name")));
        };
        if group.description.is_some_and(|text| !text.is_empty()) {
            drop_member(self.ledger, format!("{path}.description"));
        }
        for (at, raw) in group.tools.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{path}.tools[{at}]");
            let tool: ToolMembers<'a> = read(raw, &path)?;
            drop_members(self.ledger, &format!("{path}."), &tool.unknown);
            match tool.kind.as_deref().unwrap_or("function") {
                "function" | "custom" => self.plain(tool, Some(&namespace.0), path),
                _ => drop_member(self.ledger, path),
            }
        }
        Ok(())
    }

    /// A function or a tool of free text, flat or nested.
    fn plain(&mut self, tool: ToolMembers<'a>, namespace: Option<&Cow<'a, str>>, path: String) {
        let free = tool.kind.as_deref() == Some("custom");
        let nested = if free { tool.custom } else { tool.function };
        let entry = nested.unwrap_or(Nested {
            name: tool.name,
            description: tool.description,
            parameters: tool.parameters,
            strict: tool.strict,
            format: tool.format,
            unknown: Vec::new(),
        });
        drop_members(self.ledger, &format!("{path}."), &entry.unknown);
        let Some(name) = entry.name.map(Cow::from).filter(|name| !name.is_empty()) else {
            drop_member(self.ledger, path);
            return;
        };
        if free
            && entry
                .format
                .is_some_and(|format| format.get().contains("\"grammar\""))
        {
            // The text comes without the guarantee that it follows the grammar.
            drop_member(self.ledger, format!("{path}.format"));
        }
        let input = if free {
            ToolInput::FreeText
        } else {
            ToolInput::Schema(entry.parameters)
        };
        let tool = Tool {
            description: entry.description.map(Cow::from),
            strict: entry.strict,
            namespace: namespace.cloned(),
            ..Tool::new(name, input)
        };
        let shape = None;
        self.found.push(Found { tool, shape, path });
    }

    /// A tool that the caller's program runs by a protocol of its own.
    fn own(
        &mut self,
        name: &'static str,
        description: &'static str,
        input: &'static str,
        shape: ToolShape,
        path: String,
    ) {
        let input = ToolInput::Schema(serde_json::from_str(input).ok());
        self.found.push(Found {
            tool: Tool {
                description: Some(description.into()),
                ..Tool::new(name, input)
            },
            shape: Some(shape),
            path,
        });
    }

    /// A tool that the provider runs.
    fn hosted(&mut self, tool: ToolMembers<'a>, path: String) {
        let domains = |list: Option<Vec<Text<'a>>>| -> Vec<Cow<'a, str>> {
            list.unwrap_or_default()
                .into_iter()
                .map(Cow::from)
                .collect()
        };
        let kind = match tool.kind.as_deref().unwrap_or_default() {
            kind if is_web_search(kind) => {
                let filters = tool.filters.unwrap_or_default();
                drop_members(self.ledger, &format!("{path}.filters."), &filters.unknown);
                ServerToolKind::WebSearch {
                    allowed_domains: domains(filters.allowed_domains),
                    blocked_domains: domains(filters.blocked_domains),
                    user_location: tool.user_location.filter(|raw| !says_nothing(raw)),
                }
            }
            "code_interpreter" => ServerToolKind::CodeExecution,
            _ => {
                drop_member(self.ledger, path);
                return;
            }
        };
        let name = tool.kind.map(Cow::from).unwrap_or_default();
        self.server.push(ServerTool { name, kind });
    }
}

/// Whether a tool's type is one of the names that searching the web has had.
pub(super) fn is_web_search(kind: &str) -> bool {
    kind == "web_search" || kind.starts_with("web_search_")
}

fn read_choice<'a>(
    raw: &'a RawValue,
    ledger: &mut Ledger,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    let path = "tool_choice";
    if raw.get().starts_with('"') {
        let word: Text<'a> = read(raw, path)?;
        let choice = by_word(&word);
        if choice.is_none() {
            drop_member(ledger, path);
        }
        return Ok(choice);
    }
    let choice: Choice<'a> = read(raw, path)?;
    drop_members(ledger, "tool_choice.", &choice.unknown);
    if choice.kind.as_deref() == Some("allowed_tools") {
        let mut names = Vec::new();
        for (at, raw) in choice.tools.unwrap_or_default().into_iter().enumerate() {
            let path = format!("{path}.tools[{at}]");
            match chosen(read(raw, &path)?) {
                Some(name) => names.push(name),
                None => drop_member(ledger, path),
            }
        }
        let must = choice.mode.as_deref() == Some("required");
        return Ok(Some(ToolChoice::Allowed(names, must)));
    }
    let read = match choice.kind.as_deref().and_then(by_word) {
        Some(choice) => Some(choice),
        None => chosen(choice).map(ToolChoice::Named),
    };
    if read.is_none() {
        drop_member(ledger, path);
    }
    Ok(read)
}

fn by_word(word: &str) -> Option<ToolChoice<'static>> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" | "any" => Some(ToolChoice::Required),
        _ => None,
    }
}

/// The whole name of the tool that a choice names.
fn chosen(choice: Choice<'_>) -> Option<Cow<'_, str>> {
    match choice.kind.as_deref() {
        Some("function" | "custom" | "tool") | None => {
            let nested = choice
                .function
                .or(choice.custom)
                .and_then(|named| named.name);
            let name = choice.name.or(nested)?.0;
            Some(match choice.namespace {
                Some(namespace) => ids::join(&namespace, &name).into(),
                None => name,
            })
        }
        Some(kind)
            if is_web_search(kind)
                || [
                    LOCAL_SHELL,
                    SHELL,
                    APPLY_PATCH,
                    TOOL_SEARCH,
                    "code_interpreter",
                ]
                .contains(&kind) =>
        {
            choice.kind.map(Cow::from)
        }
        Some(_) => None,
    }
}
