//! Reads a Responses request into the hub.

use std::borrow::Cow;

use super::{
    echo,
    input::Input,
    members::{FormatMembers, ReasoningMembers, Request, TextMembers, bad, read, text_or_json},
    tools::Tools,
};
use crate::{
    Action, Block, Fault, Format, Ledger, Reason, Sampling, Turn, Words,
    json::{self, Text, Unknown},
    thinking,
};

/// Reads a caller's request.
///
/// # Errors
/// [`FaultKind::BadRequest`](crate::FaultKind::BadRequest) when the body is no Responses request, or
/// refers to what is kept elsewhere: byokey sees one request at a time.
pub(crate) fn read_request(body: &[u8]) -> Result<(Turn<'_>, Ledger), Fault> {
    let request: Request<'_> = json::request(body)?;
    refuse_references(&request)?;
    let mut ledger = Ledger::default();
    drop_members(&mut ledger, "", &request.unknown);
    let mut turn = Turn {
        model: request.model.map(Cow::from).unwrap_or_default(),
        stream: request.stream.unwrap_or(false),
        max_output: request.max_output_tokens.map(|n| n.0),
        parallel_tools: request.parallel_tool_calls,
        service_tier: request.service_tier.map(Cow::from),
        cache_key: request.prompt_cache_key.map(Cow::from),
        cache_retention: request.prompt_cache_retention.map(Cow::from),
        store: request.store,
        metadata: request.metadata,
        words: Words::RESPONSES,
        echo: echo::of(body),
        ..Turn::default()
    };
    turn.sampling = Sampling {
        temperature: request.temperature,
        top_p: request.top_p,
        stop: (request.stop.unwrap_or_default().0.into_iter())
            .map(Cow::from)
            .collect(),
        ..Sampling::default()
    };
    if let Some(options) = request.stream_options {
        turn.include_usage = options.include_usage.unwrap_or(false);
        drop_members(&mut ledger, "stream_options.", &options.unknown);
    }
    if request.truncation.as_deref() == Some("auto") {
        drop_member(&mut ledger, "truncation");
    }
    if let Some(instructions) = request.instructions {
        turn.system.push(Block::text(text_or_json(instructions)));
    }

    let mut tools = Tools::new(&mut ledger);
    tools.read_all(request.tools.unwrap_or_default(), "tools")?;
    let input = request.input.ok_or_else(|| {
        bad(
            "input",
            "`input` is missing; send a text or a list of items",
        )
    })?;
    Input::new(&mut turn, &mut tools).read(input)?;
    tools.finish(request.tool_choice, &mut turn)?;

    read_include(
        request.include.unwrap_or_default(),
        request.top_logprobs,
        &mut turn,
        &mut ledger,
    );
    read_text(request.text, &mut turn, &mut ledger)?;
    read_reasoning(
        request.reasoning,
        request.reasoning_effort,
        &mut turn,
        &mut ledger,
    )?;
    for (name, id) in [
        ("safety_identifier", request.safety_identifier),
        ("user", request.user),
    ] {
        match id {
            Some(id) if turn.user.is_none() => {
                turn.user = Some(id.0);
                turn.words.user = name;
            }
            Some(id) if turn.user.as_deref() != Some(&*id) => drop_member(&mut ledger, name),
            _ => {}
        }
    }
    Ok((turn, ledger))
}

/// Refuses what can only be answered by somebody who has kept earlier replies.
fn refuse_references(request: &Request<'_>) -> Result<(), Fault> {
    if request.background == Some(true) {
        let message = "byokey answers while you wait; leave `background` out";
        return Err(bad("background", message));
    }
    let refers = [
        (
            "previous_response_id",
            request.previous_response_id.is_some(),
        ),
        ("conversation", request.conversation.is_some()),
    ];
    for (member, given) in refers {
        if given {
            return Err(not_kept(member));
        }
    }
    Ok(())
}

/// The reference at this path leads to nothing that is kept here.
pub(super) fn not_kept(path: &str) -> Fault {
    let mut fault = bad(
        path,
        format!(
            "byokey does not have what `{path}` refers to; send the whole conversation in `input`"
        ),
    );
    fault.code = Some("previous_response_not_found".to_owned());
    fault
}

pub(super) fn drop_member(ledger: &mut Ledger, path: impl Into<Cow<'static, str>>) {
    ledger.note(path, Action::Dropped, Reason::Dialect);
}

/// Records members that no reader knows; `prefix` ends in a dot or is empty.
pub(super) fn drop_members(ledger: &mut Ledger, prefix: &str, names: &Unknown<'_>) {
    for name in names {
        drop_member(ledger, format!("{prefix}{name}"));
    }
}

fn read_include(
    include: Vec<Text<'_>>,
    top_logprobs: Option<json::Count>,
    turn: &mut Turn<'_>,
    ledger: &mut Ledger,
) {
    turn.logprobs = top_logprobs.map(|n| n.0);
    for (at, word) in include.iter().enumerate() {
        match &**word {
            // Own proofs are always shown.
            "reasoning.encrypted_content" => {}
            "message.output_text.logprobs" => turn.logprobs = turn.logprobs.or(Some(0)),
            _ => drop_member(ledger, format!("include[{at}]")),
        }
    }
}

fn read_text<'a>(
    text: Option<&'a serde_json::value::RawValue>,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let Some(text) = text else { return Ok(()) };
    let text: TextMembers<'a> = read(text, "text")?;
    drop_members(ledger, "text.", &text.unknown);
    turn.verbosity = text.verbosity.map(Cow::from);
    if let Some(format) = text.format {
        turn.format = read_format(format, ledger);
    }
    Ok(())
}

fn read_format<'a>(format: FormatMembers<'a>, ledger: &mut Ledger) -> Option<Format<'a>> {
    drop_members(ledger, "text.format.", &format.unknown);
    match (format.kind.as_deref(), format.schema) {
        (Some("json_object"), _) => Some(Format::JsonObject),
        (Some("json_schema"), Some(schema)) => Some(Format::JsonSchema {
            name: format.name.map(Cow::from),
            description: format.description.map(Cow::from),
            schema,
            strict: format.strict,
        }),
        (Some("json_schema"), None) => {
            ledger.note("text.format", Action::Approximated, Reason::Dialect);
            Some(Format::JsonObject)
        }
        (Some("text") | None, _) => None,
        (Some(_), _) => {
            drop_member(ledger, "text.format");
            None
        }
    }
}

fn read_reasoning<'a>(
    reasoning: Option<&'a serde_json::value::RawValue>,
    effort: Option<Text<'a>>,
    turn: &mut Turn<'a>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let mut wish = effort.map(|effort| ("reasoning_effort", effort));
    if let Some(reasoning) = reasoning {
        let reasoning: ReasoningMembers<'a> = read(reasoning, "reasoning")?;
        drop_members(ledger, "reasoning.", &reasoning.unknown);
        wish = reasoning
            .effort
            .map(|effort| ("reasoning.effort", effort))
            .or(wish);
    }
    if let Some((path, effort)) = wish {
        let level = thinking::read_suffix(&effort).ok_or_else(|| {
            let message =
                format!("`{path}` must be none, minimal, low, medium, high, xhigh or max");
            bad(path, message)
        })?;
        turn.words.reasoning = path;
        turn.reasoning = Some(level);
    }
    Ok(())
}
