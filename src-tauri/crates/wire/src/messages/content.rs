//! Writes the blocks of a conversation for a provider that speaks Messages.

use super::marks::{Marks, mark};
use crate::ids::{CallIds, ToolNames};
use crate::json::{self, Object, write_list};
use crate::{
    Action, Block, Body, Call, CallForm, CallResult, Fault, FaultKind, File, Image, Ledger,
    Message, Proof, Reason, Role, Source, Thinking, Words, free_text,
};

/// What the blocks of one request share.
pub(super) struct Content<'n> {
    names: &'n ToolNames,
    ids: CallIds,
    marks: Marks,
    words: Words,
}

impl<'n> Content<'n> {
    pub(super) fn new(names: &'n ToolNames, marks: Marks, words: Words) -> Self {
        Self {
            names,
            ids: CallIds::default(),
            marks,
            words,
        }
    }
}

/// Writes a message's list of blocks.
pub(super) fn write_blocks(
    out: &mut Vec<u8>,
    message: &Message<'_>,
    content: &mut Content<'_>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    if message.role == Role::Assistant {
        content.ids.next_batch();
    }
    let mut failed = None;
    write_list(out, &message.blocks, |out, block| {
        let mut object = Object::begin(out);
        let path = content.words.message(message.at);
        if let Err(fault) = write_block(&mut object, block, &path, content, ledger) {
            failed.get_or_insert(fault);
        }
        content
            .marks
            .write(&mut object, mark(&block.body, block.cache));
        object.end();
    });
    failed.map_or(Ok(()), Err)
}

fn write_block(
    object: &mut Object<'_>,
    block: &Block<'_>,
    path: &str,
    content: &mut Content<'_>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    match &block.body {
        Body::Call(call) => write_call(object, call, path, content, ledger),
        Body::Result(result) => write_result(object, result, path, content, ledger)?,
        Body::Thinking(thinking) => write_thinking(object, thinking),
        other => write_plain(object, other, path, ledger)?,
    }
    Ok(())
}

/// Writes what may stand in a message and in a tool's result alike.
fn write_plain(
    object: &mut Object<'_>,
    body: &Body<'_>,
    path: &str,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    match body {
        Body::Text(text) | Body::Refusal(text) => {
            object.text("type", "text");
            object.text("text", text);
        }
        Body::Image(image) => write_image(object, image, path, ledger)?,
        Body::File(file) => write_file(object, file, path)?,
        Body::Audio { .. } => return Err(refused(path, "Claude models take no sound")),
        Body::Thinking(_) | Body::Call(_) | Body::Result(_) => {
            return Err(refused(
                path,
                "a tool's result may hold text, pictures and documents only",
            ));
        }
    }
    Ok(())
}

fn refused(path: &str, message: &str) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(path.to_owned());
    fault
}

fn write_thinking(object: &mut Object<'_>, thinking: &Thinking<'_>) {
    match &thinking.proof {
        Some(Proof::Redacted(data)) => {
            object.text("type", "redacted_thinking");
            object.text("data", data);
        }
        proof => {
            let signature = match proof {
                Some(Proof::Signature(signature)) => signature,
                _ => "",
            };
            object.text("type", "thinking");
            object.text("thinking", &thinking.text);
            object.text("signature", signature);
        }
    }
}

fn write_call(
    object: &mut Object<'_>,
    call: &Call<'_>,
    path: &str,
    content: &mut Content<'_>,
    ledger: &mut Ledger,
) {
    object.text("type", "tool_use");
    object.text("id", content.ids.call(&call.id));
    object.text("name", content.names.call(call));
    if call.form == CallForm::Text {
        free_text::wrap(&call.arguments, object.key("input"));
    } else if call.arguments.trim().is_empty() {
        object.raw("input", "{}");
    } else if json::is_object(&call.arguments) {
        object.raw("input", call.arguments.trim());
    } else {
        let path = format!("{path}.arguments");
        ledger.note(path, Action::Approximated, Reason::InvalidHistory);
        free_text::wrap(&call.arguments, object.key("input"));
    }
}

fn write_result(
    object: &mut Object<'_>,
    result: &CallResult<'_>,
    path: &str,
    content: &Content<'_>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    object.text("type", "tool_result");
    object.text("tool_use_id", content.ids.result(&result.call_id));
    // Anthropic refuses empty texts; a result without content is fine.
    let blank =
        |block: &&Block<'_>| !matches!(&block.body, Body::Text(text) if text.trim().is_empty());
    let mut blocks = result.blocks.iter().filter(blank).peekable();
    let mut failed = None;
    if blocks.peek().is_some() {
        write_list(object.key("content"), blocks, |out, block| {
            let mut inner = Object::begin(out);
            if let Err(fault) = write_plain(&mut inner, &block.body, path, ledger) {
                failed.get_or_insert(fault);
            }
            inner.end();
        });
    }
    if result.is_error {
        object.raw("is_error", "true");
    }
    failed.map_or(Ok(()), Err)
}

fn write_image(
    object: &mut Object<'_>,
    image: &Image<'_>,
    path: &str,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    if image
        .detail
        .as_deref()
        .is_some_and(|detail| detail != "auto")
    {
        let path = format!("{path}.image_url.detail");
        ledger.note(path, Action::Dropped, Reason::Dialect);
    }
    object.text("type", "image");
    let mut source = Object::begin(object.key("source"));
    match &image.source {
        Source::Base64 { media_type, data } => {
            let media_type = if media_type == "image/jpg" {
                "image/jpeg"
            } else {
                media_type
            };
            write_base64(&mut source, media_type, data);
        }
        Source::Url(url) => write_url(&mut source, url),
        Source::FileId(_) => return Err(refused(path, FOREIGN_FILE)),
        Source::Text(_) => return Err(refused(path, "a picture cannot be plain text")),
    }
    source.end();
    Ok(())
}

const FOREIGN_FILE: &str =
    "a file id means something only to the provider that keeps the file; send the file itself";

fn write_file(object: &mut Object<'_>, file: &File<'_>, path: &str) -> Result<(), Fault> {
    object.text("type", "document");
    let mut source = Object::begin(object.key("source"));
    match &file.source {
        Source::Base64 { media_type, data } => match &**media_type {
            "application/pdf" | "" => write_base64(&mut source, "application/pdf", data),
            _ => {
                return Err(refused(
                    path,
                    "Claude models take documents as PDF or plain text",
                ));
            }
        },
        Source::Url(url) => write_url(&mut source, url),
        Source::FileId(_) => return Err(refused(path, FOREIGN_FILE)),
        Source::Text(text) => {
            source.text("type", "text");
            source.text("media_type", "text/plain");
            source.text("data", text);
        }
    }
    source.end();
    if let Some(name) = &file.name {
        object.text("title", name);
    }
    Ok(())
}

fn write_base64(source: &mut Object<'_>, media_type: &str, data: &str) {
    source.text("type", "base64");
    source.text("media_type", media_type);
    source.text("data", data);
}

fn write_url(source: &mut Object<'_>, url: &str) {
    source.text("type", "url");
    source.text("url", url);
}
