//! Pictures, sound, video and documents: what Google tells apart by MIME type, the hub by kind.

use std::borrow::Cow;

use super::proof;
use crate::{Body, File, Image, Source};

/// What bytes within a request are.
pub(super) fn inline<'a>(
    mime: Cow<'a, str>,
    data: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
) -> Body<'a> {
    let data = ordinary(data);
    if let Some(kind) = mime.strip_prefix("audio/") {
        let format = audio_format(kind).to_owned().into();
        return Body::Audio { data, format };
    }
    let picture = mime.starts_with("image/");
    let text = mime
        .starts_with("text/")
        .then(|| proof::decode(&data))
        .flatten();
    let source = match text {
        Some(text) => Source::Text(text.into()),
        None => Source::Base64 {
            media_type: mime,
            data,
        },
    };
    if picture {
        let detail = None;
        Body::Image(Image { source, detail })
    } else {
        Body::File(File { source, name })
    }
}

/// Base64 in the ordinary alphabet, the only one that others take. Google takes that of URLs as well,
/// and its own Python SDK sends it.
fn ordinary(data: Cow<'_, str>) -> Cow<'_, str> {
    match memchr::memchr2(b'-', b'_', data.as_bytes()) {
        None => data,
        Some(_) => data.replace('-', "+").replace('_', "/").into(),
    }
}

/// What stands at an address. Files kept at Google, and videos that Google alone can look at, mean
/// nothing to others.
pub(super) fn at_address<'a>(
    mime: &str,
    uri: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
) -> Body<'a> {
    let foreign = !uri.starts_with("https://") && !uri.starts_with("http://")
        || AT_GOOGLE.iter().any(|host| {
            uri.split_once("://")
                .is_some_and(|(_, rest)| rest.starts_with(host))
        });
    let source = if foreign {
        Source::FileId(uri)
    } else {
        Source::Url(uri)
    };
    if mime.starts_with("image/") {
        let detail = None;
        Body::Image(Image { source, detail })
    } else {
        Body::File(File { source, name })
    }
}

const AT_GOOGLE: [&str; 4] = [
    "generativelanguage.googleapis.com/",
    "www.youtube.com/",
    "youtube.com/",
    "youtu.be/",
];

/// OpenAI's word for a kind of sound.
fn audio_format(kind: &str) -> &str {
    match kind {
        "mpeg" | "mp3" | "mpeg3" | "x-mp3" | "x-mpeg" => "mp3",
        "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
        other => other.strip_prefix("x-").unwrap_or(other),
    }
}

/// The MIME type of a kind of sound in OpenAI's words.
pub(super) fn audio_mime(format: &str) -> Cow<'static, str> {
    match format {
        "mp3" => "audio/mpeg".into(),
        "m4a" => "audio/mp4".into(),
        "pcm16" => "audio/pcm".into(),
        other => format!("audio/{other}").into(),
    }
}

/// The MIME type that an address promises by its ending.
pub(super) fn mime_of_address(url: &str) -> Option<&'static str> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split(['?', '#']).next()?.split_once('/')?;
    let (_, ending) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match &*ending.to_ascii_lowercase() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" | "md" => "text/plain",
        "html" | "htm" => "text/html",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_of_base64_become_one() {
        for given in ["+/8=", "-_8="] {
            let Body::Image(image) = inline("image/png".into(), given.into(), None) else {
                panic!("no image");
            };
            assert!(matches!(image.source, Source::Base64 { data, .. } if data == "+/8="));
        }
    }

    #[test]
    fn mime_types_decide_the_kind() {
        let kind = |mime: &'static str| match inline(mime.into(), "aGk=".into(), None) {
            Body::Image(_) => "image".to_owned(),
            Body::Audio { format, .. } => format.into_owned(),
            Body::File(File {
                source: Source::Text(text),
                ..
            }) => text.into_owned(),
            Body::File(_) => "file".to_owned(),
            _ => "other".to_owned(),
        };
        for (mime, expected) in [
            ("image/png", "image"),
            ("audio/wav", "wav"),
            ("audio/x-wav", "wav"),
            ("audio/mpeg", "mp3"),
            ("audio/x-flac", "flac"),
            ("video/mp4", "file"),
            ("application/pdf", "file"),
            ("text/plain", "hi"),
            ("", "file"),
        ] {
            assert_eq!(kind(mime), expected, "{mime}");
        }
        assert_eq!(audio_mime("mp3"), "audio/mpeg");
        assert_eq!(audio_mime("wav"), "audio/wav");
    }

    #[test]
    fn googles_own_addresses_are_no_addresses_for_others() {
        for (uri, foreign) in [
            ("https://example.com/a.png", false),
            (
                "https://generativelanguage.googleapis.com/v1beta/files/x",
                true,
            ),
            ("gs://bucket/a.png", true),
            ("https://youtu.be/x", true),
            ("https://example.com/youtu.be/", false),
            ("files/x", true),
        ] {
            let Body::Image(image) = at_address("image/png", uri.into(), None) else {
                panic!("{uri}")
            };
            assert_eq!(matches!(image.source, Source::FileId(_)), foreign, "{uri}");
        }
        assert_eq!(
            mime_of_address("https://a.b/c.PNG?x=y.pdf"),
            Some("image/png")
        );
        assert_eq!(mime_of_address("https://a.b/c"), None);
        assert_eq!(mime_of_address("https://a.png"), None);
    }
}
