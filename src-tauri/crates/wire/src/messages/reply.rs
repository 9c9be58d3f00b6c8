//! Writes a whole reply in the Messages dialect, and what streams share with it.

use crate::fold::{Folded, Part};
use crate::ids::digest;
use crate::json::{self, Object, write_list};
use crate::translate::Envelope;
use crate::{CallForm, Citation, Finish, Usage, free_text, origin};

/// Writes a caller's whole reply.
pub(crate) fn render_reply(folded: &Folded, envelope: &Envelope) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    let mut message = Object::begin(&mut out);
    message.text("id", &message_id(&folded.id, envelope));
    message.text("type", "message");
    message.text("role", "assistant");
    message.text("model", &envelope.model);
    write_list(
        message.key("content"),
        // The dialect has no place for pictures.
        folded
            .blocks
            .iter()
            .enumerate()
            .filter(|(_, part)| !matches!(part, Part::Image { .. })),
        |out, (place, part)| {
            let mut block = Object::begin(out);
            write_part(&mut block, part, envelope);
            let cited = folded.citations.iter();
            let mut cited = cited.filter(|(of, _)| *of == place).peekable();
            if cited.peek().is_some() {
                write_list(block.key("citations"), cited, |out, (_, citation)| {
                    write_source(citation, out);
                });
            }
            block.end();
        },
    );
    let sequence = folded.stop_sequence.as_deref();
    message.text("stop_reason", stop_reason(folded.finish, sequence));
    match sequence {
        Some(sequence) => message.text("stop_sequence", sequence),
        None => message.raw("stop_sequence", "null"),
    }
    write_usage(&mut message, &folded.usage);
    message.end();
    out
}

fn write_part(block: &mut Object<'_>, part: &Part, envelope: &Envelope) {
    match part {
        Part::Text(text) | Part::Refusal(text) => {
            block.text("type", "text");
            block.text("text", text);
        }
        Part::Thinking { text, signature } => {
            let tagged = signature
                .as_deref()
                .map(|proof| origin::tag(proof, &envelope.origin));
            block.text("type", "thinking");
            block.text("thinking", text);
            block.text("signature", &tagged.unwrap_or_default());
        }
        Part::Image { .. } => {}
        Part::Redacted(data) => {
            block.text("type", "redacted_thinking");
            block.text("data", &origin::tag_redacted(data, &envelope.origin));
        }
        Part::Call {
            id,
            name,
            arguments,
            form,
            ..
        } => {
            block.text("type", "tool_use");
            block.text("id", id);
            block.text("name", name);
            if *form == CallForm::Json && json::is_object(arguments) {
                block.raw("input", arguments.trim());
            } else if *form == CallForm::Json && arguments.trim().is_empty() {
                block.raw("input", "{}");
            } else {
                // Free text; or cut off by the token limit, or no object at all: shown as it came.
                free_text::wrap(arguments, block.key("input"));
            }
        }
    }
}

/// Writes a source of a text. Only Anthropic could check `encrypted_index`; the published types want
/// it to be there.
pub(super) fn write_source(citation: &Citation<'_>, out: &mut Vec<u8>) {
    let mut source = Object::begin(out);
    let cited = citation.cited_text.as_deref().unwrap_or_default();
    if citation.url.is_empty() {
        source.text("type", "char_location");
        source.text("cited_text", cited);
        source.int("document_index", 0);
        source.text("document_title", &citation.title);
        source.int("start_char_index", 0);
        source.int("end_char_index", cited.chars().count());
    } else {
        source.text("type", "web_search_result_location");
        source.text("cited_text", cited);
        source.text("encrypted_index", "");
        source.text("title", &citation.title);
        source.text("url", &citation.url);
    }
    source.end();
}

/// The reply's id in the dialect's form; one from the provider's id, so that both can be matched.
pub(super) fn message_id(id: &str, envelope: &Envelope) -> String {
    let bare = ["chatcmpl-", "resp_", "msg_"]
        .iter()
        .find_map(|prefix| id.strip_prefix(prefix));
    match bare.unwrap_or(id) {
        "" => {
            let seed = format!("{}\n{}", envelope.created_s, envelope.model);
            format!("msg_{}", digest(&seed, 24))
        }
        bare => format!("msg_{bare}"),
    }
}

/// Why the reply ended, in the dialect's words.
pub(super) fn stop_reason(finish: Finish, sequence: Option<&str>) -> &'static str {
    match finish {
        Finish::StopSequence if sequence.is_some() => "stop_sequence",
        Finish::Stop | Finish::StopSequence => "end_turn",
        Finish::ToolCalls => "tool_use",
        Finish::Length => "max_tokens",
        Finish::Refused => "refusal",
        Finish::Paused => "pause_turn",
    }
}

/// Token counts. Clients of this dialect read the two main ones unseen, so they are always there;
/// all others only when the provider reported them.
pub(super) fn write_usage(object: &mut Object<'_>, usage: &Usage) {
    let cached = usage
        .cache_read
        .unwrap_or(0)
        .saturating_add(usage.cache_write.unwrap_or(0));
    let mut members = Object::begin(object.key("usage"));
    members.int(
        "input_tokens",
        usage.input.unwrap_or(0).saturating_sub(cached),
    );
    if let Some(written) = usage.cache_write {
        members.int("cache_creation_input_tokens", written);
    }
    if let Some(read) = usage.cache_read {
        members.int("cache_read_input_tokens", read);
    }
    members.int("output_tokens", usage.output.unwrap_or(0));
    if let Some(reasoning) = usage.reasoning {
        let mut details = Object::begin(members.key("output_tokens_details"));
        details.int("thinking_tokens", reasoning);
        details.end();
    }
    members.end();
}
