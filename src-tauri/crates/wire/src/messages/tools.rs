//! Writes tools for a provider that speaks Messages: the caller's, those that run at Anthropic, and
//! the one that stands for a reply's schema.

use super::marks::Marks;
use super::schema::{is_object_schema, write_input_schema};
use crate::ids::ToolNames;
use crate::json::{Object, write_list, write_str};
use crate::restore::REPLY_TOOL;
use crate::server_tools::write_location;
use crate::{
    Action, Effort, Format, Ledger, Reason, Reasoning, ServerTool, ServerToolKind, Target, Tool,
    ToolChoice, ToolInput, Turn, free_text,
};

/// The web search that needs no beta header.
const WEB_SEARCH: &str = "web_search_20250305";
/// The name that Anthropic insists on for it.
const WEB_SEARCH_NAME: &str = "web_search";

/// Whether the reply's schema is given as the one tool that must be called: for models that know
/// schemas of tools only. Beside other tools or thinking it cannot be forced.
pub(crate) fn replies_by_tool(turn: &Turn<'_>, target: &Target<'_>) -> bool {
    let Some(Format::JsonSchema { schema, .. }) = turn.format else {
        return false;
    };
    let thinks = !matches!(
        turn.reasoning,
        None | Some(Reasoning::Effort(Effort::None) | Reasoning::Budget(0))
    );
    target.caps.json_schema == Some(false)
        && turn.tools.is_empty()
        && turn.server_tools.is_empty()
        && !thinks
        && is_object_schema(schema)
}

/// Writes tools and choice.
pub(super) fn write_tools(
    body: &mut Object<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    marks: &mut Marks,
    ledger: &mut Ledger,
) {
    if replies_by_tool(turn, target) {
        write_reply_tool(body, turn, ledger);
        return;
    }
    let server: Vec<&ServerTool<'_>> = turn
        .server_tools
        .iter()
        .filter(|tool| is_known(tool, ledger))
        .collect();
    if server.is_empty() && !turn.tools.iter().any(|tool| is_offered(turn, tool)) {
        let words = [
            (!turn.tools.is_empty(), turn.words.tools),
            (turn.tool_choice.is_some(), turn.words.tool_choice),
            (turn.parallel_tools.is_some(), turn.words.parallel_tools),
        ];
        for (_, path) in words.into_iter().filter(|(present, _)| *present) {
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
        return;
    }
    let offered = turn
        .tools
        .iter()
        .enumerate()
        .filter(|(_, tool)| is_offered(turn, tool))
        .map(Ok);
    let all = offered.chain(server.into_iter().map(Err));
    write_list(body.key("tools"), all, |out, tool| match tool {
        Ok((order, tool)) => {
            let path = turn.words.tool(order);
            write_tool(tool, &path, target, names, marks, out, ledger);
        }
        Err(tool) => write_server_tool(tool, out, ledger),
    });
    write_choice(body, turn, names);
}

fn write_tool(
    tool: &Tool<'_>,
    path: &str,
    target: &Target<'_>,
    names: &ToolNames,
    marks: &mut Marks,
    out: &mut Vec<u8>,
    ledger: &mut Ledger,
) {
    let mut object = Object::begin(out);
    object.text("name", names.tool(tool));
    if let Some(description) = &tool.description {
        object.text("description", description);
    }
    match tool.input {
        ToolInput::FreeText => object.raw("input_schema", free_text::SCHEMA),
        ToolInput::Schema(schema) => {
            if write_input_schema(object.key("input_schema"), schema) {
                let path = format!("{path}.parameters");
                ledger.note(path, Action::Approximated, Reason::SchemaSubset);
            }
        }
    }
    if tool.strict == Some(true) {
        // Models that can be held to a reply's schema can be held to a tool's as well.
        if target.caps.json_schema == Some(true) {
            object.raw("strict", "true");
        } else {
            let path = format!("{path}.strict");
            ledger.note(path, Action::Dropped, Reason::ModelCapability);
        }
    }
    marks.write(&mut object, tool.cache);
    object.end();
}

/// Whether Anthropic's tool of this kind can be had without a beta header.
fn is_known(tool: &ServerTool<'_>, ledger: &mut Ledger) -> bool {
    let known = matches!(tool.kind, ServerToolKind::WebSearch { .. });
    if !known {
        ledger.note(
            format!("tools.{}", tool.name),
            Action::Dropped,
            Reason::Dialect,
        );
    }
    known
}

fn write_server_tool(tool: &ServerTool<'_>, out: &mut Vec<u8>, ledger: &mut Ledger) {
    let ServerToolKind::WebSearch {
        allowed_domains,
        blocked_domains,
        user_location,
    } = &tool.kind
    else {
        return;
    };
    let mut object = Object::begin(out);
    object.text("type", WEB_SEARCH);
    object.text("name", WEB_SEARCH_NAME);
    if !allowed_domains.is_empty() {
        write_list(object.key("allowed_domains"), allowed_domains, |out, it| {
            write_str(out, it);
        });
        // Anthropic takes one list or the other.
        if !blocked_domains.is_empty() {
            let path = format!("tools.{}.blocked_domains", tool.name);
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
    } else if !blocked_domains.is_empty() {
        write_list(object.key("blocked_domains"), blocked_domains, |out, it| {
            write_str(out, it);
        });
    }
    if let Some(location) = user_location {
        write_location(location, object.key("user_location"));
    }
    object.end();
}

/// The reply's schema as the one tool, which must be called.
fn write_reply_tool(body: &mut Object<'_>, turn: &Turn<'_>, ledger: &mut Ledger) {
    let Some(Format::JsonSchema { schema, .. }) = turn.format else {
        return;
    };
    write_list(body.key("tools"), [schema], |out, schema| {
        let mut tool = Object::begin(out);
        tool.text("name", REPLY_TOOL);
        tool.text(
            "description",
            "Give your whole answer as the arguments of this tool.",
        );
        if write_input_schema(tool.key("input_schema"), Some(schema)) {
            ledger.note(
                turn.words.format,
                Action::Approximated,
                Reason::SchemaSubset,
            );
        }
        tool.end();
    });
    let mut choice = Object::begin(body.key("tool_choice"));
    choice.text("type", "tool");
    choice.text("name", REPLY_TOOL);
    choice.raw("disable_parallel_tool_use", "true");
    choice.end();
}

fn write_choice(body: &mut Object<'_>, turn: &Turn<'_>, names: &ToolNames) {
    let single = turn.parallel_tools == Some(false);
    let kind = match &turn.tool_choice {
        None if single => "auto",
        None => return,
        Some(ToolChoice::Auto | ToolChoice::Allowed(_, false)) => "auto",
        Some(ToolChoice::None) => "none",
        Some(ToolChoice::Required | ToolChoice::Allowed(_, true)) => "any",
        Some(ToolChoice::Named(_)) => "tool",
    };
    let mut choice = Object::begin(body.key("tool_choice"));
    choice.text("type", kind);
    if let Some(ToolChoice::Named(name)) = &turn.tool_choice {
        let server = turn.server_tools.iter().any(|tool| tool.name == *name);
        let name = if server {
            WEB_SEARCH_NAME
        } else {
            names.upstream(name)
        };
        choice.text("name", name);
    }
    if single && kind != "none" {
        choice.raw("disable_parallel_tool_use", "true");
    }
    choice.end();
}

/// Whether the choice leaves the tool to the model: Messages has no list of allowed tools, so the
/// others are not mentioned.
pub(super) fn is_offered(turn: &Turn<'_>, tool: &Tool<'_>) -> bool {
    match &turn.tool_choice {
        Some(ToolChoice::Allowed(allowed, _)) => allowed.contains(&tool.name),
        _ => true,
    }
}
