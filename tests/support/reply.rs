//! A reply as a list of parts: bytes, and what happens between them. Everything a simulator sends
//! takes this form, so that a fault (a cut, a stall, a pause) can sit at any byte.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde_json::Value;
use tokio::sync::Notify;

/// One step of sending a reply.
#[derive(Clone, Debug)]
pub enum Part {
    /// Sends these bytes as one chunk.
    Bytes(Bytes),
    /// Waits for this long.
    Pause(Duration),
    /// Waits until the test notifies; `notify_one` before the wait counts as well.
    Wait(Arc<Notify>),
    /// Never goes on; the connection stays open.
    Hang,
    /// Drops the connection in the middle of the body, or before the head.
    Cut,
}

/// One exact reply of a simulated provider.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) before: Vec<Part>,
    pub(crate) body: Vec<Part>,
}

impl Reply {
    /// An empty reply with this status (100–599; anything else becomes 500).
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            before: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A JSON reply.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status)
            .content_type("application/json")
            .part(Part::Bytes(body.to_string().into()))
    }

    /// A 200 stream of server-sent events; each item is one part, blank line included.
    #[must_use]
    pub fn events<B: Into<Bytes>>(frames: impl IntoIterator<Item = B>) -> Self {
        let mut reply = Self::new(200).content_type("text/event-stream; charset=utf-8");
        reply.headers.insert(
            http::header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache"),
        );
        reply.body = frames
            .into_iter()
            .map(|frame| Part::Bytes(frame.into()))
            .collect();
        reply
    }

    /// A reply that never comes: the request is taken, nothing is sent.
    #[must_use]
    pub fn silence() -> Self {
        Self::new(200).before_head(Part::Hang)
    }

    /// Adds a step in front of the head.
    #[must_use]
    pub fn before_head(mut self, part: Part) -> Self {
        self.before.push(part);
        self
    }

    /// Adds a step of the body.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.body.push(part);
        self
    }

    /// Sets a header; an ill-formed name or value is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The same head without a body.
    pub(crate) fn without_body(mut self) -> Self {
        self.body.clear();
        self
    }

    fn content_type(mut self, value: &'static str) -> Self {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(value));
        self
    }

    /// The body as one byte string when nothing happens between its parts, so that it can travel
    /// with a content-length as a provider's ordinary reply does.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        match self.body.as_slice() {
            [] => Some(Bytes::new()),
            [Part::Bytes(bytes)] if !self.is_stream() => Some(bytes.clone()),
            _ => None,
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
    }
}
