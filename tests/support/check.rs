//! The mistakes a provider refuses: what a translating proxy is most likely to get wrong.

mod chat;
mod gemini;
mod kiro;
mod messages;
mod responses;

pub(crate) use chat::check as chat;
pub(crate) use gemini::{check as gemini, contents as gemini_contents};
pub(crate) use kiro::check as kiro;
pub(crate) use messages::check as messages;
pub(crate) use responses::{Known, check as responses, compact};

use serde_json::Value;

use crate::fault::Fault;

/// What every OpenAI and Anthropic request has.
fn common(body: &Value) -> Result<(), Fault> {
    if !body.is_object() {
        return Err(Fault::bad(
            "We could not parse the JSON body of your request.",
        ));
    }
    match body["model"].as_str() {
        Some(model) if !model.is_empty() => Ok(()),
        _ => Err(Fault::bad("you must provide a model parameter").param("model")),
    }
}

/// The first member that is not among those known.
fn unknown<'a>(body: &'a Value, known: &[&str]) -> Option<&'a String> {
    body.as_object()?
        .keys()
        .find(|name| !known.contains(&name.as_str()))
}

/// A list that must not be empty.
fn list<'a>(body: &'a Value, name: &str) -> Result<&'a [Value], Fault> {
    match body[name].as_array() {
        Some(items) if !items.is_empty() => Ok(items),
        _ => Err(
            Fault::bad(format!("{name}: a list with at least one item is required")).param(name),
        ),
    }
}

/// Whether a tool's name is made of letters, digits, `_` and `-` and not too long.
fn is_name(name: &Value, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    name.as_str()
        .is_some_and(|name| !name.is_empty() && name.len() <= longest && name.bytes().all(plain))
}

/// The first of the names that comes twice.
fn twice<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::HashSet::new();
    names.find(|name| !seen.insert(*name))
}
