//! Where a reply goes: nothing at all until it is known whether it becomes a stream, then frames.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{BridgeTrouble, frames};

/// How a reply begins.
pub(super) enum Head {
    /// As a stream.
    Stream,
    /// As an error.
    Trouble(BridgeTrouble),
    /// Not at all: the run went on without the caller, who is to be served by a new one.
    Lost,
}

/// The way to one caller.
pub(super) struct Outlet {
    head: Option<oneshot::Sender<Head>>,
    frames: mpsc::Sender<Bytes>,
}

impl Outlet {
    pub(super) fn new(head: oneshot::Sender<Head>, frames: mpsc::Sender<Bytes>) -> Self {
        Self {
            head: Some(head),
            frames,
        }
    }

    /// Waits until the caller has left.
    pub(super) async fn left(&self) {
        self.frames.closed().await;
    }

    /// Whether the reply has begun as a stream.
    pub(super) fn has_begun(&self) -> bool {
        self.head.is_none()
    }

    /// Hands a frame over; the first one makes the reply a stream. An error means that the caller
    /// has left.
    pub(super) async fn frame(&mut self, frame: Bytes) -> Result<(), Gone> {
        if let Some(head) = self.head.take() {
            head.send(Head::Stream).map_err(|_| Gone)?;
        }
        self.frames.send(frame).await.map_err(|_| Gone)
    }

    /// Ends the reply with an error.
    pub(super) async fn fail(mut self, trouble: BridgeTrouble) {
        match self.head.take() {
            Some(head) => drop(head.send(Head::Trouble(trouble))),
            None => {
                let frame = frames::error_frame(trouble.kind(), &trouble.to_string());
                // A caller who has left needs no error.
                let _ = self.frames.send(frame).await;
            }
        }
    }

    /// Lets a new run take over, if nothing has been said yet.
    pub(super) fn give_back(mut self) {
        if let Some(head) = self.head.take() {
            let _ = head.send(Head::Lost);
        }
    }
}

/// The caller has left.
pub(super) struct Gone;
