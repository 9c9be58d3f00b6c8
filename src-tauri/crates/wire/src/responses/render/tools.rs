//! The tools of a request.

use super::drop_member;
use crate::{
    Ledger, ServerTool, ServerToolKind, Tool, ToolChoice, ToolInput, Turn,
    chat::schema,
    ids::ToolNames,
    json::{Object, write_list, write_str},
};

/// Writes the tools, the choice among them, and whether several may be called at once.
pub(super) fn write_tools(
    turn: &Turn<'_>,
    plan: bool,
    names: &ToolNames,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let mut hosted: Vec<&ServerTool<'_>> = Vec::new();
    for tool in &turn.server_tools {
        match &tool.kind {
            ServerToolKind::WebSearch {
                blocked_domains, ..
            } => {
                if !blocked_domains.is_empty() {
                    drop_member(
                        ledger,
                        format!("{}[{}].blocked_domains", turn.words.tools, tool.name),
                    );
                }
                hosted.push(tool);
            }
            ServerToolKind::CodeExecution if !plan => hosted.push(tool),
            ServerToolKind::CodeExecution | ServerToolKind::UrlContext => {
                drop_member(ledger, format!("{}[{}]", turn.words.tools, tool.name));
            }
        }
    }
    if turn.tools.is_empty() && hosted.is_empty() {
        for (member, given) in [
            (
                turn.words.tool_choice,
                !matches!(turn.tool_choice, None | Some(ToolChoice::Auto)),
            ),
            (turn.words.parallel_tools, turn.parallel_tools.is_some()),
        ] {
            if given {
                drop_member(ledger, member);
            }
        }
        return;
    }
    for (at, tool) in turn.tools.iter().enumerate() {
        if tool.cache.is_some() {
            drop_member(ledger, format!("{}.cache_control", turn.words.tool(at)));
        }
    }
    let all = (turn.tools.iter().map(Ok)).chain(hosted.iter().map(|tool| Err(*tool)));
    write_list(top.key("tools"), all, |out, tool| match tool {
        Ok(tool) => write_tool(tool, names, out),
        Err(tool) => write_hosted(tool, out),
    });
    if let Some(choice) = &turn.tool_choice {
        let chooser = Chooser {
            turn,
            hosted: &hosted,
            names,
        };
        if !chooser.write(choice, top) {
            drop_member(ledger, turn.words.tool_choice);
        }
    }
    match turn.parallel_tools {
        Some(parallel) => top.bool("parallel_tool_calls", parallel),
        None if plan => top.bool("parallel_tool_calls", true),
        None => {}
    }
}

fn write_tool(tool: &Tool<'_>, names: &ToolNames, out: &mut Vec<u8>) {
    let mut entry = Object::begin(out);
    let free = matches!(tool.input, ToolInput::FreeText);
    entry.text("type", if free { "custom" } else { "function" });
    entry.text("name", names.tool(tool));
    if let Some(description) = &tool.description {
        entry.text("description", description);
    }
    match tool.input {
        ToolInput::Schema(Some(raw)) => schema::write(raw.get(), entry.key("parameters")),
        ToolInput::Schema(None) => entry.raw("parameters", schema::EMPTY),
        ToolInput::FreeText => {}
    }
    if !free {
        // Left out it would mean true here, unlike in every other dialect.
        entry.bool("strict", tool.strict.unwrap_or(false));
    }
    entry.end();
}

fn write_hosted(tool: &ServerTool<'_>, out: &mut Vec<u8>) {
    let mut entry = Object::begin(out);
    match &tool.kind {
        ServerToolKind::WebSearch {
            allowed_domains,
            user_location,
            ..
        } => {
            entry.text("type", "web_search");
            if !allowed_domains.is_empty() {
                let mut filters = Object::begin(entry.key("filters"));
                write_list(
                    filters.key("allowed_domains"),
                    allowed_domains,
                    |out, one| {
                        write_str(out, one);
                    },
                );
                filters.end();
            }
            if let Some(place) = user_location {
                entry.raw("user_location", place.get());
            }
        }
        ServerToolKind::CodeExecution | ServerToolKind::UrlContext => {
            entry.text("type", "code_interpreter");
            entry.raw("container", r#"{"type":"auto"}"#);
        }
    }
    entry.end();
}

/// Writes a choice among the tools.
struct Chooser<'c, 'a> {
    turn: &'c Turn<'a>,
    hosted: &'c [&'c ServerTool<'a>],
    names: &'c ToolNames,
}

impl Chooser<'_, '_> {
    /// False, with nothing written, when the chosen tool is not there.
    fn write(&self, choice: &ToolChoice<'_>, top: &mut Object<'_>) -> bool {
        match choice {
            ToolChoice::Auto => top.text("tool_choice", "auto"),
            ToolChoice::None => top.text("tool_choice", "none"),
            ToolChoice::Required => top.text("tool_choice", "required"),
            ToolChoice::Named(name) if self.unknown_hosted(name) => return false,
            ToolChoice::Named(name) => self.one(name, top.key("tool_choice")),
            ToolChoice::Allowed(list, must) => {
                let mut entry = Object::begin(top.key("tool_choice"));
                entry.text("type", "allowed_tools");
                entry.text("mode", if *must { "required" } else { "auto" });
                let there = list.iter().filter(|name| !self.unknown_hosted(name));
                write_list(entry.key("tools"), there, |out, name| self.one(name, out));
                entry.end();
            }
        }
        true
    }

    /// Whether the name is a provider's own tool that this provider does not have.
    fn unknown_hosted(&self, name: &str) -> bool {
        let is = |tool: &&ServerTool<'_>| tool.name == name;
        self.turn.server_tools.iter().any(|tool| is(&tool)) && !self.hosted.iter().any(is)
    }

    fn one(&self, name: &str, out: &mut Vec<u8>) {
        let mut entry = Object::begin(out);
        let plain = self.turn.tools.iter().find(|tool| tool.name == name);
        let hosted = self.hosted.iter().find(|tool| tool.name == name);
        match (plain, hosted) {
            (None, Some(tool)) => entry.text(
                "type",
                match tool.kind {
                    ServerToolKind::WebSearch { .. } => "web_search",
                    ServerToolKind::CodeExecution | ServerToolKind::UrlContext => {
                        "code_interpreter"
                    }
                },
            ),
            (plain, _) => {
                let free = plain.is_some_and(|tool| matches!(tool.input, ToolInput::FreeText));
                entry.text("type", if free { "custom" } else { "function" });
                entry.text("name", self.names.upstream(name));
            }
        }
        entry.end();
    }
}
