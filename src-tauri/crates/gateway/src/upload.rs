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

/// The caller's body. What is left of it when this is dropped is read and thrown away.
pub(crate) struct Upload(Option<Incoming>);

impl Upload {
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self((!incoming.is_end_stream()).then_some(incoming))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Some(incoming) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|rest| !rest.is_end_stream());
        // Without a runtime the program is ending, and so are its connections.
        if let (Some(mut rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                let thrown_away = async { while let Some(Ok(_)) = rest.frame().await {} };
                tokio::time::timeout(LINGER, thrown_away).await
            });
        }
    }
}
