//! Writes a request for a provider that speaks Responses: the published form, or the one that the
//! back ends of ChatGPT plans take, which stream always, keep nothing and know no sampling.

mod items;
mod tools;

use std::borrow::Cow;

use crate::{
    Action, Body, Effort, Fault, Form, Format, Ledger, Reason, Role, SamplingSupport, Target,
    ToolInput, Turn,
    ids::{self, ToolNames},
    json::{Object, write_list, write_str},
    thinking::{self, Setting},
};
use items::Items;
use tools::write_tools;

/// Longest user id that is sent on as it is.
const MAX_USER: usize = 64;

/// Writes a request for a provider.
///
/// # Errors
/// [`FaultKind::BadRequest`](crate::FaultKind::BadRequest) when the conversation holds sound, which
/// Responses does not take.
pub(crate) fn render_request(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    let plan = target.form == Form::Plan;
    let mut body = Vec::with_capacity(16 * 1024);
    let mut top = Object::begin(&mut body);
    top.text("model", target.model);
    write_instructions(turn, plan, &mut top);
    let families = Families::of(turn);
    Items::new(turn.words, &families, names, ledger, top.key("input")).write(turn, plan)?;
    write_tools(turn, plan, names, &mut top, ledger);
    if plan || turn.stream {
        top.bool("stream", true);
    }
    top.bool("store", false);
    if turn.store == Some(true) {
        drop_member(ledger, "store");
    }
    write_include(turn, target, plan, &mut top, ledger);
    write_limits(turn, target, plan, &mut top, ledger);
    write_reasoning(turn, target, &mut top, ledger);
    write_text(turn, target, &mut top, ledger);
    write_rest(turn, plan, &mut top, ledger);
    top.end();
    Ok(body)
}

fn drop_member(ledger: &mut Ledger, path: impl Into<Cow<'static, str>>) {
    ledger.note(path, Action::Dropped, Reason::Dialect);
}

fn write_include(
    turn: &Turn<'_>,
    target: &Target<'_>,
    plan: bool,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let mut include = Vec::new();
    if plan || thinks(turn, target) {
        include.push("reasoning.encrypted_content");
    }
    match turn.logprobs {
        Some(_) if plan => drop_member(ledger, turn.words.logprobs),
        Some(alternatives) => {
            include.push("message.output_text.logprobs");
            if alternatives > 0 {
                top.int("top_logprobs", alternatives);
            }
        }
        None => {}
    }
    if !include.is_empty() {
        write_list(top.key("include"), include, write_str);
    }
}

/// Whether the model reasons, so that its reasoning must travel with the conversation. Models that do
/// not refuse to be asked for it.
fn thinks(turn: &Turn<'_>, target: &Target<'_>) -> bool {
    let steerable = |support: &crate::ThinkingSupport| {
        support.budget.is_some() || support.adaptive || !support.levels.is_empty()
    };
    let mut blocks = turn.messages.iter().flat_map(|message| &message.blocks);
    match &target.caps.thinking {
        Some(support) => steerable(support),
        None => {
            turn.reasoning.is_some() || blocks.any(|block| matches!(block.body, Body::Thinking(_)))
        }
    }
}

/// Which tools take free text.
pub(super) struct Families<'t> {
    free_text: Vec<&'t str>,
    functions: Vec<&'t str>,
}

impl<'t> Families<'t> {
    fn of(turn: &'t Turn<'_>) -> Self {
        let (mut free_text, mut functions) = (Vec::new(), Vec::new());
        for tool in &turn.tools {
            match tool.input {
                ToolInput::FreeText => free_text.push(&*tool.name),
                ToolInput::Schema(_) => functions.push(&*tool.name),
            }
        }
        Self {
            free_text,
            functions,
        }
    }

    /// Whether the tool takes free text; `None` for one that the request does not declare. A name in
    /// both families is a function's.
    pub(super) fn takes_text(&self, name: &str) -> Option<bool> {
        if self.functions.contains(&name) {
            Some(false)
        } else {
            self.free_text.contains(&name).then_some(true)
        }
    }
}

fn write_instructions(turn: &Turn<'_>, plan: bool, top: &mut Object<'_>) {
    if plan {
        // The member must be there; the texts go as items.
        top.text("instructions", "");
        return;
    }
    let texts: Vec<&str> = (turn.system.iter())
        .filter_map(|block| match &block.body {
            Body::Text(text) if !text.is_empty() => Some(&**text),
            _ => None,
        })
        .collect();
    if !texts.is_empty() {
        top.text("instructions", &texts.join("\n\n"));
    }
}

fn write_limits(
    turn: &Turn<'_>,
    target: &Target<'_>,
    plan: bool,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let (sampling, words) = (&turn.sampling, turn.words);
    let support = target.caps.sampling;
    if let Some(wanted) = turn.max_output {
        let allowed = wanted.min(target.caps.max_output.unwrap_or(u64::MAX));
        if plan {
            drop_member(ledger, turn.words.max_output);
        } else {
            if allowed < wanted {
                let member = turn.words.max_output;
                ledger.note(member, Action::Clamped, Reason::ModelCapability);
            }
            top.int("max_output_tokens", allowed);
        }
    }
    let cannot = |ledger: &mut Ledger, member: &'static str| {
        ledger.note(member, Action::Dropped, Reason::ModelCapability);
    };
    match sampling.temperature {
        Some(_) if plan => drop_member(ledger, words.temperature),
        Some(_) if support == SamplingSupport::None => cannot(ledger, words.temperature),
        Some(wanted) => {
            let allowed = wanted.min(target.caps.temperature_max.unwrap_or(f64::INFINITY));
            if allowed < wanted {
                ledger.note(words.temperature, Action::Clamped, Reason::ModelCapability);
            }
            top.number("temperature", allowed);
        }
        None => {}
    }
    let both = support == SamplingSupport::OneOf && sampling.temperature.is_some();
    match sampling.top_p {
        Some(_) if plan => drop_member(ledger, words.top_p),
        Some(_) if both || support == SamplingSupport::None => cannot(ledger, words.top_p),
        Some(top_p) => top.number("top_p", top_p),
        None => {}
    }
    for (member, given) in [
        (words.top_k, sampling.top_k.is_some()),
        (
            words.frequency_penalty,
            sampling.frequency_penalty.is_some_and(|value| value != 0.0),
        ),
        (
            words.presence_penalty,
            sampling.presence_penalty.is_some_and(|value| value != 0.0),
        ),
        (words.seed, sampling.seed.is_some()),
    ] {
        if given {
            drop_member(ledger, member);
        }
    }
    if !sampling.stop.is_empty() {
        ledger.note(turn.words.stop, Action::Emulated, Reason::Dialect);
    }
}

fn write_reasoning(
    turn: &Turn<'_>,
    target: &Target<'_>,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let Some(wanted) = turn.reasoning else {
        return;
    };
    let steered = thinking::steer(wanted, target.caps.thinking.as_ref());
    if let Some(action) = steered.loss {
        ledger.note(turn.words.reasoning, action, Reason::ModelCapability);
    }
    let Some(effort) = steered.setting.map(Setting::level) else {
        return;
    };
    let mut reasoning = Object::begin(top.key("reasoning"));
    // A unit variant as JSON is its name in quotes; writing it into memory cannot fail.
    let _ = serde_json::to_writer(reasoning.key("effort"), &effort);
    if effort != Effort::None {
        reasoning.text("summary", "auto");
    }
    reasoning.end();
}

fn write_text(turn: &Turn<'_>, target: &Target<'_>, top: &mut Object<'_>, ledger: &mut Ledger) {
    if turn.format.is_none() && turn.verbosity.is_none() {
        return;
    }
    let mut text = Object::begin(top.key("text"));
    match &turn.format {
        None => {}
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) if target.caps.json_schema != Some(false) => {
            let mut format = Object::begin(text.key("format"));
            format.text("type", "json_schema");
            format.text("name", name.as_deref().unwrap_or("reply"));
            if let Some(description) = description {
                format.text("description", description);
            }
            format.raw("schema", schema.get());
            format.bool("strict", strict.unwrap_or(false));
            format.end();
        }
        Some(format) => {
            if matches!(format, Format::JsonSchema { .. }) {
                let member = turn.words.format;
                ledger.note(member, Action::Approximated, Reason::ModelCapability);
            }
            text.raw("format", r#"{"type":"json_object"}"#);
        }
    }
    if let Some(verbosity) = &turn.verbosity {
        text.text("verbosity", verbosity);
    }
    text.end();
}

fn write_rest(turn: &Turn<'_>, plan: bool, top: &mut Object<'_>, ledger: &mut Ledger) {
    match turn.service_tier.as_deref() {
        None => {}
        Some("priority" | "fast") => top.text("service_tier", "priority"),
        Some("default" | "standard_only") if !plan => top.text("service_tier", "default"),
        Some(tier @ ("auto" | "flex" | "scale")) if !plan => top.text("service_tier", tier),
        // What they have anyway.
        Some("auto" | "default" | "standard" | "standard_only") => {}
        Some(_) => drop_member(ledger, "service_tier"),
    }
    match &turn.cache_key {
        Some(key) => top.text("prompt_cache_key", key),
        None => top.text("prompt_cache_key", &conversation_key(turn)),
    }
    if let Some(retention) = &turn.cache_retention {
        if plan {
            drop_member(ledger, "prompt_cache_retention");
        } else {
            top.text("prompt_cache_retention", retention);
        }
    }
    if let Some(metadata) = turn.metadata {
        if plan {
            drop_member(ledger, turn.words.metadata);
        } else {
            top.raw("metadata", metadata.get());
        }
    }
    if let Some(user) = &turn.user {
        if plan {
            drop_member(ledger, turn.words.user);
        } else if turn.user_opaque && user.len() <= MAX_USER {
            top.text("safety_identifier", user);
        } else {
            ledger.note(turn.words.user, Action::Approximated, Reason::Policy);
            top.text("safety_identifier", &ids::digest(user, 32));
        }
    }
}

/// A key that stays the same while a conversation grows: its beginning.
fn conversation_key(turn: &Turn<'_>) -> String {
    let opening = turn
        .messages
        .iter()
        .find(|message| message.role == Role::User);
    let blocks = turn
        .system
        .iter()
        .chain(opening.into_iter().flat_map(|message| &message.blocks));
    let mut beginning = turn.model.clone().into_owned();
    for block in blocks {
        if let Body::Text(text) = &block.body {
            beginning.push('\n');
            beginning.push_str(text);
        }
    }
    ids::digest(&beginning, 32)
}
