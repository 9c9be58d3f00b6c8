//! From the hub's messages to the items of a request.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{Families, drop_member};
use crate::{
    Block, Body, Call, CallForm, CallResult, Fault, FaultKind, File, Image, Ledger, Message, Proof,
    Role, Source, Turn, Words,
    chat::write_data_url,
    free_text,
    ids::ToolNames,
    json::{Object, write_list, write_str},
    responses::content::read_result,
};

/// The list of items.
pub(super) struct Items<'w> {
    words: Words,
    families: &'w Families<'w>,
    names: &'w ToolNames,
    ledger: &'w mut Ledger,
    out: &'w mut Vec<u8>,
    empty: bool,
    /// Ids of the calls so far that took free text; their results have a type of their own.
    text_calls: HashMap<String, bool>,
}

impl<'w> Items<'w> {
    /// A list that goes to `out`.
    pub(super) fn new(
        words: Words,
        families: &'w Families<'w>,
        names: &'w ToolNames,
        ledger: &'w mut Ledger,
        out: &'w mut Vec<u8>,
    ) -> Self {
        Self {
            words,
            families,
            names,
            ledger,
            out,
            empty: true,
            text_calls: HashMap::new(),
        }
    }

    /// Writes the conversation; with `developer`, the system text before it as well.
    pub(super) fn write(mut self, turn: &Turn<'_>, developer: bool) -> Result<(), Fault> {
        self.out.push(b'[');
        self.drop_marks(&turn.system, turn.words.system);
        if developer && !turn.system.is_empty() {
            let blocks: Vec<&Block<'_>> = turn.system.iter().collect();
            self.message("developer", &blocks, turn.words.system)?;
        }
        for message in &turn.messages {
            self.drop_marks(&message.blocks, &self.words.message(message.at));
            match message.role {
                Role::Assistant => self.assistant(message),
                Role::System => {
                    let blocks: Vec<&Block<'_>> = message.blocks.iter().collect();
                    let path = self.words.message(message.at);
                    self.message("developer", &blocks, &path)?;
                }
                Role::User => self.user(message)?,
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn drop_marks(&mut self, blocks: &[Block<'_>], place: &str) {
        if blocks.iter().any(|block| block.cache.is_some()) {
            drop_member(self.ledger, format!("{place}.cache_control"));
        }
    }

    fn begin(&mut self, kind: &str) -> Object<'_> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        let mut item = Object::begin(self.out);
        item.text("type", kind);
        item
    }

    fn message(&mut self, role: &str, blocks: &[&Block<'_>], path: &str) -> Result<(), Fault> {
        let mut item = self.begin("message");
        item.text("role", role);
        let written = write_parts(blocks, path, item.key("content"));
        item.end();
        written
    }

    fn assistant(&mut self, message: &Message<'_>) {
        let mut said: Vec<&Block<'_>> = Vec::new();
        for block in &message.blocks {
            match &block.body {
                Body::Text(_) | Body::Refusal(_) => said.push(block),
                Body::Thinking(thinking) => {
                    self.said(&mut said, message);
                    let Some(Proof::Signature(proof) | Proof::Redacted(proof)) = &thinking.proof
                    else {
                        continue;
                    };
                    // The proof holds the reasoning; its readable summary is not taken back.
                    let mut item = self.begin("reasoning");
                    item.raw("summary", "[]");
                    item.text("encrypted_content", proof);
                    item.end();
                }
                Body::Call(call) => {
                    self.said(&mut said, message);
                    self.call(call);
                }
                Body::Image(_) | Body::File(_) | Body::Audio { .. } | Body::Result(_) => {
                    drop_member(
                        self.ledger,
                        format!("{}.content", self.words.message(message.at)),
                    );
                }
            }
        }
        self.said(&mut said, message);
    }

    /// Writes what the assistant has said since its last call.
    fn said(&mut self, blocks: &mut Vec<&Block<'_>>, message: &Message<'_>) {
        if blocks.is_empty() {
            return;
        }
        let mut item = self.begin("message");
        item.text("role", "assistant");
        write_list(item.key("content"), blocks.drain(..), |out, block| {
            let mut part = Object::begin(out);
            match &block.body {
                Body::Refusal(text) => {
                    part.text("type", "refusal");
                    part.text("refusal", text);
                }
                Body::Text(text) => {
                    part.text("type", "output_text");
                    part.text("text", text);
                }
                _ => {}
            }
            part.end();
        });
        if let Some(phase) = &message.phase {
            item.text("phase", phase);
        }
        item.end();
    }

    fn call(&mut self, call: &Call<'_>) {
        let names = self.names;
        let is_text = self
            .families
            .takes_text(&call.name)
            .unwrap_or(call.form == CallForm::Text);
        self.text_calls
            .insert(call.id.clone().into_owned(), is_text);
        if is_text {
            let mut item = self.begin("custom_tool_call");
            item.text("call_id", &call.id);
            item.text("name", names.call(call));
            item.text("input", &call.arguments);
            item.end();
            return;
        }
        let mut item = self.begin("function_call");
        item.text("call_id", &call.id);
        item.text("name", names.call(call));
        let out = item.key("arguments");
        match (call.form, &*call.arguments) {
            (CallForm::Json, "") => write_str(out, "{}"),
            (CallForm::Json, arguments) => write_str(out, arguments),
            (CallForm::Text, text) => {
                let mut wrapped = Vec::with_capacity(text.len() + 16);
                free_text::wrap(text, &mut wrapped);
                write_str(out, &String::from_utf8_lossy(&wrapped));
            }
        }
        item.end();
    }

    fn user(&mut self, message: &Message<'_>) -> Result<(), Fault> {
        let mut rest: Vec<&Block<'_>> = Vec::with_capacity(message.blocks.len());
        for block in &message.blocks {
            match &block.body {
                Body::Result(result) => self.result(result, message.at)?,
                Body::Thinking(_) | Body::Call(_) => {
                    drop_member(
                        self.ledger,
                        format!("{}.content", self.words.message(message.at)),
                    );
                }
                _ => rest.push(block),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        self.message("user", &rest, &self.words.message(message.at))
    }

    fn result(&mut self, result: &CallResult<'_>, at: usize) -> Result<(), Fault> {
        let path = self.words.message(at);
        if result.is_error {
            drop_member(self.ledger, format!("{path}.is_error"));
        }
        self.drop_marks(&result.blocks, &path);
        let is_text = self.text_calls.get(&*result.call_id) == Some(&true);
        let mut item = self.begin(if is_text {
            "custom_tool_call_output"
        } else {
            "function_call_output"
        });
        item.text("call_id", &result.call_id);
        let out = item.key("output");
        let written = match &*result.blocks {
            [] => {
                write_str(out, "");
                Ok(())
            }
            [
                Block {
                    body: Body::Text(text),
                    ..
                },
            ] => {
                write_output(text, out);
                Ok(())
            }
            blocks => write_parts(&blocks.iter().collect::<Vec<_>>(), &path, out),
        };
        item.end();
        written
    }
}

/// Writes a tool's text. Programs that know no pictures in results send a list of parts as text; the
/// model shall see the picture, not its letters.
fn write_output(text: &str, out: &mut Vec<u8>) {
    if text.trim_start().starts_with('[')
        && text.contains("image")
        && let Ok(raw) = serde_json::from_str::<&RawValue>(text)
        && let Ok(blocks) = read_result(raw, "", &mut Ledger::default())
        && blocks
            .iter()
            .any(|block| matches!(block.body, Body::Image(_)))
    {
        let blocks: Vec<&Block<'_>> = blocks.iter().collect();
        let before = out.len();
        if write_parts(&blocks, "", out).is_ok() {
            return;
        }
        out.truncate(before);
    }
    write_str(out, text);
}

fn write_parts(blocks: &[&Block<'_>], path: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    let mut fault = None;
    write_list(out, blocks, |out, block| {
        let mut part = Object::begin(out);
        match &block.body {
            Body::Text(text) | Body::Refusal(text) => {
                part.text("type", "input_text");
                part.text("text", text);
            }
            Body::Image(image) => write_image(image, &mut part),
            Body::File(file) => write_file(file, &mut part),
            Body::Audio { .. } => fault = Some(no_way(path, "sound")),
            Body::Thinking(_) | Body::Call(_) | Body::Result(_) => {
                fault = Some(no_way(
                    path,
                    "reasoning or a tool call inside other content",
                ));
            }
        }
        part.end();
    });
    fault.map_or(Ok(()), Err)
}

fn write_image(image: &Image<'_>, part: &mut Object<'_>) {
    part.text("type", "input_image");
    match &image.source {
        Source::Url(url) => part.text("image_url", url),
        Source::Base64 { media_type, data } => {
            write_data_url(media_type, data, part.key("image_url"));
        }
        Source::FileId(id) => part.text("file_id", id),
        Source::Text(text) => part.text("image_url", text),
    }
    if let Some(detail) = &image.detail {
        part.text("detail", detail);
    }
}

fn write_file(file: &File<'_>, part: &mut Object<'_>) {
    if let Source::Text(text) = &file.source {
        part.text("type", "input_text");
        part.text("text", text);
        return;
    }
    part.text("type", "input_file");
    match &file.source {
        Source::Base64 { media_type, data } => {
            part.text("filename", file.name.as_deref().unwrap_or("document.pdf"));
            write_data_url(media_type, data, part.key("file_data"));
            return;
        }
        Source::Url(url) => part.text("file_url", url),
        Source::FileId(id) | Source::Text(id) => part.text("file_id", id),
    }
    if let Some(name) = &file.name {
        part.text("filename", name);
    }
}

fn no_way(path: &str, what: &str) -> Fault {
    let message = format!("this model's provider cannot take {what}");
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(path.to_owned());
    fault
}
