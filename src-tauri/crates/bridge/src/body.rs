//! The body of a bridge's reply: frames as the program's run hands them over, or one error.
//!
//! The channel is short, so a caller that reads slowly slows the run down. Dropping the body closes
//! the channel, and the run ends when it sees that: there is nothing else to cancel.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// Frames on their way to a caller who has not taken them yet.
const WAITING: usize = 16;

/// The body of a bridge's reply. It never fails by itself: what goes wrong after the first byte is an
/// `error` frame of the Messages dialect, and a stream that ends without its last frame was cut.
pub struct BridgeBody(Source);

enum Source {
    Run(mpsc::Receiver<Bytes>),
    Whole(Option<Bytes>),
}

impl BridgeBody {
    /// A stream and its sending end. The run asks [`mpsc::Sender::closed`] whether the caller left.
    pub(crate) fn stream() -> (mpsc::Sender<Bytes>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (sender, Self(Source::Run(receiver)))
    }

    /// The reply of which this is the stream.
    pub(crate) fn response(self) -> Response<Self> {
        let mut response = Response::new(self);
        let stream = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, stream);
        response
    }

    /// A body that is known as a whole.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Source::Whole(Some(bytes.into())))
    }
}

impl Body for BridgeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = match &mut self.0 {
            Source::Run(frames) => match frames.poll_recv(context) {
                Poll::Ready(bytes) => bytes,
                Poll::Pending => return Poll::Pending,
            },
            Source::Whole(bytes) => bytes.take(),
        };
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Source::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Run(_) => SizeHint::default(),
            Source::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
        }
    }
}
