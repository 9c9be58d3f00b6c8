//! A request body that is read to its end even when nobody wants it any more.
//!
//! Most programs send their whole body before they look for an answer. If byokey closed the
//! connection on an early refusal, the system would throw the unread bytes back at the caller as a
//! reset, and the caller would see a broken connection in place of the sentence that explains it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// A caller that is still sending after this long is cut off.
const LINGER: Duration = Duration::from_secs(5);

/// A request's body.
pub(crate) struct Upload(Source);

enum Source {
    /// As the caller sends it. What is left of it when it is dropped is read and thrown away.
    Caller(Incoming),
    /// All of it, from memory: what byokey made of a caller's request.
    Memory(Bytes),
    /// Nothing, or nothing more.
    Over,
}

impl Upload {
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self(if incoming.is_end_stream() {
            Source::Over
        } else {
            Source::Caller(incoming)
        })
    }

    /// A body of these bytes.
    pub(crate) fn ready(bytes: Bytes) -> Self {
        Self(Source::Memory(bytes))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let incoming = match &mut self.0 {
            Source::Caller(incoming) => incoming,
            Source::Memory(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Source::Over;
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Source::Over => return Poll::Ready(None),
        };
        let polled = Pin::new(incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = Source::Over;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Caller(incoming) => incoming.is_end_stream(),
            Source::Memory(bytes) => bytes.is_empty(),
            Source::Over => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Caller(incoming) => incoming.size_hint(),
            Source::Memory(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Over => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let rest = match std::mem::replace(&mut self.0, Source::Over) {
            Source::Caller(rest) if !rest.is_end_stream() => Some(rest),
            _ => None,
        };
        // Without a runtime the program is ending, and so are its connections.
        if let (Some(mut rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                let thrown_away = async { while let Some(Ok(_)) = rest.frame().await {} };
                tokio::time::timeout(LINGER, thrown_away).await
            });
        }
    }
}
