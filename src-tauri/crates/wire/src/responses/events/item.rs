//! One item of a reply as far as it has arrived.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{BlockKind, CallForm, Citation, Event, Piece, json, messages::filled};

use super::super::frame::{ItemMembers, citations, parts, said};
use super::kind::{Kind, PartKind};

/// A part as far as it has arrived.
#[derive(Debug)]
struct Part {
    kind: PartKind,
    number: u64,
    /// Bytes sent on.
    sent: usize,
    cited: usize,
    /// Whether its tokens' probabilities came.
    probable: bool,
    /// Its block, while that is open (texts and refusals).
    block: Option<usize>,
}

/// An item as far as it has arrived.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) place: Option<u64>,
    pub(super) kind: Kind,
    pub(super) call_id: String,
    /// Arguments of a call.
    pub(super) arguments: String,
    /// Whether nothing more comes.
    pub(super) done: bool,
    name: String,
    namespace: Option<String>,
    /// Bytes of the arguments that were sent on.
    sent: usize,
    /// The block of a call or of reasoning.
    block: Option<usize>,
    /// Proof that came with the announcement; the final one goes before it.
    proof: Option<String>,
    parts: Vec<Part>,
    /// Digest of the last picture.
    picture: Option<String>,
}

impl Item {
    pub(super) fn new(id: &str, place: Option<u64>, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            place,
            kind,
            call_id: String::new(),
            arguments: String::new(),
            done: false,
            name: String::new(),
            namespace: None,
            sent: 0,
            block: None,
            proof: None,
            parts: Vec::new(),
            picture: None,
        }
    }

    /// Takes over what an announcement says, which is all but content.
    pub(super) fn take(&mut self, item: ItemMembers<'_>) {
        self.name_is(filled(item.name));
        if let Some(id) = filled(item.call_id) {
            self.call_id = id.into_owned();
        }
        if let Some(namespace) = filled(item.namespace) {
            self.namespace = Some(namespace.into_owned());
        }
        if let Some(proof) = filled(item.encrypted_content) {
            self.proof = Some(proof.into_owned());
        }
    }

    pub(super) fn name_is(&mut self, name: Option<Cow<'_, str>>) {
        if let Some(name) = name.filter(|_| self.name.is_empty()) {
            self.name = name.into_owned();
        }
    }

    /// The whole arguments; what has come of them already stays as it is.
    pub(super) fn arguments_are(&mut self, whole: Option<&str>) {
        let Some(whole) = whole else { return };
        if let Some(rest) = whole.strip_prefix(&*self.arguments) {
            self.arguments.push_str(rest);
        }
    }

    /// Sends on what has arrived of a call; it begins when its name and id are known, or, when
    /// `no_more` comes, with its name alone. True when it has begun.
    pub(super) fn advance(
        &mut self,
        no_more: bool,
        next: &mut usize,
        sink: &mut impl FnMut(Event<'_>),
    ) -> bool {
        if !matches!(self.kind, Kind::Call | Kind::TextCall) {
            return false;
        }
        let ready = !self.name.is_empty() && (no_more || !self.call_id.is_empty());
        if self.block.is_none() && ready && !self.done {
            let id = if self.call_id.is_empty() {
                &self.id
            } else {
                &self.call_id
            };
            let kind = BlockKind::Call {
                id: id.into(),
                name: self.name.as_str().into(),
                form: match self.kind {
                    Kind::TextCall => CallForm::Text,
                    _ => CallForm::Json,
                },
                namespace: self.namespace.as_deref().map(Cow::Borrowed),
            };
            self.block = Some(begin(kind, next, sink));
        }
        let Some(index) = self.block else {
            return false;
        };
        let more = &self.arguments[self.sent..];
        if !more.is_empty() {
            let piece = Piece::Arguments(more.into());
            sink(Event::Delta { index, piece });
            self.sent = self.arguments.len();
        }
        true
    }

    /// More of a part.
    pub(super) fn text(
        &mut self,
        (kind, number): (PartKind, u64),
        text: &str,
        next: &mut usize,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if text.is_empty() || self.done {
            return;
        }
        let is_thought = matches!(kind, PartKind::Summary | PartKind::Reasoning);
        if is_thought && self.parts.first().is_some_and(|first| first.kind != kind) {
            // The same thoughts once more, in full or in short.
            return;
        }
        let is_it = |part: &Part| part.kind == kind && part.number == number;
        let at = match self.parts.iter().position(is_it) {
            Some(at) => at,
            None => {
                self.parts.push(Part {
                    kind,
                    number,
                    sent: 0,
                    cited: 0,
                    probable: false,
                    block: None,
                });
                self.parts.len() - 1
            }
        };
        let index = if is_thought {
            let index = *self
                .block
                .get_or_insert_with(|| begin(BlockKind::Thinking, next, sink));
            if at > 0 && self.parts[at].sent == 0 {
                say(index, "\n\n", sink);
            }
            index
        } else {
            let of = match kind {
                PartKind::Refusal => BlockKind::Refusal,
                _ => BlockKind::Text,
            };
            *self.parts[at]
                .block
                .get_or_insert_with(|| begin(of, next, sink))
        };
        self.parts[at].sent += text.len();
        say(index, text, sink);
    }

    /// The whole of a part; only what has not come yet is sent on.
    pub(super) fn fill(
        &mut self,
        (kind, number): (PartKind, u64),
        whole: &str,
        next: &mut usize,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let is_it = |part: &&Part| part.kind == kind && part.number == number;
        let sent = self.parts.iter().find(is_it).map_or(0, |part| part.sent);
        if let Some(rest) = whole.get(sent..) {
            self.text((kind, number), rest, next, sink);
        }
    }

    /// A further source of a text.
    pub(super) fn cite(
        &mut self,
        number: u64,
        citation: Citation<'_>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let is_it = |part: &&mut Part| part.kind == PartKind::Text && part.number == number;
        if let Some(part) = self.parts.iter_mut().find(is_it)
            && let Some(index) = part.block
        {
            part.cited += 1;
            let piece = Piece::Citation(citation);
            sink(Event::Delta { index, piece });
        }
    }

    /// All sources of a text; only those that have not come yet are sent on.
    pub(super) fn cite_all(
        &mut self,
        number: u64,
        all: Vec<Citation<'_>>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let is_it = |part: &&Part| part.kind == PartKind::Text && part.number == number;
        let cited = self.parts.iter().find(is_it).map_or(0, |part| part.cited);
        for citation in all.into_iter().skip(cited) {
            self.cite(number, citation, sink);
        }
    }

    /// Probabilities of a text's tokens: of the newest ones, or, where none came so far, of all.
    pub(super) fn probable(
        &mut self,
        number: u64,
        list: Option<&RawValue>,
        newest: bool,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let is_it = |part: &&mut Part| part.kind == PartKind::Text && part.number == number;
        if let Some(part) = self.parts.iter_mut().find(is_it)
            && let Some(index) = part.block
            && let Some(list) = list.map(RawValue::get).filter(|list| *list != "[]")
            && (newest || !part.probable)
        {
            part.probable = true;
            let piece = Piece::Logprobs(list.into());
            sink(Event::Delta { index, piece });
        }
    }

    /// A picture, unless it is the one that was last shown.
    pub(super) fn picture(
        &mut self,
        data: Cow<'_, str>,
        format: Option<Cow<'_, str>>,
        next: &mut usize,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let digest = crate::ids::digest(&data, 64);
        if self.picture.as_ref() == Some(&digest) {
            return;
        }
        self.picture = Some(digest);
        let format = format.unwrap_or(Cow::Borrowed("png"));
        let media_type = format!("image/{format}").into();
        let index = begin(BlockKind::Image { media_type }, next, sink);
        let piece = Piece::Data(data);
        sink(Event::Delta { index, piece });
        sink(Event::BlockStop { index });
    }

    /// Takes over the item's end with everything it holds, and closes what is open. What was `cut`
    /// stays open, unless its arguments are whole. True when it is a call.
    pub(super) fn finish(
        &mut self,
        mut item: ItemMembers<'_>,
        cut: bool,
        next: &mut usize,
        sink: &mut impl FnMut(Event<'_>),
    ) -> bool {
        let (content, summary) = (parts(item.content), parts(item.summary));
        let input = filled(item.arguments.take()).or_else(|| filled(item.input.take()));
        let (picture, format) = (
            filled(item.result.take()),
            filled(item.output_format.take()),
        );
        self.take(item);
        self.arguments_are(input.as_deref());
        let called = self.advance(true, next, sink);
        for (number, part) in (0..).zip(summary) {
            self.fill((PartKind::Summary, number), &said(part), next, sink);
        }
        for (number, part) in (0..).zip(content) {
            if let Some(kind) = PartKind::named(&part).filter(|kind| kind.of_item() == self.kind) {
                let (found, logprobs) = (citations(part.annotations), part.logprobs);
                self.fill((kind, number), &said(part), next, sink);
                self.cite_all(number, found, sink);
                self.probable(number, logprobs, false, sink);
            }
        }
        if let Some(data) = picture.filter(|_| self.kind == Kind::Image) {
            self.picture(data, format, next, sink);
        }
        if self.kind == Kind::Reasoning
            && let Some(proof) = self.proof.take()
        {
            let index = *self
                .block
                .get_or_insert_with(|| begin(BlockKind::Thinking, next, sink));
            let piece = Piece::Signature(proof.into());
            sink(Event::Delta { index, piece });
        }
        self.done = true;
        for part in &mut self.parts {
            if let Some(index) = part.block.take() {
                sink(Event::BlockStop { index });
            }
        }
        let whole = || self.kind == Kind::Call && json::is_object(&self.arguments);
        if let Some(index) = self
            .block
            .filter(|_| self.kind == Kind::Reasoning || !cut || whole())
        {
            sink(Event::BlockStop { index });
        }
        called
    }
}

fn begin(kind: BlockKind<'_>, next: &mut usize, sink: &mut impl FnMut(Event<'_>)) -> usize {
    let index = *next;
    *next += 1;
    sink(Event::BlockStart { index, kind });
    index
}

fn say(index: usize, text: &str, sink: &mut impl FnMut(Event<'_>)) {
    let piece = Piece::Text(text.into());
    sink(Event::Delta { index, piece });
}
