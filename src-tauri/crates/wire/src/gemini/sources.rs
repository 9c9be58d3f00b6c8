//! Where a reply's text comes from. Google counts bytes of the whole text, the hub characters of
//! the block.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::chunk::{Citations, Grounding, Web};
use crate::{Citation, json::Count};

/// The text so far and where its last block begins.
pub(super) struct Said<'s> {
    text: &'s str,
    block_at: usize,
}

impl<'s> Said<'s> {
    pub(super) fn new(text: &'s str, block_at: usize) -> Self {
        Self { text, block_at }
    }

    /// Hands out the sources of a search.
    pub(super) fn grounding(&self, raw: &RawValue, each: &mut impl FnMut(Citation<'_>)) {
        let Ok(found) = serde_json::from_str::<Grounding<'_>>(raw.get()) else {
            return;
        };
        let sources = found.chunks.unwrap_or_default();
        let web = |at: usize| sources.get(at).and_then(|source| source.web.as_ref());
        let supports = found.supports.unwrap_or_default();
        if supports.is_empty() {
            for source in (0..sources.len()).filter_map(web) {
                cite(source, None, each);
            }
        }
        for support in supports {
            let segment = support.segment.unwrap_or_default();
            let span = self.span(segment.start, segment.end);
            let named = support.chunks.unwrap_or_default().into_iter();
            for source in named.filter_map(|at| web(usize::try_from(at.0).ok()?)) {
                cite(source, span, each);
            }
        }
    }

    /// Hands out the works that the reply repeats.
    pub(super) fn citations(&self, raw: &RawValue, each: &mut impl FnMut(Citation<'_>)) {
        let found = serde_json::from_str::<Citations<'_>>(raw.get()).unwrap_or_default();
        for cited in found.sources.unwrap_or_default() {
            let span = self.span(cited.start, cited.end);
            let web = Web {
                uri: cited.uri,
                title: cited.title,
                text: None,
            };
            cite(&web, span, each);
        }
    }

    /// Characters of the block for bytes of the text.
    fn span(&self, start: Option<Count>, end: Option<Count>) -> Option<(u64, u64)> {
        let chars = |byte: u64| {
            let byte = usize::try_from(byte)
                .ok()?
                .clamp(self.block_at, self.text.len());
            let byte = self.text.floor_char_boundary(byte);
            Some(self.text[self.block_at..byte].chars().count() as u64)
        };
        let start = start.map_or(0, |start| start.0);
        Some((chars(start)?, chars(end?.0)?))
    }
}

fn cite(web: &Web<'_>, span: Option<(u64, u64)>, each: &mut impl FnMut(Citation<'_>)) {
    let Some(uri) = web.uri.as_deref().filter(|uri| !uri.is_empty()) else {
        return;
    };
    each(Citation {
        url: uri.into(),
        title: web.title.as_deref().unwrap_or_default().into(),
        cited_text: web.text.as_deref().map(Cow::from),
        span,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_characters_of_the_block() {
        let said = Said::new("eins é zwei", 5);
        let raw: &RawValue = serde_json::from_str(
            r#"{"groundingChunks":[{"web":{"uri":"https://a","title":"A"}},{"web":{"title":"no address"}}],
                "groundingSupports":[
                    {"segment":{"startIndex":5,"endIndex":7},"groundingChunkIndices":[0,1,9]},
                    {"segment":{"endIndex":999},"groundingChunkIndices":[0]}]}"#,
        )
        .unwrap();
        let mut spans = Vec::new();
        said.grounding(raw, &mut |citation| {
            assert_eq!((&*citation.url, &*citation.title), ("https://a", "A"));
            spans.push(citation.span);
        });
        assert_eq!(spans, [Some((0, 1)), Some((0, 6))]);
    }
}
