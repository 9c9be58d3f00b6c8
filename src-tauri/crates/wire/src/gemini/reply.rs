//! Writes a whole reply of generateContent, and the parts that streams share with it.

use super::proof;
use crate::{
    Citation, Finish, Usage,
    fold::{Folded, Part},
    ids::digest,
    json::{self, Object, write_int, write_list},
    translate::Envelope,
};

/// A call as the caller sees it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    /// In the caller's form.
    pub(super) signature: Option<String>,
}

/// A source as the caller sees it.
#[derive(Debug)]
pub(super) struct Cited {
    uri: String,
    title: String,
    /// Bytes of the text that it supports.
    span: Option<(usize, usize)>,
}

impl Cited {
    /// A source of a block that begins at a byte of the text.
    pub(super) fn of(block: &str, block_at: usize, citation: &Citation<'_>) -> Self {
        let byte = |chars: u64| {
            let chars = usize::try_from(chars).unwrap_or(usize::MAX);
            let found = block.char_indices().nth(chars);
            block_at + found.map_or(block.len(), |(byte, _)| byte)
        };
        Self {
            uri: citation.url.clone().into_owned(),
            title: citation.title.clone().into_owned(),
            span: citation.span.map(|(start, end)| (byte(start), byte(end))),
        }
    }
}

/// Writes a caller's whole reply.
pub(crate) fn render_reply(folded: &Folded, envelope: &Envelope) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let id = reply_id(&folded.id, envelope);
    let mut top = Object::begin(&mut out);
    let list = top.key("candidates");
    list.push(b'[');
    let mut candidate = Object::begin(list);
    let mut content = Object::begin(candidate.key("content"));
    let shown = folded
        .blocks
        .iter()
        .filter(|part| is_shown(part, folded.finish));
    let mut shown = shown.peekable();
    if shown.peek().is_none() {
        content.raw("parts", r#"[{"text":""}]"#);
    } else {
        write_list(content.key("parts"), shown, |out, part| {
            let mut object = Object::begin(out);
            write_part(part, envelope, &mut object);
            object.end();
        });
    }
    content.text("role", "model");
    content.end();
    candidate.text("finishReason", finish_word(folded.finish));
    write_sources(&cited(folded), &mut candidate);
    candidate.int("index", 0);
    candidate.end();
    list.push(b']');
    write_usage(&folded.usage, &mut top);
    top.text("modelVersion", &envelope.model);
    top.text("responseId", &id);
    top.end();
    out
}

/// The sources of a reply, in bytes of its whole text.
fn cited(folded: &Folded) -> Vec<Cited> {
    let mut at = 0;
    let mut starts = Vec::with_capacity(folded.blocks.len());
    for part in &folded.blocks {
        starts.push(at);
        if let Part::Text(text) | Part::Refusal(text) = part {
            at += text.len();
        }
    }
    let of_text = |(place, citation): &(usize, Citation<'static>)| match &folded.blocks[*place] {
        Part::Text(text) => Some(Cited::of(text, starts[*place], citation)),
        _ => None,
    };
    folded.citations.iter().filter_map(of_text).collect()
}

/// Whether a part says anything; a call that was cut off would be taken for a whole one.
fn is_shown(part: &Part, finish: Finish) -> bool {
    match part {
        Part::Text(text) | Part::Refusal(text) => !text.is_empty(),
        Part::Thinking { text, signature } => !text.is_empty() || signature.is_some(),
        Part::Call { arguments, .. } => finish != Finish::Length || !is_cut(arguments),
        Part::Redacted(_) | Part::Image { .. } => true,
    }
}

fn write_part(part: &Part, envelope: &Envelope, object: &mut Object<'_>) {
    let show = |proof: &String| proof::show(proof, &envelope.origin);
    match part {
        Part::Text(text) | Part::Refusal(text) => text_part(text, object),
        Part::Thinking { text, signature } => {
            thought_part(text, signature.as_ref().map(show).as_deref(), object);
        }
        Part::Redacted(data) => redacted_part(data, &envelope.origin, object),
        Part::Image { media_type, data } => picture_part(media_type, data, object),
        Part::Call {
            id,
            name,
            arguments,
            proof,
            ..
        } => {
            let shown = Shown {
                id: id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
                signature: proof.as_ref().map(show),
            };
            call_part(&shown, object);
        }
    }
}

pub(super) fn text_part(text: &str, part: &mut Object<'_>) {
    part.text("text", text);
}

/// A thought and, at its end, its proof in the caller's form.
pub(super) fn thought_part(text: &str, signature: Option<&str>, part: &mut Object<'_>) {
    part.text("text", text);
    part.bool("thought", true);
    if let Some(signature) = signature {
        part.text("thoughtSignature", signature);
    }
}

pub(super) fn redacted_part(data: &str, origin: &str, part: &mut Object<'_>) {
    thought_part("", Some(&proof::show_redacted(data, origin)), part);
}

pub(super) fn picture_part(media_type: &str, data: &str, part: &mut Object<'_>) {
    let mut inline = Object::begin(part.key("inlineData"));
    inline.text("mimeType", media_type);
    inline.text("data", data);
    inline.end();
}

pub(super) fn call_part(call: &Shown, part: &mut Object<'_>) {
    let mut object = Object::begin(part.key("functionCall"));
    object.text("id", &call.id);
    object.text("name", &call.name);
    if json::is_object(&call.arguments) {
        object.raw("args", call.arguments.trim());
    } else if call.arguments.trim().is_empty() {
        object.raw("args", "{}");
    } else {
        // No object: shown as it came.
        let mut args = Object::begin(object.key("args"));
        args.text("input", &call.arguments);
        args.end();
    }
    object.end();
    if let Some(signature) = &call.signature {
        part.text("thoughtSignature", signature);
    }
}

/// Whether arguments are no JSON, as when the token limit cut them.
pub(super) fn is_cut(arguments: &str) -> bool {
    !arguments.trim().is_empty() && !json::is_json(arguments)
}

/// The reply's id without another dialect's mark; made up where the provider gave none.
pub(super) fn reply_id(id: &str, envelope: &Envelope) -> String {
    let bare = ["chatcmpl-", "msg_", "resp_"]
        .iter()
        .find_map(|mark| id.strip_prefix(mark));
    match bare.unwrap_or(id) {
        "" => digest(&format!("{}\n{}", envelope.model, envelope.created_s), 24),
        bare => bare.to_owned(),
    }
}

/// Why the reply ended, in the dialect's words.
pub(super) fn finish_word(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence | Finish::ToolCalls | Finish::Paused => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Refused => "SAFETY",
    }
}

/// Token counts; those that are unknown are left out, all of them if none is known.
pub(super) fn write_usage(usage: &Usage, top: &mut Object<'_>) {
    if usage.is_empty() {
        return;
    }
    let mut counts = Object::begin(top.key("usageMetadata"));
    let answer = usage
        .output
        .map(|output| output.saturating_sub(usage.reasoning.unwrap_or(0)));
    for (member, count) in [
        ("promptTokenCount", usage.input),
        ("cachedContentTokenCount", usage.cache_read),
        ("candidatesTokenCount", answer),
        ("thoughtsTokenCount", usage.reasoning),
        ("totalTokenCount", usage.total()),
    ] {
        if let Some(count) = count {
            counts.int(member, count);
        }
    }
    counts.end();
}

/// Writes the sources of a reply, if it has any. Google knows addresses only.
pub(super) fn write_sources(cited: &[Cited], candidate: &mut Object<'_>) {
    let cited: Vec<&Cited> = cited
        .iter()
        .filter(|source| !source.uri.is_empty())
        .collect();
    if cited.is_empty() {
        return;
    }
    let mut grounding = Object::begin(candidate.key("groundingMetadata"));
    write_list(grounding.key("groundingChunks"), &cited, |out, source| {
        let mut chunk = Object::begin(out);
        let mut web = Object::begin(chunk.key("web"));
        web.text("uri", &source.uri);
        web.text("title", &source.title);
        web.end();
        chunk.end();
    });
    let supports = cited
        .iter()
        .enumerate()
        .filter_map(|(at, source)| Some((at, source.span?)));
    write_list(
        grounding.key("groundingSupports"),
        supports,
        |out, (at, (start, end))| {
            let mut support = Object::begin(out);
            let mut segment = Object::begin(support.key("segment"));
            segment.int("startIndex", start);
            segment.int("endIndex", end);
            segment.end();
            write_list(support.key("groundingChunkIndices"), [at], |out, at| {
                write_int(out, at)
            });
            support.end();
        },
    );
    grounding.end();
}
