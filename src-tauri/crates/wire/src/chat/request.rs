use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    body::{Choice, ChoiceEntry, FormatEntry, Function, Metadata, Request, SearchEntry, ToolEntry},
    content,
};
use crate::{
    Action, Fault, FaultKind, Format, Ledger, Reason, Reasoning, Sampling, ServerTool,
    ServerToolKind, Tool, ToolChoice, ToolInput, Turn, Words, json, thinking,
};

/// Reads a caller's chat request, in OpenAI's form or in one of the mixtures that programs send.
///
/// # Errors
/// [`FaultKind::BadRequest`] when the body is no chat request, or wants several replies at once.
pub(crate) fn read_request(body: &[u8]) -> Result<(Turn<'_>, Ledger), Fault> {
    let request: Request<'_> = json::request(body)?;
    let mut ledger = Ledger::default();
    for name in &request.unknown {
        drop_member(&mut ledger, name.clone().into_owned());
    }
    let Some(messages) = request.messages else {
        return Err(bad(
            "messages",
            "`messages` is missing; send the conversation as a list",
        ));
    };
    if request.n.is_some_and(|n| n.0 > 1) {
        return Err(bad(
            "n",
            "this model gives one reply at a time; leave `n` out",
        ));
    }
    let mut turn = Turn {
        model: request.model.map(Cow::from).unwrap_or_default(),
        stream: request.stream.unwrap_or(false),
        ..Turn::default()
    };
    if let Some(options) = request.stream_options {
        turn.include_usage = options.include_usage.unwrap_or(false);
        drop_members(&mut ledger, "stream_options", &options.unknown);
    }
    content::read_messages(messages, &mut turn, &mut ledger);

    let tools = request.tools.unwrap_or_default();
    turn.tools = read_tools(tools, &mut ledger);
    for (at, function) in request
        .functions
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        turn.tools.extend(read_function(
            function,
            &format!("functions[{at}]"),
            &mut ledger,
        ));
    }
    turn.parallel_tools = request.parallel_tool_calls;
    for (choice, path) in [
        (request.function_call, "function_call"),
        (request.tool_choice, "tool_choice"),
    ] {
        if let Some(choice) = choice {
            read_choice(choice, path, &mut turn, &mut ledger);
        }
    }

    turn.max_output = request
        .max_tokens
        .or(request.max_completion_tokens)
        .map(|n| n.0);
    match (request.max_tokens, request.max_completion_tokens) {
        (None, Some(_)) => turn.words.max_output = "max_completion_tokens",
        (Some(one), Some(other)) if one != other => {
            drop_member(&mut ledger, "max_completion_tokens");
        }
        _ => {}
    }
    turn.sampling = Sampling {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k.map(|n| n.0),
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        seed: request.seed,
        stop: request
            .stop
            .unwrap_or_default()
            .0
            .into_iter()
            .map(Cow::from)
            .collect(),
    };
    turn.format = request
        .response_format
        .and_then(|format| read_format(format, &mut ledger));
    turn.service_tier = request.service_tier.map(Cow::from);
    turn.cache_key = request.prompt_cache_key.map(Cow::from);
    turn.cache_retention = request.prompt_cache_retention.map(Cow::from);
    turn.store = request.store;
    turn.verbosity = request.verbosity.map(Cow::from);
    turn.logprobs = match (request.logprobs, request.top_logprobs) {
        (Some(false), _) | (None, None) => None,
        (_, most) => Some(most.map_or(0, |most| most.0)),
    };
    if request.logprobs.is_none() {
        turn.words.logprobs = "top_logprobs";
    }
    turn.server_tools.extend(
        request
            .web_search_options
            .map(|options| read_search(options, &mut ledger)),
    );
    if request
        .modalities
        .is_some_and(|list| list.0.iter().any(|word| &**word != "text"))
    {
        drop_member(&mut ledger, "modalities");
    }

    let wishes = Wishes {
        effort: request.reasoning_effort,
        reasoning: request.reasoning,
        thinking: request.thinking,
    };
    wishes.read(&mut turn, &mut ledger)?;
    read_user(
        request.metadata,
        [
            ("safety_identifier", request.safety_identifier),
            ("user", request.user),
        ],
        &mut turn,
        &mut ledger,
    );
    Ok((turn, ledger))
}

pub(super) fn drop_member(ledger: &mut Ledger, path: impl Into<Cow<'static, str>>) {
    ledger.note(path, Action::Dropped, Reason::Dialect);
}

/// Records the unknown members of the object at `path`.
pub(super) fn drop_members(ledger: &mut Ledger, path: &str, names: &[Cow<'_, str>]) {
    for name in names {
        drop_member(ledger, format!("{path}.{name}"));
    }
}

fn bad(param: &str, message: impl Into<String>) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(param.to_owned());
    fault
}

/// The three ways to say how hard to think, OpenAI's first.
struct Wishes<'a> {
    effort: Option<json::Text<'a>>,
    reasoning: Option<super::body::ReasoningEntry<'a>>,
    thinking: Option<super::body::ThinkingEntry<'a>>,
}

impl Wishes<'_> {
    fn read(self, turn: &mut Turn<'_>, ledger: &mut Ledger) -> Result<(), Fault> {
        if let Some(entry) = self.thinking {
            drop_members(ledger, "thinking", &entry.unknown);
            turn.words.reasoning = "thinking";
            turn.reasoning = match (entry.kind.as_deref(), entry.budget_tokens) {
                (Some("disabled"), _) => Some(Reasoning::Effort(crate::Effort::None)),
                (Some("enabled"), Some(tokens)) => Some(Reasoning::Budget(tokens.0)),
                _ => Some(Reasoning::Auto),
            };
        }
        if let Some(entry) = self.reasoning {
            drop_members(ledger, "reasoning", &entry.unknown);
            turn.words.reasoning = "reasoning";
            if let Some(tokens) = entry.max_tokens {
                turn.reasoning = Some(Reasoning::Budget(tokens.0));
            }
            if let Some(effort) = entry.effort {
                turn.reasoning = Some(level(&effort, "reasoning.effort")?);
            }
        }
        if let Some(effort) = self.effort {
            turn.words.reasoning = Words::CHAT.reasoning;
            turn.reasoning = Some(level(&effort, "reasoning_effort")?);
        }
        Ok(())
    }
}

fn level(word: &str, path: &str) -> Result<Reasoning, Fault> {
    thinking::read_suffix(word).ok_or_else(|| {
        let message = format!("`{path}` must be none, minimal, low, medium, high, xhigh or max");
        bad(path, message)
    })
}

/// The caller's id for its user: Anthropic's member first, since that one is made to be passed on.
fn read_user<'a>(
    metadata: Option<&'a RawValue>,
    others: [(&'static str, Option<json::Text<'a>>); 2],
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) {
    let labels = metadata.and_then(|raw| serde_json::from_str::<Metadata<'_>>(raw.get()).ok());
    if let Some(id) = labels.as_ref().and_then(|labels| labels.user_id.clone()) {
        turn.user = Some(id.0);
        turn.user_opaque = true;
        turn.words.user = "metadata.user_id";
    }
    if labels.is_none_or(|labels| !labels.unknown.is_empty()) {
        turn.metadata = metadata;
    }
    for (name, id) in others {
        match id {
            Some(id) if turn.user.is_none() => {
                turn.user = Some(id.0);
                turn.words.user = name;
            }
            Some(id) if turn.user.as_deref() != Some(&*id) => drop_member(ledger, name),
            _ => {}
        }
    }
}

/// The member that switches the web search on, as the tool that other dialects make of it.
fn read_search<'a>(options: SearchEntry<'a>, ledger: &mut Ledger) -> ServerTool<'a> {
    drop_members(ledger, "web_search_options", &options.unknown);
    ServerTool {
        name: "web_search_options".into(),
        kind: ServerToolKind::WebSearch {
            allowed_domains: Vec::new(),
            blocked_domains: Vec::new(),
            user_location: options
                .user_location
                .and_then(|location| location.approximate),
        },
    }
}

fn read_tools<'a>(entries: Vec<ToolEntry<'a>>, ledger: &mut Ledger) -> Vec<Tool<'a>> {
    let mut tools = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        let path = format!("tools[{at}]");
        drop_members(ledger, &path, &entry.unknown);
        let cache = entry.cache_control.and_then(|cache| cache.mark());
        let kind = entry.kind.as_deref();
        let flat = Function {
            name: entry.name,
            description: entry.description,
            parameters: entry.parameters,
            format: entry.format,
            strict: entry.strict,
            unknown: Vec::new(),
        };
        let tool = match (kind, entry.function, entry.custom) {
            (Some("function") | None, Some(function), _) => {
                read_function(function, &format!("{path}.function"), ledger)
            }
            (Some("custom"), _, Some(custom)) => {
                read_custom(custom, &format!("{path}.custom"), ledger)
            }
            // Messages calls its plain tools custom too; they have a schema.
            (Some("custom"), _, None) if flat.parameters.is_none() => {
                read_custom(flat, &path, ledger).map(|tool| Tool { flat: true, ..tool })
            }
            (Some("function" | "custom") | None, _, _) => read_function(flat, &path, ledger),
            // A tool that runs at one provider.
            _ => None,
        };
        match tool {
            Some(tool) => tools.push(Tool { cache, ..tool }),
            None => drop_member(ledger, path),
        }
    }
    tools
}

fn read_function<'a>(entry: Function<'a>, path: &str, ledger: &mut Ledger) -> Option<Tool<'a>> {
    drop_members(ledger, path, &entry.unknown);
    let name = entry.name.filter(|name| !name.is_empty())?;
    Some(Tool {
        description: entry.description.map(Cow::from),
        strict: entry.strict,
        ..Tool::new(name, ToolInput::Schema(entry.parameters))
    })
}

fn read_custom<'a>(entry: Function<'a>, path: &str, ledger: &mut Ledger) -> Option<Tool<'a>> {
    drop_members(ledger, path, &entry.unknown);
    if entry
        .format
        .is_some_and(|format| !format.get().contains("\"text\""))
    {
        // A grammar: the text will come without its guarantee.
        drop_member(ledger, format!("{path}.format"));
    }
    let name = entry.name.filter(|name| !name.is_empty())?;
    Some(Tool {
        description: entry.description.map(Cow::from),
        ..Tool::new(name, ToolInput::FreeText)
    })
}

fn read_choice<'a>(choice: Choice<'a>, path: &str, turn: &mut Turn<'a>, ledger: &mut Ledger) {
    let read = match choice {
        Choice::Text(word) => by_word(&word),
        Choice::Entry(entry) => {
            drop_members(ledger, path, &entry.unknown);
            if let Some(disable) = entry.disable_parallel_tool_use {
                turn.parallel_tools = Some(!disable);
            }
            by_entry(*entry)
        }
    };
    match read {
        Some(choice) => turn.tool_choice = Some(choice),
        None => drop_member(ledger, path.to_owned()),
    }
}

fn by_word(word: &str) -> Option<ToolChoice<'static>> {
    match word {
        "auto" => Some(ToolChoice::Auto),
        "none" => Some(ToolChoice::None),
        "required" | "any" => Some(ToolChoice::Required),
        _ => None,
    }
}

fn by_entry(entry: ChoiceEntry<'_>) -> Option<ToolChoice<'_>> {
    if let Some("allowed_tools") = entry.kind.as_deref() {
        let (mode, tools) = match entry.allowed_tools {
            Some(allowed) => (allowed.mode, allowed.tools),
            None => (entry.mode, entry.tools),
        };
        let names = tools
            .unwrap_or_default()
            .into_iter()
            .filter_map(chosen_name)
            .collect();
        let must = mode.as_deref() == Some("required");
        return Some(ToolChoice::Allowed(names, must));
    }
    match entry.kind.as_deref() {
        Some(word @ ("auto" | "none" | "any" | "required")) => by_word(word),
        _ => chosen_name(entry).map(ToolChoice::Named),
    }
}

fn chosen_name(entry: ChoiceEntry<'_>) -> Option<Cow<'_, str>> {
    let nested = entry.function.or(entry.custom).and_then(|named| named.name);
    nested.or(entry.name).map(Cow::from)
}

fn read_format<'a>(entry: FormatEntry<'a>, ledger: &mut Ledger) -> Option<Format<'a>> {
    drop_members(ledger, "response_format", &entry.unknown);
    match entry.kind.as_deref() {
        Some("json_object") => Some(Format::JsonObject),
        Some("json_schema") => {
            let schema = entry.json_schema.unwrap_or_default();
            drop_members(ledger, "response_format.json_schema", &schema.unknown);
            let Some(raw) = schema.schema else {
                ledger.note(
                    "response_format.json_schema",
                    Action::Approximated,
                    Reason::Dialect,
                );
                return Some(Format::JsonObject);
            };
            Some(Format::JsonSchema {
                name: schema.name.map(Cow::from),
                description: schema.description.map(Cow::from),
                schema: raw,
                strict: schema.strict,
            })
        }
        Some("text") | None => None,
        Some(_) => {
            drop_member(ledger, "response_format");
            None
        }
    }
}

#[cfg(test)]
mod tests;
