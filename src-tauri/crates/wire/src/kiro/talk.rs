//! The conversation as Kiro takes it: one message of the person, and before it a history in which
//! person and model take turns.

use super::render::ORIGIN;
use super::tools::Tools;
use crate::{
    Action, Block, Body, Call, CallForm, CallResult, Fault, FaultKind, File, Image, Ledger,
    Message, Proof, Reason, Role, Source, Turn, Words,
    history::OPENING,
    ids::{CallIds, ToolNames},
    json::{self, Object, write_list},
};

/// What a model says that only calls tools: Kiro refuses to hear nothing.
const SILENCE: &str = " ";
/// What a tool says that says nothing.
const NO_OUTPUT: &str = "(no output)";
/// What a tool says whose pictures or documents stand beside its result.
const BESIDE: &str = "(see what is attached to this message)";

/// A conversation being written.
pub(super) struct Talk<'w> {
    model: &'w str,
    names: &'w ToolNames,
    words: Words,
    ledger: &'w mut Ledger,
    ids: CallIds,
}

/// What a message of the person holds, by its place in Kiro's form.
#[derive(Default)]
struct Said<'b> {
    text: String,
    images: Vec<(&'static str, &'b str)>,
    documents: Vec<Document<'b>>,
    results: Vec<&'b CallResult<'b>>,
}

struct Document<'b> {
    name: String,
    format: &'static str,
    data: &'b str,
}

impl<'w> Talk<'w> {
    /// A conversation with this model.
    pub(super) fn new(
        model: &'w str,
        names: &'w ToolNames,
        words: Words,
        ledger: &'w mut Ledger,
    ) -> Self {
        Self {
            model,
            names,
            words,
            ledger,
            ids: CallIds::default(),
        }
    }

    /// Writes the history and the current message.
    pub(super) fn write(
        mut self,
        turn: &Turn<'_>,
        instructions: &str,
        tools: &Tools<'_>,
        state: &mut Object<'_>,
    ) -> Result<(), Fault> {
        let opening = Message::new(Role::User, 0, vec![Block::text(OPENING)]);
        let (current, history) = match turn.messages.split_last() {
            Some((last, before)) if last.role != Role::Assistant => (last, before),
            // Kiro has no way to go on with a begun answer; it becomes history.
            _ => {
                self.ledger
                    .note(self.words.messages, Action::Synthesised, Reason::Dialect);
                (&opening, &*turn.messages)
            }
        };
        let mut instructions = Some(instructions).filter(|text| !text.is_empty());
        if !history.is_empty() {
            let mut failed = None;
            write_list(state.key("history"), history, |out, message| {
                let mut entry = Object::begin(out);
                let written = match message.role {
                    Role::Assistant => self.assistant(message, &mut entry),
                    Role::User | Role::System => {
                        self.person(message, instructions.take(), None, &mut entry)
                    }
                };
                entry.end();
                if let Err(fault) = written {
                    failed.get_or_insert(fault);
                }
            });
            failed.map_or(Ok(()), Err)?;
        }
        let mut entry = Object::begin(state.key("currentMessage"));
        self.person(current, instructions, Some(tools), &mut entry)?;
        entry.end();
        Ok(())
    }

    fn person(
        &mut self,
        message: &Message<'_>,
        instructions: Option<&str>,
        tools: Option<&Tools<'_>>,
        entry: &mut Object<'_>,
    ) -> Result<(), Fault> {
        let mut said = Said::default();
        if let Some(instructions) = instructions {
            said.text.push_str(instructions);
        }
        self.gather(&message.blocks, message.at, &mut said)?;
        let mut object = Object::begin(entry.key("userInputMessage"));
        object.text("content", &said.text);
        object.text("modelId", self.model);
        object.text("origin", ORIGIN);
        if !said.images.is_empty() {
            write_list(object.key("images"), &said.images, |out, (format, data)| {
                let mut image = Object::begin(out);
                image.text("format", format);
                write_bytes(&mut image, data);
                image.end();
            });
        }
        if !said.documents.is_empty() {
            write_list(object.key("documents"), &said.documents, |out, file| {
                let mut document = Object::begin(out);
                document.text("name", &file.name);
                document.text("format", file.format);
                write_bytes(&mut document, file.data);
                document.end();
            });
        }
        let tools = tools.filter(|tools| !tools.is_empty());
        if tools.is_some() || !said.results.is_empty() {
            let mut context = Object::begin(object.key("userInputMessageContext"));
            if !said.results.is_empty() {
                write_list(context.key("toolResults"), &said.results, |out, result| {
                    self.result(result, message.at, out);
                });
            }
            if let Some(tools) = tools {
                tools.write(context.key("tools"), self.ledger);
            }
            context.end();
        }
        object.end();
        Ok(())
    }

    /// Sorts blocks into their places. What stands in a tool's result beside its text goes to the
    /// message that holds the result.
    fn gather<'b>(
        &mut self,
        blocks: &'b [Block<'b>],
        at: usize,
        said: &mut Said<'b>,
    ) -> Result<(), Fault> {
        for block in blocks {
            if block.cache.is_some() {
                let path = format!("{}.cache_control", self.words.message(at));
                self.ledger.note(path, Action::Dropped, Reason::Dialect);
            }
            match &block.body {
                Body::Text(text) | Body::Refusal(text) => add(&mut said.text, text),
                Body::Image(image) => {
                    if image
                        .detail
                        .as_deref()
                        .is_some_and(|detail| detail != "auto")
                    {
                        let path = format!("{}.image_url.detail", self.words.message(at));
                        self.ledger.note(path, Action::Dropped, Reason::Dialect);
                    }
                    said.images.push(picture(image, &self.words.message(at))?);
                }
                Body::File(File {
                    source: Source::Text(text),
                    ..
                }) => add(&mut said.text, text),
                Body::File(file) => {
                    let document = document(file, said.documents.len(), &self.words.message(at))?;
                    said.documents.push(document);
                }
                Body::Audio { .. } => {
                    return Err(refused(&self.words.message(at), "Kiro takes no sound"));
                }
                Body::Result(result) => {
                    said.results.push(result);
                    let attached = |block: &&Block<'_>| !matches!(block.body, Body::Text(_));
                    for block in result.blocks.iter().filter(attached) {
                        self.ledger
                            .note(self.words.message(at), Action::Moved, Reason::Dialect);
                        self.gather(std::slice::from_ref(block), at, said)?;
                    }
                }
                Body::Thinking(_) | Body::Call(_) => {
                    self.ledger.note(
                        self.words.message(at),
                        Action::Dropped,
                        Reason::InvalidHistory,
                    );
                }
            }
        }
        Ok(())
    }

    fn result(&mut self, result: &CallResult<'_>, at: usize, out: &mut Vec<u8>) {
        let mut texts: Vec<&str> = Vec::new();
        for block in &result.blocks {
            if let Body::Text(text) = &block.body
                && !text.trim().is_empty()
            {
                texts.push(text);
            }
        }
        if texts.is_empty() {
            let empty = result
                .blocks
                .iter()
                .all(|block| matches!(block.body, Body::Text(_)));
            texts.push(if empty { NO_OUTPUT } else { BESIDE });
            self.ledger
                .note(self.words.message(at), Action::Synthesised, Reason::Dialect);
        }
        let mut object = Object::begin(out);
        object.text("toolUseId", self.ids.result(&result.call_id));
        object.text("status", if result.is_error { "error" } else { "success" });
        write_list(object.key("content"), texts, |out, text| {
            let mut content = Object::begin(out);
            content.text("text", text);
            content.end();
        });
        object.end();
    }

    fn assistant(&mut self, message: &Message<'_>, entry: &mut Object<'_>) -> Result<(), Fault> {
        self.ids.next_batch();
        let at = message.at;
        let (mut text, mut calls, mut proof) = (String::new(), Vec::new(), None);
        for block in &message.blocks {
            let kept = match &block.body {
                Body::Text(said) | Body::Refusal(said) => {
                    add(&mut text, said);
                    true
                }
                Body::Call(call) => {
                    calls.push(call);
                    true
                }
                // A message has room for one.
                Body::Thinking(thinking) if proof.is_none() => {
                    proof = Some(thinking);
                    true
                }
                _ => false,
            };
            if !kept {
                self.ledger
                    .note(self.words.message(at), Action::Dropped, Reason::Dialect);
            }
            if block.cache.is_some() {
                let path = format!("{}.cache_control", self.words.message(at));
                self.ledger.note(path, Action::Dropped, Reason::Dialect);
            }
        }
        let mut object = Object::begin(entry.key("assistantResponseMessage"));
        object.text("content", if text.is_empty() { SILENCE } else { &text });
        if let Some(thinking) = proof {
            let mut reasoning = Object::begin(object.key("reasoningContent"));
            match &thinking.proof {
                Some(Proof::Redacted(data)) => reasoning.text("redactedContent", data),
                signature => {
                    let mut said = Object::begin(reasoning.key("reasoningText"));
                    said.text("text", &thinking.text);
                    if let Some(Proof::Signature(signature)) = signature {
                        said.text("signature", signature);
                    }
                    said.end();
                }
            }
            reasoning.end();
        }
        if !calls.is_empty() {
            write_list(object.key("toolUses"), calls, |out, call| {
                self.call(call, at, out);
            });
        }
        object.end();
        Ok(())
    }

    fn call(&mut self, call: &Call<'_>, at: usize, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.text("toolUseId", self.ids.call(&call.id));
        object.text("name", self.names.call(call));
        let arguments = call.arguments.trim();
        let free_text = call.form == CallForm::Text;
        if !free_text && arguments.is_empty() {
            object.raw("input", "{}");
        } else if !free_text && json::is_object(arguments) {
            object.raw("input", arguments);
        } else {
            if !free_text {
                let path = format!("{}.arguments", self.words.message(at));
                self.ledger
                    .note(path, Action::Approximated, Reason::InvalidHistory);
            }
            let mut input = Object::begin(object.key("input"));
            input.text("input", &call.arguments);
            input.end();
        }
        object.end();
    }
}

/// Adds a text behind a blank line.
fn add(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

fn write_bytes(object: &mut Object<'_>, data: &str) {
    let mut source = Object::begin(object.key("source"));
    source.text("bytes", data);
    source.end();
}

fn refused(path: &str, message: &str) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(path.to_owned());
    fault
}

/// A picture's format and bytes.
fn picture<'b>(image: &'b Image<'_>, path: &str) -> Result<(&'static str, &'b str), Fault> {
    let Source::Base64 { media_type, data } = &image.source else {
        return Err(refused(
            path,
            "Kiro takes pictures as bytes only, not by address or id; send the picture itself",
        ));
    };
    let format = match &**media_type {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => {
            return Err(refused(
                path,
                "Kiro takes pictures as PNG, JPEG, GIF or WebP",
            ));
        }
    };
    Ok((format, data))
}

fn document<'b>(file: &'b File<'_>, number: usize, path: &str) -> Result<Document<'b>, Fault> {
    let Source::Base64 { media_type, data } = &file.source else {
        return Err(refused(
            path,
            "Kiro takes documents as bytes only, not by address or id; send the document itself",
        ));
    };
    let format = match &**media_type {
        "application/pdf" | "" => "pdf",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "text/html" => "html",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        _ => return Err(refused(path, "Kiro does not take documents of this type")),
    };
    let name = title(file.name.as_deref().unwrap_or_default());
    let name = if name.is_empty() {
        format!("document {}", number + 1)
    } else {
        name
    };
    Ok(Document { name, format, data })
}

/// A name in the letters that documents may have: no dots, no blanks in a row.
fn title(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let plain: String = stem
        .chars()
        .map(|c| match c {
            '-' | '(' | ')' | '[' | ']' => c,
            c if c.is_ascii_alphanumeric() => c,
            _ => ' ',
        })
        .take(200)
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
