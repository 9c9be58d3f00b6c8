//! Writes a whole reply in the Responses dialect, and what streams share with it.

use super::item::{Called, Content, Dress, Part, item_id, write_item};
use crate::{
    Citation, Fault, Finish, Usage,
    fault::{failed_error, numbered_error},
    fold::{self, Folded},
    ids,
    json::Object,
    origin,
    translate::Envelope,
};

/// Writes a caller's whole reply.
pub(crate) fn render_reply(folded: &Folded, envelope: &Envelope) -> Vec<u8> {
    let id = reply_id(&folded.id, envelope);
    let cut = is_cut(folded.finish);
    let contents = contents(folded, envelope);
    let mut output = Vec::with_capacity(1024);
    for (place, content) in contents.iter().enumerate() {
        if place > 0 {
            output.push(b',');
        }
        let last = place + 1 == contents.len();
        let item = item_id(content, &id, place);
        write_item(content, &item, status(content, cut, last), &mut output);
    }
    let mut out = Vec::with_capacity(output.len() + envelope.echo.len() + 512);
    let reply = ReplyState {
        id: &id,
        status: if cut { "incomplete" } else { "completed" },
        output: &output,
        incomplete: incomplete_reason(folded.finish),
        error: None,
        usage: Some(&folded.usage),
    };
    reply.write(envelope, &mut out);
    out
}

/// A reply at one moment.
pub(super) struct ReplyState<'r> {
    pub(super) id: &'r str,
    pub(super) status: &'static str,
    /// Its complete items, with commas between them.
    pub(super) output: &'r [u8],
    /// Why it is incomplete.
    pub(super) incomplete: Option<&'static str>,
    /// The error, as JSON.
    pub(super) error: Option<&'r [u8]>,
    pub(super) usage: Option<&'r Usage>,
}

impl ReplyState<'_> {
    /// Writes the reply with what it repeats of the request.
    pub(super) fn write(&self, envelope: &Envelope, out: &mut Vec<u8>) {
        let mut top = Object::begin(out);
        top.text("id", self.id);
        top.text("object", "response");
        top.int("created_at", envelope.created_s);
        top.text("status", self.status);
        top.raw("background", "false");
        match self.error {
            Some(error) => top.key("error").extend_from_slice(error),
            None => top.raw("error", "null"),
        }
        match self.incomplete {
            Some(reason) => {
                let mut details = Object::begin(top.key("incomplete_details"));
                details.text("reason", reason);
                details.end();
            }
            None => top.raw("incomplete_details", "null"),
        }
        top.text("model", &envelope.model);
        let out = top.key("output");
        out.push(b'[');
        out.extend_from_slice(self.output);
        out.push(b']');
        if !envelope.echo.is_empty() {
            out.push(b',');
            out.extend_from_slice(envelope.echo.as_bytes());
        }
        if let Some(usage) = self.usage.filter(|usage| !usage.is_empty()) {
            write_usage(usage, top.key("usage"));
        }
        top.end();
    }
}

/// The end of another's stream that a fault has broken off: its reply has failed if it had begun, as
/// its id says; `number` is the event's.
pub(crate) fn broken_off(
    id: Option<&str>,
    model: Option<&str>,
    number: u64,
    fault: &Fault,
) -> Vec<u8> {
    let Some(id) = id else {
        return numbered_error(fault, number);
    };
    let envelope = Envelope {
        model: model.unwrap_or_default().to_owned(),
        ..Envelope::default()
    };
    let reply = ReplyState {
        id,
        status: "failed",
        output: b"",
        incomplete: None,
        error: Some(&failed_error(fault)),
        usage: None,
    };
    let mut out = b"event: response.failed\ndata: ".to_vec();
    let mut data = Object::begin(&mut out);
    data.text("type", "response.failed");
    data.int("sequence_number", number);
    reply.write(&envelope, data.key("response"));
    data.end();
    out.extend_from_slice(b"\n\n");
    out
}

/// The items of a whole reply: neighbouring texts are one message.
fn contents(folded: &Folded, envelope: &Envelope) -> Vec<Content> {
    let mut contents: Vec<Content> = Vec::with_capacity(folded.blocks.len());
    for (place, part) in folded.blocks.iter().enumerate() {
        let content = match part {
            fold::Part::Text(text) | fold::Part::Refusal(text) => {
                let mut part = Part {
                    refusal: matches!(part, fold::Part::Refusal(_)),
                    text: text.clone(),
                    ..Part::default()
                };
                let cited = (folded.citations.iter())
                    .filter(|(of, citation)| *of == place && !citation.url.is_empty());
                for (_, citation) in cited {
                    let all = (0, text.chars().count() as u64);
                    part.citations.push(Citation {
                        span: Some(citation.span.unwrap_or(all)),
                        ..citation.clone()
                    });
                }
                for (_, list) in folded.logprobs.iter().filter(|(of, _)| *of == place) {
                    part.add_logprobs(list);
                }
                if let Some(Content::Message(parts)) = contents.last_mut() {
                    parts.push(part);
                    continue;
                }
                Content::Message(vec![part])
            }
            fold::Part::Thinking {
                text,
                signature: None,
            } if text.is_empty() => continue,
            fold::Part::Thinking { text, signature } => Content::Reasoning {
                text: text.clone(),
                proof: (signature.as_deref()).map(|proof| origin::tag(proof, &envelope.origin)),
            },
            fold::Part::Redacted(data) => redacted(data, envelope),
            fold::Part::Call {
                id,
                name,
                arguments,
                form,
                namespace,
                ..
            } => Content::Call(Called {
                call_id: id.clone(),
                dress: Dress::of(name, *form, namespace.as_deref(), envelope),
                arguments: arguments.clone(),
            }),
            fold::Part::Image { media_type, data } => Content::Image {
                media_type: media_type.clone(),
                data: data.clone(),
            },
        };
        contents.push(content);
    }
    contents
}

/// Reasoning that cannot be read: nothing is visible, and it comes back with the conversation.
pub(super) fn redacted(data: &str, envelope: &Envelope) -> Content {
    Content::Reasoning {
        text: String::new(),
        proof: Some(origin::tag_redacted(data, &envelope.origin)),
    }
}

/// Whether a reply was cut short.
pub(super) fn is_cut(finish: Finish) -> bool {
    incomplete_reason(finish).is_some()
}

/// Why a reply is incomplete, in the dialect's words.
pub(super) fn incomplete_reason(finish: Finish) -> Option<&'static str> {
    match finish {
        Finish::Length => Some("max_output_tokens"),
        Finish::Refused => Some("content_filter"),
        Finish::Stop | Finish::StopSequence | Finish::ToolCalls | Finish::Paused => None,
    }
}

/// The status of an item of a reply that has ended.
pub(super) fn status(content: &Content, cut: bool, last: bool) -> &'static str {
    let partial = match content {
        Content::Message(_) => last,
        Content::Call(called) => called.is_partial() && (last || !called.arguments.is_empty()),
        Content::Reasoning { .. } | Content::Image { .. } => false,
    };
    if cut && partial {
        "incomplete"
    } else {
        "completed"
    }
}

/// The reply's id: the one it is to have, else the provider's with the dialect's own mark before it.
pub(super) fn reply_id(id: &str, envelope: &Envelope) -> String {
    if let Some(id) = &envelope.reply_id {
        return id.clone();
    }
    let bare = ["resp_", "chatcmpl-", "msg_"]
        .iter()
        .find_map(|mark| id.strip_prefix(mark))
        .unwrap_or(id);
    if bare.is_empty() {
        let seed = format!("{}\n{}", envelope.model, envelope.created_s);
        return format!("resp_{}", ids::digest(&seed, 32));
    }
    format!("resp_{bare}")
}

/// Token counts. Programs read the two details unseen, so they are there whenever there are counts.
fn write_usage(usage: &Usage, out: &mut Vec<u8>) {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    let mut counts = Object::begin(out);
    counts.int("input_tokens", input);
    let mut details = Object::begin(counts.key("input_tokens_details"));
    details.int("cached_tokens", usage.cache_read.unwrap_or(0));
    if let Some(written) = usage.cache_write {
        details.int("cache_write_tokens", written);
    }
    details.end();
    counts.int("output_tokens", output);
    let mut details = Object::begin(counts.key("output_tokens_details"));
    details.int("reasoning_tokens", usage.reasoning.unwrap_or(0));
    details.end();
    counts.int("total_tokens", input.saturating_add(output));
    counts.end();
}
