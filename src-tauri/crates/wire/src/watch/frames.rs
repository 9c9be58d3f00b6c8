use memchr::memmem::Finder;
use serde_json::value::RawValue;

use super::Reply;
use crate::{
    Dialect,
    json::{Text, fields},
    sse::Frame,
};

/// Looks into the frames of a stream.
#[derive(Debug)]
pub(super) struct Look {
    usage: Finder<'static>,
    finish: Finder<'static>,
    error: Finder<'static>,
    begun: bool,
}

fields! {
    /// The members that are read, of all dialects.
    struct Data<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id" | "responseId",
        model: Text<'a> = "model" | "modelVersion",
        usage: &'a RawValue = "usage" | "usageMetadata",
        choices: Vec<Choice<'a>> = "choices" | "candidates",
        message: Head<'a> = "message",
        delta: Delta<'a> = "delta",
        response: Response<'a> = "response",
        feedback: Feedback<'a> = "promptFeedback",
        error: &'a RawValue = "error",
    }

    struct Choice<'a> {
        finish: Text<'a> = "finish_reason" | "finishReason",
    }

    /// `message` of `message_start`.
    struct Head<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        usage: &'a RawValue = "usage",
    }

    /// `delta` of `message_delta`.
    struct Delta<'a> {
        stop_reason: Text<'a> = "stop_reason",
    }

    /// `response` of a Responses event; Code Assist wraps Gemini's chunks the same way.
    struct Response<'a> {
        id: Text<'a> = "id" | "responseId",
        model: Text<'a> = "model" | "modelVersion",
        status: Text<'a> = "status",
        incomplete: Incomplete<'a> = "incomplete_details",
        usage: &'a RawValue = "usage" | "usageMetadata",
        choices: Vec<Choice<'a>> = "candidates",
        feedback: Feedback<'a> = "promptFeedback",
    }

    struct Incomplete<'a> {
        reason: Text<'a> = "reason",
    }

    struct Feedback<'a> {
        reason: Text<'a> = "blockReason",
    }
}

impl Look {
    pub(super) fn new() -> Self {
        Self {
            usage: Finder::new("\"usage"),
            finish: Finder::new("\"finish"),
            error: Finder::new("\"error\""),
            begun: false,
        }
    }

    /// Looks into a frame, if it could hold anything of interest.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, reply: &mut Reply) {
        if reply.seen.ended && reply.seen.fault.is_some() {
            return;
        }
        let data = &*frame.data;
        match reply.dialect {
            Dialect::Chat | Dialect::Kiro => self.chat(data, reply),
            Dialect::Messages => messages(frame.event, data, reply),
            Dialect::Responses => responses(frame.event, data, reply),
            Dialect::Gemini => self.gemini(data, reply),
        }
    }

    /// Nearly every chunk is text and ends with `"finish_reason":null`.
    fn chat(&mut self, data: &[u8], reply: &mut Reply) {
        if data.trim_ascii() == b"[DONE]" {
            reply.seen.ended = true;
            return;
        }
        if !reply.seen.content {
            reply.seen.content = chat_content(data);
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if begun
            && !says(&self.finish, data)
            && !says(&self.usage, data)
            && !says(&self.error, data)
        {
            return;
        }
        let Some(chunk) = read(data) else {
            return;
        };
        head(&chunk, reply);
        for choice in chunk.choices.unwrap_or_default() {
            if let Some(native) = choice.finish.filter(|native| !native.is_empty()) {
                reply.ended(&native);
            }
        }
        if chunk.error.is_some() {
            reply.fault(data);
        }
    }

    /// Every chunk is a whole reply with new parts.
    fn gemini(&mut self, data: &[u8], reply: &mut Reply) {
        if !reply.seen.content {
            reply.seen.content = memchr::memmem::find(data, b"\"parts\"").is_some();
        }
        if !reply.calls {
            reply.calls = memchr::memmem::find(data, b"\"functionCall\"").is_some();
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if begun
            && !says(&self.finish, data)
            && !says(&self.usage, data)
            && !says(&self.error, data)
        {
            return;
        }
        let Some(mut chunk) = read(data) else {
            return;
        };
        if let Some(inner) = chunk.response.take() {
            chunk = Data {
                id: inner.id,
                model: inner.model,
                usage: inner.usage,
                choices: inner.choices,
                feedback: inner.feedback,
                error: chunk.error,
                ..Data::default()
            };
        }
        head(&chunk, reply);
        for choice in chunk.choices.unwrap_or_default() {
            if let Some(native) = choice.finish.filter(|native| !native.is_empty()) {
                reply.ended(&native);
            }
        }
        if let Some(native) = chunk.feedback.and_then(|feedback| feedback.reason) {
            reply.blocked(&native);
        }
        if chunk.error.is_some() {
            reply.fault(data);
        }
    }
}

fn messages(event: Option<&str>, data: &[u8], reply: &mut Reply) {
    match event {
        Some("content_block_delta" | "content_block_stop" | "ping") => return,
        Some("content_block_start") => {
            reply.seen.content = true;
            return;
        }
        Some("message_stop") => {
            reply.seen.ended = true;
            return;
        }
        Some("error") => return reply.fault(data),
        _ => {}
    }
    let Some(chunk) = read(data) else {
        return;
    };
    match chunk.kind.as_deref() {
        Some("message_start") => {
            let message = chunk.message.unwrap_or_default();
            reply.id(message.id.as_deref().unwrap_or_default());
            reply.model(message.model.as_deref().unwrap_or_default());
            if let Some(usage) = message.usage {
                reply.usage(usage.get());
            }
        }
        Some("message_delta") => {
            if let Some(usage) = chunk.usage {
                reply.usage(usage.get());
            }
            if let Some(native) = chunk.delta.and_then(|delta| delta.stop_reason) {
                reply.ended(&native);
            }
        }
        // A stream without names.
        Some("content_block_start") => reply.seen.content = true,
        Some("message_stop") => reply.seen.ended = true,
        Some("error") => reply.fault(data),
        _ => {}
    }
}

fn responses(event: Option<&str>, data: &[u8], reply: &mut Reply) {
    reply.sequence = sequence(data).or(reply.sequence);
    let named;
    let event = match event {
        Some(event) => event,
        None => {
            named = read(data).and_then(|chunk| chunk.kind);
            named.as_deref().unwrap_or_default()
        }
    };
    match event {
        "response.output_item.added" => {
            reply.seen.content = true;
            reply.calls |= asks_the_caller(data);
        }
        "error" => reply.fault(data),
        "response.created" | "response.completed" | "response.incomplete" | "response.failed" => {
            let response = read(data)
                .and_then(|chunk| chunk.response)
                .unwrap_or_default();
            reply.id(response.id.as_deref().unwrap_or_default());
            reply.model(response.model.as_deref().unwrap_or_default());
            if let Some(usage) = response.usage {
                reply.usage(usage.get());
            }
            if event == "response.failed" {
                reply.fault(data);
                reply.seen.ended = true;
            } else if event != "response.created" {
                let reason = response.incomplete.and_then(|details| details.reason);
                let native = reason.or(response.status);
                reply.ended(native.as_deref().unwrap_or("completed"));
            }
        }
        _ => {}
    }
}

/// The number of an event. Text in it cannot hold a bare quote.
fn sequence(data: &[u8]) -> Option<u64> {
    let key = b"\"sequence_number\":";
    let behind = &data[memchr::memmem::find(data, key)? + key.len()..];
    let digits = behind.trim_ascii_start();
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// Whether an item is a call that the caller is to run, not one that the provider runs itself.
fn asks_the_caller(data: &[u8]) -> bool {
    let says = |word: &[u8]| memchr::memmem::find(data, word).is_some();
    says(b"_call\"")
        && ![
            &b"\"web_search_call\""[..],
            b"\"file_search_call\"",
            b"\"code_interpreter_call\"",
            b"\"image_generation_call\"",
            b"\"mcp_call\"",
            b"\"tool_search_call\"",
        ]
        .into_iter()
        .any(says)
}

fn read(data: &[u8]) -> Option<Data<'_>> {
    serde_json::from_slice(data).ok()
}

fn head(chunk: &Data<'_>, reply: &mut Reply) {
    if let Some(id) = &chunk.id {
        reply.id(id);
    }
    if let Some(model) = &chunk.model {
        reply.model(model);
    }
    if let Some(usage) = chunk.usage {
        reply.usage(usage.get());
    }
}

/// Whether a frame holds this key with a value other than `null`.
fn says(key: &Finder<'_>, data: &[u8]) -> bool {
    key.find_iter(data).any(|at| {
        // Behind the key: the rest of its name, a colon, and the value.
        let behind = &data[at + key.needle().len()..];
        match memchr::memchr(b':', behind) {
            Some(colon) if colon <= LONGEST_REST => {
                !behind[colon + 1..].trim_ascii_start().starts_with(b"null")
            }
            _ => true,
        }
    })
}

/// Longest rest of a key behind what is searched for.
const LONGEST_REST: usize = 16;

/// Whether a chat chunk holds text, reasoning, a refusal or a call.
fn chat_content(data: &[u8]) -> bool {
    [
        &b"\"content\":\""[..],
        b"\"content\": \"",
        b"\"reasoning",
        b"\"tool_calls\":[",
        b"\"tool_calls\": [",
        b"\"refusal\":\"",
    ]
    .iter()
    .any(|key| {
        memchr::memmem::find(data, key).is_some_and(|at| !data[at + key.len()..].starts_with(b"\""))
    })
}
