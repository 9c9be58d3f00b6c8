//! A request body that goes through as it comes: bytes of any kind, or a form with a file in it.
//!
//! Nothing is read whole. Of a form so much is read ahead as is needed to know its model; what was
//! read is kept only until it is sent, or, when the whole form was read, for a second account.

mod outgoing;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use byokey_wire::{Fault, FaultKind, FormField, FormFile, FormScan, Splice};
use bytes::Bytes;
use http_body::{Body, Frame};
use parking_lot::Mutex;
use tokio::time::Instant;

pub(crate) use self::outgoing::Flowing;
use self::outgoing::Part;
use crate::feed::Outgoing;
use crate::upload::Upload;

/// A caller that stops in the middle of its body is let go after this long.
const SENDER_IDLE: Duration = Duration::from_secs(30);
/// How far ahead a form is read for its model, in bytes. OpenAI takes files of 25 MB.
const LOOK_AHEAD: u64 = 32 << 20;
/// Forms up to this size are read whole before the provider is asked, in bytes.
const GATHER_UP_TO: u64 = 1 << 20;

/// A handle on one request's body; clones share it.
#[derive(Clone)]
pub(crate) struct Flow(Arc<Mutex<Inner>>);

struct Inner {
    incoming: Upload,
    /// Pieces that were read and are still needed, from the position `first` on.
    pieces: VecDeque<Bytes>,
    first: u64,
    scan: Option<FormScan>,
    received: u64,
    ended: Option<Instant>,
    fault: Option<Fault>,
    idle: Pin<Box<tokio::time::Sleep>>,
    last: Instant,
}

impl Flow {
    /// A body of which nothing needs to be known.
    pub(crate) fn raw(incoming: Upload) -> Self {
        Self::new(incoming, None)
    }

    /// A form with this `Content-Type`.
    ///
    /// # Errors
    /// When the type is that of no form.
    pub(crate) fn form(incoming: Upload, content_type: &str) -> Result<Self, Fault> {
        Ok(Self::new(incoming, Some(FormScan::new(content_type)?)))
    }

    fn new(incoming: Upload, scan: Option<FormScan>) -> Self {
        let now = Instant::now();
        // Nobody pulls a body that is not there, and waiting for the reply counts from its end.
        let ended = (scan.is_none() && incoming.is_end_stream()).then_some(now);
        Self(Arc::new(Mutex::new(Inner {
            incoming,
            pieces: VecDeque::new(),
            first: 0,
            scan,
            received: 0,
            ended,
            fault: None,
            idle: Box::pin(tokio::time::sleep_until(now + SENDER_IDLE)),
            last: now,
        })))
    }

    /// Reads a form until its field `model` is known.
    ///
    /// # Errors
    /// When the form is broken or ends without one, or when it does not come soon enough.
    pub(crate) async fn model(&self) -> Result<FormField, Fault> {
        self.read_until(|inner| {
            if let Some(field) = inner.form().and_then(|form| form.field("model")) {
                return Some(Ok(field.clone()));
            }
            (inner.received > LOOK_AHEAD).then(|| {
                Err(no_model(
                    "put the field `model` in front of the file: byokey reads no more than 32 MiB \
                     of a form to find it",
                ))
            })
        })
        .await?
        .unwrap_or_else(|| Err(no_model("the form has no field `model`")))
    }

    /// Reads a form until its file has begun, or on to its end if the form is small.
    ///
    /// # Errors
    /// When the form is broken or ends without a file.
    pub(crate) async fn file(&self) -> Result<FormFile, Fault> {
        self.read_until(|inner| {
            let left = inner.incoming.size_hint().lower();
            let small = left + inner.received <= GATHER_UP_TO;
            let begun = inner.form().is_some_and(|form| form.file().is_some());
            (begun && !small).then_some(())
        })
        .await?;
        let inner = self.0.lock();
        let file = inner.form().and_then(|form| form.file()).cloned();
        file.ok_or_else(|| {
            let mut fault = Fault::new(FaultKind::BadRequest, "the form has no field `file`");
            fault.param = Some("file".into());
            fault
        })
    }

    /// Pulls until `done` says so, or to the end.
    async fn read_until<T>(
        &self,
        mut done: impl FnMut(&Inner) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        std::future::poll_fn(|cx| {
            let mut inner = self.0.lock();
            loop {
                if let Some(done) = done(&inner) {
                    return Poll::Ready(Ok(Some(done)));
                }
                if !ready!(inner.poll_pull(cx))? {
                    return Poll::Ready(Ok(None));
                }
            }
        })
        .await
    }

    /// The fields of a form that have gone by.
    pub(crate) fn fields(&self) -> Vec<FormField> {
        let inner = self.0.lock();
        inner
            .form()
            .map_or_else(Vec::new, |form| form.fields().to_vec())
    }

    /// What separates the parts of a form.
    pub(crate) fn boundary(&self) -> Vec<u8> {
        let inner = self.0.lock();
        inner
            .form()
            .map_or_else(Vec::new, |form| form.boundary().to_vec())
    }

    /// Whether everything was read and is still here, so that another account can be asked.
    pub(crate) fn kept(&self) -> bool {
        let inner = self.0.lock();
        inner.ended.is_some() && inner.first == 0
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> u64 {
        self.0.lock().received
    }

    /// When the last byte came, if it has.
    pub(crate) fn ended(&self) -> Option<Instant> {
        self.0.lock().ended
    }

    /// What was wrong with the body, once something was.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.lock().fault.clone()
    }

    /// The body as it is.
    pub(crate) fn as_it_is(&self) -> Outgoing {
        self.outgoing(Part::Spliced(Splice::none()))
    }

    /// The form with another model name in the place of the caller's.
    pub(crate) fn with_model(&self, field: &FormField, model: &str) -> Outgoing {
        self.outgoing(Part::Spliced(Splice::plain(field.at.clone(), model)))
    }

    /// The file of a form between other bytes, as it is or in base64.
    pub(crate) fn file_within(&self, before: Vec<u8>, behind: Vec<u8>, base64: bool) -> Outgoing {
        self.outgoing(Part::File {
            before: Some(before.into()),
            behind: Some(behind.into()),
            encoder: base64.then(Vec::new),
        })
    }

    fn outgoing(&self, part: Part) -> Outgoing {
        let inner = self.0.lock();
        let kept = inner.ended.is_some();
        let length = part.length(&inner);
        drop(inner);
        let flowing = Flowing::new(self.clone(), part, kept, length);
        Outgoing::Flowing(Box::new(flowing))
    }
}

fn no_model(message: &str) -> Fault {
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some("model".into());
    fault
}

impl Inner {
    fn form(&self) -> Option<&FormScan> {
        self.scan.as_ref()
    }

    /// Pulls one more piece; `false` when the body is complete.
    fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        if let Some(fault) = &self.fault {
            return Poll::Ready(Err(fault.clone()));
        }
        if self.ended.is_some() {
            return Poll::Ready(Ok(false));
        }
        let pulled = match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => {
                ready!(self.poll_idle(cx));
                Err(bad("the request body stopped arriving; send it again"))
            }
            Poll::Ready(None) => self.finish().map(|()| false),
            Poll::Ready(Some(Ok(frame))) => self.take(frame).map(|()| true),
            Poll::Ready(Some(Err(_))) => Err(bad(
                "the request body broke off before its end; send it again",
            )),
        };
        if let Err(fault) = &pulled {
            self.fault = Some(fault.clone());
        }
        Poll::Ready(pulled)
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<(), Fault> {
        let Ok(piece) = frame.into_data() else {
            return Ok(());
        };
        self.last = Instant::now();
        self.received += piece.len() as u64;
        if let Some(scan) = &mut self.scan {
            scan.push(&piece)?;
        }
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
        if self.incoming.is_end_stream() {
            return self.finish();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if let Some(scan) = &self.scan {
            scan.finish()?;
        }
        self.ended = Some(Instant::now());
        Ok(())
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.idle.as_mut().poll(cx));
            let deadline = self.last + SENDER_IDLE;
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            self.idle.as_mut().reset(deadline);
        }
    }

    /// Bytes from `position` on that are here, as far as one piece goes.
    fn piece_at(&mut self, position: u64, keep: bool) -> Option<Bytes> {
        if !keep {
            while let Some(front) = self.pieces.front() {
                let end = self.first + front.len() as u64;
                if end > position {
                    break;
                }
                self.first = end;
                self.pieces.pop_front();
            }
        }
        let mut start = self.first;
        for piece in &self.pieces {
            let end = start + piece.len() as u64;
            if position < end {
                let skip = usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
                return Some(piece.slice(skip..));
            }
            start = end;
        }
        None
    }
}

fn bad(message: &str) -> Fault {
    Fault::new(FaultKind::BadRequest, message)
}
