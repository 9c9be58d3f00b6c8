use super::render::write_data_url;
use crate::{
    CallForm, Citation, Finish, Usage,
    fold::{Folded, Part},
    ids,
    json::{Object, write_compact, write_list},
    translate::Envelope,
};

/// Writes a caller's whole reply.
pub(crate) fn render_reply(folded: &Folded, envelope: &Envelope) -> Vec<u8> {
    let mut body = Vec::with_capacity(1024);
    let mut top = Object::begin(&mut body);
    let id = reply_id(&folded.id, envelope);
    top.text("id", &id);
    top.text("object", "chat.completion");
    top.int("created", envelope.created_s);
    top.text("model", &envelope.model);
    write_list(top.key("choices"), [folded], |out, folded| {
        let mut choice = Object::begin(out);
        choice.int("index", 0);
        write_message(folded, envelope, choice.key("message"));
        if folded.logprobs.is_empty() {
            choice.raw("logprobs", "null");
        } else {
            let lists = folded.logprobs.iter().map(|(_, list)| &**list);
            write_logprobs(lists, choice.key("logprobs"));
        }
        choice.text("finish_reason", finish_word(folded.finish));
        if !folded.native.is_empty() {
            choice.text("native_finish_reason", &folded.native);
        }
        choice.end();
    });
    if !folded.usage.is_empty() {
        write_usage(&folded.usage, top.key("usage"));
    }
    top.end();
    body
}

fn write_message(folded: &Folded, envelope: &Envelope, out: &mut Vec<u8>) {
    let mut message = Object::begin(out);
    message.text("role", "assistant");
    let join = |pick: fn(&Part) -> Option<&str>| {
        let texts: Vec<&str> = folded.blocks.iter().filter_map(pick).collect();
        (!texts.is_empty()).then(|| texts.concat())
    };
    let content = join(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    let refusal = join(|part| match part {
        Part::Refusal(text) => Some(text),
        _ => None,
    });
    let thoughts = join(|part| match part {
        Part::Thinking { text, .. } => Some(text),
        _ => None,
    });
    let calls: Vec<&Part> = folded
        .blocks
        .iter()
        .filter(|part| matches!(part, Part::Call { .. }))
        .collect();
    match content {
        Some(text) => message.text("content", &text),
        None if calls.is_empty() && refusal.is_none() => message.text("content", ""),
        None => message.raw("content", "null"),
    }
    match refusal {
        Some(refusal) => message.text("refusal", &refusal),
        None => message.raw("refusal", "null"),
    }
    if let Some(thoughts) = thoughts.filter(|text| !text.is_empty()) {
        message.text("reasoning_content", &thoughts);
    }
    write_annotations(folded, &mut message);
    write_pictures(folded, &mut message);
    write_annotations(folded, &mut message);
    write_pictures(folded, &mut message);
    if !calls.is_empty() {
        write_list(message.key("tool_calls"), calls, |out, part| {
            write_call(part, envelope, out)
        });
    }
    message.end();
}

fn write_annotations(folded: &Folded, message: &mut Object<'_>) {
    let (mut said, mut found) = (0, Vec::new());
    for (place, part) in folded.blocks.iter().enumerate() {
        let Part::Text(text) = part else { continue };
        let from = said;
        said += text.chars().count() as u64;
        let of_it = folded.citations.iter().filter(|(of, _)| *of == place);
        let known = of_it.filter(|(_, citation)| !citation.url.is_empty());
        found.extend(known.map(|(_, citation)| (citation, from, said)));
    }
    if !found.is_empty() {
        write_list(
            message.key("annotations"),
            found,
            |out, (citation, from, to)| {
                write_annotation(citation, from, to, out);
            },
        );
    }
}

fn write_pictures(folded: &Folded, message: &mut Object<'_>) {
    let mut pictures: Vec<(&str, &str)> = Vec::new();
    for part in &folded.blocks {
        if let Part::Image { media_type, data } = part
            && !pictures.iter().any(|(_, known)| known == data)
        {
            pictures.push((media_type, data));
        }
    }
    if !pictures.is_empty() {
        let pictures = pictures.into_iter().enumerate();
        write_list(
            message.key("images"),
            pictures,
            |out, (nth, (media_type, data))| {
                write_picture(nth, media_type, data, out);
            },
        );
    }
}

/// Writes a source of the text between two characters of the content.
pub(super) fn write_annotation(citation: &Citation<'_>, from: u64, to: u64, out: &mut Vec<u8>) {
    let (from, to) = match citation.span {
        Some((first, behind)) => (from + first, from + behind),
        None => (from, to),
    };
    let mut annotation = Object::begin(out);
    annotation.text("type", "url_citation");
    let mut source = Object::begin(annotation.key("url_citation"));
    source.int("start_index", from);
    source.int("end_index", to);
    source.text("url", &citation.url);
    source.text("title", &citation.title);
    source.end();
    annotation.end();
}

/// Writes a picture the way programs know it from routers: OpenAI's own dialect has none.
pub(super) fn write_picture(number: usize, media_type: &str, data: &str, out: &mut Vec<u8>) {
    let mut picture = Object::begin(out);
    picture.int("index", number);
    picture.text("type", "image_url");
    let mut address = Object::begin(picture.key("image_url"));
    write_data_url(media_type, data, address.key("url"));
    address.end();
    picture.end();
}

/// Writes probabilities of tokens, given as JSON lists.
pub(super) fn write_logprobs<'l>(lists: impl IntoIterator<Item = &'l str>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"content\":[");
    let items = lists.into_iter().filter_map(|list| {
        let items = list.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
        (!items.is_empty()).then_some(items)
    });
    for (nth, items) in items.enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        write_compact(out, items);
    }
    out.extend_from_slice(b"],\"refusal\":null}");
}

fn write_call(part: &Part, envelope: &Envelope, out: &mut Vec<u8>) {
    let Part::Call {
        id,
        name,
        arguments,
        form,
        ..
    } = part
    else {
        return;
    };
    let mut call = Object::begin(out);
    call.text("id", id);
    if *form == CallForm::Text && envelope.is_custom(name) {
        call.text("type", "custom");
        let mut custom = Object::begin(call.key("custom"));
        custom.text("name", name);
        custom.text("input", arguments);
        custom.end();
    } else {
        let empty = arguments.is_empty() && *form == CallForm::Json;
        call.text("type", "function");
        let mut function = Object::begin(call.key("function"));
        function.text("name", name);
        function.text("arguments", if empty { "{}" } else { arguments });
        function.end();
    }
    call.end();
}

/// The word for a finish reason.
pub(super) fn finish_word(reason: Finish) -> &'static str {
    match reason {
        Finish::Stop | Finish::StopSequence | Finish::Paused => "stop",
        Finish::ToolCalls => "tool_calls",
        Finish::Length => "length",
        Finish::Refused => "content_filter",
    }
}

/// The reply's id: the provider's with Chat's own mark before it.
pub(super) fn reply_id(id: &str, envelope: &Envelope) -> String {
    let bare = ["chatcmpl-", "msg_", "resp_"]
        .iter()
        .find_map(|mark| id.strip_prefix(mark))
        .unwrap_or(id);
    if bare.is_empty() {
        let seed = format!("{}\n{}", envelope.model, envelope.created_s);
        return format!("chatcmpl-{}", ids::digest(&seed, 24));
    }
    format!("chatcmpl-{bare}")
}

/// Writes token counts; those that are unknown are left out.
pub(super) fn write_usage(usage: &Usage, out: &mut Vec<u8>) {
    let mut counts = Object::begin(out);
    for (member, count) in [
        ("prompt_tokens", usage.input),
        ("completion_tokens", usage.output),
        ("total_tokens", usage.total()),
    ] {
        if let Some(count) = count {
            counts.int(member, count);
        }
    }
    if usage.cache_read.is_some() || usage.cache_write.is_some() {
        let mut details = Object::begin(counts.key("prompt_tokens_details"));
        for (member, count) in [
            ("cached_tokens", usage.cache_read),
            ("cache_write_tokens", usage.cache_write),
        ] {
            if let Some(count) = count {
                details.int(member, count);
            }
        }
        details.end();
    }
    if let Some(count) = usage.reasoning {
        let mut details = Object::begin(counts.key("completion_tokens_details"));
        details.int("reasoning_tokens", count);
        details.end();
    }
    counts.end();
}
