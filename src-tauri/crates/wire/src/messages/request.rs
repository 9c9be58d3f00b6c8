//! Reads a Messages request into the hub.

use std::borrow::Cow;

use super::blocks::{read_block, read_cache};
use super::members::{
    Choice, FormatMembers, OutputConfig, Request, Said, ThinkingMembers, ToolMembers,
};
use crate::json::{self, Text, Unknown};
use crate::{
    Action, Effort, Fault, FaultKind, Format, Ledger, Message, Reason, Reasoning, Role, Sampling,
    ServerTool, ServerToolKind, Tool, ToolChoice, ToolInput, Turn, Words,
};

/// Reads a caller's request.
///
/// # Errors
/// [`FaultKind::BadRequest`] when the body is no Messages request, or asks for something that only
/// Anthropic's own servers can do.
pub(crate) fn read_request(body: &[u8]) -> Result<(Turn<'_>, Ledger), Fault> {
    let request: Request<'_> = json::request(body)?;
    let mut ledger = Ledger::default();
    unknown("", &request.unknown, &mut ledger);
    if request.container.is_some() {
        return Err(refused(
            "container",
            "containers run on Anthropic's servers only",
        ));
    }
    if request
        .mcp_servers
        .is_some_and(|servers| !servers.is_empty())
    {
        return Err(refused(
            "mcp_servers",
            "MCP servers are called by Anthropic's servers only",
        ));
    }
    let messages = request
        .messages
        .ok_or_else(|| refused("messages", "`messages` is missing"))?;
    let model = request
        .model
        .ok_or_else(|| refused("model", "`model` is missing"))?;

    let mut turn = Turn {
        model: model.0,
        stream: request.stream.unwrap_or(false),
        max_output: request.max_tokens.map(|count| count.0),
        sampling: Sampling {
            temperature: request.temperature,
            top_p: request.top_p,
            top_k: request.top_k.map(|count| count.0),
            stop: request
                .stop_sequences
                .unwrap_or_default()
                .into_iter()
                .map(Cow::from)
                .collect(),
            ..Sampling::default()
        },
        service_tier: match request.speed.as_deref() {
            // OpenAI's word for the same, which goes before the tier beside it.
            Some("fast") => Some("fast".into()),
            _ => request.service_tier.map(Cow::from),
        },
        words: Words::MESSAGES,
        ..Turn::default()
    };
    for (order, block) in request.system.unwrap_or_default().0.into_iter().enumerate() {
        let path = format!("system[{order}]");
        read_block(block, &path, &mut turn.system, &mut ledger)?;
    }
    for (at, said) in messages.into_iter().enumerate() {
        turn.messages.push(read_message(said, at, &mut ledger)?);
    }
    for (order, tool) in request.tools.unwrap_or_default().into_iter().enumerate() {
        read_tool(tool, order, &mut turn, &mut ledger)?;
    }
    if let Some(choice) = request.tool_choice {
        read_choice(choice, &mut turn, &mut ledger)?;
    }
    if let Some(metadata) = request.metadata {
        unknown("metadata.", &metadata.unknown, &mut ledger);
        turn.user = metadata.user_id.map(Cow::from);
        turn.user_opaque = true;
    }
    let config = request.output_config.unwrap_or_default();
    read_reasoning(request.thinking, &config, &mut turn, &mut ledger)?;
    read_format(config, request.output_format, &mut turn, &mut ledger)?;
    Ok((turn, ledger))
}

pub(super) fn refused(param: &str, message: &str) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(param.to_owned());
    fault
}

/// Names the members that the hub has no word for.
pub(super) fn unknown(prefix: &str, names: &Unknown<'_>, ledger: &mut Ledger) {
    for name in names {
        ledger.note(format!("{prefix}{name}"), Action::Dropped, Reason::Dialect);
    }
}

fn read_message<'a>(said: Said<'a>, at: usize, ledger: &mut Ledger) -> Result<Message<'a>, Fault> {
    unknown(&format!("messages[{at}]."), &said.unknown, ledger);
    let role = match said.role.as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => {
            let param = format!("messages[{at}].role");
            return Err(refused(
                &param,
                "a message's role must be user, assistant or system",
            ));
        }
    };
    let content = said.content.unwrap_or_default().0;
    let mut blocks = Vec::with_capacity(content.len());
    for (order, block) in content.into_iter().enumerate() {
        let path = format!("messages[{at}].content[{order}]");
        read_block(block, &path, &mut blocks, ledger)?;
    }
    Ok(Message::new(role, at, blocks))
}

fn read_tool<'a>(
    tool: ToolMembers<'a>,
    order: usize,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let path = format!("tools[{order}]");
    if tool.kind.as_deref().is_some_and(|kind| kind != "custom") {
        turn.server_tools
            .push(read_server_tool(tool, &path, ledger)?);
        return Ok(());
    }
    for (given, member) in [
        (tool.allowed_domains.is_some(), "allowed_domains"),
        (tool.blocked_domains.is_some(), "blocked_domains"),
        (tool.user_location.is_some(), "user_location"),
    ] {
        if given {
            ledger.note(format!("{path}.{member}"), Action::Dropped, Reason::Dialect);
        }
    }
    unknown(&format!("{path}."), &tool.unknown, ledger);
    let name = tool
        .name
        .ok_or_else(|| refused(&path, "a tool needs a name"))?;
    turn.tools.push(Tool {
        description: tool.description.map(Cow::from),
        strict: tool.strict,
        cache: tool
            .cache_control
            .map(|cache| read_cache(&cache, &path, ledger)),
        ..Tool::new(name, ToolInput::Schema(tool.input_schema))
    });
    Ok(())
}

/// A tool that Anthropic runs itself. Its types carry a date, as the dialect goes on.
fn read_server_tool<'a>(
    tool: ToolMembers<'a>,
    path: &str,
    ledger: &mut Ledger,
) -> Result<ServerTool<'a>, Fault> {
    let kind = tool.kind.unwrap_or_default();
    unknown(&format!("{path}."), &tool.unknown, ledger);
    let list = |list: Option<Vec<Text<'a>>>| {
        let texts = list.unwrap_or_default().into_iter();
        texts.map(Cow::from).collect::<Vec<_>>()
    };
    let read = if kind.starts_with("web_search_") {
        ServerToolKind::WebSearch {
            allowed_domains: list(tool.allowed_domains),
            blocked_domains: list(tool.blocked_domains),
            user_location: tool.user_location,
        }
    } else {
        for (given, member) in [
            (tool.allowed_domains.is_some(), "allowed_domains"),
            (tool.blocked_domains.is_some(), "blocked_domains"),
        ] {
            if given {
                ledger.note(format!("{path}.{member}"), Action::Dropped, Reason::Dialect);
            }
        }
        if kind.starts_with("code_execution_") {
            ServerToolKind::CodeExecution
        } else if kind.starts_with("web_fetch_") {
            ServerToolKind::UrlContext
        } else {
            let message = format!(
                "the tool type {} exists at Anthropic only; choose a Claude model or leave it out",
                &*kind
            );
            return Err(refused(path, &message));
        }
    };
    Ok(ServerTool {
        name: tool.name.map_or(kind.0, Cow::from),
        kind: read,
    })
}

fn read_choice<'a>(
    choice: Choice<'a>,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    unknown("tool_choice.", &choice.unknown, ledger);
    turn.tool_choice = Some(match (choice.kind.as_deref(), choice.name) {
        (Some("auto"), _) => ToolChoice::Auto,
        (Some("any"), _) => ToolChoice::Required,
        (Some("none"), _) => ToolChoice::None,
        (Some("tool"), Some(name)) => ToolChoice::Named(name.0),
        _ => {
            let message = "`tool_choice` must be auto, any, none, or tool with a name";
            return Err(refused("tool_choice", message));
        }
    });
    if choice.disable_parallel_tool_use == Some(true) {
        turn.parallel_tools = Some(false);
    }
    Ok(())
}

fn read_reasoning(
    thinking: Option<ThinkingMembers<'_>>,
    config: &OutputConfig<'_>,
    turn: &mut Turn<'_>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let effort = config.effort.as_deref().map(read_effort).transpose()?;
    let Some(thinking) = thinking else {
        turn.reasoning = effort.map(Reasoning::Effort);
        return Ok(());
    };
    unknown("thinking.", &thinking.unknown, ledger);
    let (reasoning, takes_effort) = match (thinking.kind.as_deref(), thinking.budget_tokens) {
        (Some("enabled"), Some(budget)) => (Reasoning::Budget(budget.0), false),
        (Some("adaptive" | "enabled"), _) => {
            (effort.map_or(Reasoning::Auto, Reasoning::Effort), true)
        }
        (Some("disabled"), _) => (Reasoning::Effort(Effort::None), false),
        _ => {
            let message = "`thinking` must be adaptive, disabled, or enabled with budget_tokens";
            return Err(refused("thinking", message));
        }
    };
    turn.reasoning = Some(reasoning);
    if effort.is_some() && !takes_effort {
        ledger.note("output_config.effort", Action::Dropped, Reason::Dialect);
    }
    Ok(())
}

fn read_effort(effort: &str) -> Result<Effort, Fault> {
    Ok(match effort {
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::Xhigh,
        "max" => Effort::Max,
        _ => {
            let message = "`effort` must be low, medium, high, xhigh or max";
            return Err(refused("output_config.effort", message));
        }
    })
}

fn read_format<'a>(
    config: OutputConfig<'a>,
    older: Option<FormatMembers<'a>>,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    unknown("output_config.", &config.unknown, ledger);
    let Some(format) = config.format.or(older) else {
        return Ok(());
    };
    unknown("output_config.format.", &format.unknown, ledger);
    match (format.kind.as_deref(), format.schema) {
        (Some("json_schema"), Some(schema)) => {
            let (name, description) = (None, None);
            turn.format = Some(Format::JsonSchema {
                name,
                description,
                schema,
                strict: Some(true),
            });
            Ok(())
        }
        _ => Err(refused(
            "output_config.format",
            "`format` must be json_schema with a schema",
        )),
    }
}
