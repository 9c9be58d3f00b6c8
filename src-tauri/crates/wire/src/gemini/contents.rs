//! Reads the contents of a request into the hub's messages.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    body::{AnswerPart, Answered, Blob, Called, Content, FileRef, Part},
    media, proof,
    request::{bad, dropped, unknown},
};
use crate::{
    Action, Block, Body, Call, CallResult, Fault, Ledger, Message, Proof, Reason, Role, Thinking,
    json::{Shallow, Text},
};

/// Reads the conversation.
pub(super) fn read<'a>(
    contents: Vec<Content<'a>>,
    ledger: &mut Ledger,
) -> Result<Vec<Message<'a>>, Fault> {
    let mut messages = Vec::with_capacity(contents.len());
    for (at, content) in contents.into_iter().enumerate() {
        let path = format!("contents[{at}]");
        unknown(ledger, &path, &content.unknown);
        let role = match content.role.as_deref() {
            Some("model" | "assistant") => Role::Assistant,
            // Function results once had roles of their own.
            Some("user" | "function" | "tool" | "") | None => Role::User,
            Some(_) => {
                let message = "a content's role must be user or model";
                return Err(bad(&format!("{path}.role"), message));
            }
        };
        let mut reader = Reader {
            path,
            ledger: &mut *ledger,
            blocks: Vec::new(),
            thought: None,
        };
        for (nth, part) in content.parts.unwrap_or_default().0.into_iter().enumerate() {
            reader.part(nth, part)?;
        }
        reader.end_thought();
        messages.push(Message::new(role, at, reader.blocks));
    }
    Ok(messages)
}

/// Reads system text; nothing else has a place there in any dialect.
pub(super) fn read_system<'a>(content: Content<'a>, ledger: &mut Ledger) -> Vec<Block<'a>> {
    const PATH: &str = "systemInstruction";
    unknown(ledger, PATH, &content.unknown);
    let mut blocks = Vec::new();
    for (nth, part) in content.parts.unwrap_or_default().0.into_iter().enumerate() {
        let path = format!("{PATH}.parts[{nth}]");
        unknown(ledger, &path, &part.unknown);
        match part.text {
            Some(text) => blocks.push(Block::text(text.0)),
            None => dropped(ledger, path),
        }
    }
    blocks
}

/// One content on its way into blocks.
struct Reader<'l, 'a> {
    path: String,
    ledger: &'l mut Ledger,
    blocks: Vec<Block<'a>>,
    /// Thought parts so far; streams cut one thought into many.
    thought: Option<Thinking<'a>>,
}

impl<'a> Reader<'_, 'a> {
    fn part(&mut self, nth: usize, part: Part<'a>) -> Result<(), Fault> {
        let path = format!("{}.parts[{nth}]", self.path);
        unknown(self.ledger, &path, &part.unknown);
        let signature = part.signature.filter(|text| !text.is_empty());
        let signature = signature.map(|text| proof::read(text.0));
        let plain = part.call.is_none() && part.result.is_none();
        if plain && part.thought == Some(true) {
            self.thought(part.text.unwrap_or_default().0, signature);
            return Ok(());
        }
        self.end_thought();
        if let Some(call) = part.call {
            let call = read_call(call, signature, &path, self.ledger);
            self.push(Body::Call(call));
            return Ok(());
        }
        if signature.is_some() {
            let text = Cow::Borrowed("");
            let proof = signature;
            self.push(Body::Thinking(Thinking { text, proof }));
        }
        if let Some(text) = part.text {
            self.push(Body::Text(text.0));
        }
        if let Some(blob) = part.inline {
            let body = self.blob(blob, &path)?;
            self.push(body);
        }
        if let Some(file) = part.file {
            let body = self.file(file, &path)?;
            self.push(body);
        }
        if let Some(result) = part.result {
            let body = self.result(result, &path)?;
            self.push(body);
        }
        if let Some(code) = part.code {
            self.ledger
                .note(path.clone(), Action::Approximated, Reason::Dialect);
            let code = code.code.unwrap_or_default();
            self.push(Body::Text(format!("```\n{}\n```", &*code).into()));
        }
        if let Some(ran) = part.ran {
            self.ledger
                .note(path, Action::Approximated, Reason::Dialect);
            let output = ran.output.unwrap_or_default();
            self.push(Body::Text(format!("```output\n{}\n```", &*output).into()));
        }
        Ok(())
    }

    fn push(&mut self, body: Body<'a>) {
        self.blocks.push(Block::new(body));
    }

    /// Adds to the thought; its proof ends it.
    fn thought(&mut self, text: Cow<'a, str>, proof: Option<Proof<'a>>) {
        let signed = proof.is_some();
        let thought = self.thought.get_or_insert(Thinking {
            text: Cow::Borrowed(""),
            proof: None,
        });
        if thought.text.is_empty() {
            thought.text = text;
        } else {
            thought.text.to_mut().push_str(&text);
        }
        thought.proof = proof;
        if signed {
            self.end_thought();
        }
    }

    fn end_thought(&mut self) {
        if let Some(thought) = self.thought.take() {
            self.push(Body::Thinking(thought));
        }
    }

    fn blob(&mut self, blob: Blob<'a>, path: &str) -> Result<Body<'a>, Fault> {
        let path = format!("{path}.inlineData");
        unknown(self.ledger, &path, &blob.unknown);
        let mime = blob.mime.map_or(Cow::Borrowed(""), Cow::from);
        let data = blob
            .data
            .ok_or_else(|| bad(&format!("{path}.data"), "`data` is missing"))?;
        Ok(media::inline(mime, data.0, blob.name.map(Cow::from)))
    }

    fn file(&mut self, file: FileRef<'a>, path: &str) -> Result<Body<'a>, Fault> {
        let path = format!("{path}.fileData");
        unknown(self.ledger, &path, &file.unknown);
        let mime = file.mime.map_or(Cow::Borrowed(""), Cow::from);
        let uri = file
            .uri
            .ok_or_else(|| bad(&format!("{path}.fileUri"), "`fileUri` is missing"))?;
        Ok(media::at_address(&mime, uri.0, file.name.map(Cow::from)))
    }

    fn result(&mut self, result: Answered<'a>, path: &str) -> Result<Body<'a>, Fault> {
        let path = format!("{path}.functionResponse");
        unknown(self.ledger, &path, &result.unknown);
        let (text, is_error) = result.response.map_or((None, false), read_response);
        let mut blocks: Vec<Block<'a>> = text.map(Block::text).into_iter().collect();
        for (nth, part) in result.parts.unwrap_or_default().0.into_iter().enumerate() {
            let AnswerPart {
                inline,
                file,
                unknown: others,
            } = part;
            let path = format!("{path}.parts[{nth}]");
            unknown(self.ledger, &path, &others);
            if let Some(blob) = inline {
                blocks.push(Block::new(self.blob(blob, &path)?));
            }
            if let Some(file) = file {
                blocks.push(Block::new(self.file(file, &path)?));
            }
        }
        Ok(Body::Result(CallResult {
            call_id: result.id.map_or(Cow::Borrowed(""), Cow::from),
            name: result.name.map(Cow::from),
            blocks,
            is_error,
        }))
    }
}

fn read_call<'a>(
    call: Called<'a>,
    proof: Option<Proof<'a>>,
    path: &str,
    ledger: &mut Ledger,
) -> Call<'a> {
    unknown(ledger, &format!("{path}.functionCall"), &call.unknown);
    Call {
        proof,
        ..Call::new(
            call.id.unwrap_or_default().0,
            call.name.unwrap_or_default().0,
            call.args.map_or("", RawValue::get),
        )
    }
}

/// What a function answered and whether it failed: Google's convention puts an answer into `output`
/// (its library: `result`) and a failure into `error`; anything else is the answer as it stands.
fn read_response(response: &RawValue) -> (Option<Cow<'_, str>>, bool) {
    let raw = response.get();
    if raw == "{}" {
        return (None, false);
    }
    let Some(Shallow(members)) = Shallow::of(raw) else {
        return (Some(raw.into()), false);
    };
    let [(name, value)] = members.as_slice() else {
        return (Some(raw.into()), false);
    };
    let text = serde_json::from_str::<Text<'_>>(value.get()).ok();
    match (&**name, text) {
        ("output" | "result", Some(text)) => (Some(text.0), false),
        ("error", Some(text)) => (Some(text.0), true),
        ("error", None) if value.get() != "null" => (Some(value.get().into()), true),
        _ => (Some(raw.into()), false),
    }
}
