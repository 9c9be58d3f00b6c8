//! The payloads of the events that Kiro sends, as far as they are read.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::json::{Text, fields};

fields! {
    /// `assistantResponseEvent`.
    pub(super) struct Response<'a> {
        content: Loose<'a> = "content",
        model: Loose<'a> = "modelId",
    }

    /// `reasoningContentEvent`.
    pub(super) struct Thought<'a> {
        text: Loose<'a> = "text",
        signature: Loose<'a> = "signature",
        redacted: Loose<'a> = "redactedContent",
    }

    /// `toolUseEvent`: the beginning of a call, a fragment of its arguments, its end, or all of them.
    pub(super) struct ToolUse<'a> {
        id: Loose<'a> = "toolUseId",
        name: Loose<'a> = "name",
        input: &'a RawValue = "input",
        stop: Flag = "stop",
    }

    /// `messageMetadataEvent`.
    pub(super) struct MessageMetadata<'a> {
        utterance: Loose<'a> = "utteranceId",
    }

    /// `metadataEvent`.
    pub(super) struct Metadata<'a> {
        usage: &'a RawValue = "tokenUsage",
        stop_reason: Loose<'a> = "stopReason",
        details: StopDetails<'a> = "stopDetails",
    }

    /// Why the model stopped.
    pub(super) struct StopDetails<'a> {
        refusal: Refusal<'a> = "refusal",
    }

    /// Why the model refused.
    pub(super) struct Refusal<'a> {
        explanation: Loose<'a> = "explanation",
    }
}

/// A string; anything else in its place counts as absent.
#[derive(Default)]
pub(super) struct Loose<'a>(Cow<'a, str>);

impl<'a> Loose<'a> {
    /// What it says, if it says anything.
    pub(super) fn filled(member: Option<Self>) -> Option<Cow<'a, str>> {
        member.map(|text| text.0).filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(string(raw).unwrap_or_default()))
    }
}

/// A truth value; anything else in its place is false.
#[derive(Default)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(raw == "true"))
    }
}

/// A JSON string's text.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw)
        .ok()
        .map(|text| text.0)
}
