//! The parts of items: texts, pictures, documents.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    members::{Address, Part, read, text_or_json},
    request::{drop_member, drop_members},
};
use crate::{Block, Body, Fault, File, Image, Ledger, Source, chat, json::Text};

/// Reads a message's content: a text, a part, or a list of them. Parts that no reader knows are left
/// out and recorded.
pub(super) fn read_content<'a>(
    raw: &'a RawValue,
    path: &str,
    ledger: &mut Ledger,
) -> Result<Vec<Block<'a>>, Fault> {
    let parts: Vec<&'a RawValue> = match raw.get().as_bytes().first() {
        Some(b'[') => read(raw, path)?,
        _ => vec![raw],
    };
    let mut blocks = Vec::with_capacity(parts.len());
    for (nth, raw) in parts.into_iter().enumerate() {
        let place = format!("{path}[{nth}]");
        match read_part(raw, &place, ledger)? {
            Some(body) => blocks.push(Block::new(body)),
            None => drop_member(ledger, place),
        }
    }
    Ok(blocks)
}

/// Reads a tool's answer: a text, a list of parts, or any JSON. What is no part of a known kind is
/// answered as the JSON it is: the model asked for it.
pub(super) fn read_result<'a>(
    raw: &'a RawValue,
    path: &str,
    ledger: &mut Ledger,
) -> Result<Vec<Block<'a>>, Fault> {
    if !raw.get().starts_with('[') {
        return Ok(vec![Block::text(text_or_json(raw))]);
    }
    let parts: Vec<&'a RawValue> = read(raw, path)?;
    let mut blocks = Vec::with_capacity(parts.len());
    for (nth, raw) in parts.into_iter().enumerate() {
        let is_part = raw.get().starts_with(['{', '"']);
        let body = match is_part.then(|| read_part(raw, &format!("{path}[{nth}]"), ledger)) {
            Some(Ok(Some(body))) => body,
            _ => Body::Text(raw.get().into()),
        };
        blocks.push(Block::new(body));
    }
    Ok(blocks)
}

fn read_part<'a>(
    raw: &'a RawValue,
    path: &str,
    ledger: &mut Ledger,
) -> Result<Option<Body<'a>>, Fault> {
    if raw.get().starts_with('"') {
        let text: Text<'a> = read(raw, path)?;
        return Ok(Some(Body::Text(text.0)));
    }
    let part: Part<'a> = read(raw, path)?;
    drop_members(ledger, &format!("{path}."), &part.unknown);
    Ok(match part.kind.as_deref() {
        None | Some("input_text" | "output_text" | "text" | "summary_text") => {
            part.text.map(|text| Body::Text(text.0))
        }
        Some("refusal") => part.refusal.or(part.text).map(|text| Body::Refusal(text.0)),
        Some("input_image" | "image_url") => image(part, path)?,
        Some("input_file" | "file") => file(part),
        Some("input_audio") => part.input_audio.and_then(|audio| {
            Some(Body::Audio {
                data: audio.data?.0,
                format: audio.format.map_or(Cow::Borrowed("wav"), Cow::from),
            })
        }),
        Some(_) => None,
    })
}

fn image<'a>(part: Part<'a>, path: &str) -> Result<Option<Body<'a>>, Fault> {
    let mut detail = part.detail;
    let url = match part.image_url {
        None => None,
        Some(raw) if raw.get().starts_with('{') => {
            let address: Address<'a> = read(raw, path)?;
            detail = detail.or(address.detail);
            address.url
        }
        Some(raw) => read(raw, path)?,
    };
    let source = match (url, part.file_id) {
        (Some(url), _) => chat::address(url.0),
        (None, Some(id)) => Source::FileId(id.0),
        (None, None) => return Ok(None),
    };
    let detail = detail.map(Cow::from);
    Ok(Some(Body::Image(Image { source, detail })))
}

fn file(part: Part<'_>) -> Option<Body<'_>> {
    let source = match (part.file_data, part.file_id, part.file_url) {
        (Some(data), _, _) if chat::is_data_url(&data) => chat::address(data.0),
        (Some(data), _, _) => Source::Base64 {
            media_type: "application/pdf".into(),
            data: data.0,
        },
        (None, Some(id), _) => Source::FileId(id.0),
        (None, None, Some(url)) => chat::address(url.0),
        (None, None, None) => return None,
    };
    let name = part.filename.map(Cow::from);
    Some(Body::File(File { source, name }))
}
