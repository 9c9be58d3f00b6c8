//! From the messages of a chat request to the hub's.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    body::{
        CacheEntry, CallEntry, Content, FileEntry, ImageEntry, ImageUrl, Part, Said, SourceEntry,
        WrittenPart,
    },
    request::{drop_member, drop_members},
};
use crate::{
    Block, Body, Call, CallForm, CallResult, File, Image, Ledger, Message, Proof, Role, Source,
    Thinking, Turn, Words, json::Text,
};

/// Reads the messages into the turn: leading system text to the top, everything else in its order.
pub(super) fn read_messages<'a>(list: Vec<Said<'a>>, turn: &mut Turn<'a>, ledger: &mut Ledger) {
    turn.messages.reserve(list.len());
    for (at, said) in list.into_iter().enumerate() {
        let place = Words::CHAT.message(at);
        drop_members(ledger, &place, &said.unknown);
        if said.name.is_some() && said.role.as_deref() != Some("function") {
            drop_member(ledger, format!("{place}.name"));
        }
        let role = match said.role.as_deref() {
            Some("system" | "developer") => Role::System,
            Some("assistant" | "model") => Role::Assistant,
            _ => Role::User,
        };
        let answers = matches!(said.role.as_deref(), Some("tool" | "function"));
        let cache = said.cache_control.as_ref().and_then(CacheEntry::mark);
        let mut reader = Reader {
            ledger,
            path: format!("{place}.content"),
            answer: answers,
        };
        let mut blocks = if answers {
            reader.answer(said)
        } else if role == Role::Assistant {
            reader.assistant(said, at)
        } else {
            reader.content(said.content)
        };
        if let Some(last) = blocks.last_mut()
            && last.cache.is_none()
        {
            last.cache = cache;
        }
        if role == Role::System && turn.messages.is_empty() {
            turn.system.append(&mut blocks);
        } else {
            turn.messages.push(Message::new(role, at, blocks));
        }
    }
}

/// Reads the content at one path.
struct Reader<'l> {
    ledger: &'l mut Ledger,
    path: String,
    /// Whether a tool speaks.
    answer: bool,
}

impl Reader<'_> {
    /// A tool message: one result.
    fn answer<'a>(&mut self, said: Said<'a>) -> Vec<Block<'a>> {
        vec![Block::new(Body::Result(CallResult {
            call_id: said.tool_call_id.map(Cow::from).unwrap_or_default(),
            name: None,
            blocks: match said.content {
                None => vec![Block::text("null")],
                content => self.content(content),
            },
            is_error: false,
        }))]
    }

    /// An assistant message: reasoning, then text, then calls.
    fn assistant<'a>(&mut self, said: Said<'a>, at: usize) -> Vec<Block<'a>> {
        let mut blocks = Vec::new();
        let reasoning = said
            .reasoning_content
            .filter(|text| !text.is_empty())
            .or_else(|| serde_json::from_str(said.reasoning?.get()).ok())
            .filter(|text: &Text<'_>| !text.is_empty());
        if let Some(text) = reasoning {
            blocks.push(Block::new(Body::Thinking(Thinking {
                text: text.0,
                proof: None,
            })));
        }
        blocks.append(&mut self.content(said.content));
        if let Some(refusal) = said.refusal {
            blocks.push(Block::new(Body::Refusal(refusal.0)));
        }
        for (nth, entry) in said.tool_calls.unwrap_or_default().into_iter().enumerate() {
            let place = format!("{}.tool_calls[{nth}]", Words::CHAT.message(at));
            drop_members(self.ledger, &place, &entry.unknown);
            match call(entry, at, nth) {
                Some(call) => blocks.push(Block::new(Body::Call(call))),
                None => drop_member(self.ledger, place),
            }
        }
        if let Some(called) = said.function_call {
            let id = format!("call_{at}");
            let name = called.name.map(Cow::from).unwrap_or_default();
            let arguments = called.arguments.map(arguments).unwrap_or_default();
            blocks.push(Block::new(Body::Call(Call::new(id, name, arguments))));
        }
        blocks
    }

    fn content<'a>(&mut self, content: Option<Content<'a>>) -> Vec<Block<'a>> {
        match content {
            None => Vec::new(),
            Some(Content::Text(text)) => vec![Block::text(text)],
            Some(Content::Parts(parts)) => {
                let mut blocks = Vec::with_capacity(parts.len());
                for (nth, WrittenPart { mut part, json }) in parts.into_iter().enumerate() {
                    let place = format!("{}[{nth}]", self.path);
                    let unknown = std::mem::take(&mut part.unknown);
                    let cache = part.cache_control.as_ref().and_then(CacheEntry::mark);
                    match self.part(part, &place) {
                        Some(body) => {
                            drop_members(self.ledger, &place, &unknown);
                            blocks.push(Block { body, cache });
                        }
                        // What a tool says is for the model, in whatever form.
                        None if self.answer => blocks.push(Block::text(json)),
                        None => {
                            drop_members(self.ledger, &place, &unknown);
                            drop_member(self.ledger, place);
                        }
                    }
                }
                blocks
            }
        }
    }

    fn part<'a>(&mut self, part: Part<'a>, place: &str) -> Option<Body<'a>> {
        let text = |text: Option<Text<'a>>| Some(Body::Text(text?.0));
        match part.kind.as_deref() {
            Some("text" | "input_text" | "output_text") | None => text(part.text),
            Some("refusal") => Some(Body::Refusal(part.refusal.or(part.text)?.0)),
            Some("image_url" | "input_image") => image(part),
            Some("video_url") => {
                let (ImageUrl::Text(url) | ImageUrl::Entry(ImageEntry { url: Some(url), .. })) =
                    part.video_url?
                else {
                    return None;
                };
                let source = address(url.0);
                Some(Body::File(File { source, name: None }))
            }
            Some("input_audio") => {
                let audio = part.input_audio?;
                let format = audio.format.map_or(Cow::Borrowed("wav"), Cow::from);
                Some(Body::Audio {
                    data: audio.data?.0,
                    format,
                })
            }
            Some("file" | "input_file") => file(part),
            Some("image") => {
                let source = source(part.source?)?;
                Some(Body::Image(Image {
                    source,
                    detail: None,
                }))
            }
            Some("document") => {
                let source = source(part.source?)?;
                Some(Body::File(File {
                    source,
                    name: part.filename.map(Cow::from),
                }))
            }
            Some("thinking") => Some(Body::Thinking(Thinking {
                text: part.thinking?.0,
                proof: part.signature.map(|proof| Proof::Signature(proof.0)),
            })),
            Some("redacted_thinking") => Some(Body::Thinking(Thinking {
                text: Cow::Borrowed(""),
                proof: Some(Proof::Redacted(part.data?.0)),
            })),
            Some("tool_use") => Some(Body::Call(Call::new(
                part.id.map(Cow::from).unwrap_or_default(),
                part.name?.0,
                part.input.map(arguments).unwrap_or_default(),
            ))),
            Some("tool_result") => {
                let mut inner = Reader {
                    ledger: self.ledger,
                    path: format!("{place}.content"),
                    answer: true,
                };
                Some(Body::Result(CallResult {
                    call_id: part.tool_use_id.map(Cow::from).unwrap_or_default(),
                    name: None,
                    blocks: inner.content(part.content),
                    is_error: part.is_error.unwrap_or(false),
                }))
            }
            Some(_) => None,
        }
    }
}

fn call<'a>(entry: CallEntry<'a>, at: usize, nth: usize) -> Option<Call<'a>> {
    let id = entry.id.map(Cow::from).filter(|id| !id.is_empty());
    let (name, arguments, form) = match (entry.function, entry.custom) {
        (Some(function), _) => (
            function.name,
            function.arguments.map(arguments).unwrap_or_default(),
            CallForm::Json,
        ),
        (None, Some(custom)) => (
            custom.name,
            custom.input.map(Cow::from).unwrap_or_default(),
            CallForm::Text,
        ),
        (None, None) => return None,
    };
    Some(Call {
        form,
        ..Call::new(
            id.unwrap_or_else(|| format!("call_{at}_{nth}").into()),
            name.filter(|name| !name.is_empty())?.0,
            arguments,
        )
    })
}

/// A call's arguments: a string that holds JSON, or, from some programs, the JSON itself.
pub(super) fn arguments(raw: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) => text.0,
        Err(_) => Cow::Borrowed(raw.get()),
    }
}

fn image(part: Part<'_>) -> Option<Body<'_>> {
    let (url, detail) = match part.image_url {
        Some(ImageUrl::Text(url)) => (Some(url), part.detail),
        Some(ImageUrl::Entry(entry)) => (entry.url, entry.detail.or(part.detail)),
        None => (None, part.detail),
    };
    let source = match (url, part.file_id) {
        (Some(url), _) => address(url.0),
        (None, Some(id)) => Source::FileId(id.0),
        (None, None) => return None,
    };
    Some(Body::Image(Image {
        source,
        detail: detail.map(Cow::from),
    }))
}

fn file(part: Part<'_>) -> Option<Body<'_>> {
    let entry = part.file.unwrap_or_else(|| FileEntry {
        file_data: part.file_data,
        file_id: part.file_id,
        filename: part.filename,
        unknown: Vec::new(),
    });
    let source = match (entry.file_data, entry.file_id, part.file_url) {
        (Some(data), _, _) if is_data_url(&data) => address(data.0),
        (Some(data), _, _) => Source::Base64 {
            media_type: "application/pdf".into(),
            data: data.0,
        },
        (None, Some(id), _) => Source::FileId(id.0),
        (None, None, Some(url)) => address(url.0),
        (None, None, None) => return None,
    };
    Some(Body::File(File {
        source,
        name: entry.filename.map(Cow::from),
    }))
}

fn source(entry: SourceEntry<'_>) -> Option<Source<'_>> {
    Some(match entry.kind.as_deref()? {
        "base64" => Source::Base64 {
            media_type: entry.media_type?.0,
            data: entry.data?.0,
        },
        "url" => address(entry.url?.0),
        "file" => Source::FileId(entry.file_id?.0),
        "text" => Source::Text(entry.data?.0),
        _ => return None,
    })
}

/// Whether a URL holds its bytes itself.
pub(crate) fn is_data_url(url: &str) -> bool {
    url.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// A URL; the bytes of a base64 data URL are taken out of it.
pub(crate) fn address(url: Cow<'_, str>) -> Source<'_> {
    let Some(comma) = is_data_url(&url).then(|| url.find(',')).flatten() else {
        return Source::Url(url);
    };
    let head = &url["data:".len()..comma];
    let Some(kind) = head.strip_suffix(";base64") else {
        return Source::Url(url);
    };
    // What stands between type and `base64` are parameters nobody needs.
    let kind_end = "data:".len() + kind.find(';').unwrap_or(kind.len());
    let (media_type, data) = match url {
        Cow::Borrowed(url) => (
            Cow::Borrowed(&url[5..kind_end]),
            Cow::Borrowed(&url[comma + 1..]),
        ),
        Cow::Owned(url) => (
            Cow::Owned(url[5..kind_end].to_owned()),
            Cow::Owned(url[comma + 1..].to_owned()),
        ),
    };
    Source::Base64 { media_type, data }
}
