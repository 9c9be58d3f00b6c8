//! A request body that goes through as it comes: bytes of any kind, or a form with a file in it.
//!
//! Nothing is read whole. Of a form so much is read ahead as is needed to know its model; what was
//! read is kept only until it is sent, or, when the whole form was read, for a second account.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byokey_wire::{Fault, FaultKind, FormField, FormFile, FormScan, Splice};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::feed::{FeedBroken, Outgoing};
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
        Outgoing::Flowing(Box::new(Flowing {
            flow: self.clone(),
            part,
            position: 0,
            kept,
            queue: VecDeque::new(),
            length,
        }))
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

/// What of a body is sent.
enum Part {
    /// All of it, perhaps with another model name.
    Spliced(Splice),
    /// A form's file, with something around it.
    File {
        before: Option<Bytes>,
        behind: Option<Bytes>,
        /// Bytes that do not fill a group of base64 yet.
        encoder: Option<Vec<u8>>,
    },
}

impl Part {
    /// The length of what is sent, where it is known before.
    fn length(&self, inner: &Inner) -> Option<u64> {
        match self {
            Self::Spliced(splice) => {
                let left = inner.incoming.size_hint().exact()?;
                Some(splice.length(left + inner.received))
            }
            Self::File {
                before,
                behind,
                encoder,
            } => {
                let file = inner.form()?.file()?;
                let length = file.end?.saturating_sub(file.start);
                let length = match encoder {
                    Some(_) => length.div_ceil(3) * 4,
                    None => length,
                };
                let around = [before, behind].into_iter().flatten();
                let around: usize = around.map(Bytes::len).sum();
                Some((length + around) as u64)
            }
        }
    }
}

/// A body on its way to the provider.
pub(crate) struct Flowing {
    flow: Flow,
    part: Part,
    /// Where the next byte stands in the caller's body.
    position: u64,
    /// Whether what was sent stays for another account.
    kept: bool,
    queue: VecDeque<Bytes>,
    length: Option<u64>,
}

impl Flowing {
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FeedBroken>>> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let next = match &mut self.part {
                Part::Spliced(_) => ready!(self.poll_any(cx)),
                Part::File { before, .. } => {
                    if let Some(before) = before.take() {
                        self.queue.extend((!before.is_empty()).then_some(before));
                        continue;
                    }
                    ready!(self.poll_file(cx))
                }
            };
            match next {
                Ok(true) => {}
                Ok(false) if self.queue.is_empty() => return Poll::Ready(None),
                Ok(false) => {}
                Err(broken) => return Poll::Ready(Some(Err(broken))),
            }
        }
    }

    /// Queues the next bytes; `false` when there are none left.
    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, FeedBroken>> {
        let mut inner = self.flow.0.lock();
        let Some(piece) = inner.piece_at(self.position, self.kept) else {
            return inner.poll_pull(cx).map_err(|_| FeedBroken);
        };
        drop(inner);
        self.position += piece.len() as u64;
        if let Part::Spliced(splice) = &mut self.part {
            let parts = splice.piece(piece).into_iter();
            self.queue.extend(parts.filter(|part| !part.is_empty()));
        }
        Poll::Ready(Ok(true))
    }

    /// The same for the bytes of the form's file; what comes behind it is read, too, since a form is
    /// sound only with its end.
    fn poll_file(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, FeedBroken>> {
        let mut inner = self.flow.0.lock();
        let (start, until, over) = match inner.form().and_then(|form| Some((form, form.file()?))) {
            Some((form, file)) => (
                file.start as u64,
                form.file_until() as u64,
                file.end.is_some(),
            ),
            None => (0, 0, false),
        };
        self.position = self.position.max(start);
        if self.position < until
            && let Some(mut piece) = inner.piece_at(self.position, self.kept)
        {
            drop(inner);
            let most = usize::try_from(until - self.position).unwrap_or(usize::MAX);
            piece.truncate(most);
            self.position += piece.len() as u64;
            self.send(piece);
            return Poll::Ready(Ok(true));
        }
        if ready!(inner.poll_pull(cx)).map_err(|_| FeedBroken)? {
            if over && !self.kept {
                // Behind the file nothing is sent any more.
                let received = inner.received;
                inner.piece_at(received, false);
            }
            return Poll::Ready(Ok(true));
        }
        drop(inner);
        Poll::Ready(Ok(self.end()))
    }

    fn send(&mut self, piece: Bytes) {
        let Part::File { encoder, .. } = &mut self.part else {
            return;
        };
        let Some(open) = encoder else {
            self.queue.push_back(piece);
            return;
        };
        open.extend_from_slice(&piece);
        let whole = open.len() / 3 * 3;
        let mut text = BytesMut::zeroed(whole / 3 * 4);
        // The buffer has exactly the length of the text.
        if STANDARD.encode_slice(&open[..whole], &mut text).is_ok() && !text.is_empty() {
            self.queue.push_back(text.freeze());
        }
        open.drain(..whole);
    }

    /// Queues what stands behind the file; `false` when that has been done.
    fn end(&mut self) -> bool {
        let Part::File {
            behind, encoder, ..
        } = &mut self.part
        else {
            return false;
        };
        let Some(behind) = behind.take() else {
            return false;
        };
        let open = encoder.take().filter(|open| !open.is_empty());
        let rest = open.map(|open| Bytes::from(STANDARD.encode(open)));
        self.queue
            .extend(rest.into_iter().chain([behind]).filter(|it| !it.is_empty()));
        !self.queue.is_empty()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.length()
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
