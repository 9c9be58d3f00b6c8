mod talk;

use std::borrow::Cow;

use super::schema;
use crate::{
    Action, Fault, Format, Ledger, Reason, SamplingSupport, Target, Tool, ToolChoice, ToolInput,
    Turn, free_text,
    ids::{self, ToolNames},
    json::{Object, write_list, write_str},
    server_tools,
    thinking::{self, Setting},
};
use talk::Talk;
pub(crate) use talk::write_data_url;

/// Most stop texts that Chat takes.
const MAX_STOPS: usize = 4;
/// Longest user id that is sent on as it is.
const MAX_USER: usize = 64;

/// Writes a request for a provider of Chat.
///
/// # Errors
/// [`FaultKind::BadRequest`] when the conversation holds something that Chat has no way to say.
pub(crate) fn render_request(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    server_tools::leave_out(turn, ledger)?;
    let mut body = Vec::with_capacity(16 * 1024);
    let mut top = Object::begin(&mut body);
    top.text("model", target.model);
    let custom_tools = target.caps.custom_tools == Some(true);
    let out = top.key("messages");
    let shape = shape_in_words(turn, target);
    Talk::new(turn.words, custom_tools, names, ledger, out).write(turn, shape)?;
    write_tools(turn, names, custom_tools, &mut top, ledger);
    if turn.stream {
        top.bool("stream", true);
        // Always: the meter counts on the way out.
        top.raw("stream_options", r#"{"include_usage":true}"#);
    }
    write_limits(turn, target, &mut top, ledger);
    write_sampling(turn, target, &mut top, ledger);
    write_reasoning(turn, target, &mut top, ledger);
    write_format(turn, target, &mut top, ledger);
    write_rest(turn, &mut top, ledger);
    top.end();
    Ok(body)
}

fn drop_member(ledger: &mut Ledger, path: impl Into<Cow<'static, str>>) {
    ledger.note(path, Action::Dropped, Reason::Dialect);
}

fn write_tools(
    turn: &Turn<'_>,
    names: &ToolNames,
    custom_tools: bool,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    if turn.tools.is_empty() {
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
    write_list(
        top.key("tools"),
        turn.tools.iter().enumerate(),
        |out, (at, tool)| {
            if tool.cache.is_some() {
                drop_member(ledger, format!("{}.cache_control", turn.words.tool(at)));
            }
            write_tool(tool, names, custom_tools, out);
        },
    );
    if let Some(choice) = &turn.tool_choice {
        let custom = |name: &str| {
            let takes_text = |tool: &Tool<'_>| matches!(tool.input, ToolInput::FreeText);
            custom_tools
                && turn
                    .tools
                    .iter()
                    .any(|tool| tool.name == name && takes_text(tool))
        };
        write_choice(choice, names, custom, top.key("tool_choice"));
    }
    if let Some(parallel) = turn.parallel_tools {
        top.bool("parallel_tool_calls", parallel);
    }
}

fn write_tool(tool: &Tool<'_>, names: &ToolNames, custom_tools: bool, out: &mut Vec<u8>) {
    let custom = custom_tools && matches!(tool.input, ToolInput::FreeText);
    let mut entry = Object::begin(out);
    let kind = if custom { "custom" } else { "function" };
    entry.text("type", kind);
    let mut function = Object::begin(entry.key(kind));
    function.text("name", names.tool(tool));
    if let Some(description) = &tool.description {
        function.text("description", description);
    }
    match tool.input {
        ToolInput::Schema(Some(raw)) => schema::write(raw.get(), function.key("parameters")),
        ToolInput::Schema(None) => function.raw("parameters", schema::EMPTY),
        ToolInput::FreeText if custom => {}
        ToolInput::FreeText => function.raw("parameters", free_text::SCHEMA),
    }
    if let Some(strict) = tool.strict {
        function.bool("strict", strict);
    }
    function.end();
    entry.end();
}

fn write_choice(
    choice: &ToolChoice<'_>,
    names: &ToolNames,
    custom: impl Fn(&str) -> bool,
    out: &mut Vec<u8>,
) {
    let named = |out: &mut Vec<u8>, name: &str| {
        let kind = if custom(name) { "custom" } else { "function" };
        let mut entry = Object::begin(out);
        entry.text("type", kind);
        let mut function = Object::begin(entry.key(kind));
        function.text("name", names.upstream(name));
        function.end();
        entry.end();
    };
    match choice {
        ToolChoice::Auto => write_str(out, "auto"),
        ToolChoice::None => write_str(out, "none"),
        ToolChoice::Required => write_str(out, "required"),
        ToolChoice::Named(name) => named(out, name),
        ToolChoice::Allowed(list, must) => {
            let mut entry = Object::begin(out);
            entry.text("type", "allowed_tools");
            let mut allowed = Object::begin(entry.key("allowed_tools"));
            allowed.text("mode", if *must { "required" } else { "auto" });
            write_list(allowed.key("tools"), list, |out, name| named(out, name));
            allowed.end();
            entry.end();
        }
    }
}

fn write_limits(turn: &Turn<'_>, target: &Target<'_>, top: &mut Object<'_>, ledger: &mut Ledger) {
    let Some(wanted) = turn.max_output else {
        return;
    };
    let allowed = wanted.min(target.caps.max_output.unwrap_or(u64::MAX));
    if allowed < wanted {
        ledger.note(
            turn.words.max_output,
            Action::Clamped,
            Reason::ModelCapability,
        );
    }
    let member = if target.caps.max_completion_tokens {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    top.int(member, allowed);
}

fn write_sampling(turn: &Turn<'_>, target: &Target<'_>, top: &mut Object<'_>, ledger: &mut Ledger) {
    let (sampling, words) = (&turn.sampling, turn.words);
    let support = target.caps.sampling;
    let cannot = |ledger: &mut Ledger, member: &'static str| {
        ledger.note(member, Action::Dropped, Reason::ModelCapability);
    };
    match sampling.temperature {
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
        Some(_) if both || support == SamplingSupport::None => cannot(ledger, words.top_p),
        Some(top_p) => top.number("top_p", top_p),
        None => {}
    }
    if sampling.top_k.is_some() {
        drop_member(ledger, words.top_k);
    }
    for (member, value) in [
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
    ] {
        if let Some(value) = value {
            top.number(member, value);
        }
    }
    if let Some(seed) = sampling.seed {
        top.int("seed", seed);
    }
    if sampling.stop.len() > MAX_STOPS {
        ledger.note(turn.words.stop, Action::Clamped, Reason::Limit);
    }
    if !sampling.stop.is_empty() {
        let stops = sampling.stop.iter().take(MAX_STOPS);
        write_list(top.key("stop"), stops, |out, stop| write_str(out, stop));
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
    // A unit variant as JSON is its name in quotes; writing it into memory cannot fail.
    let _ = serde_json::to_writer(top.key("reasoning_effort"), &effort);
}

/// The reply's shape in words, where the provider does not take its schema.
fn shape_in_words(turn: &Turn<'_>, target: &Target<'_>) -> Option<String> {
    match turn.format {
        Some(Format::JsonSchema { schema, .. }) if target.caps.json_schema == Some(false) => {
            Some(Format::in_words(Some(schema)))
        }
        _ => None,
    }
}

fn write_format(turn: &Turn<'_>, target: &Target<'_>, top: &mut Object<'_>, ledger: &mut Ledger) {
    let json_object = r#"{"type":"json_object"}"#;
    match &turn.format {
        None => {}
        Some(Format::JsonObject) => top.raw("response_format", json_object),
        Some(Format::JsonSchema { .. }) if target.caps.json_schema == Some(false) => {
            // Its schema is told in words.
            ledger.note(turn.words.format, Action::Emulated, Reason::ModelCapability);
            top.raw("response_format", json_object);
        }
        Some(Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => {
            let mut format = Object::begin(top.key("response_format"));
            format.text("type", "json_schema");
            let mut entry = Object::begin(format.key("json_schema"));
            entry.text("name", name.as_deref().unwrap_or("reply"));
            if let Some(description) = description {
                entry.text("description", description);
            }
            entry.raw("schema", schema.get());
            if let Some(strict) = strict {
                entry.bool("strict", *strict);
            }
            entry.end();
            format.end();
        }
    }
}

fn write_rest(turn: &Turn<'_>, top: &mut Object<'_>, ledger: &mut Ledger) {
    match turn.service_tier.as_deref() {
        None => {}
        Some("standard_only" | "default") => top.text("service_tier", "default"),
        Some(tier @ ("auto" | "flex" | "scale" | "priority" | "fast")) => {
            top.text("service_tier", tier);
        }
        Some(_) => drop_member(ledger, "service_tier"),
    }
    if let Some(user) = &turn.user {
        if turn.user_opaque && user.len() <= MAX_USER {
            top.text("user", user);
        } else {
            top.text("user", &ids::digest(user, 32));
        }
    }
    for (member, value) in [
        ("prompt_cache_key", &turn.cache_key),
        ("prompt_cache_retention", &turn.cache_retention),
        ("verbosity", &turn.verbosity),
    ] {
        if let Some(value) = value {
            top.text(member, value);
        }
    }
    if let Some(most) = turn.logprobs {
        top.bool("logprobs", true);
        if most > 0 {
            top.int("top_logprobs", most);
        }
    }
    if let Some(store) = turn.store {
        top.bool("store", store);
    }
    if let Some(metadata) = turn.metadata {
        top.raw("metadata", metadata.get());
    }
}

#[cfg(test)]
mod tests;
