//! A request as the scripted model sees it, whatever dialect it came in.

use serde_json::Value;

use crate::Control;

/// What the model is asked for.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) stream: bool,
    /// Chat only: a last chunk with usage is wanted.
    pub(crate) usage_chunk: bool,
    /// Chat only: how many choices.
    pub(crate) choices: usize,
    pub(crate) control: Control,
    /// The last user message that has text, without control words.
    pub(crate) text: String,
    pub(crate) images: Vec<Image>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_choice: ToolChoice,
    pub(crate) parallel: bool,
    /// The texts of the tool results that end the conversation, if it ends with some.
    pub(crate) results: Option<Vec<String>>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stops: Vec<String>,
    /// The schema a structured answer has to fit.
    pub(crate) schema: Option<Value>,
    /// Gemini only: what the answer is made of; nothing means text.
    pub(crate) modalities: Vec<String>,
    pub(crate) thinks: bool,
    /// Whether the caller is shown what the model thought, where that has to be asked for.
    pub(crate) summary: bool,
    pub(crate) prompt_tokens: u64,
    pub(crate) cache: Cache,
}

/// One image of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    /// Sent inside the request.
    Inline { media_type: String, bytes: usize },
    /// Named by address.
    Url(String),
}

/// One tool offered.
#[derive(Debug, Default)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
    /// Takes free text in place of JSON arguments.
    pub(crate) custom: bool,
    /// Responses only: the group it belongs to.
    pub(crate) namespace: Option<String>,
}

/// Whether tools may or must be called.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    #[default]
    Auto,
    None,
    Any,
    Named(String),
}

/// How many prompt tokens the cache took part in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cache {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

impl Image {
    /// An inline image from its base64 text; `None` when that is not base64.
    pub(crate) fn inline(media_type: &str, base64: &str) -> Option<Self> {
        let body = base64.trim_end_matches('=');
        let padded = base64.len().is_multiple_of(4) && base64.len() - body.len() <= 2;
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        (padded && !body.is_empty() && body.bytes().all(alphabet)).then(|| Self::Inline {
            media_type: media_type.to_owned(),
            bytes: body.len() * 3 / 4,
        })
    }

    /// An image from a URL, which may be a data URL.
    pub(crate) fn from_url(url: &str) -> Option<Self> {
        match url.strip_prefix("data:") {
            None => Some(Self::Url(url.to_owned())),
            Some(data) => {
                let (media_type, base64) = data.split_once(";base64,")?;
                Self::inline(media_type, base64)
            }
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Inline { media_type, bytes } => format!("image {media_type} of {bytes} bytes"),
            Self::Url(url) => format!("image at {url}"),
        }
    }
}

/// About four characters make a token; good enough for counts that only have to be consistent.
pub(crate) fn tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// A list's items; none when it is no list.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The strings of an array, or the one string in its place.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// The text of a message's content: the string itself, or its text parts joined by newlines.
pub(crate) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<_> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inline_image_is_measured_in_decoded_bytes() {
        assert_eq!(
            Image::from_url("data:image/png;base64,aGVsbG8="),
            Some(Image::Inline {
                media_type: "image/png".to_owned(),
                bytes: 5
            })
        );
        assert_eq!(Image::inline("image/png", "not base64!"), None);
    }
}
