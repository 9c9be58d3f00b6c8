//! A chunk of a chat stream, or a whole reply: the members that are read. Both have the same shape,
//! except that one says `delta` and the other `message`.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    Dialect, Fault,
    fault::stream_fault,
    json::{Count, fields, says_nothing},
};

fields! {
    pub(super) struct Chunk<'a> {
        id: Loose<'a> = "id",
        model: Loose<'a> = "model",
        choices: Vec<Choice<'a>> = "choices",
        usage: &'a RawValue = "usage",
        error: &'a RawValue = "error",
    }

    pub(super) struct Choice<'a> {
        index: Count = "index",
        delta: Delta<'a> = "delta" | "message",
        logprobs: Logprobs<'a> = "logprobs",
        finish_reason: Loose<'a> = "finish_reason",
    }

    pub(super) struct Delta<'a> {
        content: Said<'a> = "content",
        refusal: Said<'a> = "refusal",
        reasoning_content: Said<'a> = "reasoning_content",
        reasoning: Said<'a> = "reasoning",
        reasoning_text: Said<'a> = "reasoning_text",
        tool_calls: Vec<CallDelta<'a>> = "tool_calls",
        function_call: Called<'a> = "function_call",
        annotations: &'a RawValue = "annotations",
        images: &'a RawValue = "images",
    }

    pub(super) struct Logprobs<'a> {
        content: &'a RawValue = "content",
    }

    pub(super) struct Annotation<'a> {
        url_citation: UrlCitation<'a> = "url_citation",
    }

    pub(super) struct UrlCitation<'a> {
        url: Loose<'a> = "url",
        title: Loose<'a> = "title",
        content: Loose<'a> = "content",
        start_index: Count = "start_index",
        end_index: Count = "end_index",
    }

    pub(super) struct Picture<'a> {
        image_url: PictureUrl<'a> = "image_url",
    }

    pub(super) struct PictureUrl<'a> {
        url: Loose<'a> = "url",
    }

    pub(super) struct CallDelta<'a> {
        index: Count = "index",
        id: Loose<'a> = "id",
        function: Called<'a> = "function",
        custom: Called<'a> = "custom",
    }

    pub(super) struct Called<'a> {
        name: Loose<'a> = "name",
        arguments: &'a RawValue = "arguments" | "input",
    }

    struct Part<'a> {
        text: Loose<'a> = "text",
        refusal: Loose<'a> = "refusal",
        thinking: Said<'a> = "thinking",
    }
}

/// What the data of a frame turned out to be.
pub(super) enum Parsed<'a> {
    Chunk(Box<Chunk<'a>>),
    Fault(Fault),
    Nothing,
}

impl<'a> Chunk<'a> {
    /// Reads a frame's data or a whole body.
    pub(super) fn parse(data: &'a str) -> Parsed<'a> {
        match serde_json::from_str::<Self>(data) {
            Ok(Chunk {
                error: Some(error), ..
            }) if !says_nothing(error) => {
                Parsed::Fault(stream_fault(Dialect::Chat, data.as_bytes()))
            }
            Ok(chunk) => Parsed::Chunk(Box::new(chunk)),
            Err(_) => Parsed::Nothing,
        }
    }
}

/// What a piece of a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Thinking,
}

/// A string, or nothing when something else stands in its place.
#[derive(Default)]
pub(super) struct Loose<'a>(pub(super) Option<Cow<'a, str>>);

/// Text: a string, or the parts that some providers send in its place.
pub(super) enum Said<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<(Kind, Cow<'a, str>)>),
    Nothing,
}

impl<'a> Said<'a> {
    /// All of it as one text; `None` when there is none.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        let text = match self {
            Self::Text(text) => text,
            Self::Parts(mut parts) if parts.len() == 1 => parts.pop()?.1,
            Self::Parts(parts) => parts
                .into_iter()
                .map(|(_, text)| text)
                .collect::<String>()
                .into(),
            Self::Nothing => return None,
        };
        (!text.is_empty()).then_some(text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Said::deserialize(deserializer)? {
            Said::Text(text) => Self(Some(text)),
            Said::Parts(_) | Said::Nothing => Self(None),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Said<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SaidVisitor(PhantomData))
    }
}

struct SaidVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for SaidVisitor<'a> {
    type Value = Said<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Said<'a>, E> {
        Ok(Said::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Said<'a>, E> {
        Ok(Said::Text(text.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said<'a>, A::Error> {
        let mut parts = Vec::new();
        while let Some(item) = seq.next_element::<PartOrOther<'a>>()? {
            let Some(part) = item.0 else {
                continue;
            };
            let texts = [
                (Kind::Thinking, part.thinking.and_then(Said::into_text)),
                (Kind::Text, part.text.and_then(|text| text.0)),
                (Kind::Refusal, part.refusal.and_then(|text| text.0)),
            ];
            parts.extend(
                texts
                    .into_iter()
                    .filter_map(|(kind, text)| Some((kind, text?))),
            );
        }
        Ok(Said::Parts(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Said::Nothing)
    }

    fn visit_unit<E>(self) -> Result<Said<'a>, E> {
        Ok(Said::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Said<'a>, E> {
        Ok(Said::Nothing)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Said<'a>, E> {
        Ok(Said::Nothing)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Said<'a>, E> {
        Ok(Said::Nothing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Said<'a>, E> {
        Ok(Said::Nothing)
    }
}

/// A part, or anything else.
struct PartOrOther<'a>(Option<Part<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for PartOrOther<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}
