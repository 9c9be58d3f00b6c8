//! What came back, in words that all dialects have. Streams are put together here by the rules of
//! their dialect, without byokey's own reader.

mod chat;
mod gemini;
mod messages;
mod responses;

use serde_json::Value;

use super::caller::Caller;

/// One call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::e2e) struct Call {
    pub(in crate::e2e) id: String,
    pub(in crate::e2e) name: String,
    pub(in crate::e2e) arguments: Value,
}

/// Why a reply ended, in chat's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::e2e) enum Finish {
    /// It did not say.
    #[default]
    None,
    Stop,
    Length,
    Calls,
    Filter,
}

/// A reply.
#[derive(Clone, Debug, Default)]
pub(in crate::e2e) struct Said {
    pub(in crate::e2e) text: String,
    pub(in crate::e2e) thinking: String,
    pub(in crate::e2e) calls: Vec<Call>,
    pub(in crate::e2e) finish: Finish,
    /// Prompt, of it read from the cache, answer.
    pub(in crate::e2e) usage: Option<(u64, u64, u64)>,
    /// The message of an error inside the reply.
    pub(in crate::e2e) error: Option<String>,
    /// Whether a stream ended as its dialect ends it.
    pub(in crate::e2e) ended: bool,
    /// What goes into the next request in its place.
    pub(in crate::e2e) again: Vec<Value>,
}

/// Reads a whole reply.
pub(in crate::e2e) fn whole(caller: Caller, reply: &Value) -> Said {
    let mut said = match caller {
        Caller::Chat => chat::whole(reply),
        Caller::Responses => responses::whole(reply),
        Caller::Messages => messages::whole(reply),
        Caller::Gemini => gemini::whole(reply),
    };
    said.ended = true;
    said
}

/// Reads a stream.
///
/// # Panics
/// When it breaks a rule of its dialect.
pub(in crate::e2e) fn streamed(caller: Caller, body: &str) -> Said {
    let frames = frames(body);
    match caller {
        Caller::Chat => chat::streamed(&frames),
        Caller::Responses => responses::streamed(&frames),
        Caller::Messages => messages::streamed(&frames),
        Caller::Gemini => gemini::streamed(&frames),
    }
}

/// One server-sent event: its name, if it has one, and its data.
struct Frame<'a> {
    event: &'a str,
    data: &'a str,
}

impl Frame<'_> {
    #[track_caller]
    fn json(&self) -> Value {
        let parsed = serde_json::from_str(self.data);
        parsed.unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

fn frames(body: &str) -> Vec<Frame<'_>> {
    let mut frames = Vec::new();
    for text in body.split("\n\n") {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        if let Some(data) = line("data: ") {
            frames.push(Frame {
                event: line("event: ").unwrap_or_default(),
                data,
            });
        }
    }
    frames
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Arguments as JSON; those that were cut in the middle stay a text.
fn parse(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into())
}
