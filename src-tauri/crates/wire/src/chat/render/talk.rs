use std::borrow::Cow;

use super::drop_member;
use crate::{
    Block, Body, Call, CallForm, CallResult, Fault, FaultKind, File, Image, Ledger, Message, Role,
    Source, Turn, Words, free_text,
    ids::ToolNames,
    json::{Object, write_list, write_str},
};

/// The list of messages.
pub(super) struct Talk<'w> {
    out: &'w mut Vec<u8>,
    names: &'w ToolNames,
    words: Words,
    /// Whether the model's tools may take free text.
    custom_tools: bool,
    ledger: &'w mut Ledger,
    empty: bool,
}

impl<'w> Talk<'w> {
    /// A list that goes to `out`.
    pub(super) fn new(
        words: Words,
        custom_tools: bool,
        names: &'w ToolNames,
        ledger: &'w mut Ledger,
        out: &'w mut Vec<u8>,
    ) -> Self {
        Self {
            out,
            names,
            words,
            custom_tools,
            ledger,
            empty: true,
        }
    }

    /// Writes the conversation: system text first, with what byokey has to add to it.
    pub(super) fn write(mut self, turn: &Turn<'_>, addition: Option<String>) -> Result<(), Fault> {
        self.out.push(b'[');
        if !turn.system.is_empty() || addition.is_some() {
            self.drop_marks(&turn.system, self.words.system);
            // One message, one string: some providers take no more.
            let text = match (joined(&turn.system), addition) {
                (said, Some(more)) if !said.is_empty() => format!("{said}\n\n{more}").into(),
                (_, Some(more)) => more.into(),
                (said, None) => said,
            };
            let mut message = self.begin("system");
            message.text("content", &text);
            message.end();
        }
        for message in &turn.messages {
            self.drop_marks(&message.blocks, &self.words.message(message.at));
            match message.role {
                Role::Assistant => self.assistant(message)?,
                Role::System => {
                    let text = joined(&message.blocks);
                    let mut out = self.begin("system");
                    out.text("content", &text);
                    out.end();
                }
                Role::User => self.user(message)?,
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn begin(&mut self, role: &str) -> Object<'_> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        let mut message = Object::begin(self.out);
        message.text("role", role);
        message
    }

    fn drop_marks(&mut self, blocks: &[Block<'_>], place: &str) {
        if blocks.iter().any(|block| block.cache.is_some()) {
            drop_member(self.ledger, format!("{place}.cache_control"));
        }
    }

    fn assistant(&mut self, message: &Message<'_>) -> Result<(), Fault> {
        let (names, custom_tools) = (self.names, self.custom_tools);
        let place = self.words.message(message.at);
        let mut thoughts: Vec<&str> = Vec::new();
        let mut texts: Vec<&Block<'_>> = Vec::new();
        let mut calls: Vec<&Call<'_>> = Vec::new();
        let mut refusal = None;
        for block in &message.blocks {
            match &block.body {
                // Several of one turn, perhaps the same twice: in full and in short.
                Body::Thinking(thinking) => {
                    if !thinking.text.is_empty() && !thoughts.contains(&&*thinking.text) {
                        thoughts.push(&thinking.text);
                    }
                }
                Body::Call(call) => calls.push(call),
                Body::Refusal(text) => refusal = Some(text),
                Body::Text(_) => texts.push(block),
                Body::Image(_) | Body::File(_) | Body::Audio { .. } | Body::Result(_) => {
                    drop_member(self.ledger, format!("{place}.content"));
                }
            }
        }
        let mut out = self.begin("assistant");
        if texts.is_empty() && (refusal.is_some() || !calls.is_empty()) {
            out.raw("content", "null");
        } else {
            write_content(&texts, &place, out.key("content"))?;
        }
        if !thoughts.is_empty() {
            out.text("reasoning_content", &thoughts.join("\n\n"));
        }
        if let Some(refusal) = refusal {
            out.text("refusal", refusal);
        }
        if !calls.is_empty() {
            write_list(out.key("tool_calls"), calls, |out, call| {
                write_call(call, names, custom_tools, out);
            });
        }
        out.end();
        Ok(())
    }

    fn user(&mut self, message: &Message<'_>) -> Result<(), Fault> {
        let place = self.words.message(message.at);
        let mut rest: Vec<&Block<'_>> = Vec::with_capacity(message.blocks.len());
        for block in &message.blocks {
            match &block.body {
                Body::Result(result) => self.result(result, message.at)?,
                Body::Thinking(_) | Body::Call(_) => {
                    drop_member(self.ledger, format!("{place}.content"));
                }
                _ => rest.push(block),
            }
        }
        if !rest.is_empty() {
            let mut out = self.begin("user");
            write_content(&rest, &place, out.key("content"))?;
            out.end();
        }
        Ok(())
    }

    fn result(&mut self, result: &CallResult<'_>, at: usize) -> Result<(), Fault> {
        let place = self.words.message(at);
        if result.is_error {
            drop_member(self.ledger, format!("{place}.is_error"));
        }
        self.drop_marks(&result.blocks, &place);
        let plain = result
            .blocks
            .iter()
            .all(|block| matches!(block.body, Body::Text(_)));
        let mut out = self.begin("tool");
        out.text("tool_call_id", &result.call_id);
        if plain {
            out.text("content", &joined(&result.blocks));
        } else {
            let blocks: Vec<&Block<'_>> = result.blocks.iter().collect();
            write_content(&blocks, &place, out.key("content"))?;
        }
        out.end();
        Ok(())
    }
}

fn joined<'b>(blocks: &'b [Block<'_>]) -> Cow<'b, str> {
    let text = |block: &'b Block<'_>| match &block.body {
        Body::Text(text) => Some(&**text),
        _ => None,
    };
    match blocks {
        [block] => text(block).unwrap_or_default().into(),
        _ => blocks
            .iter()
            .filter_map(text)
            .collect::<Vec<_>>()
            .join("\n\n")
            .into(),
    }
}

fn write_call(call: &Call<'_>, names: &ToolNames, custom_tools: bool, out: &mut Vec<u8>) {
    let mut entry = Object::begin(out);
    entry.text("id", &call.id);
    let text = call.form == CallForm::Text;
    if text && custom_tools {
        entry.text("type", "custom");
        let mut custom = Object::begin(entry.key("custom"));
        custom.text("name", names.call(call));
        custom.text("input", &call.arguments);
        custom.end();
    } else {
        entry.text("type", "function");
        let mut function = Object::begin(entry.key("function"));
        function.text("name", names.call(call));
        match &*call.arguments {
            input if text => {
                let mut wrapped = Vec::with_capacity(input.len() + 16);
                free_text::wrap(input, &mut wrapped);
                function.text("arguments", &String::from_utf8_lossy(&wrapped));
            }
            "" => function.text("arguments", "{}"),
            arguments => function.text("arguments", arguments),
        }
        function.end();
    }
    entry.end();
}

/// A string where one text says it all, else a list of parts.
fn write_content(blocks: &[&Block<'_>], path: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    if let [
        Block {
            body: Body::Text(text),
            ..
        },
    ] = blocks
    {
        write_str(out, text);
        return Ok(());
    }
    let mut fault = None;
    write_list(out, blocks, |out, block| {
        if let Err(found) = write_part(&block.body, path, out) {
            fault = Some(found);
        }
    });
    fault.map_or(Ok(()), Err)
}

fn write_part(body: &Body<'_>, path: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut part = Object::begin(out);
    match body {
        Body::Text(text) | Body::Refusal(text) => {
            part.text("type", "text");
            part.text("text", text);
        }
        Body::Image(image) => {
            part.text("type", "image_url");
            write_image(image, path, part.key("image_url"))?;
        }
        Body::File(File {
            source: Source::Text(text),
            name,
        }) => {
            part.text("type", "text");
            match name {
                Some(name) => part.text("text", &format!("{name}\n\n{text}")),
                None => part.text("text", text),
            }
        }
        Body::File(File {
            source: Source::Base64 { media_type, data },
            ..
        }) if media_type.starts_with("video/") => {
            part.text("type", "video_url");
            let mut video = Object::begin(part.key("video_url"));
            write_data_url(media_type, data, video.key("url"));
            video.end();
        }
        Body::File(file) => {
            part.text("type", "file");
            write_file(file, path, part.key("file"))?;
        }
        Body::Audio { data, format } => {
            part.text("type", "input_audio");
            let mut audio = Object::begin(part.key("input_audio"));
            audio.text("data", data);
            audio.text("format", format);
            audio.end();
        }
        Body::Thinking(_) | Body::Call(_) | Body::Result(_) => {
            return Err(no_way(
                path,
                "reasoning or a tool call inside other content",
            ));
        }
    }
    part.end();
    Ok(())
}

fn write_image(image: &Image<'_>, path: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut entry = Object::begin(out);
    match &image.source {
        Source::Url(url) => entry.text("url", url),
        Source::Base64 { media_type, data } => write_data_url(media_type, data, entry.key("url")),
        Source::FileId(_) | Source::Text(_) => {
            return Err(no_way(
                path,
                "an image that is stored at another provider; send its bytes",
            ));
        }
    }
    if let Some(detail) = &image.detail {
        entry.text("detail", detail);
    }
    entry.end();
    Ok(())
}

fn write_file(file: &File<'_>, path: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let Source::Base64 { media_type, data } = &file.source else {
        return Err(no_way(
            path,
            "a document by its address or id; send its bytes",
        ));
    };
    let mut entry = Object::begin(out);
    entry.text("filename", file.name.as_deref().unwrap_or("document.pdf"));
    write_data_url(media_type, data, entry.key("file_data"));
    entry.end();
    Ok(())
}

/// A data URL as a JSON string, without putting megabytes together first.
pub(crate) fn write_data_url(media_type: &str, data: &str, out: &mut Vec<u8>) {
    out.reserve(data.len() + media_type.len() + 32);
    write_str(out, &format!("data:{media_type};base64,"));
    out.pop();
    let start = out.len();
    write_str(out, data);
    out.remove(start);
}

fn no_way(path: &str, what: &str) -> Fault {
    let message = format!("this model's provider cannot take {what}");
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(path.to_owned());
    fault
}
