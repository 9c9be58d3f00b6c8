//! Writes a request for Kiro. The history has been repaired before.

use super::talk::Talk;
use super::tools::Tools;
use crate::{
    Action, Body, Effort, Fault, File, Form, Format, Image, Ledger, Reason, Source, Target, Turn,
    ids::{ToolNames, digest},
    json::{Object, write_str},
    server_tools,
    thinking::{self, Setting},
};

/// Where a request comes from, in the service's words. It has none for other programs; byokey is no
/// editor.
pub(super) const ORIGIN: &str = "CLI";

/// Writes a request for a provider.
///
/// # Errors
/// [`FaultKind::BadRequest`] when the conversation holds what Kiro cannot take in any form, such as
/// sound or a picture behind an address.
pub(crate) fn render_request(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    server_tools::leave_out(turn, ledger)?;
    let tools = Tools::of(turn, names, ledger);
    let instructions = instructions(turn, &tools, ledger);
    let mut out = Vec::with_capacity(4096);
    let mut body = Object::begin(&mut out);
    if let Form::Kiro { profile } = target.form
        && !profile.is_empty()
    {
        body.text("profileArn", profile);
    }
    let mut state = Object::begin(body.key("conversationState"));
    state.text("conversationId", &conversation(turn));
    state.text("chatTriggerType", "MANUAL");
    state.text("agentTaskType", "vibe");
    Talk::new(target.model, names, turn.words, ledger).write(
        turn,
        &instructions,
        &tools,
        &mut state,
    )?;
    state.end();
    write_reasoning(turn, target, &mut body, ledger);
    body.end();
    drop_rest(turn, ledger);
    Ok(out)
}

/// An id for the conversation, the same on each of its turns: from the caller's key for it, else from
/// what it began with.
fn conversation(turn: &Turn<'_>) -> String {
    let mut key = String::new();
    if let Some(given) = &turn.cache_key {
        key.push_str(given);
    } else {
        let first = turn.messages.first().into_iter();
        let began = turn.system.iter().take(1);
        for block in began.chain(first.flat_map(|message| &message.blocks)) {
            let said: &str = match &block.body {
                Body::Text(text) => text,
                Body::Image(Image { source, .. }) | Body::File(File { source, .. }) => match source
                {
                    Source::Base64 { data, .. } => data,
                    Source::Url(text) | Source::FileId(text) | Source::Text(text) => text,
                },
                _ => "",
            };
            // Enough to tell conversations apart, however large a picture is.
            key.push_str(&said[..said.floor_char_boundary(1024)]);
            key.push('\n');
        }
        key.push_str(turn.user.as_deref().unwrap_or_default());
    }
    // A UUID made from a name.
    let hex = digest(&key, 32);
    let (time, rest) = hex.split_at(8);
    format!(
        "{time}-{}-5{}-8{}-{}",
        &rest[..4],
        &rest[5..8],
        &rest[9..12],
        &rest[12..]
    )
}

/// What goes before the person's first words: system text, the shape that the reply must have, and
/// what did not fit into descriptions of tools.
fn instructions(turn: &Turn<'_>, tools: &Tools<'_>, ledger: &mut Ledger) -> String {
    let mut parts: Vec<String> = Vec::new();
    for block in &turn.system {
        if block.cache.is_some() {
            let path = format!("{}.cache_control", turn.words.system);
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
        if let Body::Text(text) = &block.body {
            parts.push(text.clone().into_owned());
        }
    }
    if !parts.is_empty() {
        ledger.note(turn.words.system, Action::Moved, Reason::Dialect);
    }
    parts.extend(tools.further());
    if let Some(format) = &turn.format {
        ledger.note(turn.words.format, Action::Emulated, Reason::Dialect);
        parts.push(Format::in_words(match format {
            Format::JsonObject => None,
            Format::JsonSchema { schema, .. } => Some(schema),
        }));
    }
    parts.join("\n\n")
}

/// Writes how hard to think. Each maker's models take it in a member of their own.
fn write_reasoning(
    turn: &Turn<'_>,
    target: &Target<'_>,
    body: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let Some(wanted) = turn.reasoning else {
        return;
    };
    let mut note = |action| ledger.note(turn.words.reasoning, action, Reason::ModelCapability);
    let member = if target.model.starts_with("claude") {
        "output_config"
    } else if target.model.starts_with("gpt") {
        "reasoning"
    } else {
        note(Action::Dropped);
        return;
    };
    let steered = thinking::steer(wanted, target.caps.thinking.as_ref());
    if let Some(action) = steered.loss {
        note(action);
    }
    let effort = match steered.setting {
        // The service decides by itself when it is told nothing.
        None | Some(Setting::Dynamic) => return,
        Some(Setting::Off) => Effort::None,
        Some(Setting::Level(effort)) => effort,
        Some(Setting::Budget(tokens)) => thinking::level_of(tokens),
    };
    let effort = match effort {
        Effort::None if member == "output_config" => {
            note(Action::Dropped);
            return;
        }
        Effort::None => "none",
        Effort::Minimal if member == "output_config" => {
            note(Action::Approximated);
            "low"
        }
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Xhigh => "xhigh",
        Effort::Max => "max",
    };
    let mut fields = Object::begin(body.key("additionalModelRequestFields"));
    let mut place = Object::begin(fields.key(member));
    write_str(place.key("effort"), effort);
    place.end();
    fields.end();
}

/// Names what Kiro has no word for.
fn drop_rest(turn: &Turn<'_>, ledger: &mut Ledger) {
    let sampling = &turn.sampling;
    if !sampling.stop.is_empty() {
        // The reply is cut on the way back.
        ledger.note(turn.words.stop, Action::Emulated, Reason::Dialect);
    }
    for (given, path) in [
        (turn.max_output.is_some(), turn.words.max_output),
        (sampling.temperature.is_some(), turn.words.temperature),
        (sampling.top_p.is_some(), turn.words.top_p),
        (sampling.top_k.is_some(), turn.words.top_k),
        (
            sampling.frequency_penalty.is_some(),
            turn.words.frequency_penalty,
        ),
        (
            sampling.presence_penalty.is_some(),
            turn.words.presence_penalty,
        ),
        (sampling.seed.is_some(), turn.words.seed),
        (turn.user.is_some(), turn.words.user),
        (turn.cache_retention.is_some(), "prompt_cache_retention"),
        (turn.verbosity.is_some(), turn.words.verbosity),
        (turn.logprobs.is_some(), turn.words.logprobs),
        (turn.store == Some(true), "store"),
        (turn.metadata.is_some(), turn.words.metadata),
        (
            !matches!(turn.service_tier.as_deref(), None | Some("auto")),
            "service_tier",
        ),
    ] {
        if given {
            ledger.note(path, Action::Dropped, Reason::Dialect);
        }
    }
}

#[cfg(test)]
mod tests;
