//! The members of what a provider of Messages says, as they stand on the wire.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::Citation;
use crate::json::{Count, Text, members, mend};

members! {
    /// What every frame has.
    pub(super) struct FrameKind<'a> {
        kind: Loose<'a> = "type",
    }

    /// The data of any frame.
    pub(super) struct FrameMembers<'a> {
        kind: Text<'a> = "type",
        message: ReplyMembers<'a> = "message",
        index: Count = "index",
        content_block: BlockMembers<'a> = "content_block",
        delta: DeltaMembers<'a> = "delta",
        usage: &'a RawValue = "usage",
    }

    /// A reply, or its beginning.
    pub(super) struct ReplyMembers<'a> {
        kind: Loose<'a> = "type",
        id: Loose<'a> = "id",
        model: Loose<'a> = "model",
        content: Vec<BlockMembers<'a>> = "content",
        stop_reason: Loose<'a> = "stop_reason",
        stop_sequence: Loose<'a> = "stop_sequence",
        stop_details: StopDetails<'a> = "stop_details",
        usage: &'a RawValue = "usage",
    }

    /// A block, or its beginning.
    pub(super) struct BlockMembers<'a> {
        kind: Loose<'a> = "type",
        text: Loose<'a> = "text",
        thinking: Loose<'a> = "thinking",
        signature: Loose<'a> = "signature",
        data: Loose<'a> = "data",
        id: Loose<'a> = "id",
        name: Loose<'a> = "name",
        input: &'a RawValue = "input",
        citations: &'a RawValue = "citations",
    }

    /// Where a text comes from: a page, a search result or a document of the request.
    pub(super) struct CitationMembers<'a> {
        url: Loose<'a> = "url" | "source",
        title: Loose<'a> = "title" | "document_title",
        cited_text: Loose<'a> = "cited_text",
    }

    /// A delta of a block or of the reply.
    pub(super) struct DeltaMembers<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        partial_json: Text<'a> = "partial_json",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        citation: CitationMembers<'a> = "citation",
        stop_reason: Loose<'a> = "stop_reason",
        stop_sequence: Loose<'a> = "stop_sequence",
        stop_details: StopDetails<'a> = "stop_details",
    }

    /// Why the model refused.
    pub(super) struct StopDetails<'a> {
        explanation: Loose<'a> = "explanation",
    }
}

/// A string; anything else in its place counts as absent, so that kinds of blocks that are not known
/// yet cannot spoil a reply.
#[derive(Default)]
pub(crate) struct Loose<'a>(Option<Cow<'a, str>>);

impl Loose<'_> {
    /// The string, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        if !raw.starts_with('"') {
            return Ok(Self(None));
        }
        if let Ok(text) = serde_json::from_str::<Text<'_>>(raw) {
            return Ok(Self(Some(text.0)));
        }
        // Half a character somewhere in it.
        let mended = mend(raw.as_bytes()).unwrap_or_default();
        Ok(Self(
            serde_json::from_slice::<String>(&mended)
                .ok()
                .map(Cow::Owned),
        ))
    }
}

/// What is there of a member, if it says anything.
pub(crate) fn filled<'a>(member: Option<Loose<'a>>) -> Option<Cow<'a, str>> {
    member?.0.filter(|text| !text.is_empty())
}

impl<'a> CitationMembers<'a> {
    /// In the hub's form.
    pub(super) fn read(self) -> Citation<'a> {
        Citation {
            url: filled(self.url).unwrap_or_default(),
            title: filled(self.title).unwrap_or_default(),
            cited_text: filled(self.cited_text),
            span: None,
        }
    }
}
