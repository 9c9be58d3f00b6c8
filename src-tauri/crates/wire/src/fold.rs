//! Folds the events of a reply into one whole, for callers that did not ask for a stream.

use std::borrow::Cow;

use crate::{BlockKind, CallForm, Citation, Event, Fault, FaultKind, Finish, Piece, Usage};

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Folded {
    /// The provider's id of the reply; may be empty.
    pub(crate) id: String,
    /// What was said, in order of first appearance.
    pub(crate) blocks: Vec<Part>,
    /// Sources of texts, each with the place of its text in `blocks`.
    pub(crate) citations: Vec<(usize, Citation<'static>)>,
    /// Probabilities of texts' tokens, as JSON lists, each with the place of its text in `blocks`.
    pub(crate) logprobs: Vec<(usize, String)>,
    /// Token counts, as far as reported.
    pub(crate) usage: Usage,
    /// Why it ended.
    pub(crate) finish: Finish,
    /// The same in the provider's words.
    pub(crate) native: String,
    /// The stop text that matched.
    pub(crate) stop_sequence: Option<String>,
}

/// A block of a whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Visible text.
    Text(String),
    /// A refusal.
    Refusal(String),
    /// Readable reasoning and its signature.
    Thinking {
        /// The reasoning.
        text: String,
        /// The provider's proof.
        signature: Option<String>,
    },
    /// Encrypted reasoning.
    Redacted(String),
    /// A tool call; the id may be empty, the arguments are JSON text or empty for none.
    Call {
        /// Its id.
        id: String,
        /// The tool's name.
        name: String,
        /// The arguments.
        arguments: String,
        /// What the arguments are.
        form: CallForm,
        /// The group of tools that the name belongs to.
        namespace: Option<String>,
        /// The provider's proof of the reasoning before the call.
        proof: Option<String>,
    },
    /// A picture the model made.
    Image {
        /// MIME type.
        media_type: String,
        /// Base64 data.
        data: String,
    },
}

#[cfg(test)]
impl Part {
    /// A call with JSON arguments.
    pub(crate) fn call(id: &str, name: &str, arguments: &str) -> Self {
        Self::Call {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            form: CallForm::Json,
            namespace: None,
            proof: None,
        }
    }
}

/// Collects events.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    id: String,
    blocks: Vec<Part>,
    /// Where each block stands in `blocks`, by the events' numbers.
    places: Vec<usize>,
    citations: Vec<(usize, Citation<'static>)>,
    logprobs: Vec<(usize, String)>,
    usage: Usage,
    finish: Option<(Finish, String, Option<String>)>,
    fault: Option<Fault>,
}

impl Fold {
    /// Takes the next event.
    pub(crate) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start { id, .. } => self.id = id.into_owned(),
            Event::BlockStart { index, kind } => {
                if self.places.len() <= index {
                    self.places.resize(index + 1, usize::MAX);
                }
                self.places[index] = self.blocks.len();
                self.blocks.push(match kind {
                    BlockKind::Text => Part::Text(String::new()),
                    BlockKind::Refusal => Part::Refusal(String::new()),
                    BlockKind::Thinking => Part::Thinking {
                        text: String::new(),
                        signature: None,
                    },
                    BlockKind::Redacted(data) => Part::Redacted(data.into_owned()),
                    BlockKind::Call {
                        id,
                        name,
                        form,
                        namespace,
                    } => Part::Call {
                        id: id.into_owned(),
                        name: name.into_owned(),
                        arguments: String::new(),
                        form,
                        namespace: namespace.map(Cow::into_owned),
                        proof: None,
                    },
                    BlockKind::Image { media_type } => Part::Image {
                        media_type: media_type.into_owned(),
                        data: String::new(),
                    },
                });
            }
            Event::Delta { index, piece } => self.delta(index, piece),
            Event::Usage(usage) => self.usage.update(&usage),
            Event::Finish {
                reason,
                native,
                stop_sequence,
            } => {
                let stop_sequence = stop_sequence.map(Cow::into_owned);
                self.finish = Some((reason, native.into_owned(), stop_sequence));
            }
            Event::Fault(fault) => self.fault = Some(fault),
            Event::BlockStop { .. } | Event::Ping | Event::End => {}
        }
    }

    fn delta(&mut self, index: usize, piece: Piece<'_>) {
        let place = self.places.get(index).copied().unwrap_or(usize::MAX);
        match (self.blocks.get_mut(place), piece) {
            (
                Some(Part::Text(text) | Part::Refusal(text) | Part::Thinking { text, .. }),
                Piece::Text(more),
            ) => text.push_str(&more),
            (Some(Part::Call { arguments, .. }), Piece::Arguments(more)) => {
                arguments.push_str(&more);
            }
            (
                Some(
                    Part::Thinking { signature, .. }
                    | Part::Call {
                        proof: signature, ..
                    },
                ),
                Piece::Signature(proof),
            ) => {
                *signature = Some(proof.into_owned());
            }
            (Some(Part::Image { data, .. }), Piece::Data(more)) => data.push_str(&more),
            (Some(Part::Text(_)), Piece::Citation(citation)) => {
                self.citations.push((place, citation.into_owned()));
            }
            (Some(Part::Text(_)), Piece::Logprobs(list)) => {
                self.logprobs.push((place, list.into_owned()));
            }
            _ => {}
        }
    }

    /// The whole reply.
    ///
    /// # Errors
    /// The provider's own error, or that the reply never came to its end.
    pub(crate) fn finish(self) -> Result<Folded, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let Some((finish, native, stop_sequence)) = self.finish else {
            return Err(Fault::new(
                FaultKind::Upstream,
                "the provider's reply does not say why it ended",
            ));
        };
        Ok(Folded {
            id: self.id,
            blocks: self.blocks,
            citations: self.citations,
            logprobs: self.logprobs,
            usage: self.usage,
            finish,
            native,
            stop_sequence,
        })
    }
}
