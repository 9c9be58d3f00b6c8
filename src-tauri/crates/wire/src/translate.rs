//! The way of a request and its reply between two dialects that do not match.
//!
//! A request is read into a [`Turn`](crate::Turn), repaired, and written for the provider; what the
//! way back must remember is kept in an [`Answer`]. Streams and single replies come back through the
//! same events, so both say the same thing.

use std::sync::Arc;

use crate::{
    Action, Capabilities, Dialect, Event, Fault, FaultKind, Ledger, Memory, Plan, Proofs, Reason,
    Reasoning, Turn, chat,
    fold::Fold,
    gemini, history,
    ids::ToolNames,
    json, keep_alive, kiro, messages, plan, responses,
    restore::Restore,
    settle::Settle,
    sse::{Frame, Frames},
    stops::Stops,
    thinking,
    watch::Seen,
};

/// Whom a request is translated for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The provider's name of the model.
    pub model: &'a str,
    /// What the model can do.
    pub caps: &'a Capabilities,
    /// The provider family whose reasoning proofs are genuine there, such as `anthropic`.
    pub origin: &'a str,
    /// Which form of its dialect the provider takes.
    pub form: Form<'a>,
    /// How hard to think by the suffix of the model's name; it goes before the body's word.
    pub reasoning: Option<Reasoning>,
    /// Which reasoning proofs may go along.
    pub proofs: Proofs<'a>,
}

impl<'a> Target<'a> {
    /// A provider that takes the published form of its dialect.
    pub fn new(model: &'a str, caps: &'a Capabilities, origin: &'a str) -> Self {
        Self {
            model,
            caps,
            origin,
            form: Form::Full,
            reasoning: None,
            proofs: Proofs::Given,
        }
    }
}

/// A form of a provider's dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form<'a> {
    /// As published.
    #[default]
    Full,
    /// The back ends of ChatGPT plans: Responses, streamed and not stored, without sampling.
    Plan,
    /// Google's Code Assist: Gemini in an envelope with model and project.
    CodeAssist {
        /// The Google Cloud project.
        project: &'a str,
    },
    /// Kiro with the account's profile.
    Kiro {
        /// ARN of the profile; empty for accounts without one.
        profile: &'a str,
    },
}

/// What a caller asks.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The caller's dialect.
    pub dialect: Dialect,
    /// The dialect of the reply: another one for programs that send Responses and read Chat.
    pub answer: Dialect,
    /// The body as it came.
    pub body: &'a [u8],
    /// The model, where the path names it.
    pub model: Option<&'a str>,
    /// Whether a stream is wanted, where the path says it.
    pub stream: Option<bool>,
    /// Whether the stream is one JSON array instead of server-sent events (Gemini).
    pub array: bool,
    /// What the reply is to be called where callers go on from it by its id (responses): providers
    /// of other dialects may use theirs again.
    pub reply_id: Option<&'a str>,
}

impl<'a> Ask<'a> {
    /// A request whose body says everything.
    pub fn new(dialect: Dialect, body: &'a [u8]) -> Self {
        Self {
            dialect,
            answer: dialect,
            body,
            model: None,
            stream: None,
            array: false,
            reply_id: None,
        }
    }
}

/// A request in the provider's dialect.
#[derive(Debug)]
pub struct Translated {
    /// The body to send.
    pub body: Vec<u8>,
    /// What could not be carried.
    pub losses: Ledger,
    /// How to bring the reply back.
    pub answer: Answer,
}

/// Turns a caller's request into one for the provider.
///
/// # Errors
/// [`FaultKind::BadRequest`] when the body is not a request of the caller's dialect, or asks for
/// something the provider's dialect has no way to do.
pub fn translate(
    ask: &Ask<'_>,
    upstream: Dialect,
    target: &Target<'_>,
) -> Result<Translated, Fault> {
    let caller = ask.dialect;
    let planned = plan(caller, upstream);
    // What would pass is translated all the same when its reply is not read in that dialect, or the
    // provider takes another form of it.
    let passes = planned == Some(Plan::Pass) && ask.answer == caller && target.form == Form::Full;
    if planned.is_none() || passes {
        return Err(no_way(caller, upstream));
    }
    let mended = json::mend(ask.body);
    let body = mended.as_deref().unwrap_or(ask.body);
    let plain = (caller == Dialect::Gemini).then(|| gemini::plain_schemas(body));
    let body = plain.as_ref().and_then(Option::as_deref).unwrap_or(body);

    let (mut turn, mut losses) = match caller {
        Dialect::Chat => chat::read_request(body)?,
        Dialect::Messages => messages::read_request(body)?,
        Dialect::Responses => responses::read_request(body)?,
        Dialect::Gemini => gemini::read_request(body)?,
        Dialect::Kiro => return Err(no_way(caller, upstream)),
    };
    if let Some(model) = ask.model {
        turn.model = model.into();
    }
    turn.stream = ask.stream.unwrap_or(turn.stream);
    if caller == Dialect::Gemini && turn.logprobs.take().is_some() {
        // Their form differs so much that nothing of it could be shown.
        losses.note(turn.words.logprobs, Action::Dropped, Reason::Dialect);
    }
    turn.reasoning = thinking::resolve_reasoning(
        turn.reasoning,
        target.reasoning,
        target.caps.thinking.as_ref(),
    )?;
    if target.reasoning.is_some() {
        turn.words.reasoning = "model";
    }
    if upstream != Dialect::Responses {
        drop_phases(&turn, &mut losses);
    }
    history::repair(&mut turn, upstream, target, &mut losses);
    if caller == Dialect::Gemini && matches!(upstream, Dialect::Chat | Dialect::Responses) {
        history::speak_of_json(&mut turn, &mut losses);
    }
    if upstream == Dialect::Messages {
        messages::mark_for_cache(&mut turn, &mut losses);
    }
    let envelope = Envelope::of(&turn, ask, target);
    let names = ToolNames::of(&turn, upstream);
    let body = match upstream {
        Dialect::Chat => chat::render_request(&turn, target, &names, &mut losses)?,
        Dialect::Messages => messages::render_request(&turn, target, &names, &mut losses)?,
        Dialect::Responses => responses::render_request(&turn, target, &names, &mut losses)?,
        Dialect::Gemini => gemini::render_request(&turn, target, &names, &mut losses)?,
        Dialect::Kiro => kiro::render_request(&turn, target, &names, &mut losses)?,
    };
    let mut restore = Restore::of(&turn, ask.answer, names, target.origin);
    if upstream == Dialect::Messages && messages::replies_by_tool(&turn, target) {
        restore.expect_reply_tool();
    }
    if matches!(upstream, Dialect::Responses | Dialect::Kiro) {
        let texts = turn.sampling.stop.iter().map(|text| &**text);
        restore.cut_at(Stops::of(texts));
    }
    if upstream == Dialect::Gemini && turn.parallel_tools == Some(false) {
        restore.expect_single_call();
    }
    Ok(Translated {
        body,
        losses,
        answer: Answer {
            caller: ask.answer,
            upstream,
            envelope,
            restore,
        },
    })
}

/// Only Responses tells commentary on the way from the final answer.
fn drop_phases(turn: &Turn<'_>, losses: &mut Ledger) {
    for message in turn
        .messages
        .iter()
        .filter(|message| message.phase.is_some())
    {
        let path = format!("{}.phase", turn.words.message(message.at));
        losses.note(path, Action::Dropped, Reason::Dialect);
    }
}

fn no_way(caller: Dialect, upstream: Dialect) -> Fault {
    let message = format!(
        "byokey cannot translate between {} and {}; choose a model whose provider speaks {}",
        caller.name(),
        upstream.name(),
        caller.name()
    );
    Fault::new(FaultKind::BadRequest, message)
}

/// What surrounds a reply in the caller's dialect but does not come from the provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct Envelope {
    /// The caller's own name for the model.
    pub(crate) model: String,
    /// Seconds since the epoch at which the reply began.
    pub(crate) created_s: i64,
    /// Whether the caller wants token counts at the end of a stream.
    pub(crate) include_usage: bool,
    /// Tools that take free text instead of JSON arguments, by the caller's names.
    pub(crate) free_text_tools: Vec<String>,
    /// The provider family that made the reasoning proofs.
    pub(crate) origin: String,
    /// Whether the stream is one JSON array (Gemini).
    pub(crate) array: bool,
    /// The reply's id, where it is not the provider's.
    pub(crate) reply_id: Option<String>,
    /// Tools whose calls the caller wants in another form (responses).
    pub(crate) shaped_tools: Vec<(String, crate::ToolShape)>,
    /// Members of the request that stand in the reply again (responses).
    pub(crate) echo: Arc<str>,
}

impl Envelope {
    /// Whether the caller knows the tool as one that takes free text.
    pub(crate) fn is_custom(&self, tool: &str) -> bool {
        self.free_text_tools.iter().any(|name| name == tool)
    }

    fn of(turn: &Turn<'_>, ask: &Ask<'_>, target: &Target<'_>) -> Self {
        let mixed = ask.answer != ask.dialect;
        let free_text = |tool: &&crate::Tool<'_>| {
            matches!(tool.input, crate::ToolInput::FreeText) && !tool.flat && !mixed
        };
        Self {
            model: turn.model.clone().into_owned(),
            created_s: 0,
            include_usage: turn.include_usage,
            free_text_tools: turn
                .tools
                .iter()
                .filter(free_text)
                .map(|tool| tool.name.clone().into_owned())
                .collect(),
            origin: target.origin.to_owned(),
            array: ask.array,
            reply_id: ask.reply_id.map(ToOwned::to_owned),
            shaped_tools: turn
                .shaped_tools
                .iter()
                .map(|(name, shape)| (name.clone().into_owned(), *shape))
                .collect(),
            echo: turn.echo.as_str().into(),
        }
    }
}

/// The way back of a reply.
#[derive(Clone, Debug)]
pub struct Answer {
    caller: Dialect,
    upstream: Dialect,
    envelope: Envelope,
    restore: Restore,
}

/// A whole reply in the caller's dialect.
#[derive(Debug)]
pub struct Reply {
    /// The body.
    pub body: Vec<u8>,
    /// What was in it.
    pub seen: Seen,
    /// What it lost on its way.
    pub losses: Ledger,
    /// What byokey should remember of it, by call id.
    pub memories: Vec<(String, Memory)>,
}

impl Answer {
    /// The translation of a streamed reply that begins at `created_s` seconds since the epoch.
    pub fn stream(&self, created_s: i64) -> Translation {
        Translation {
            source: Source::new(self.upstream),
            tail: Tail {
                restore: Box::new(self.restore.begin(created_s, true)),
                settle: Settle::new(self.caller),
                writer: Writer::new(self.caller, self.envelope(created_s)),
            },
        }
    }

    /// Translates a whole reply.
    ///
    /// # Errors
    /// When the body is no reply of the provider's dialect, or says that the provider failed.
    pub fn reply(&self, body: &[u8], created_s: i64) -> Result<Reply, Fault> {
        let is_text = self.upstream != Dialect::Kiro;
        let mended = is_text.then(|| json::mend(body)).flatten();
        let body = mended.as_deref().unwrap_or(body);
        let mut restore = self.restore.begin(created_s, false);
        let mut settle = Settle::new(self.caller);
        let mut fold = Fold::default();
        let mut sink = |event: Event<'_>| {
            restore.event(event, &mut |event| {
                settle.event(event, &mut |event| fold.event(event));
            });
        };
        match self.upstream {
            Dialect::Messages => messages::read_reply(body, &mut sink)?,
            Dialect::Responses => responses::read_reply(body, &mut sink)?,
            Dialect::Gemini => gemini::read_reply(body, &mut sink)?,
            Dialect::Kiro => kiro::read_reply(body, &mut sink),
            Dialect::Chat => chat::read_reply(body, &mut sink)?,
        }
        let folded = fold.finish()?;
        let envelope = self.envelope(created_s);
        let body = match self.caller {
            Dialect::Messages => messages::render_reply(&folded, &envelope),
            Dialect::Responses => responses::render_reply(&folded, &envelope),
            Dialect::Gemini => gemini::render_reply(&folded, &envelope),
            Dialect::Chat | Dialect::Kiro => chat::render_reply(&folded, &envelope),
        };
        let memories = restore.memories();
        let (seen, losses) = settle.into_parts();
        Ok(Reply {
            body,
            seen,
            losses,
            memories,
        })
    }

    fn envelope(&self, created_s: i64) -> Envelope {
        Envelope {
            created_s,
            ..self.envelope.clone()
        }
    }
}

/// A streamed reply on its way to the caller.
#[derive(Debug)]
pub struct Translation {
    source: Source,
    tail: Tail,
}

impl Translation {
    /// Takes bytes of the provider's stream, cut anywhere, and appends what the caller gets for them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Self { source, tail } = self;
        source.push(bytes, &mut |event| tail.event(event, out));
    }

    /// Says that the provider closed its stream. Ends the caller's stream as well, with an error if
    /// the provider left something open.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let Self { source, tail } = self;
        source.finish(&mut |event| tail.event(event, out));
    }

    /// Ends the caller's stream with an error, unless it has ended already.
    pub fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.tail.event(Event::Fault(fault.clone()), out);
    }

    /// Whether the provider has said its last word, even if it has not closed its stream: then
    /// [`finish`](Self::finish) ends the caller's stream well.
    pub fn is_complete(&self) -> bool {
        self.done() || self.source.is_complete()
    }

    /// Bytes that keep the caller's silent stream open without saying anything.
    pub fn keep_alive(&self) -> &'static [u8] {
        match &self.tail.writer {
            Writer::Chat(_) => keep_alive(Dialect::Chat),
            Writer::Messages(_) => keep_alive(Dialect::Messages),
            Writer::Responses(_) => keep_alive(Dialect::Responses),
            Writer::Gemini(emit) => emit.keep_alive(),
        }
    }

    /// What was seen so far.
    pub fn seen(&self) -> &Seen {
        self.tail.settle.seen()
    }

    /// What the reply lost on its way.
    pub fn losses(&self) -> &Ledger {
        self.tail.settle.losses()
    }

    /// What byokey should remember of the reply so far, by the ids of its calls as the caller sees
    /// them: reasoning whose proofs the caller's dialect would lose. Worth asking once, at the end.
    pub fn memories(&self) -> Vec<(String, Memory)> {
        self.tail.restore.memories()
    }

    /// Whether the caller's stream has ended; nothing is written after that.
    pub fn done(&self) -> bool {
        self.tail.settle.done()
    }
}

/// From the provider's events to the caller's bytes.
#[derive(Debug)]
struct Tail {
    restore: Box<Restore>,
    settle: Settle,
    writer: Writer,
}

impl Tail {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Self {
            restore,
            settle,
            writer,
        } = self;
        restore.event(event, &mut |event| {
            settle.event(event, &mut |event| writer.event(&event, out));
        });
    }
}

/// From the provider's bytes to its events.
#[derive(Debug)]
enum Source {
    /// Server-sent events.
    Lines(Frames, Reader),
    /// An AWS event stream.
    Binary(Box<kiro::Events>),
}

impl Source {
    fn new(upstream: Dialect) -> Self {
        match upstream {
            Dialect::Kiro => Self::Binary(Box::default()),
            _ => Self::Lines(Frames::new(), Reader::new(upstream)),
        }
    }

    fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Event<'_>)) {
        match self {
            Self::Lines(frames, reader) => frames.push(bytes, |frame| reader.frame(&frame, sink)),
            Self::Binary(events) => events.push(bytes, sink),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Lines(_, Reader::Chat(events)) => events.is_complete(),
            Self::Lines(_, Reader::Gemini(events)) => events.is_complete(),
            // Theirs end with a word of their own, which is passed on at once.
            Self::Lines(_, Reader::Messages(_) | Reader::Responses(_)) | Self::Binary(_) => false,
        }
    }

    fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        match self {
            Self::Lines(frames, reader) => {
                frames.finish(|frame| reader.frame(&frame, sink));
                reader.finish(sink);
            }
            Self::Binary(events) => events.finish(sink),
        }
    }
}

/// Reads a provider's stream.
#[derive(Debug)]
enum Reader {
    Chat(Box<chat::Events>),
    Messages(Box<messages::Events>),
    Responses(Box<responses::Events>),
    Gemini(Box<gemini::Events>),
}

impl Reader {
    fn new(upstream: Dialect) -> Self {
        match upstream {
            Dialect::Messages => Self::Messages(Box::default()),
            Dialect::Responses => Self::Responses(Box::default()),
            Dialect::Gemini => Self::Gemini(Box::default()),
            Dialect::Chat | Dialect::Kiro => Self::Chat(Box::default()),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match self {
            Self::Chat(events) => events.frame(frame, sink),
            Self::Messages(events) => events.frame(frame, sink),
            Self::Responses(events) => events.frame(frame, sink),
            Self::Gemini(events) => events.frame(frame, sink),
        }
    }

    fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        match self {
            Self::Chat(events) => events.finish(sink),
            Self::Messages(events) => events.finish(sink),
            Self::Responses(events) => events.finish(sink),
            Self::Gemini(events) => events.finish(sink),
        }
    }
}

/// Writes the caller's stream.
#[derive(Debug)]
enum Writer {
    Chat(Box<chat::Emit>),
    Messages(Box<messages::Emit>),
    Responses(Box<responses::Emit>),
    Gemini(Box<gemini::Emit>),
}

impl Writer {
    fn new(caller: Dialect, envelope: Envelope) -> Self {
        match caller {
            Dialect::Messages => Self::Messages(Box::new(messages::Emit::new(envelope))),
            Dialect::Responses => Self::Responses(Box::new(responses::Emit::new(envelope))),
            Dialect::Gemini => Self::Gemini(Box::new(gemini::Emit::new(envelope))),
            Dialect::Chat | Dialect::Kiro => Self::Chat(Box::new(chat::Emit::new(envelope))),
        }
    }

    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Chat(emit) => emit.event(event, out),
            Self::Messages(emit) => emit.event(event, out),
            Self::Responses(emit) => emit.event(event, out),
            Self::Gemini(emit) => emit.event(event, out),
        }
    }
}

#[cfg(test)]
mod recordings;
#[cfg(test)]
mod tests;
