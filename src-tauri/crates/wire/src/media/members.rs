//! What the tasks share: members of a request that may be wrong, and counts of a reply.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, value::RawValue};

use super::{MediaReply, Shape, Task};
use crate::counts::Counts;
use crate::{Action, Dialect, Fault, FaultKind, Ledger, Reason, Usage};

/// The members of a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body is no JSON object that byokey can read: {error}");
        Fault::new(FaultKind::BadRequest, message)
    })
}

/// A member that must be text with something in it.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Fault> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::Null) => Err(bad(name, format!("`{name}` is missing"))),
        _ => Err(bad(
            name,
            format!("`{name}` must be text that is not empty"),
        )),
    }
}

/// A member that may be text.
pub(super) fn word<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, Fault> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(name, format!("`{name}` must be text"))),
    }
}

/// A request that is wrong at a member.
pub(super) fn bad(path: &str, message: impl Into<String>) -> Fault {
    Fault {
        param: Some(path.to_owned()),
        ..Fault::new(FaultKind::BadRequest, message)
    }
}

/// Notes every member that is neither in `carried` nor null.
pub(super) fn note_others(members: &Map<String, Value>, carried: &[&str], losses: &mut Ledger) {
    for (name, value) in members {
        if !value.is_null() && !carried.contains(&name.as_str()) {
            losses.note(name.clone(), Action::Dropped, Reason::Dialect);
        }
    }
}

pub(super) fn no_way(task: Task, shape: Shape) -> Fault {
    let message = format!("this provider takes no {} in {shape:?}'s form", task.name());
    Fault::new(FaultKind::BadRequest, message)
}

/// A reply that makes no sense.
pub(super) fn odd(what: impl std::fmt::Display) -> Fault {
    Fault::new(
        FaultKind::Upstream,
        format!("the provider's reply cannot be read: {what}"),
    )
}

/// Tokens of a usage member, as JSON.
pub(super) fn tokens(usage: Option<&RawValue>, dialect: Dialect) -> Usage {
    let mut counts = Counts::default();
    if let Some(usage) = usage {
        counts.read(usage.get());
    }
    counts.usage(dialect)
}

/// Seconds as whole milliseconds.
pub(super) fn millis(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && (0.0..1e12).contains(&seconds))
        .then(|| (seconds * 1000.0).round() as u64)
}

pub(super) fn counted(body: &[u8]) -> MediaReply {
    #[derive(Deserialize)]
    struct Counted<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
        duration: Option<f64>,
        #[serde(default)]
        data: Vec<Picture>,
    }
    #[derive(Deserialize)]
    struct Picture {
        b64_json: Option<IgnoredAny>,
        url: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Duration {
        seconds: f64,
    }
    let Ok(counted) = serde_json::from_slice::<Counted<'_>>(body) else {
        return MediaReply::default();
    };
    let said = counted
        .usage
        .and_then(|usage| serde_json::from_str::<Duration>(usage.get()).ok());
    let seconds = said.map(|said| said.seconds).or(counted.duration);
    let pictures = counted
        .data
        .iter()
        .filter(|one| one.b64_json.is_some() || one.url.is_some())
        .count() as u64;
    MediaReply {
        usage: tokens(counted.usage, Dialect::Responses),
        audio_ms: seconds.and_then(millis),
        images: (pictures > 0).then_some(pictures),
        ..MediaReply::default()
    }
}
