//! Writes a request for a provider that speaks generateContent.
//!
//! Model and stream stand in the path; only in Code Assist's envelope the model stands in the body.

use std::collections::HashSet;

use super::{
    clean,
    config::{ReplyShape, write_config},
    envelope,
    talk::Talk,
};
use crate::{
    Action, Body, Fault, Form, Ledger, Reason, ServerTool, ServerToolKind, Target, Tool,
    ToolChoice, ToolInput, Turn, Words, free_text,
    ids::ToolNames,
    json::{Object, write_list, write_str},
};

/// Writes a request for a provider.
///
/// # Errors
/// [`FaultKind::BadRequest`](crate::FaultKind::BadRequest) when the conversation holds what Gemini
/// cannot take in any form, such as another provider's file id.
pub(crate) fn render_request(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    let Form::CodeAssist { project } = target.form else {
        let mut out = Vec::with_capacity(16 * 1024);
        write_body(turn, target, names, ledger, &mut out)?;
        return Ok(out);
    };
    let (mut out, end) = envelope::wrap_code_assist(target.model, project);
    write_body(turn, target, names, ledger, &mut out)?;
    out.extend_from_slice(end);
    Ok(out)
}

fn write_body(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let shape = ReplyShape::of(turn, target.caps, ledger);
    let mut top = Object::begin(out);
    write_system(turn, &shape, &mut top, ledger);
    Talk::new(turn, target, names, ledger).write(&turn.messages, top.key("contents"))?;
    write_tools(turn, target, names, &mut top, ledger);
    write_config(turn, target, &shape, &mut top, ledger);
    drop_rest(turn, ledger);
    top.end();
    Ok(())
}

pub(super) fn dropped(ledger: &mut Ledger, path: impl Into<std::borrow::Cow<'static, str>>) {
    ledger.note(path, Action::Dropped, Reason::Dialect);
}

fn write_system(
    turn: &Turn<'_>,
    shape: &ReplyShape<'_>,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    if turn.system.iter().any(|block| block.cache.is_some()) {
        dropped(ledger, format!("{}.cache_control", turn.words.system));
    }
    let instruction = shape.instruction();
    let said = turn.system.iter().filter_map(|block| match &block.body {
        Body::Text(text) if !text.is_empty() => Some(&**text),
        _ => None,
    });
    let mut texts = said.chain(instruction.as_deref()).peekable();
    if texts.peek().is_none() {
        return;
    }
    let mut system = Object::begin(top.key("systemInstruction"));
    write_list(system.key("parts"), texts, |out, text| {
        let mut part = Object::begin(out);
        part.text("text", text);
        part.end();
    });
    system.end();
}

fn write_tools(
    turn: &Turn<'_>,
    target: &Target<'_>,
    names: &ToolNames,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    let words = turn.words;
    // Google refuses a name that is declared twice.
    let mut declared = HashSet::new();
    let mut functions: Vec<(usize, &Tool<'_>)> = Vec::with_capacity(turn.tools.len());
    for (at, tool) in turn.tools.iter().enumerate() {
        if declared.insert(names.tool(tool)) {
            functions.push((at, tool));
        } else {
            dropped(ledger, words.tool(at));
        }
    }
    if functions.is_empty() {
        let chosen = !matches!(turn.tool_choice, None | Some(ToolChoice::Auto));
        let unused = [
            (chosen, words.tool_choice),
            (turn.parallel_tools.is_some(), words.parallel_tools),
        ];
        for (_, path) in unused.into_iter().filter(|(given, _)| *given) {
            dropped(ledger, path);
        }
        if turn.server_tools.is_empty() {
            return;
        }
    }
    let out = top.key("tools");
    out.push(b'[');
    if !functions.is_empty() {
        let mut group = Object::begin(out);
        let list = group.key("functionDeclarations");
        write_list(list, &functions, |out, (at, tool)| {
            write_function(tool, *at, words, target, names, ledger, out);
        });
        group.end();
    }
    for (nth, tool) in turn.server_tools.iter().enumerate() {
        if nth > 0 || !functions.is_empty() {
            out.push(b',');
        }
        write_server_tool(tool, ledger, out);
    }
    out.push(b']');
    if functions.is_empty() {
        return;
    }
    write_choice(turn, names, &declared, top, ledger);
    if turn.parallel_tools == Some(false) {
        // There is no switch for it: further calls of the reply are left out.
        ledger.note(words.parallel_tools, Action::Emulated, Reason::Dialect);
    }
}

fn write_function(
    tool: &Tool<'_>,
    at: usize,
    words: Words,
    target: &Target<'_>,
    names: &ToolNames,
    ledger: &mut Ledger,
    out: &mut Vec<u8>,
) {
    if tool.cache.is_some() {
        dropped(ledger, format!("{}.cache_control", words.tool(at)));
    }
    if tool.strict == Some(true) {
        dropped(ledger, format!("{}.strict", words.tool(at)));
    }
    let mut function = Object::begin(out);
    function.text("name", names.tool(tool));
    if let Some(description) = &tool.description {
        function.text("description", description);
    }
    let older = target.caps.tool_json_schema == Some(false);
    let member = if older {
        "parameters"
    } else {
        "parametersJsonSchema"
    };
    match &tool.input {
        ToolInput::FreeText => function.raw(member, free_text::SCHEMA),
        ToolInput::Schema(Some(schema)) if takes_arguments(schema.get()) => {
            let write = if older {
                clean::write_older_schema
            } else {
                clean::write_json_schema
            };
            if write(schema.get(), function.key(member)) {
                let path = format!("{}.parameters", words.tool(at));
                ledger.note(path, Action::Approximated, Reason::SchemaSubset);
            }
        }
        ToolInput::Schema(_) => {}
    }
    function.end();
}

/// Whether a schema says anything; Gemini refuses objects without properties.
fn takes_arguments(schema: &str) -> bool {
    use crate::json::Shallow;
    let Some(root) = Shallow::of(schema) else {
        return false;
    };
    let no_properties = root
        .get("properties")
        .is_none_or(|map| Shallow::of(map).is_none_or(|map| map.0.is_empty()));
    let only_type = root.0.iter().all(|(key, _)| {
        matches!(
            &**key,
            "type"
                | "properties"
                | "required"
                | "additionalProperties"
                | "$schema"
                | "title"
                | "description"
                | "strict"
        )
    });
    let open = root
        .get("additionalProperties")
        .is_some_and(|raw| raw != "false");
    !(no_properties && only_type && !open)
}

fn write_server_tool(tool: &ServerTool<'_>, ledger: &mut Ledger, out: &mut Vec<u8>) {
    let word: &[u8] = match &tool.kind {
        ServerToolKind::WebSearch {
            allowed_domains,
            blocked_domains,
            user_location,
        } => {
            for (given, member) in [
                (!allowed_domains.is_empty(), "allowed_domains"),
                (!blocked_domains.is_empty(), "blocked_domains"),
                (user_location.is_some(), "user_location"),
            ] {
                if given {
                    dropped(ledger, format!("tools[{}].{member}", tool.name));
                }
            }
            br#"{"googleSearch":{}}"#
        }
        ServerToolKind::CodeExecution => br#"{"codeExecution":{}}"#,
        ServerToolKind::UrlContext => br#"{"urlContext":{}}"#,
    };
    out.extend_from_slice(word);
}

fn write_choice(
    turn: &Turn<'_>,
    names: &ToolNames,
    declared: &HashSet<&str>,
    top: &mut Object<'_>,
    ledger: &mut Ledger,
) {
    use std::slice::from_ref;
    let (mode, chosen) = match &turn.tool_choice {
        None => return,
        Some(ToolChoice::Auto) => ("AUTO", &[][..]),
        Some(ToolChoice::None) => ("NONE", &[][..]),
        Some(ToolChoice::Required) => ("ANY", &[][..]),
        Some(ToolChoice::Named(name)) => ("ANY", from_ref(name)),
        Some(ToolChoice::Allowed(list, true)) => ("ANY", list.as_slice()),
        // The one mode in which a list of functions goes together with plain text.
        Some(ToolChoice::Allowed(list, false)) => ("VALIDATED", list.as_slice()),
    };
    // What runs at Google cannot be chosen.
    let allowed: Vec<&str> = chosen
        .iter()
        .map(|name| names.upstream(name))
        .filter(|name| declared.contains(name))
        .collect();
    if allowed.len() < chosen.len() {
        dropped(ledger, turn.words.tool_choice);
        if allowed.is_empty() {
            return;
        }
    }
    let mut config = Object::begin(top.key("toolConfig"));
    let mut calling = Object::begin(config.key("functionCallingConfig"));
    calling.text("mode", mode);
    if !allowed.is_empty() {
        write_list(calling.key("allowedFunctionNames"), allowed, |out, name| {
            write_str(out, name);
        });
    }
    calling.end();
    config.end();
}

/// Names what generateContent has no word for.
fn drop_rest(turn: &Turn<'_>, ledger: &mut Ledger) {
    for (given, path) in [
        (turn.user.is_some(), turn.words.user),
        (turn.service_tier.is_some(), "service_tier"),
        (turn.cache_key.is_some(), "prompt_cache_key"),
        (turn.cache_retention.is_some(), "prompt_cache_retention"),
        (turn.verbosity.is_some(), turn.words.verbosity),
        // Nothing is kept anyway.
        (turn.store == Some(true), "store"),
        (turn.metadata.is_some(), turn.words.metadata),
    ] {
        if given {
            dropped(ledger, path);
        }
    }
}
