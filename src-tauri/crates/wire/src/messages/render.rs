//! Writes a request for a provider that speaks Messages.
//!
//! Anthropic answers much with 400 that other providers let pass; everything it would refuse is left
//! out or bent here and named in the ledger. The history has been repaired before.

use serde_json::value::RawValue;

use super::content::{Content, write_blocks};
use super::effort::{Mode, Plan, Wish};
use super::marks::Marks;
use super::schema::write_reply_schema;
use super::tools::{replies_by_tool, write_tools};
use crate::ids::{ToolNames, digest};
use crate::json::{Object, write_list, write_str};
use crate::{Action, Body, Fault, Format, Ledger, Reason, Role, SamplingSupport, Target, Turn};

/// Lowest top-p that goes together with thinking.
pub(super) const THINKING_TOP_P: f64 = 0.95;

/// Writes a request for a provider.
///
/// # Errors
/// [`FaultKind::BadRequest`](crate::FaultKind::BadRequest) when the conversation holds what
/// Anthropic cannot take in any form, such as sound.
pub(crate) fn render_request(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    let plan = Plan::of(&Wish::of(turn), target.caps, ledger);
    let mut marks = Marks::of(turn, ledger);
    let mut out = Vec::with_capacity(4096);
    let mut body = Object::begin(&mut out);
    body.text("model", target.model);
    body.int("max_tokens", plan.max_tokens);
    if turn.stream {
        body.raw("stream", "true");
    }
    write_thinking(&mut body, plan);
    write_output_config(&mut body, turn, target, plan, ledger);
    write_sampling(&mut body, turn, target, plan, ledger);
    write_caller(&mut body, turn, ledger);
    write_tools(&mut body, turn, target, names, &mut marks, ledger);
    write_system(&mut body, turn, target, &mut marks);
    let mut content = Content::new(names, marks, turn.words);
    write_messages(&mut body, turn, plan, &mut content, ledger)?;
    body.end();
    Ok(out)
}

fn write_thinking(body: &mut Object<'_>, plan: Plan) {
    match plan.mode {
        None => {}
        Some(Mode::Disabled) => body.raw("thinking", r#"{"type":"disabled"}"#),
        Some(Mode::Adaptive) => body.raw("thinking", r#"{"type":"adaptive"}"#),
        Some(Mode::Enabled { budget }) => {
            let mut thinking = Object::begin(body.key("thinking"));
            thinking.text("type", "enabled");
            thinking.int("budget_tokens", budget);
            thinking.end();
        }
    }
}

/// The schema the reply must follow, where the model can be held to one.
fn reply_schema<'a>(turn: &Turn<'a>, target: &Target<'_>) -> Option<&'a RawValue> {
    match turn.format {
        Some(Format::JsonSchema { schema, .. }) if target.caps.json_schema != Some(false) => {
            Some(schema)
        }
        _ => None,
    }
}

fn write_output_config(
    body: &mut Object<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
    plan: Plan,
    ledger: &mut Ledger,
) {
    let schema = reply_schema(turn, target);
    if turn.format.is_some() && schema.is_none() {
        ledger.note(turn.words.format, Action::Emulated, Reason::ModelCapability);
    }
    if schema.is_none() && plan.effort.is_none() {
        return;
    }
    let mut config = Object::begin(body.key("output_config"));
    if let Some(effort) = plan.effort {
        config.text("effort", effort);
    }
    if let Some(schema) = schema {
        let mut format = Object::begin(config.key("format"));
        format.text("type", "json_schema");
        if write_reply_schema(format.key("schema"), schema) {
            ledger.note(
                turn.words.format,
                Action::Approximated,
                Reason::SchemaSubset,
            );
        }
        format.end();
        if matches!(
            turn.format,
            Some(Format::JsonSchema {
                description: Some(_),
                ..
            })
        ) {
            let path = format!("{}.description", turn.words.format);
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
    }
    config.end();
}

fn write_sampling(
    body: &mut Object<'_>,
    turn: &Turn<'_>,
    target: &Target<'_>,
    plan: Plan,
    ledger: &mut Ledger,
) {
    let (sampling, words) = (&turn.sampling, turn.words);
    let support = target.caps.sampling;
    let mut drop = |path: &'static str| ledger.note(path, Action::Dropped, Reason::ModelCapability);
    let mut temperature = sampling.temperature;
    let mut top_p = sampling.top_p;
    let mut top_k = sampling.top_k;
    if support == SamplingSupport::None || plan.thinks() && temperature != Some(1.0) {
        temperature.take().inspect(|_| drop(words.temperature));
    }
    let one_only = support == SamplingSupport::OneOf && temperature.is_some();
    let low = plan.thinks() && top_p.is_some_and(|top_p| top_p < THINKING_TOP_P);
    if support == SamplingSupport::None || one_only || low {
        top_p.take().inspect(|_| drop(words.top_p));
    }
    if support == SamplingSupport::None || plan.thinks() {
        top_k.take().inspect(|_| drop(words.top_k));
    }
    if let Some(wanted) = temperature {
        let clamped = wanted.clamp(0.0, target.caps.temperature_max.unwrap_or(1.0).max(0.0));
        if clamped.to_bits() != wanted.to_bits() {
            ledger.note(words.temperature, Action::Clamped, Reason::Limit);
        }
        body.number("temperature", clamped);
    }
    if let Some(top_p) = top_p {
        body.number("top_p", top_p);
    }
    if let Some(top_k) = top_k {
        body.int("top_k", top_k);
    }
    for (present, path) in [
        (
            sampling.frequency_penalty.is_some(),
            words.frequency_penalty,
        ),
        (sampling.presence_penalty.is_some(), words.presence_penalty),
        (sampling.seed.is_some(), words.seed),
    ] {
        if present {
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
    }
    let stop: Vec<_> = sampling
        .stop
        .iter()
        .filter(|stop| !stop.trim().is_empty())
        .collect();
    if stop.len() < sampling.stop.len() {
        ledger.note(turn.words.stop, Action::Dropped, Reason::Dialect);
    }
    if !stop.is_empty() {
        write_list(body.key("stop_sequences"), stop, |out, stop| {
            write_str(out, stop)
        });
    }
}

/// What the caller says about itself and its standing.
fn write_caller(body: &mut Object<'_>, turn: &Turn<'_>, ledger: &mut Ledger) {
    if let Some(user) = &turn.user {
        let mut metadata = Object::begin(body.key("metadata"));
        if turn.user_opaque {
            metadata.text("user_id", user);
        } else {
            metadata.text("user_id", &digest(user, 32));
            ledger.note(turn.words.user, Action::Approximated, Reason::Policy);
        }
        metadata.end();
    }
    match turn.service_tier.as_deref() {
        None => {}
        Some("auto") => body.text("service_tier", "auto"),
        Some("default" | "standard_only") => body.text("service_tier", "standard_only"),
        Some(_) => ledger.note("service_tier", Action::Dropped, Reason::Dialect),
    }
    for (given, path) in [
        (turn.verbosity.is_some(), turn.words.verbosity),
        (turn.logprobs.is_some(), turn.words.logprobs),
        // Anthropic keeps no replies; not to be kept is what everybody gets.
        (turn.store == Some(true), "store"),
        (turn.metadata.is_some(), turn.words.metadata),
    ] {
        if given {
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
    }
}

fn write_system(body: &mut Object<'_>, turn: &Turn<'_>, target: &Target<'_>, marks: &mut Marks) {
    let instruction = match &turn.format {
        Some(Format::JsonObject) => Some(Format::in_words(None)),
        Some(Format::JsonSchema { .. }) if replies_by_tool(turn, target) => None,
        Some(Format::JsonSchema { schema, .. }) if reply_schema(turn, target).is_none() => {
            Some(Format::in_words(Some(schema)))
        }
        _ => None,
    };
    let said = turn.system.iter().filter_map(|block| match &block.body {
        Body::Text(text) if !text.trim().is_empty() => Some((&**text, block.cache)),
        _ => None,
    });
    let mut texts = said
        .chain(instruction.as_deref().map(|text| (text, None)))
        .peekable();
    if texts.peek().is_none() {
        return;
    }
    write_list(body.key("system"), texts, |out, (text, cache)| {
        let mut block = Object::begin(out);
        block.text("type", "text");
        block.text("text", text);
        marks.write(&mut block, cache);
        block.end();
    });
}

fn write_messages(
    body: &mut Object<'_>,
    turn: &Turn<'_>,
    plan: Plan,
    content: &mut Content<'_>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let mut messages = turn.messages.as_slice();
    let prefill = messages
        .last()
        .filter(|message| message.role == Role::Assistant);
    if let (Some(last), true) = (prefill, plan.thinks()) {
        let path = turn.words.message(last.at);
        ledger.note(path, Action::Dropped, Reason::ModelCapability);
        messages = &messages[..messages.len() - 1];
    }
    let mut failed = None;
    write_list(body.key("messages"), messages, |out, message| {
        let mut object = Object::begin(out);
        object.text(
            "role",
            match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            },
        );
        if let Err(fault) = write_blocks(object.key("content"), message, content, ledger) {
            failed.get_or_insert(fault);
        }
        object.end();
    });
    failed.map_or(Ok(()), Err)
}
