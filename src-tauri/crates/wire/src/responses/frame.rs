//! The members of what a provider of Responses says, as they stand on the wire. Whatever is not of the
//! expected type counts as absent: kinds of items that are not known yet cannot spoil a reply.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    json::{Count, fields},
    messages::{Loose, filled},
};

fields! {
    /// The data of any frame.
    pub(super) struct FrameMembers<'a> {
        kind: Loose<'a> = "type",
        response: &'a RawValue = "response",
        output_index: &'a RawValue = "output_index",
        item_id: Loose<'a> = "item_id",
        item: &'a RawValue = "item",
        part: &'a RawValue = "part",
        content_index: &'a RawValue = "content_index",
        summary_index: &'a RawValue = "summary_index",
        delta: Loose<'a> = "delta",
        text: Loose<'a> = "text",
        refusal: Loose<'a> = "refusal",
        name: Loose<'a> = "name",
        arguments: Loose<'a> = "arguments",
        input: Loose<'a> = "input",
        annotation: &'a RawValue = "annotation",
        logprobs: &'a RawValue = "logprobs",
        partial_image: Loose<'a> = "partial_image_b64",
        output_format: Loose<'a> = "output_format",
    }

    /// A reply, or its beginning.
    pub(super) struct ReplyMembers<'a> {
        id: Loose<'a> = "id",
        model: Loose<'a> = "model",
        status: Loose<'a> = "status",
        output: &'a RawValue = "output",
        usage: &'a RawValue = "usage",
        error: &'a RawValue = "error",
        incomplete_details: &'a RawValue = "incomplete_details",
        stop_sequence: Loose<'a> = "stop_sequence",
    }

    pub(super) struct Incomplete<'a> {
        reason: Loose<'a> = "reason",
    }

    /// An item of the output, or its beginning.
    pub(super) struct ItemMembers<'a> {
        kind: Loose<'a> = "type",
        id: Loose<'a> = "id",
        status: Loose<'a> = "status",
        call_id: Loose<'a> = "call_id",
        name: Loose<'a> = "name",
        namespace: Loose<'a> = "namespace",
        arguments: Loose<'a> = "arguments",
        input: Loose<'a> = "input",
        content: &'a RawValue = "content",
        summary: &'a RawValue = "summary",
        encrypted_content: Loose<'a> = "encrypted_content",
        result: Loose<'a> = "result",
        output_format: Loose<'a> = "output_format",
    }

    /// A part of a message or of reasoning.
    pub(super) struct PartMembers<'a> {
        kind: Loose<'a> = "type",
        text: Loose<'a> = "text",
        refusal: Loose<'a> = "refusal",
        annotations: &'a RawValue = "annotations",
        logprobs: &'a RawValue = "logprobs",
    }

    /// A source of a text.
    pub(super) struct Annotation<'a> {
        kind: Loose<'a> = "type",
        url: Loose<'a> = "url",
        title: Loose<'a> = "title",
        start: &'a RawValue = "start_index",
        end: &'a RawValue = "end_index",
    }
}

/// The value of a member, if it is there and of the expected type.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// A number.
pub(super) fn number(raw: Option<&RawValue>) -> Option<u64> {
    read::<Count>(raw).map(|count| count.0)
}

/// The parts of a list; those that are no objects are left out.
pub(super) fn parts(raw: Option<&RawValue>) -> Vec<PartMembers<'_>> {
    let list: Vec<&RawValue> = read(raw).unwrap_or_default();
    list.into_iter().filter_map(|raw| read(Some(raw))).collect()
}

/// The annotations of a list that name a web page.
pub(super) fn citations(raw: Option<&RawValue>) -> Vec<crate::Citation<'_>> {
    let list: Vec<&RawValue> = read(raw).unwrap_or_default();
    list.into_iter().filter_map(citation).collect()
}

/// An annotation that names a web page.
pub(super) fn citation(raw: &RawValue) -> Option<crate::Citation<'_>> {
    let members: Annotation<'_> = read(Some(raw))?;
    if filled(members.kind).as_deref() != Some("url_citation") {
        return None;
    }
    Some(crate::Citation {
        url: filled(members.url)?,
        title: filled(members.title).unwrap_or_default(),
        cited_text: None,
        span: number(members.start).zip(number(members.end)),
    })
}

/// The text of a part, whichever kind it is.
pub(super) fn said(part: PartMembers<'_>) -> Cow<'_, str> {
    filled(part.text)
        .or_else(|| filled(part.refusal))
        .unwrap_or_default()
}
