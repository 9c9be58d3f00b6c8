//! Looks at a whole request body without building a tree: which model, and is a stream wanted?
//!
//! The look is a full syntax check as well, of any depth and size, in one pass; nothing but the
//! members byokey acts on is interpreted.

use std::{borrow::Cow, fmt, ops::Range};

use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Fault, FaultKind, json::Text};

/// What byokey needs to know to route a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek<'a> {
    /// The model's name.
    pub model: Cow<'a, str>,
    /// Where the JSON string of that name stands in the body, quotes included.
    pub model_at: Range<usize>,
    /// Whether a stream is wanted; absent and `null` mean no.
    pub stream: bool,
}

/// Why a body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeekError {
    /// A byte that is not UTF-8.
    #[error("the body is not UTF-8 (byte {offset})")]
    NotUtf8 {
        /// Where, from the start of the body.
        offset: usize,
    },
    /// Not valid JSON, or cut short.
    #[error("the body is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 when the line is empty.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// No `model`.
    #[error("`model` is missing; name one of the models that GET /v1/models lists")]
    NoModel,
    /// `model` is not a string.
    #[error("`model` must be a string")]
    ModelNotString,
    /// `model` stands there twice, so byokey and the provider could read different ones.
    #[error("`model` is given twice")]
    DuplicateModel,
    /// `stream` is not a boolean.
    #[error("`stream` must be true or false")]
    StreamNotBool,
}

impl From<PeekError> for Fault {
    fn from(error: PeekError) -> Self {
        use PeekError as E;
        let mut fault = Self::new(FaultKind::BadRequest, error.to_string());
        fault.param = match error {
            E::NoModel | E::ModelNotString | E::DuplicateModel => Some("model".into()),
            E::StreamNotBool => Some("stream".into()),
            E::NotUtf8 { .. } | E::NotJson { .. } | E::NotObject => None,
        };
        fault
    }
}

/// Looks at a request body.
///
/// # Errors
/// When the body is no JSON object, or one that byokey could not route.
pub fn peek(body: &[u8]) -> Result<Peek<'_>, PeekError> {
    let text = std::str::from_utf8(body).map_err(|error| PeekError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let top = reader
        .deserialize_map(TopVisitor)
        .and_then(|top| reader.end().map(|()| top))
        .map_err(|error| match error.classify() {
            serde_json::error::Category::Data => PeekError::NotObject,
            _ => PeekError::NotJson {
                line: error.line(),
                column: error.column(),
            },
        })?;
    if top.models > 1 {
        return Err(PeekError::DuplicateModel);
    }
    let literal = top.model.ok_or(PeekError::NoModel)?.get();
    let model = serde_json::from_str::<Text<'_>>(literal).map_err(|_| PeekError::ModelNotString)?;
    let stream = match top.stream.map(RawValue::get) {
        Some("true") => true,
        None | Some("false" | "null") => false,
        Some(_) => return Err(PeekError::StreamNotBool),
    };
    let start = literal.as_ptr().addr() - text.as_ptr().addr();
    Ok(Peek {
        model: model.0,
        model_at: start..start + literal.len(),
        stream,
    })
}

/// The raw members that routing depends on.
#[derive(Default)]
struct Top<'a> {
    model: Option<&'a RawValue>,
    models: usize,
    stream: Option<&'a RawValue>,
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
        let mut top = Top::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value = map.next_value::<&RawValue>()?;
            match plain_key(key.get()).as_deref() {
                Some("model") => {
                    top.model = Some(value);
                    top.models += 1;
                }
                Some("stream") => top.stream = Some(value),
                _ => {}
            }
        }
        Ok(top)
    }
}

/// The key of a JSON literal; `None` for one that is none of ours whatever it decodes to.
fn plain_key(literal: &str) -> Option<Cow<'_, str>> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    // Six bytes at most for each letter of the longest key of ours.
    if inner.len() > 6 * "stream".len() {
        return None;
    }
    serde_json::from_str::<Text<'_>>(literal)
        .ok()
        .map(|text| text.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_model_and_stream() {
        for (body, model, literal, stream) in [
            (r#"{"model":"m"}"#, "m", r#""m""#, false),
            (
                r#" { "a" : {"model":"no"}, "model" : "yes" , "stream":true} "#,
                "yes",
                r#""yes""#,
                true,
            ),
            (
                r#"{"mod\u0065l":"\u00e9\"x","\u0073tream":false}"#,
                "é\"x",
                r#""\u00e9\"x""#,
                false,
            ),
            (r#"{"stream":null,"model":""}"#, "", r#""""#, false),
            (
                r#"{"x":"\ud800","y":1e400,"model":"m"}"#,
                "m",
                r#""m""#,
                false,
            ),
            ("{\"x\":\"\\u0000\",\"model\":\"m\"}", "m", r#""m""#, false),
            (r#"{"x":1,"x":2,"model":"m"}"#, "m", r#""m""#, false),
        ] {
            let found = peek(body.as_bytes()).unwrap();
            assert_eq!(found.model, model, "{body}");
            assert_eq!(&body[found.model_at], literal, "{body}");
            assert_eq!(found.stream, stream, "{body}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_route() {
        use PeekError as E;
        let json = |line, column| E::NotJson { line, column };
        for (body, expected) in [
            (&b""[..], json(1, 0)),
            (b"  ", json(1, 2)),
            (b"[]", E::NotObject),
            (b"\"x\"", E::NotObject),
            (b"12", E::NotObject),
            (b"null", E::NotObject),
            (b"<html>", json(1, 1)),
            (b"\xef\xbb\xbf{\"model\":\"m\"}", json(1, 1)),
            (b"{\"model\":\"m\"\0}", json(1, 13)),
            (b"{\"model\":\"m\",\"x\":\"\0\"}", json(1, 18)),
            (b"{}", E::NoModel),
            (br#"{"model":1}"#, E::ModelNotString),
            (br#"{"model":null}"#, E::ModelNotString),
            (br#"{"model":{"model":"m"}}"#, E::ModelNotString),
            (br#"{"model":"\ud800"}"#, E::ModelNotString),
            (br#"{"model":"a","model":"b"}"#, E::DuplicateModel),
            (br#"{"model":"a","m\u006fdel":"b"}"#, E::DuplicateModel),
            (br#"{"model":"m","stream":1}"#, E::StreamNotBool),
            (br#"{"model":"m","stream":"true"}"#, E::StreamNotBool),
            (b"{\"model\":\"m\",\n\"x\":", json(2, 4)),
            (br#"{"model":"m"} x"#, json(1, 15)),
            (br#"{"model":"m","n":01}"#, json(1, 19)),
            (b"{\"model\":\"\xff\"}", E::NotUtf8 { offset: 10 }),
            (
                b"{\"model\":\"m\",\"x\":\"\xed\xa0\x80\"}",
                E::NotUtf8 { offset: 18 },
            ),
        ] {
            let text = String::from_utf8_lossy(body);
            assert_eq!(peek(body).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn depth_and_number_of_keys_do_not_matter() {
        let deep = 100_000;
        let body = format!(
            r#"{{"x":{}{},"model":"m"}}"#,
            r#"[{"a":"#.repeat(deep) + "1",
            "}]".repeat(deep)
        );
        assert_eq!(peek(body.as_bytes()).unwrap().model, "m");
        let keys: String = (0..1_000_000).map(|n| format!(r#""{n}":0,"#)).collect();
        let body = format!(r#"{{{keys}"model":"m"}}"#);
        assert_eq!(peek(body.as_bytes()).unwrap().model, "m");
    }
}
