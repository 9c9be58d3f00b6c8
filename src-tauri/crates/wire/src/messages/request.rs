//! Reads a Messages request into the hub.

use std::borrow::Cow;

use super::members::{
    BlockMembers, CacheControl, Choice, FormatMembers, OutputConfig, Request, Said, SourceMember,
    ThinkingMembers, ToolMembers,
};
use crate::json::{self, Unknown};
use crate::{
    Action, Block, Body, CacheMark, Call, CallResult, Effort, Fault, FaultKind, File, Format,
    Image, Ledger, Message, Proof, Reason, Reasoning, Role, Sampling, Source, Thinking, Tool,
    ToolChoice, ToolInput, Turn, Words,
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
        service_tier: request.service_tier.map(Cow::from),
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
        turn.tools.push(read_tool(tool, order, &mut ledger)?);
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

fn refused(param: &str, message: &str) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(param.to_owned());
    fault
}

/// Names the members that the hub has no word for.
fn unknown(prefix: &str, names: &Unknown<'_>, ledger: &mut Ledger) {
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
    Ok(Message { role, at, blocks })
}

/// Reads one block; a document made of parts becomes several.
fn read_block<'a>(
    mut block: BlockMembers<'a>,
    path: &str,
    into: &mut Vec<Block<'a>>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let kind = block.kind.take().unwrap_or_default();
    let cache = block
        .cache_control
        .take()
        .map(|cache| read_cache(&cache, path, ledger));
    let before = into.len();
    let body = match &*kind {
        "text" => Body::Text(block.text.take().unwrap_or_default().0),
        "image" => Body::Image(Image {
            source: read_source(block.source.take(), path)?,
            detail: None,
        }),
        "document" => {
            read_document(&mut block, path, into, ledger)?;
            leftovers(&block, &kind, path, ledger);
            mark_last(into, before, cache);
            return Ok(());
        }
        "search_result" => Body::Text(Cow::Owned(read_search_result(&mut block, path, ledger))),
        "tool_use" => Body::Call(Call {
            id: block.id.take().unwrap_or_default().0,
            name: block.name.take().unwrap_or_default().0,
            arguments: block
                .input
                .take()
                .map_or("".into(), |input| input.get().into()),
        }),
        "tool_result" => {
            let mut blocks = Vec::new();
            for (order, inner) in block
                .content
                .take()
                .unwrap_or_default()
                .0
                .into_iter()
                .enumerate()
            {
                read_block(
                    inner,
                    &format!("{path}.content[{order}]"),
                    &mut blocks,
                    ledger,
                )?;
            }
            Body::Result(CallResult {
                call_id: block.tool_use_id.take().unwrap_or_default().0,
                blocks,
                is_error: block.is_error.take().unwrap_or(false),
            })
        }
        "thinking" => Body::Thinking(Thinking {
            text: block.thinking.take().unwrap_or_default().0,
            proof: block
                .signature
                .take()
                .filter(|signature| !signature.is_empty())
                .map(|signature| Proof::Signature(signature.0)),
        }),
        "redacted_thinking" => Body::Thinking(Thinking {
            text: Cow::Borrowed(""),
            proof: block.data.take().map(|data| Proof::Redacted(data.0)),
        }),
        _ => {
            ledger.note(path.to_owned(), Action::Dropped, Reason::Dialect);
            return Ok(());
        }
    };
    leftovers(&block, &kind, path, ledger);
    into.push(Block { body, cache });
    Ok(())
}

fn mark_last(blocks: &mut [Block<'_>], before: usize, cache: Option<CacheMark>) {
    if let Some(last) = blocks.get_mut(before..).and_then(<[_]>::last_mut) {
        last.cache = last.cache.or(cache);
    }
}

/// Names members that the block's reader did not take.
fn leftovers(block: &BlockMembers<'_>, kind: &str, path: &str, ledger: &mut Ledger) {
    unknown(&format!("{path}."), &block.unknown, ledger);
    let citations = block
        .citations
        .is_some_and(|raw| !switched_off(kind, raw.get()));
    for (present, name) in [
        (block.text.is_some(), "text"),
        (block.source.is_some(), "source"),
        (block.title.is_some(), "title"),
        (block.context.is_some(), "context"),
        (citations, "citations"),
        (block.id.is_some(), "id"),
        (block.name.is_some(), "name"),
        (block.input.is_some(), "input"),
        (block.tool_use_id.is_some(), "tool_use_id"),
        (block.content.is_some(), "content"),
        (block.is_error.is_some(), "is_error"),
        (block.thinking.is_some(), "thinking"),
        (
            block
                .signature
                .as_ref()
                .is_some_and(|signature| !signature.is_empty()),
            "signature",
        ),
        (block.data.is_some(), "data"),
    ] {
        if present {
            ledger.note(format!("{path}.{name}"), Action::Dropped, Reason::Dialect);
        }
    }
}

/// Whether `citations` says nothing: no citations on a text, or switched off on a document.
fn switched_off(kind: &str, citations: &str) -> bool {
    let bare: String = citations
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    bare == "[]" || (kind != "text" && bare == r#"{"enabled":false}"#)
}

fn read_cache(cache: &CacheControl<'_>, path: &str, ledger: &mut Ledger) -> CacheMark {
    unknown(&format!("{path}.cache_control."), &cache.unknown, ledger);
    match cache.ttl.as_deref() {
        Some("1h") => CacheMark::Hour,
        _ => CacheMark::Default,
    }
}

fn read_source<'a>(source: Option<SourceMember<'a>>, path: &str) -> Result<Source<'a>, Fault> {
    let source = match source {
        Some(SourceMember::Bytes(source)) => source,
        Some(SourceMember::Address(url)) => return Ok(Source::Url(url)),
        None => return Err(refused(&format!("{path}.source"), "`source` is missing")),
    };
    let source = *source;
    let kind = source.kind.unwrap_or_default();
    let media_type = source.media_type.unwrap_or_default().0;
    let found = match &*kind {
        "base64" => source.data.map(|data| Source::Base64 {
            media_type,
            data: data.0,
        }),
        "url" => source.url.map(|url| Source::Url(url.0)),
        "file" => source.file_id.map(|id| Source::FileId(id.0)),
        "text" => source.data.map(|data| Source::Text(data.0)),
        _ => None,
    };
    found.ok_or_else(|| {
        refused(
            &format!("{path}.source"),
            "`source` must be base64, url, file or text with its data",
        )
    })
}

fn read_document<'a>(
    block: &mut BlockMembers<'a>,
    path: &str,
    into: &mut Vec<Block<'a>>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    if let Some(SourceMember::Bytes(source)) = &mut block.source
        && let Some(parts) = source.content.take()
    {
        block.source = None;
        for (order, part) in parts.0.into_iter().enumerate() {
            read_block(
                part,
                &format!("{path}.source.content[{order}]"),
                into,
                ledger,
            )?;
        }
        return Ok(());
    }
    let source = read_source(block.source.take(), path)?;
    let name = block.title.take().map(Cow::from);
    into.push(Block::new(Body::File(File { source, name })));
    Ok(())
}

/// A search result as plain text: title, address, what was found.
fn read_search_result(block: &mut BlockMembers<'_>, path: &str, ledger: &mut Ledger) -> String {
    ledger.note(path.to_owned(), Action::Approximated, Reason::Dialect);
    let mut text = block.title.take().unwrap_or_default().0.into_owned();
    if let Some(SourceMember::Address(address)) = block.source.take() {
        text.push('\n');
        text.push_str(&address);
    }
    for part in block.content.take().unwrap_or_default().0 {
        text.push_str("\n\n");
        text.push_str(&part.text.unwrap_or_default());
    }
    text
}

fn read_tool<'a>(
    tool: ToolMembers<'a>,
    order: usize,
    ledger: &mut Ledger,
) -> Result<Tool<'a>, Fault> {
    let path = format!("tools[{order}]");
    if let Some(kind) = tool.kind.as_deref().filter(|kind| *kind != "custom") {
        let message = format!(
            "the tool type {kind} exists at Anthropic only; choose a Claude model or leave it out"
        );
        return Err(refused(&path, &message));
    }
    unknown(&format!("{path}."), &tool.unknown, ledger);
    let name = tool
        .name
        .ok_or_else(|| refused(&path, "a tool needs a name"))?;
    Ok(Tool {
        name: name.0,
        description: tool.description.map(Cow::from),
        input: ToolInput::Schema(tool.input_schema),
        strict: tool.strict,
        cache: tool
            .cache_control
            .map(|cache| read_cache(&cache, &path, ledger)),
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
