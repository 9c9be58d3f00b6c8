//! The way back of a reply, between its reader and everything else: what was changed on the way out
//! is changed back here, once for all callers.
//!
//! Tools get the caller's names; free text comes out of its wrapping; a reply that had to be asked for
//! as a call becomes text again; calls without an id get one. What the caller's dialect would lose of
//! the reasoning's proofs is kept for byokey to remember.

use std::borrow::Cow;

use crate::{
    BlockKind, CallForm, Dialect, Event, Memory, Piece, Proof, ToolInput, Turn, free_text,
    ids::{CallerName, ToolNames, digest},
    origin,
    stops::Stops,
};

/// Name of the tool that stands for the reply's schema at models that know tools only.
pub(crate) const REPLY_TOOL: &str = "reply_in_this_shape";

/// What the way back must know of the request.
#[derive(Clone, Debug)]
pub(crate) struct Restore {
    caller: Dialect,
    names: ToolNames,
    /// The caller's tools that take free text.
    free_text: Vec<CallerName>,
    /// Whether the reply comes as a call of [`REPLY_TOOL`].
    reply_tool: bool,
    /// Whether the caller takes one call at a time from a provider that cannot be told so.
    single_call: bool,
    /// Numbers of the further calls, which are left out.
    extra: Vec<usize>,
    /// The provider family that made the reasoning proofs.
    origin: String,
    /// What the ids of calls without one are made of.
    seed: String,
    calls: usize,
    open: Vec<Open>,
    memory: Memories,
    stops: Option<Stops>,
}

/// A block that is more than passed on.
#[derive(Clone, Debug)]
struct Open {
    index: usize,
    as_what: As,
}

#[derive(Clone, Debug)]
enum As {
    /// A call of the reply's tool: its arguments are the reply's text.
    Reply,
    /// A call whose text can only be taken out of the whole arguments.
    Wrapped(String),
}

impl Restore {
    /// For the reply to this request.
    pub(crate) fn of(turn: &Turn<'_>, caller: Dialect, names: ToolNames, origin: &str) -> Self {
        let takes_text = |tool: &&crate::Tool<'_>| matches!(tool.input, ToolInput::FreeText);
        let name = |tool: &crate::Tool<'_>| CallerName {
            namespace: tool.namespace.as_deref().map(str::to_owned),
            name: tool.name.clone().into_owned(),
        };
        let plain: Vec<CallerName> = turn
            .tools
            .iter()
            .filter(|tool| !takes_text(tool))
            .map(name)
            .collect();
        let free_text = turn.tools.iter().filter(takes_text).map(name);
        Self {
            caller,
            names,
            free_text: free_text.filter(|name| !plain.contains(name)).collect(),
            reply_tool: false,
            single_call: false,
            extra: Vec::new(),
            origin: origin.to_owned(),
            seed: String::new(),
            calls: 0,
            open: Vec::new(),
            memory: Memories::default(),
            stops: None,
        }
    }

    /// Says at which texts the reply must be cut here.
    pub(crate) fn cut_at(&mut self, stops: Option<Stops>) {
        self.stops = stops;
    }

    /// Says that the reply comes as a call of [`REPLY_TOOL`].
    pub(crate) fn expect_reply_tool(&mut self) {
        self.reply_tool = true;
    }

    /// Says that only the reply's first call may reach the caller.
    pub(crate) fn expect_single_call(&mut self) {
        self.single_call = true;
    }

    /// For a reply that begins at `created_s` seconds since the epoch, as a stream or whole.
    pub(crate) fn begin(&self, created_s: i64, stream: bool) -> Self {
        Self {
            seed: created_s.to_string(),
            stops: self.stops.as_ref().map(|stops| stops.begin(stream)),
            ..self.clone()
        }
    }

    /// Takes the reader's next event.
    pub(crate) fn event(&mut self, event: Event<'_>, sink: &mut impl FnMut(Event<'_>)) {
        match self.stops.take() {
            Some(mut stops) => {
                self.inner(event, &mut |event| stops.event(event, sink));
                self.stops = Some(stops);
            }
            None => self.inner(event, sink),
        }
    }

    fn inner(&mut self, event: Event<'_>, sink: &mut impl FnMut(Event<'_>)) {
        if self.single_call && self.is_of_extra_call(&event) {
            return;
        }
        match event {
            Event::Start { id, model } => {
                self.seed = format!("{}\n{model}\n{id}", self.seed);
                sink(Event::Start { id, model });
            }
            Event::BlockStart { index, kind } => self.block_start(index, kind, sink),
            Event::Delta { index, piece } => self.delta(index, piece, sink),
            Event::BlockStop { index } => {
                self.let_go(index, free_text::unwrap, sink);
                sink(Event::BlockStop { index });
            }
            Event::Finish {
                reason,
                native,
                stop_sequence,
            } => {
                // What is open here was cut.
                for index in self.open.iter().map(|open| open.index).collect::<Vec<_>>() {
                    self.let_go(index, free_text::unwrap_cut, sink);
                }
                sink(Event::Finish {
                    reason,
                    native,
                    stop_sequence,
                });
            }
            other => sink(other),
        }
    }

    /// Whether an event belongs to a call behind the first.
    fn is_of_extra_call(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::BlockStart {
                index,
                kind: BlockKind::Call { .. },
            } if self.calls > 0 => {
                self.extra.push(*index);
                true
            }
            Event::Delta { index, .. } | Event::BlockStop { index } => self.extra.contains(index),
            _ => false,
        }
    }

    /// What byokey should remember of the reply, by the ids of its calls as the caller sees them.
    /// Empty when the caller's dialect can carry all of it.
    pub(crate) fn memories(&self) -> Vec<(String, Memory)> {
        self.memory.all()
    }

    fn block_start(&mut self, index: usize, kind: BlockKind<'_>, sink: &mut impl FnMut(Event<'_>)) {
        // Messages and Responses carry reasoning with its proof; no other dialect does.
        let keeps = !matches!(self.caller, Dialect::Messages | Dialect::Responses);
        let kind = match kind {
            BlockKind::Call { name, .. } if self.reply_tool && name == REPLY_TOOL => {
                let as_what = As::Reply;
                self.open.push(Open { index, as_what });
                BlockKind::Text
            }
            BlockKind::Call {
                id,
                name,
                form,
                namespace,
            } => self.call(index, id, name, form, namespace),
            BlockKind::Thinking if keeps => {
                self.memory.thinks(index);
                BlockKind::Thinking
            }
            BlockKind::Redacted(data) => {
                if keeps {
                    let proof = Proof::Redacted(origin::tag_redacted(&data, &self.origin).into());
                    self.memory
                        .thoughts
                        .push((index, String::new(), Some(proof)));
                }
                BlockKind::Redacted(data)
            }
            other => other,
        };
        sink(Event::BlockStart { index, kind });
    }

    fn call<'e>(
        &mut self,
        index: usize,
        id: Cow<'e, str>,
        name: Cow<'e, str>,
        form: CallForm,
        namespace: Option<Cow<'e, str>>,
    ) -> BlockKind<'e> {
        let number = self.calls;
        self.calls += 1;
        let id = if id.is_empty() {
            let mark = match self.caller {
                Dialect::Messages => "toolu",
                _ => "call",
            };
            let seed = format!("{}\n{number}", self.seed);
            Cow::Owned(format!("{mark}_{}", digest(&seed, 24)))
        } else {
            id
        };
        let (name, namespace) = match self.names.caller(&name) {
            Some(caller) => (
                Cow::Owned(caller.name.clone()),
                caller.namespace.clone().map(Cow::Owned),
            ),
            None => (name, namespace),
        };
        let is = |free: &CallerName| {
            free.name == name && free.namespace.as_deref() == namespace.as_deref()
        };
        let form = if form == CallForm::Json && self.free_text.iter().any(is) {
            let as_what = As::Wrapped(String::new());
            self.open.push(Open { index, as_what });
            CallForm::Text
        } else {
            form
        };
        self.memory
            .calls
            .push((index, id.clone().into_owned(), None));
        BlockKind::Call {
            id,
            name,
            form,
            namespace,
        }
    }

    fn delta(&mut self, index: usize, piece: Piece<'_>, sink: &mut impl FnMut(Event<'_>)) {
        self.memory.piece(index, &piece, &self.origin);
        let open = self.open.iter_mut().find(|open| open.index == index);
        let piece = match (open.map(|open| &mut open.as_what), piece) {
            (Some(As::Wrapped(held)), Piece::Arguments(more)) => {
                held.push_str(&more);
                return;
            }
            (Some(As::Reply), Piece::Arguments(more)) => Piece::Text(more),
            (_, piece) => piece,
        };
        sink(Event::Delta { index, piece });
    }

    /// Says what was held of a block.
    fn let_go(
        &mut self,
        index: usize,
        unwrap: for<'b> fn(Cow<'b, str>) -> Cow<'b, str>,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        let Some(position) = self.open.iter().position(|open| open.index == index) else {
            return;
        };
        if let As::Wrapped(held) = self.open.remove(position).as_what
            && !held.is_empty()
        {
            let piece = Piece::Arguments(unwrap(held.into()));
            sink(Event::Delta { index, piece });
        }
    }
}

/// Reasoning and calls of a reply, with the proofs that they came with.
#[derive(Clone, Debug, Default)]
struct Memories {
    /// Number of the block, text, tagged proof.
    thoughts: Vec<(usize, String, Option<Proof<'static>>)>,
    /// Number of the block, id, tagged proof.
    calls: Vec<(usize, String, Option<String>)>,
}

impl Memories {
    fn thinks(&mut self, index: usize) {
        self.thoughts.push((index, String::new(), None));
    }

    fn piece(&mut self, index: usize, piece: &Piece<'_>, origin: &str) {
        let thought = self.thoughts.iter_mut().rfind(|thought| thought.0 == index);
        match (piece, thought) {
            (Piece::Text(more), Some((_, text, _))) => text.push_str(more),
            (Piece::Signature(proof), Some((_, _, kept))) => {
                *kept = Some(Proof::Signature(origin::tag(proof, origin).into()));
            }
            (Piece::Signature(proof), None) => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.0 == index) {
                    call.2 = Some(origin::tag(proof, origin));
                }
            }
            _ => {}
        }
    }

    fn all(&self) -> Vec<(String, Memory)> {
        let proven = |thought: &(usize, String, Option<Proof<'static>>)| {
            Some((thought.1.clone(), thought.2.clone()?))
        };
        let thinking: Vec<(String, Proof<'static>)> =
            self.thoughts.iter().filter_map(proven).collect();
        let of_call = |(_, id, call): &(usize, String, Option<String>)| {
            let memory = Memory {
                thinking: thinking.clone(),
                call: call.clone(),
            };
            (!memory.is_empty()).then(|| (id.clone(), memory))
        };
        self.calls.iter().filter_map(of_call).collect()
    }
}

#[cfg(test)]
mod tests;
