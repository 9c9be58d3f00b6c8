use crate::{
    CallForm, Finish, Usage,
    fold::{Folded, Part},
    ids,
    json::{Object, write_list},
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
        choice.raw("logprobs", "null");
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
    if !calls.is_empty() {
        write_list(message.key("tool_calls"), calls, |out, part| {
            write_call(part, envelope, out)
        });
    }
    message.end();
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
