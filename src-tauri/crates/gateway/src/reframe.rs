//! A stream of server-sent events in the wrapping that a caller wants: the same reply, put
//! differently. Used where the path, not the dialect, decides how events look.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use byokey_wire::{Frame, Frames};
use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::Frame as BodyFrame;

use crate::completions::Chunks;
use crate::ollama::Lines;

/// How events are put.
pub(crate) enum Wrapping {
    /// One JSON array of Gemini's chunks.
    Array(Array),
    /// Events of the old text completions.
    Completions(Chunks),
    /// Ollama's lines of JSON.
    Ollama(Box<Lines>),
}

impl Wrapping {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Array(array) => array.frame(frame, out),
            Self::Completions(chunks) => chunks.frame(frame, out),
            Self::Ollama(lines) => lines.frame(frame, out),
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Array(array) => array.end(out),
            Self::Completions(_) => {}
            Self::Ollama(lines) => lines.end(out),
        }
    }

    /// What takes the place of a sign of life between two events.
    fn keep_alive(&self) -> &'static [u8] {
        match self {
            Self::Completions(_) => b": keep-alive\n\n",
            Self::Array(_) | Self::Ollama(_) => b"",
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Array(_) => "application/json",
            Self::Completions(_) => "text/event-stream",
            Self::Ollama(_) => "application/x-ndjson",
        }
    }
}

/// Whether a reply is a stream of server-sent events.
pub(crate) fn is_event_stream(response: &Response<Body>) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// The reply, called what it is: its body is JSON already.
pub(crate) fn called_json(mut response: Response<Body>) -> Response<Body> {
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Puts the events of a reply into another wrapping.
pub(crate) fn reframe(response: Response<Body>, wrapping: Wrapping) -> Response<Body> {
    let content_type = HeaderValue::from_static(wrapping.content_type());
    let mut response = response.map(|inner| {
        Body::new(Reframed {
            inner,
            frames: Frames::new(),
            wrapping,
            over: false,
        })
    });
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    response
}

/// Gemini's chunks as the items of one array.
#[derive(Default)]
pub(crate) struct Array {
    begun: bool,
}

impl Array {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let first = !std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(if first { b"[" } else { b",\r\n" });
        out.extend_from_slice(frame.data.trim_ascii());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.begun { b"]" } else { b"[]" });
    }
}

struct Reframed {
    inner: Body,
    frames: Frames,
    wrapping: Wrapping,
    over: bool,
}

impl http_body::Body for Reframed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let mut out = Vec::new();
        while out.is_empty() && !this.over {
            let polled = ready!(Pin::new(&mut this.inner).poll_frame(cx));
            let wrapping = &mut this.wrapping;
            match polled {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    this.frames
                        .push(&data, |frame| wrapping.frame(&frame, &mut out));
                    if out.is_empty() && data.starts_with(b":") {
                        out.extend_from_slice(wrapping.keep_alive());
                    }
                }
                Some(Err(error)) => {
                    this.over = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.over = true;
                    this.frames.finish(|frame| wrapping.frame(&frame, &mut out));
                    wrapping.end(&mut out);
                }
            }
        }
        Poll::Ready((!out.is_empty()).then(|| Ok(BodyFrame::data(out.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}
