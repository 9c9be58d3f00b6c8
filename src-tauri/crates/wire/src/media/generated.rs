//! A reply of Gemini's `generateContent`, as far as its files and words are of interest.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::members::odd;
use crate::Fault;

/// A part of a reply of Gemini's that is a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Inline<'a> {
    #[serde(borrow, default)]
    pub(super) mime_type: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) data: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    inline_data: Option<Inline<'a>>,
    text: Option<String>,
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    finish_reason: Option<String>,
}

/// A reply of `generateContent`, as far as its files and words are of interest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Generated<'a> {
    #[serde(borrow, default)]
    candidates: Vec<Candidate<'a>>,
    #[serde(borrow)]
    pub(super) usage_metadata: Option<&'a RawValue>,
}

impl<'a> Generated<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Fault> {
        serde_json::from_slice(body).map_err(odd)
    }

    fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        self.candidates
            .iter()
            .filter_map(|candidate| candidate.content.as_ref())
            .flat_map(|content| &content.parts)
            .filter(|part| !part.thought)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Inline<'a>> {
        self.parts().filter_map(|part| part.inline_data.as_ref())
    }

    pub(super) fn words(&self) -> String {
        self.parts()
            .filter_map(|part| part.text.as_deref())
            .collect()
    }

    /// Why there is nothing in it.
    pub(super) fn nothing(&self, what: &str) -> Fault {
        let reason = self
            .candidates
            .iter()
            .find_map(|candidate| candidate.finish_reason.as_deref());
        let reason = reason.unwrap_or("no reason given");
        odd(format_args!("it holds no {what} ({reason})"))
    }
}
