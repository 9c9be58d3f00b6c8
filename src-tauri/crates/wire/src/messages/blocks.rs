//! Reads the blocks of a Messages request into the hub.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::members::{BlockMembers, CacheControl, SourceMember};
use super::request::{refused, unknown};
use crate::{
    Action, Block, Body, CacheMark, Call, CallResult, Fault, File, Image, Ledger, Proof, Reason,
    Source, Thinking,
};

/// Reads one block; a document made of parts becomes several.
pub(super) fn read_block<'a>(
    mut block: BlockMembers<'a>,
    path: &str,
    into: &mut Vec<Block<'a>>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let kind = block.kind.take().unwrap_or_default();
    let cache = block
        .cache_control
        .take()
        .map(|cache| read_cache(&cache, path, ledger));
    let before = into.len();
    let body = match &*kind {
        "text" => Body::Text(block.text.take().unwrap_or_default().0),
        "image" => Body::Image(Image {
            source: read_source(block.source.take(), path)?,
            detail: None,
        }),
        "document" => {
            read_document(&mut block, path, into, ledger)?;
            leftovers(&block, &kind, path, ledger);
            mark_last(into, before, cache);
            return Ok(());
        }
        "search_result" => Body::Text(Cow::Owned(read_search_result(&mut block, path, ledger))),
        "tool_use" => Body::Call(Call::new(
            block.id.take().unwrap_or_default().0,
            block.name.take().unwrap_or_default().0,
            block.input.take().map_or("", RawValue::get),
        )),
        "tool_result" => {
            let mut blocks = Vec::new();
            for (order, inner) in block
                .content
                .take()
                .unwrap_or_default()
                .0
                .into_iter()
                .enumerate()
            {
                read_block(
                    inner,
                    &format!("{path}.content[{order}]"),
                    &mut blocks,
                    ledger,
                )?;
            }
            Body::Result(CallResult {
                call_id: block.tool_use_id.take().unwrap_or_default().0,
                name: None,
                blocks,
                is_error: block.is_error.take().unwrap_or(false),
            })
        }
        "thinking" => Body::Thinking(Thinking {
            text: block.thinking.take().unwrap_or_default().0,
            proof: block
                .signature
                .take()
                .filter(|signature| !signature.is_empty())
                .map(|signature| Proof::Signature(signature.0)),
        }),
        "redacted_thinking" => Body::Thinking(Thinking {
            text: Cow::Borrowed(""),
            proof: block.data.take().map(|data| Proof::Redacted(data.0)),
        }),
        _ => {
            ledger.note(path.to_owned(), Action::Dropped, Reason::Dialect);
            return Ok(());
        }
    };
    leftovers(&block, &kind, path, ledger);
    into.push(Block { body, cache });
    Ok(())
}

fn mark_last(blocks: &mut [Block<'_>], before: usize, cache: Option<CacheMark>) {
    if let Some(last) = blocks.get_mut(before..).and_then(<[_]>::last_mut) {
        last.cache = last.cache.or(cache);
    }
}

/// Names members that the block's reader did not take.
fn leftovers(block: &BlockMembers<'_>, kind: &str, path: &str, ledger: &mut Ledger) {
    unknown(&format!("{path}."), &block.unknown, ledger);
    let citations = block
        .citations
        .is_some_and(|raw| !switched_off(kind, raw.get()));
    for (present, name) in [
        (block.text.is_some(), "text"),
        (block.source.is_some(), "source"),
        (block.title.is_some(), "title"),
        (block.context.is_some(), "context"),
        (citations, "citations"),
        (block.id.is_some(), "id"),
        (block.name.is_some(), "name"),
        (block.input.is_some(), "input"),
        (block.tool_use_id.is_some(), "tool_use_id"),
        (block.content.is_some(), "content"),
        (block.is_error.is_some(), "is_error"),
        (block.thinking.is_some(), "thinking"),
        (
            block
                .signature
                .as_ref()
                .is_some_and(|signature| !signature.is_empty()),
            "signature",
        ),
        (block.data.is_some(), "data"),
    ] {
        if present {
            ledger.note(format!("{path}.{name}"), Action::Dropped, Reason::Dialect);
        }
    }
}

/// Whether `citations` says nothing: no citations on a text, or switched off on a document.
fn switched_off(kind: &str, citations: &str) -> bool {
    let bare: String = citations
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    bare == "[]" || (kind != "text" && bare == r#"{"enabled":false}"#)
}

pub(super) fn read_cache(cache: &CacheControl<'_>, path: &str, ledger: &mut Ledger) -> CacheMark {
    unknown(&format!("{path}.cache_control."), &cache.unknown, ledger);
    match cache.ttl.as_deref() {
        Some("1h") => CacheMark::Hour,
        _ => CacheMark::Default,
    }
}

fn read_source<'a>(source: Option<SourceMember<'a>>, path: &str) -> Result<Source<'a>, Fault> {
    let source = match source {
        Some(SourceMember::Bytes(source)) => source,
        Some(SourceMember::Address(url)) => return Ok(Source::Url(url)),
        None => return Err(refused(&format!("{path}.source"), "`source` is missing")),
    };
    let source = *source;
    let kind = source.kind.unwrap_or_default();
    let media_type = source.media_type.unwrap_or_default().0;
    let found = match &*kind {
        "base64" => source.data.map(|data| Source::Base64 {
            media_type,
            data: data.0,
        }),
        "url" => source.url.map(|url| Source::Url(url.0)),
        "file" => source.file_id.map(|id| Source::FileId(id.0)),
        "text" => source.data.map(|data| Source::Text(data.0)),
        _ => None,
    };
    found.ok_or_else(|| {
        refused(
            &format!("{path}.source"),
            "`source` must be base64, url, file or text with its data",
        )
    })
}

fn read_document<'a>(
    block: &mut BlockMembers<'a>,
    path: &str,
    into: &mut Vec<Block<'a>>,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    if let Some(SourceMember::Bytes(source)) = &mut block.source
        && let Some(parts) = source.content.take()
    {
        block.source = None;
        for (order, part) in parts.0.into_iter().enumerate() {
            read_block(
                part,
                &format!("{path}.source.content[{order}]"),
                into,
                ledger,
            )?;
        }
        return Ok(());
    }
    let source = read_source(block.source.take(), path)?;
    let name = block.title.take().map(Cow::from);
    into.push(Block::new(Body::File(File { source, name })));
    Ok(())
}

/// A search result as plain text: title, address, what was found.
fn read_search_result(block: &mut BlockMembers<'_>, path: &str, ledger: &mut Ledger) -> String {
    ledger.note(path.to_owned(), Action::Approximated, Reason::Dialect);
    let mut text = block.title.take().unwrap_or_default().0.into_owned();
    if let Some(SourceMember::Address(address)) = block.source.take() {
        text.push('\n');
        text.push_str(&address);
    }
    for part in block.content.take().unwrap_or_default().0 {
        text.push_str("\n\n");
        text.push_str(&part.text.unwrap_or_default());
    }
    text
}
