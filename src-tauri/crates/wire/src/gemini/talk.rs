//! Writes the conversation: contents and their parts.
//!
//! Gemini 3 and later refuse a step whose first function call lacks its proof. A proof goes back to
//! the part that it came with; a first call without one gets the placeholder that Google documents
//! for histories made elsewhere.

use std::{borrow::Cow, collections::HashMap};

use super::{
    media::{audio_mime, mime_of_address},
    render::dropped,
};
use crate::{
    Action, Block, Body, Call, CallForm, CallResult, Fault, FaultKind, File, Ledger, Message,
    Proof, Reason, Role, Source, Target, Turn, Words, free_text,
    ids::ToolNames,
    json::{self, Object, write_list},
};

/// Stands for a proof that another model's history cannot have.
const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// The list of contents.
pub(super) struct Talk<'t, 'l> {
    names: &'t ToolNames,
    ledger: &'l mut Ledger,
    /// Whether the model is of the third generation or later: it wants proofs, and takes pictures
    /// within a function's answer.
    third: bool,
    fetches_urls: bool,
    /// The provider's names of the functions called so far, by the ids of their calls.
    called: HashMap<&'t str, &'t str>,
    words: Words,
    /// Number of the message being written, in the caller's list.
    at: usize,
}

impl<'t, 'l> Talk<'t, 'l> {
    pub(super) fn new(
        turn: &'t Turn<'_>,
        target: &Target<'_>,
        names: &'t ToolNames,
        ledger: &'l mut Ledger,
    ) -> Self {
        let thinking = target.caps.thinking.as_ref();
        Self {
            names,
            ledger,
            // Those before have token budgets instead of levels.
            third: thinking.is_none_or(|support| !support.levels.is_empty()),
            fetches_urls: target.caps.fetches_urls != Some(false),
            called: HashMap::new(),
            words: turn.words,
            at: 0,
        }
    }

    /// Writes the list. Messages of which nothing is left are passed over.
    pub(super) fn write(
        mut self,
        messages: &'t [Message<'_>],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        out.push(b'[');
        let start = out.len();
        for message in messages {
            self.at = message.at;
            if message.blocks.iter().any(|block| block.cache.is_some()) {
                dropped(
                    self.ledger,
                    format!("{}.cache_control", self.words.message(message.at)),
                );
            }
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            let assistant = message.role == Role::Assistant;
            out.extend_from_slice(if assistant {
                br#"{"role":"model","parts":["#
            } else {
                br#"{"role":"user","parts":["#
            });
            let mut parts = Parts { out, empty: true };
            if assistant {
                self.assistant(message, &mut parts)?;
            } else {
                self.user(message, &mut parts)?;
            }
            if parts.empty {
                out.truncate(before);
            } else {
                out.extend_from_slice(b"]}");
            }
        }
        out.push(b']');
        Ok(())
    }

    fn assistant(&mut self, message: &'t Message<'_>, parts: &mut Parts<'_>) -> Result<(), Fault> {
        // Proofs that stand on their calls as well as before them.
        let called: Vec<&str> = message
            .blocks
            .iter()
            .filter_map(|block| match &block.body {
                Body::Call(call) => call.proof.as_ref().map(Proof::text),
                _ => None,
            })
            .collect();
        // A proof that waits for the part it belongs to.
        let mut pending: Option<&str> = None;
        let mut first_call = true;
        let is_call = |block: &Block<'_>| matches!(block.body, Body::Call(_));
        let last_call = message.blocks.iter().rposition(is_call).unwrap_or(0);
        for (nth, block) in message.blocks.iter().enumerate() {
            match &block.body {
                Body::Thinking(thinking) => {
                    if !thinking.text.is_empty() {
                        let mut part = parts.next();
                        part.text("text", &thinking.text);
                        part.bool("thought", true);
                        part.end();
                    }
                    let proof = thinking.proof.as_ref().map(Proof::text);
                    if let Some(proof) = proof.filter(|proof| !called.contains(proof)) {
                        flush(pending.replace(proof), parts);
                    }
                }
                Body::Text(text) | Body::Refusal(text) => {
                    let mut part = parts.next();
                    part.text("text", text);
                    // Calls need a proof, text may have one.
                    if nth > last_call || !first_call {
                        sign(&mut part, pending.take());
                    }
                    part.end();
                }
                Body::Call(call) => {
                    let own = call.proof.as_ref().map(Proof::text);
                    if own.is_some() {
                        flush(pending.take(), parts);
                    }
                    let proof = own.or(pending.take());
                    self.call(call, proof, std::mem::take(&mut first_call), parts);
                }
                other => self.media(other, parts)?,
            }
        }
        flush(pending, parts);
        Ok(())
    }

    fn call(
        &mut self,
        call: &'t Call<'_>,
        proof: Option<&str>,
        first: bool,
        parts: &mut Parts<'_>,
    ) {
        self.called.insert(&call.id, self.names.call(call));
        let mut part = parts.next();
        let mut object = Object::begin(part.key("functionCall"));
        if !call.id.is_empty() {
            object.text("id", &call.id);
        }
        object.text("name", self.names.call(call));
        let free_text = call.form == CallForm::Text;
        if !free_text && json::is_object(&call.arguments) {
            object.raw("args", call.arguments.trim());
        } else if !free_text && call.arguments.trim().is_empty() {
            object.raw("args", "{}");
        } else {
            if !free_text {
                let path = format!("{}.arguments", self.words.message(self.at));
                self.ledger
                    .note(path, Action::Approximated, Reason::InvalidHistory);
            }
            free_text::wrap(&call.arguments, object.key("args"));
        }
        object.end();
        if proof.is_none() && first && self.third {
            self.ledger.note(
                self.words.message(self.at),
                Action::Synthesised,
                Reason::ForeignSignature,
            );
            sign(&mut part, Some(PLACEHOLDER));
        } else {
            sign(&mut part, proof);
        }
        part.end();
    }

    fn user(&mut self, message: &'t Message<'_>, parts: &mut Parts<'_>) -> Result<(), Fault> {
        // What older models take only beside the answers that it belongs to; answers go first.
        let mut beside: Vec<&Block<'_>> = Vec::new();
        let is_result = |block: &&Block<'_>| matches!(block.body, Body::Result(_));
        for block in message.blocks.iter().filter(is_result) {
            if let Body::Result(result) = &block.body {
                self.result(result, &mut beside, parts)?;
            }
        }
        let rest = message.blocks.iter().filter(|block| !is_result(block));
        for block in beside.into_iter().chain(rest) {
            match &block.body {
                Body::Text(text) | Body::Refusal(text) => {
                    let mut part = parts.next();
                    part.text("text", text);
                    part.end();
                }
                other => self.media(other, parts)?,
            }
        }
        Ok(())
    }

    fn result<'r>(
        &mut self,
        result: &'r CallResult<'_>,
        beside: &mut Vec<&'r Block<'r>>,
        parts: &mut Parts<'_>,
    ) -> Result<(), Fault> {
        let known = self.called.get(&*result.call_id).copied();
        let own = || result.name.as_deref().map(|name| self.names.upstream(name));
        let name = known.or_else(own).unwrap_or_default();
        let is_text = |block: &&Block<'_>| plain_text(&block.body).is_some();
        let (texts, media): (Vec<_>, Vec<_>) = result.blocks.iter().partition(is_text);
        let mut part = parts.next();
        let mut object = Object::begin(part.key("functionResponse"));
        if !result.call_id.is_empty() {
            object.text("id", &result.call_id);
        }
        object.text("name", name);
        write_response(&texts, result.is_error, object.key("response"));
        if self.third && !media.is_empty() {
            let mut failed = None;
            write_list(object.key("parts"), media, |out, block| {
                let mut inner = Object::begin(out);
                if let Err(fault) = self.write_media(&block.body, &mut inner) {
                    failed.get_or_insert(fault);
                }
                inner.end();
            });
            if let Some(fault) = failed {
                return Err(fault);
            }
        } else {
            beside.extend(media);
        }
        object.end();
        part.end();
        Ok(())
    }

    fn media(&mut self, body: &Body<'_>, parts: &mut Parts<'_>) -> Result<(), Fault> {
        let mut part = parts.next();
        self.write_media(body, &mut part)?;
        part.end();
        Ok(())
    }

    /// The members of a part with a picture, sound or document.
    fn write_media(&mut self, body: &Body<'_>, part: &mut Object<'_>) -> Result<(), Fault> {
        let (source, name, picture) = match body {
            Body::Image(image) => {
                if image
                    .detail
                    .as_deref()
                    .is_some_and(|detail| detail != "auto")
                {
                    dropped(
                        self.ledger,
                        format!("{}.image_url.detail", self.words.message(self.at)),
                    );
                }
                (&image.source, None, true)
            }
            Body::File(file) => (&file.source, file.name.as_deref(), false),
            Body::Audio { data, format } => {
                write_inline(part, &audio_mime(format), data);
                return Ok(());
            }
            Body::Text(_)
            | Body::Refusal(_)
            | Body::Thinking(_)
            | Body::Call(_)
            | Body::Result(_) => {
                return Err(
                    self.refused("a function's answer may hold text, pictures and documents only")
                );
            }
        };
        match source {
            Source::Base64 { media_type, data } => {
                let fallback = if picture {
                    "image/png"
                } else {
                    "application/pdf"
                };
                let media_type = match &**media_type {
                    "" => fallback,
                    "image/jpg" => "image/jpeg",
                    media_type => media_type,
                };
                write_inline(part, media_type, data);
            }
            Source::Text(text) => {
                let text = match name {
                    Some(name) => Cow::Owned(format!("{name}\n\n{text}")),
                    None => Cow::Borrowed(&**text),
                };
                part.text("text", &text);
            }
            Source::Url(url) => self.write_address(part, url)?,
            Source::FileId(_) => {
                return Err(self.refused(
                    "a file id means something only to the provider that keeps the file; send the file itself",
                ));
            }
        }
        Ok(())
    }

    fn write_address(&self, part: &mut Object<'_>, url: &str) -> Result<(), Fault> {
        if !self.fetches_urls {
            return Err(self.refused(
                "this model does not fetch pictures and documents from an address; send their bytes",
            ));
        }
        let mut file = Object::begin(part.key("fileData"));
        if let Some(mime) = mime_of_address(url) {
            file.text("mimeType", mime);
        }
        file.text("fileUri", url);
        file.end();
        Ok(())
    }

    fn refused(&self, message: &str) -> Fault {
        let mut fault = Fault::new(FaultKind::BadRequest, message);
        fault.param = Some(self.words.message(self.at));
        fault
    }
}

/// A list of parts.
struct Parts<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl Parts<'_> {
    fn next(&mut self) -> Object<'_> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        Object::begin(self.out)
    }
}

fn sign(part: &mut Object<'_>, proof: Option<&str>) {
    if let Some(proof) = proof {
        part.text("thoughtSignature", proof);
    }
}

/// Gives a proof that no part claimed a part of its own, as streams do.
fn flush(proof: Option<&str>, parts: &mut Parts<'_>) {
    if proof.is_some() {
        let mut part = parts.next();
        part.text("text", "");
        sign(&mut part, proof);
        part.end();
    }
}

fn write_inline(part: &mut Object<'_>, mime: &str, data: &str) {
    let mut inline = Object::begin(part.key("inlineData"));
    inline.text("mimeType", mime);
    inline.text("data", data);
    inline.end();
}

/// The text of a text or of a document that is nothing else.
fn plain_text<'b>(body: &'b Body<'_>) -> Option<&'b str> {
    match body {
        Body::Text(text)
        | Body::File(File {
            source: Source::Text(text),
            ..
        }) => Some(text),
        _ => None,
    }
}

/// Writes a function's answer, which must be an object.
fn write_response(texts: &[&Block<'_>], is_error: bool, out: &mut Vec<u8>) {
    let said: Vec<&str> = texts
        .iter()
        .filter_map(|block| plain_text(&block.body))
        .collect();
    let text: Cow<'_, str> = match said.as_slice() {
        [one] => (*one).into(),
        many => many.join("\n\n").into(),
    };
    if !is_error && (text.is_empty() && said.is_empty()) {
        out.extend_from_slice(b"{}");
    } else if !is_error && json::is_object(&text) {
        out.extend_from_slice(text.trim().as_bytes());
    } else {
        let mut response = Object::begin(out);
        response.text(if is_error { "error" } else { "result" }, &text);
        response.end();
    }
}
