//! The hub's reply side: what a provider said, piece by piece, in no dialect.
//!
//! Grammar: `Start (BlockStart Delta* BlockStop | Usage | Ping)* Finish Usage? End`, or `Fault` in
//! place of the rest. A block that was cut stays open until `Finish`. Blocks may interleave: `index` says which one a delta belongs to; writers for
//! dialects that allow one open block at a time do the buffering.

use std::borrow::Cow;

use crate::{CallForm, Fault, Usage};

/// One step of a reply.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// The reply begins.
    Start {
        /// The provider's id of the reply.
        id: Cow<'a, str>,
        /// The model that answers, in the provider's words.
        model: Cow<'a, str>,
    },
    /// A block begins.
    BlockStart {
        /// Number of the block, ascending by first appearance, never reused.
        index: usize,
        /// What it will hold.
        kind: BlockKind<'a>,
    },
    /// More of an open block.
    Delta {
        /// Number of the block.
        index: usize,
        /// The piece.
        piece: Piece<'a>,
    },
    /// A block is complete.
    BlockStop {
        /// Number of the block.
        index: usize,
    },
    /// Token counts so far; later values replace earlier ones member by member.
    Usage(Usage),
    /// Why the model stopped. At most once.
    Finish {
        /// In byokey's words.
        reason: Finish,
        /// In the provider's words.
        native: Cow<'a, str>,
        /// The stop text that matched, when the provider names it.
        stop_sequence: Option<Cow<'a, str>>,
    },
    /// The provider says that it is alive.
    Ping,
    /// The provider failed inside the stream; nothing follows.
    Fault(Fault),
    /// The provider's end of the stream, after `Finish`.
    End,
}

/// What a block of a reply holds.
#[derive(Clone, Debug)]
pub enum BlockKind<'a> {
    /// Visible text.
    Text,
    /// A refusal, where the dialect keeps it apart from text.
    Refusal,
    /// Reasoning with readable text and, at its end, perhaps a signature.
    Thinking,
    /// Encrypted reasoning without readable text.
    Redacted(Cow<'a, str>),
    /// A tool call.
    Call {
        /// Its id.
        id: Cow<'a, str>,
        /// The tool's name.
        name: Cow<'a, str>,
        /// What its arguments are.
        form: CallForm,
        /// The group of tools that the name belongs to (responses).
        namespace: Option<Cow<'a, str>>,
    },
    /// A picture the model made.
    Image {
        /// MIME type.
        media_type: Cow<'a, str>,
    },
}

impl<'a> BlockKind<'a> {
    /// A call with JSON arguments.
    pub fn call(id: impl Into<Cow<'a, str>>, name: impl Into<Cow<'a, str>>) -> Self {
        Self::Call {
            id: id.into(),
            name: name.into(),
            form: CallForm::Json,
            namespace: None,
        }
    }
}

/// A piece of a block.
#[derive(Clone, Debug)]
pub enum Piece<'a> {
    /// Text of a text, refusal or thinking block.
    Text(Cow<'a, str>),
    /// A fragment of a call's arguments.
    Arguments(Cow<'a, str>),
    /// The proof of a thinking block or of a call; the last one counts.
    Signature(Cow<'a, str>),
    /// A picture's bytes, base64, whole.
    Data(Cow<'a, str>),
    /// Where a piece of a text block comes from.
    Citation(Citation<'a>),
    /// Probabilities of a text block's tokens: a JSON list in the form that Chat and Responses share.
    Logprobs(Cow<'a, str>),
}

/// A source of a reply's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation<'a> {
    /// Address of the source; empty where it is a document of the request.
    pub url: Cow<'a, str>,
    /// Its title.
    pub title: Cow<'a, str>,
    /// The words of the source.
    pub cited_text: Option<Cow<'a, str>>,
    /// First character of the reply's block that it supports, and the one behind the last; unknown
    /// means the whole block.
    pub span: Option<(u64, u64)>,
}

impl Citation<'_> {
    /// The same without the frame's bytes.
    pub(crate) fn into_owned(self) -> Citation<'static> {
        Citation {
            url: Cow::Owned(self.url.into_owned()),
            title: Cow::Owned(self.title.into_owned()),
            cited_text: self.cited_text.map(|text| Cow::Owned(text.into_owned())),
            span: self.span,
        }
    }
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// A stop text matched.
    StopSequence,
    /// The model waits for tool results.
    ToolCalls,
    /// The token limit was reached.
    Length,
    /// The provider's filter or the model refused.
    Refused,
    /// The provider paused a long server-side tool run.
    Paused,
}
