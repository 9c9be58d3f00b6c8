//! The body of a provider's reply: from the network, or from a program of the user's.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use byokey_bridge::BridgeBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// Where the bytes of a reply come from. Dropping it gives up the reply.
pub(crate) enum Inflow {
    /// A provider's address.
    Network(Incoming),
    /// A program, whose body cannot break by itself.
    Program(BridgeBody),
}

impl Body for Inflow {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Network(incoming) => Pin::new(incoming).poll_frame(cx),
            Self::Program(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Network(incoming) => incoming.is_end_stream(),
            Self::Program(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Network(incoming) => incoming.size_hint(),
            Self::Program(body) => body.size_hint(),
        }
    }
}
