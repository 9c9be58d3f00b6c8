//! Reads a generateContent request into the hub.

use std::borrow::Cow;

use super::{
    body::{Calling, Function, Generation, Request, Search, System, Thinking, ToolEntry},
    contents, pairing,
};
use crate::{
    Action, Block, Effort, Fault, FaultKind, Format, Ledger, Reason, Reasoning, Sampling,
    ServerTool, ServerToolKind, Tool, ToolChoice, ToolInput, Turn, Words,
    json::{self, Text, says_nothing},
};

/// Reads a caller's request. Model and stream stand in its path.
///
/// # Errors
/// [`FaultKind::BadRequest`] when the body is no generateContent request, wants several replies at
/// once, or asks for what only Google has.
pub(crate) fn read_request(body: &[u8]) -> Result<(Turn<'_>, Ledger), Fault> {
    let request: Request<'_> = json::request(body)?;
    let mut ledger = Ledger::default();
    for name in &request.unknown {
        dropped(&mut ledger, name.clone().into_owned());
    }
    if request.cached_content.is_some_and(|name| !name.is_empty()) {
        return Err(bad(
            "cachedContent",
            "cached content is kept at Google; choose a Gemini model or send the content itself",
        ));
    }
    let contents = request.contents.ok_or_else(|| {
        bad(
            "contents",
            "`contents` is missing; send the conversation as a list",
        )
    })?;
    let mut turn = Turn {
        model: request.model.map(Cow::from).unwrap_or_default(),
        metadata: request.labels.filter(|labels| !says_nothing(labels)),
        words: Words::GEMINI,
        ..Turn::default()
    };
    match request.system {
        None => {}
        Some(System::Text(text)) => turn.system.push(Block::text(text.0)),
        Some(System::Content(content)) => {
            turn.system = contents::read_system(*content, &mut ledger);
        }
    }
    turn.messages = contents::read(contents.0, &mut ledger)?;
    pairing::pair(&mut turn.messages);
    for (at, entry) in request.tools.unwrap_or_default().0.into_iter().enumerate() {
        read_tool(entry, &format!("tools[{at}]"), &mut turn, &mut ledger)?;
    }
    if let Some(config) = request.tool_config {
        unknown(&mut ledger, "toolConfig", &config.unknown);
        if let Some(calling) = config.calling {
            turn.tool_choice = read_choice(calling, &mut ledger)?;
        }
    }
    if let Some(generation) = request.generation {
        read_generation(generation, &mut turn, &mut ledger)?;
    }
    Ok((turn, ledger))
}

pub(super) fn bad(param: &str, message: impl Into<String>) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(param.to_owned());
    fault
}

pub(super) fn dropped(ledger: &mut Ledger, path: impl Into<Cow<'static, str>>) {
    ledger.note(path, Action::Dropped, Reason::Dialect);
}

/// Records the unknown members of the object at `path`.
pub(super) fn unknown(ledger: &mut Ledger, path: &str, names: &[Cow<'_, str>]) {
    for name in names {
        dropped(ledger, format!("{path}.{name}"));
    }
}

fn read_tool<'a>(
    entry: ToolEntry<'a>,
    path: &str,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    if let Some(name) = entry.unknown.first() {
        let message =
            format!("the tool {name} runs at Google only; choose a Gemini model or leave it out");
        return Err(bad(&format!("{path}.{name}"), message));
    }
    let functions = entry.functions.unwrap_or_default().0;
    for (at, function) in functions.into_iter().enumerate() {
        let path = format!("{path}.functionDeclarations[{at}]");
        turn.tools.push(read_function(function, &path, ledger)?);
    }
    if let Some(search) = entry.search {
        turn.server_tools.push(read_search(search, path, ledger));
    }
    for (given, name, kind) in [
        (
            entry.code_execution,
            "codeExecution",
            ServerToolKind::CodeExecution,
        ),
        (entry.url_context, "urlContext", ServerToolKind::UrlContext),
    ] {
        if given.is_some() {
            let name = name.into();
            turn.server_tools.push(ServerTool { name, kind });
        }
    }
    Ok(())
}

fn read_function<'a>(
    function: Function<'a>,
    path: &str,
    ledger: &mut Ledger,
) -> Result<Tool<'a>, Fault> {
    unknown(ledger, path, &function.unknown);
    let name = function
        .name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| bad(&format!("{path}.name"), "a function needs a name"))?;
    Ok(Tool {
        description: function.description.map(Cow::from),
        ..Tool::new(
            name.0,
            ToolInput::Schema(function.json_parameters.or(function.parameters)),
        )
    })
}

fn read_search<'a>(search: Search<'a>, path: &str, ledger: &mut Ledger) -> ServerTool<'a> {
    unknown(ledger, &format!("{path}.googleSearch"), &search.unknown);
    ServerTool {
        name: "googleSearch".into(),
        kind: ServerToolKind::WebSearch {
            allowed_domains: Vec::new(),
            blocked_domains: texts(search.exclude.unwrap_or_default()),
            user_location: None,
        },
    }
}

fn texts(list: Vec<Text<'_>>) -> Vec<Cow<'_, str>> {
    list.into_iter().map(Cow::from).collect()
}

fn read_choice<'a>(
    calling: Calling<'a>,
    ledger: &mut Ledger,
) -> Result<Option<ToolChoice<'a>>, Fault> {
    const PATH: &str = "toolConfig.functionCallingConfig";
    unknown(ledger, PATH, &calling.unknown);
    let mut allowed = texts(calling.allowed.unwrap_or_default());
    let mode = calling
        .mode
        .map_or(String::new(), |mode| mode.to_ascii_uppercase());
    Ok(match (&*mode, allowed.len()) {
        ("ANY", 0) => Some(ToolChoice::Required),
        ("ANY", 1) => allowed.pop().map(ToolChoice::Named),
        ("ANY", _) => Some(ToolChoice::Allowed(allowed, true)),
        ("NONE", _) => Some(ToolChoice::None),
        ("VALIDATED", count) => {
            // Nobody else promises that free calls follow their schema.
            ledger.note(
                format!("{PATH}.mode"),
                Action::Approximated,
                Reason::Dialect,
            );
            Some(if count == 0 {
                ToolChoice::Auto
            } else {
                ToolChoice::Allowed(allowed, false)
            })
        }
        ("AUTO", _) => Some(ToolChoice::Auto),
        ("" | "MODE_UNSPECIFIED", _) => None,
        _ => {
            let message = "`mode` must be AUTO, ANY, NONE or VALIDATED";
            return Err(bad(&format!("{PATH}.mode"), message));
        }
    })
}

fn read_generation<'a>(
    mut generation: Generation<'a>,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    const PATH: &str = "generationConfig";
    unknown(ledger, PATH, &generation.unknown);
    if generation.candidates.is_some_and(|count| count.0 > 1) {
        return Err(bad(
            "generationConfig.candidateCount",
            "this model gives one reply at a time; leave `candidateCount` out",
        ));
    }
    let modalities = generation.modalities.take().unwrap_or_default().0;
    if modalities
        .iter()
        .any(|word| !word.eq_ignore_ascii_case("TEXT"))
    {
        dropped(ledger, "generationConfig.responseModalities");
    }
    turn.logprobs = match (generation.response_logprobs, generation.logprobs) {
        (Some(true), most) => Some(most.map_or(0, |most| most.0)),
        (_, Some(_)) => {
            dropped(ledger, "generationConfig.logprobs");
            None
        }
        _ => None,
    };
    turn.format = read_format(&generation, ledger);
    if let Some(thinking) = generation.thinking.take() {
        turn.reasoning = read_thinking(thinking, ledger)?;
    }
    turn.max_output = generation.max_output.map(|count| count.0);
    turn.sampling = Sampling {
        temperature: generation.temperature,
        top_p: generation.top_p,
        top_k: generation.top_k.map(|count| count.0),
        frequency_penalty: generation.frequency_penalty,
        presence_penalty: generation.presence_penalty,
        seed: generation.seed,
        stop: texts(generation.stop.take().unwrap_or_default().0),
    };
    Ok(())
}

fn read_format<'a>(generation: &Generation<'a>, ledger: &mut Ledger) -> Option<Format<'a>> {
    let schema = generation.json_schema.or(generation.schema);
    match (generation.mime.as_deref().unwrap_or_default(), schema) {
        ("application/json" | "", Some(schema)) => Some(Format::JsonSchema {
            name: None,
            description: None,
            schema,
            strict: None,
        }),
        ("application/json", None) => Some(Format::JsonObject),
        ("text/plain" | "", None) => None,
        _ => {
            dropped(ledger, Words::GEMINI.format);
            None
        }
    }
}

fn read_thinking(thinking: Thinking<'_>, ledger: &mut Ledger) -> Result<Option<Reasoning>, Fault> {
    const PATH: &str = "generationConfig.thinkingConfig";
    unknown(ledger, PATH, &thinking.unknown);
    let level = thinking
        .level
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let level = match &*level {
        "" | "thinking_level_unspecified" => None,
        "minimal" => Some(Effort::Minimal),
        "low" => Some(Effort::Low),
        "medium" => Some(Effort::Medium),
        "high" => Some(Effort::High),
        _ => {
            let path = format!("{PATH}.thinkingLevel");
            return Err(bad(
                &path,
                "`thinkingLevel` must be MINIMAL, LOW, MEDIUM or HIGH",
            ));
        }
    };
    match (level, thinking.budget) {
        (Some(_), Some(_)) => Err(bad(
            PATH,
            "`thinkingLevel` and `thinkingBudget` cannot be given together",
        )),
        (Some(level), None) => Ok(Some(Reasoning::Effort(level))),
        (None, Some(-1)) => Ok(Some(Reasoning::Auto)),
        (None, Some(tokens)) => match u64::try_from(tokens) {
            Ok(tokens) => Ok(Some(Reasoning::Budget(tokens))),
            Err(_) => Err(bad(
                &format!("{PATH}.thinkingBudget"),
                "`thinkingBudget` must be -1 or a whole number of at least 0",
            )),
        },
        (None, None) => Ok(None),
    }
}
