use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    chunk::{Annotation, Called, Choice, Chunk, Delta, Kind, Loose, Parsed, Picture, Said},
    content::{address, arguments},
};
use crate::{
    BlockKind, CallForm, Citation, Dialect, Event, Fault, FaultKind, Finish, Piece, Source,
    counts::Counts, json, sse::Frame,
};

/// Most choices of one reply that are followed.
const MAX_CHOICES: usize = 16;

/// Reads a provider's chat stream.
///
/// `Finish` is held back until the end of the stream: some providers answer in several choices, of
/// which each has its own reason, and usage may follow.
#[derive(Debug, Default)]
pub(crate) struct Events {
    started: bool,
    ended: bool,
    /// Number of the next block.
    next: usize,
    choices: Vec<State>,
    finish: Option<(Finish, String)>,
    /// The choice whose text is read. More than one choice with text are alternatives.
    speaker: Option<usize>,
    counts: Counts,
}

/// One choice. Copilot spreads one reply over two of them.
#[derive(Debug, Default)]
struct State {
    finished: bool,
    /// The open block that is no call.
    open: Option<(Kind, usize)>,
    calls: Vec<CallState>,
}

/// A call as far as it has arrived. Its block starts when both id and name are there.
#[derive(Debug, Default)]
struct CallState {
    /// The provider's number of the call.
    number: u64,
    form: CallForm,
    id: String,
    name: String,
    arguments: String,
    /// How much of the arguments was sent on.
    sent: usize,
    block: Option<usize>,
    closed: bool,
}

impl Events {
    /// Takes the next frame. What is no chunk of a reply is skipped.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        let data = frame.data.trim_ascii();
        if data == b"[DONE]" {
            self.done(sink);
            return;
        }
        let mended = json::mend(data);
        let text = String::from_utf8_lossy(mended.as_deref().unwrap_or(data));
        self.take(Chunk::parse(&text), sink);
    }

    /// Whether the provider has said why the reply ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    /// Says that the provider closed its stream: the end if a reason was given, else a fault.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if self.ended {
            return;
        }
        if self.finish.is_some() {
            self.end(sink);
        } else {
            self.fail(Fault::incomplete(), sink);
        }
    }

    fn take(&mut self, parsed: Parsed<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match parsed {
            Parsed::Chunk(chunk) => self.chunk(*chunk, sink),
            Parsed::Fault(fault) => self.fail(fault, sink),
            Parsed::Nothing => {}
        }
    }

    fn chunk(&mut self, chunk: Chunk<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if !self.started {
            self.started = true;
            sink(Event::Start {
                id: chunk.id.and_then(|id| id.0).unwrap_or_default(),
                model: chunk.model.and_then(|model| model.0).unwrap_or_default(),
            });
        }
        for (nth, choice) in chunk.choices.unwrap_or_default().into_iter().enumerate() {
            self.choice(nth, choice, sink);
        }
        if let Some(usage) = chunk.usage {
            self.counts.read(usage.get());
            let usage = self.counts.usage(Dialect::Chat);
            if !usage.is_empty() {
                sink(Event::Usage(usage));
            }
        }
    }

    fn choice(&mut self, nth: usize, choice: Choice<'_>, sink: &mut impl FnMut(Event<'_>)) {
        let number = choice
            .index
            .and_then(|n| usize::try_from(n.0).ok())
            .unwrap_or(nth);
        if number >= MAX_CHOICES {
            return;
        }
        if self.choices.len() <= number {
            self.choices.resize_with(number + 1, State::default);
        }
        if self.choices[number].finished {
            return;
        }
        let weights = choice.logprobs.and_then(|logprobs| logprobs.content);
        if let Some(delta) = choice.delta {
            self.delta(number, delta, weights, sink);
        }
        let Some(native) = choice.finish_reason.and_then(|reason| reason.0) else {
            return;
        };
        if native.is_empty() {
            return;
        }
        let reason = reason(&native);
        self.close(number, reason == Finish::Length, sink);
        if native == "error" {
            let message = "the provider broke off its reply";
            self.fail(Fault::new(FaultKind::Upstream, message), sink);
            return;
        }
        // A choice with calls says more than the one with the text beside it.
        if self.finish.is_none() || reason == Finish::ToolCalls {
            self.finish = Some((reason, native.into_owned()));
        }
    }

    fn delta(
        &mut self,
        number: usize,
        delta: Delta<'_>,
        weights: Option<&RawValue>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let reasoning = [
            delta.reasoning_content,
            delta.reasoning,
            delta.reasoning_text,
        ];
        let thought = reasoning.into_iter().flatten().find_map(Said::into_text);
        if let Some(text) = thought {
            self.text(number, Kind::Thinking, text, sink);
        }
        match delta.content {
            Some(Said::Text(text)) => self.text(number, Kind::Text, text, sink),
            Some(Said::Parts(parts)) => {
                for (kind, text) in parts {
                    self.text(number, kind, text, sink);
                }
            }
            Some(Said::Nothing) | None => {}
        }
        if let Some(text) = delta.refusal.and_then(Said::into_text) {
            self.text(number, Kind::Refusal, text, sink);
        }
        if let Some(list) = weights {
            self.piece_of_text(number, Piece::Logprobs(list.get().into()), sink);
        }
        if let Some(sources) = delta.annotations {
            self.annotations(number, sources.get(), sink);
        }
        if let Some(pictures) = delta.images {
            self.pictures(number, pictures.get(), sink);
        }
        let mut touched = false;
        for (nth, call) in delta.tool_calls.unwrap_or_default().into_iter().enumerate() {
            touched = true;
            let place = call.index.map_or(nth as u64, |index| index.0);
            let (function, form) = match (call.function, call.custom) {
                (None, Some(custom)) => (custom, CallForm::Text),
                (function, _) => (function.unwrap_or_default(), CallForm::Json),
            };
            self.call(number, place, call.id, function, form);
        }
        if let Some(function) = delta.function_call {
            touched = true;
            self.call(number, 0, None, function, CallForm::Json);
        }
        if touched {
            self.advance_calls(number, false, sink);
        }
    }

    fn text(
        &mut self,
        number: usize,
        kind: Kind,
        text: Cow<'_, str>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if text.is_empty() {
            return;
        }
        if self.speaker.is_some_and(|speaker| speaker != number) {
            return;
        }
        if kind != Kind::Thinking {
            self.speaker = Some(number);
        }
        let state = &mut self.choices[number];
        let index = match state.open {
            Some((open, index)) if open == kind => index,
            _ => {
                state.close_open(sink);
                let index = self.next;
                self.next += 1;
                state.open = Some((kind, index));
                let kind = match kind {
                    Kind::Text => BlockKind::Text,
                    Kind::Refusal => BlockKind::Refusal,
                    Kind::Thinking => BlockKind::Thinking,
                };
                sink(Event::BlockStart { index, kind });
                index
            }
        };
        sink(Event::Delta {
            index,
            piece: Piece::Text(text),
        });
    }

    /// Says something of the text that is open; nothing when there is none.
    fn piece_of_text(&self, number: usize, piece: Piece<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if let Some((Kind::Text, index)) = self.choices[number].open {
            sink(Event::Delta { index, piece });
        }
    }

    fn annotations(&self, number: usize, list: &str, sink: &mut impl FnMut(Event<'_>)) {
        let list: Vec<Annotation<'_>> = serde_json::from_str(list).unwrap_or_default();
        for source in list.into_iter().filter_map(|source| source.url_citation) {
            let text = |member: Option<Loose<'_>>| {
                member.and_then(|it| it.0).unwrap_or_default().into_owned()
            };
            let citation = Citation {
                url: text(source.url).into(),
                title: text(source.title).into(),
                cited_text: source.content.and_then(|text| text.0),
                span: source
                    .start_index
                    .zip(source.end_index)
                    .map(|(from, to)| (from.0, to.0)),
            };
            self.piece_of_text(number, Piece::Citation(citation), sink);
        }
    }

    /// Pictures, as routers put them beside the text.
    fn pictures(&mut self, number: usize, list: &str, sink: &mut impl FnMut(Event<'_>)) {
        let list: Vec<Picture<'_>> = serde_json::from_str(list).unwrap_or_default();
        let urls = list
            .into_iter()
            .filter_map(|picture| picture.image_url?.url?.0);
        for url in urls {
            let Source::Base64 { media_type, data } = address(url.clone()) else {
                // Only its address is known.
                let text = format!("\n![picture]({url})\n");
                self.text(number, Kind::Text, text.into(), sink);
                continue;
            };
            self.choices[number].close_open(sink);
            let index = self.next;
            self.next += 1;
            let kind = BlockKind::Image { media_type };
            sink(Event::BlockStart { index, kind });
            let piece = Piece::Data(data);
            sink(Event::Delta { index, piece });
            sink(Event::BlockStop { index });
        }
    }

    /// Adds a fragment to a call; what it holds is sent on by [`advance_calls`](Self::advance_calls).
    fn call(
        &mut self,
        number: usize,
        place: u64,
        id: Option<Loose<'_>>,
        function: Called<'_>,
        form: CallForm,
    ) {
        let calls = &mut self.choices[number].calls;
        let at = match calls.iter().position(|call| call.number == place) {
            Some(at) => at,
            None => {
                calls.push(CallState {
                    number: place,
                    form,
                    ..CallState::default()
                });
                calls.len() - 1
            }
        };
        let call = &mut calls[at];
        if let Some(id) = id.and_then(|id| id.0).filter(|_| call.id.is_empty()) {
            call.id = id.into_owned();
        }
        if let Some(name) = function
            .name
            .and_then(|name| name.0)
            .filter(|_| call.name.is_empty())
        {
            call.name = name.into_owned();
        }
        if let Some(raw) = function.arguments
            && !call.closed
        {
            call.arguments.push_str(&arguments(raw));
        }
    }

    /// Sends on what has arrived of the calls, in the provider's order. A call starts when its id
    /// and name are known; at the end, when there is `no_more` to come, with what there is.
    fn advance_calls(&mut self, number: usize, no_more: bool, sink: &mut impl FnMut(Event<'_>)) {
        let state = &mut self.choices[number];
        state.calls.sort_by_key(|call| call.number);
        for at in 0..state.calls.len() {
            let call = &mut state.calls[at];
            if call.block.is_none() && call.ready(no_more) {
                state.close_open(sink);
                // A call whose arguments are whole gets no more of them.
                for earlier in &mut state.calls {
                    if earlier.whole() {
                        earlier.close(sink);
                    }
                }
                state.calls[at].start(self.next, sink);
                self.next += 1;
            }
            state.calls[at].send(sink);
        }
    }

    /// The provider says that a choice is complete, or was `cut` at the token limit: then a call
    /// that is not whole stays open.
    fn close(&mut self, number: usize, cut: bool, sink: &mut impl FnMut(Event<'_>)) {
        self.advance_calls(number, true, sink);
        let state = &mut self.choices[number];
        state.close_open(sink);
        for call in &mut state.calls {
            if !cut || call.whole() {
                call.close(sink);
            }
        }
        state.finished = true;
    }

    /// The provider says that its stream is complete. Without a reason before it that is only
    /// believed of text and of calls with whole arguments: others, or mere reasoning, may be cut.
    fn done(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if self.finish.is_none() {
            let mut calls = self.choices.iter().flat_map(|state| &state.calls);
            let reason = if self.called() && calls.all(CallState::whole) {
                Finish::ToolCalls
            } else if !self.called() && self.speaker.is_some() {
                Finish::Stop
            } else {
                self.fail(Fault::incomplete(), sink);
                return;
            };
            self.finish = Some((reason, String::new()));
        }
        self.end(sink);
    }

    fn end(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        for number in 0..self.choices.len() {
            if !self.choices[number].finished {
                self.close(number, false, sink);
            }
        }
        let (reason, native) = self.finish.take().unwrap_or((Finish::Stop, String::new()));
        let reason = match reason {
            // Some servers have one word for every good end.
            Finish::Stop if self.called() => Finish::ToolCalls,
            reason => reason,
        };
        sink(Event::Finish {
            reason,
            native: native.into(),
            stop_sequence: None,
        });
        sink(Event::End);
        self.ended = true;
    }

    fn called(&self) -> bool {
        self.choices.iter().any(|state| !state.calls.is_empty())
    }

    fn fail(&mut self, fault: Fault, sink: &mut impl FnMut(Event<'_>)) {
        self.ended = true;
        sink(Event::Fault(fault));
    }
}

impl State {
    fn close_open(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let Some((_, index)) = self.open.take() {
            sink(Event::BlockStop { index });
        }
    }
}

impl CallState {
    fn ready(&self, no_more: bool) -> bool {
        let nothing = self.id.is_empty() && self.name.is_empty() && self.arguments.is_empty();
        !self.id.is_empty() && !self.name.is_empty() || no_more && !nothing
    }

    /// Whether it has an object for arguments, so that nothing is missing. Of free text nobody knows.
    fn whole(&self) -> bool {
        self.form == CallForm::Json && json::is_object(&self.arguments)
    }

    fn start(&mut self, index: usize, sink: &mut impl FnMut(Event<'_>)) {
        if self.name.is_empty() {
            self.name = format!("tool_{}", self.number);
        }
        self.block = Some(index);
        let (id, name) = (self.id.as_str().into(), self.name.as_str().into());
        sink(Event::BlockStart {
            index,
            kind: BlockKind::Call {
                id,
                name,
                form: self.form,
                namespace: None,
            },
        });
    }

    fn send(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        let Some(index) = self.block else {
            return;
        };
        let more = &self.arguments[self.sent..];
        if !more.is_empty() {
            sink(Event::Delta {
                index,
                piece: Piece::Arguments(more.into()),
            });
            self.sent = self.arguments.len();
        }
    }

    fn close(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        if let Some(index) = self.block.filter(|_| !self.closed) {
            self.send(sink);
            self.closed = true;
            sink(Event::BlockStop { index });
        }
    }
}

/// Reads a provider's whole reply: one chunk that holds everything.
///
/// # Errors
/// When the body is not JSON.
pub(crate) fn read_reply(body: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    let mut events = Events::default();
    match Chunk::parse(&String::from_utf8_lossy(body)) {
        Parsed::Nothing => {
            let message = "the provider's reply is no chat completion";
            return Err(Fault::new(FaultKind::Upstream, message));
        }
        parsed => events.take(parsed, sink),
    }
    if !events.ended {
        events.done(sink);
    }
    Ok(())
}

/// A finish reason in byokey's words; one that nobody knows is an ordinary end.
pub(crate) fn reason(native: &str) -> Finish {
    match native {
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" | "tool_use" => Finish::ToolCalls,
        "content_filter" | "refusal" | "safety" | "SAFETY" => Finish::Refused,
        _ => Finish::Stop,
    }
}

#[cfg(test)]
mod tests;
