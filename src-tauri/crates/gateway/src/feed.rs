//! A request body on its way through: read once, checked while it passes, kept for a second try.
//!
//! Sending to the provider may begin as soon as the model is known, so the caller's bytes are pulled
//! by whoever needs the next one. What was pulled stays as long as another account may have to be
//! asked with the same body; for the last one it is let go as it is sent.

use std::collections::VecDeque;
use std::mem::take;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use byokey_wire::{Fault, FaultKind, Marks, Scan, Splice};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::flow::Flowing;
use crate::upload::Upload;

/// A caller that stops in the middle of its body is let go after this long.
const SENDER_IDLE: Duration = Duration::from_secs(30);
/// Bodies up to this size are read whole before the provider is asked.
const GATHER_UP_TO: u64 = 1 << 20;
/// Up to this size a copy is cheaper than sending the pieces around the model name one by one.
const COPY_UP_TO: usize = 64 * 1024;

/// The model that a request names.
pub(crate) struct Named {
    /// As the caller says it.
    pub(crate) name: String,
    /// Where a provider's name for it goes in.
    pub(crate) place: Place,
}

/// Where a body names its model.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// This JSON string of it, quotes included.
    At(Range<usize>),
    /// Nowhere, but the provider looks for it there: in front of the member that begins here.
    Before(usize),
    /// Nowhere; the path names it at the provider too.
    Nowhere,
}

/// A handle on one request's body; clones share it.
#[derive(Clone)]
pub(crate) struct Feed(Arc<Mutex<Inner>>);

struct Inner {
    incoming: Upload,
    pieces: Vec<Bytes>,
    scan: Scan,
    received: usize,
    limit: usize,
    /// Whether a body without a model is refused.
    wants_model: bool,
    /// Refuses what a body must not say.
    check: Check,
    /// Whether the whole body is to be had once more when the exchange is over.
    remembers: bool,
    remembered: Option<Bytes>,
    /// Whether the body may be needed once more.
    kept: bool,
    /// When the last byte came.
    ended: Option<Instant>,
    fault: Option<Fault>,
    idle: Pin<Box<tokio::time::Sleep>>,
    last: Instant,
}

/// Refuses a body for what it says.
pub(crate) type Check = fn(&Marks) -> Result<(), Fault>;

/// The body's failure, as far as the client library that sends it needs to know.
#[derive(Debug, thiserror::Error)]
#[error("the caller's request body failed")]
pub(crate) struct FeedBroken;

impl Feed {
    /// No body at all.
    pub(crate) fn nothing() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Inner {
            ended: Some(now),
            ..Inner::new(Upload::ready(Bytes::new()), 0, false, now)
        })))
    }

    /// A body that must name a model, unless the path does.
    ///
    /// # Errors
    /// When the announced length is beyond `limit` bytes.
    pub(crate) fn new(incoming: Upload, limit: usize, wants_model: bool) -> Result<Self, Fault> {
        if incoming.size_hint().lower() > limit as u64 {
            return Err(too_large(limit));
        }
        let inner = Inner::new(incoming, limit, wants_model, Instant::now());
        Ok(Self(Arc::new(Mutex::new(inner))))
    }

    /// Reads until it is known whether a body sent to Chat is one of Responses: it has `input` and
    /// no `messages`.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) async fn is_mixed(&self) -> Result<bool, Fault> {
        std::future::poll_fn(|cx| {
            let mut inner = self.0.lock();
            while !inner.scan.marks().messages && ready!(inner.poll_pull(cx))? {}
            let marks = inner.scan.marks();
            Poll::Ready(Ok(marks.input && !marks.messages))
        })
        .await
    }

    /// Reads until the model is known.
    ///
    /// # Errors
    /// When the body is no JSON object with a model, too large, or stops.
    pub(crate) async fn model(&self) -> Result<Named, Fault> {
        std::future::poll_fn(|cx| {
            let mut inner = self.0.lock();
            loop {
                if let Some(model) = inner.scan.model() {
                    return Poll::Ready(Ok(Named {
                        name: model.name.clone(),
                        place: Place::At(model.at.clone()),
                    }));
                }
                if !ready!(inner.poll_pull(cx))? {
                    return Poll::Ready(Err(byokey_wire::ScanError::NoModel.into()));
                }
            }
        })
        .await
    }

    /// Reads to the end and says where the model stands in the body, or where it would.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) async fn place(&self) -> Result<Place, Fault> {
        self.end().await?;
        let inner = self.0.lock();
        Ok(match (inner.scan.model(), inner.scan.first_key()) {
            (Some(model), _) => Place::At(model.at.clone()),
            (None, Some(first)) => Place::Before(first),
            (None, None) => Place::Nowhere,
        })
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) async fn end(&self) -> Result<(), Fault> {
        std::future::poll_fn(|cx| {
            let mut inner = self.0.lock();
            while ready!(inner.poll_pull(cx))? {}
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Reads on as long as the body is small, so that a bad one is told before any account is asked.
    /// Waiting for the last byte of a long one would delay its first.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) async fn gather(&self) -> Result<(), Fault> {
        std::future::poll_fn(|cx| {
            let mut inner = self.0.lock();
            loop {
                let left = inner.incoming.size_hint().lower();
                let small = left + inner.received as u64 <= GATHER_UP_TO;
                if !small || !ready!(inner.poll_pull(cx))? {
                    return Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }

    /// Reads to the end and returns everything.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) async fn whole(&self) -> Result<Bytes, Fault> {
        self.end().await?;
        let mut inner = self.0.lock();
        let whole = inner.joined();
        if inner.remembers {
            inner.remembered = Some(whole.clone());
        }
        // One piece instead of many; whoever holds it anyway may as well be able to ask once more.
        inner.pieces = vec![whole.clone()];
        inner.kept = true;
        Ok(whole)
    }

    /// Refuses what a body must not say, wherever in it that may stand.
    ///
    /// # Errors
    /// When it has said so already.
    pub(crate) fn check(&self, check: Check) -> Result<(), Fault> {
        let mut inner = self.0.lock();
        inner.check = check;
        check(inner.scan.marks())
    }

    /// Asks for [`remembered`](Self::remembered).
    pub(crate) fn remember(&self) {
        self.0.lock().remembers = true;
    }

    /// The body, when it was read whole and is to be remembered. One that passed piece by piece is
    /// not.
    pub(crate) fn remembered(&self) -> Option<Bytes> {
        self.0.lock().remembered.take()
    }

    /// What tells this request from others, as far as it was read.
    pub(crate) fn marks(&self) -> Marks {
        self.0.lock().scan.marks().clone()
    }

    /// Says that no other account will be asked with this body. A short one stays all the same: the
    /// last account may be asked once more.
    pub(crate) fn last_use(&self) {
        let mut inner = self.0.lock();
        inner.kept = inner.ended.is_some() && inner.received as u64 <= GATHER_UP_TO;
    }

    /// Whether the body can be sent once more.
    pub(crate) fn kept(&self) -> bool {
        self.0.lock().kept
    }

    /// Whether the caller asked for a stream, as far as the body was read.
    pub(crate) fn stream(&self) -> bool {
        self.0.lock().scan.stream()
    }

    /// Bytes received so far.
    pub(crate) fn received(&self) -> usize {
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

    /// Whether a body that was read whole may hold something, by a look at each of its pieces.
    pub(crate) fn holds(&self, what: impl Fn(&[u8]) -> bool) -> bool {
        let inner = self.0.lock();
        inner.ended.is_some() && inner.pieces.iter().any(|piece| what(piece))
    }

    /// All of the body with the provider's name of the model.
    ///
    /// # Errors
    /// As [`model`](Self::model).
    pub(crate) async fn whole_with_model(
        &self,
        place: &Place,
        name: &str,
    ) -> Result<Vec<u8>, Fault> {
        let whole = self.whole().await?;
        Ok(splice(place, name).piece(whole).concat())
    }

    /// The body with the provider's name of the model, from its first byte.
    pub(crate) fn with_model(&self, place: &Place, name: &str) -> Outgoing {
        let mut splice = splice(place, name);
        let inner = self.0.lock();
        if inner.ended.is_some() && inner.received <= COPY_UP_TO {
            let parts = splice.piece(inner.joined());
            return Outgoing::Whole(Some(parts.concat().into()));
        }
        let left = inner.incoming.size_hint().exact();
        let length = left.map(|left| splice.length(left + inner.received as u64));
        drop(inner);
        Outgoing::Fed(Fed {
            feed: self.clone(),
            next: 0,
            splice,
            queue: VecDeque::new(),
            length,
        })
    }
}

impl Inner {
    fn new(incoming: Upload, limit: usize, wants_model: bool, now: Instant) -> Self {
        Self {
            incoming,
            pieces: Vec::new(),
            scan: Scan::new(),
            received: 0,
            limit,
            wants_model,
            check: |_| Ok(()),
            remembers: false,
            remembered: None,
            kept: true,
            ended: None,
            fault: None,
            idle: Box::pin(tokio::time::sleep_until(now + SENDER_IDLE)),
            last: now,
        }
    }

    /// Pulls one more piece; `false` when the body is complete and sound.
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
                Err(Fault::new(
                    FaultKind::BadRequest,
                    "the request body stopped arriving; send it again",
                ))
            }
            Poll::Ready(None) => self.finish().map(|()| false),
            Poll::Ready(Some(Ok(frame))) => self.take(frame).map(|()| true),
            Poll::Ready(Some(Err(_))) => Err(Fault::new(
                FaultKind::BadRequest,
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
        self.received += piece.len();
        if self.received > self.limit {
            return Err(too_large(self.limit));
        }
        self.scan.push(&piece)?;
        (self.check)(self.scan.marks())?;
        self.pieces.push(piece);
        if self.incoming.is_end_stream() {
            self.finish()
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.wants_model {
            self.scan.finish()?;
        } else {
            self.scan.finish_any()?;
        }
        self.ended = Some(Instant::now());
        Ok(())
    }

    /// Ready when the caller has been silent for too long.
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

    fn joined(&self) -> Bytes {
        if let [only] = self.pieces.as_slice() {
            return only.clone();
        }
        let mut whole = BytesMut::with_capacity(self.received);
        for piece in &self.pieces {
            whole.extend_from_slice(piece);
        }
        whole.freeze()
    }
}

fn splice(place: &Place, name: &str) -> Splice {
    match place {
        Place::At(at) => Splice::new(at.clone(), name),
        Place::Before(at) => Splice::insert(*at, name),
        Place::Nowhere => Splice::none(),
    }
}

fn too_large(limit: usize) -> Fault {
    Fault::new(
        FaultKind::TooLarge,
        format!(
            "the request body is larger than {} MiB; shorten it, or raise max_body_mib in the \
             configuration",
            limit >> 20
        ),
    )
}

/// A body on its way to the provider.
pub(crate) enum Outgoing {
    /// All of it at once.
    Whole(Option<Bytes>),
    /// Piece by piece, as the caller sends it.
    Fed(Fed),
    /// The same of bytes that nobody looks at, or of a form.
    Flowing(Box<Flowing>),
}

/// The caller's pieces with the model name replaced.
pub(crate) struct Fed {
    feed: Feed,
    /// Next of the feed's pieces.
    next: usize,
    splice: Splice,
    queue: VecDeque<Bytes>,
    length: Option<u64>,
}

impl Fed {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, FeedBroken>>> {
        loop {
            if let Some(piece) = self.queue.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let mut inner = self.feed.0.lock();
            let kept = inner.kept;
            let next = inner.pieces.get_mut(self.next);
            let Some(piece) = next.map(|piece| if kept { piece.clone() } else { take(piece) })
            else {
                match ready!(inner.poll_pull(cx)) {
                    Ok(true) => continue,
                    Ok(false) => return Poll::Ready(None),
                    Err(_) => return Poll::Ready(Some(Err(FeedBroken))),
                }
            };
            drop(inner);
            self.next += 1;
            let parts = self.splice.piece(piece);
            self.queue
                .extend(parts.into_iter().filter(|part| !part.is_empty()));
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = FeedBroken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FeedBroken>>> {
        match self.get_mut() {
            Self::Whole(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Self::Fed(fed) => fed.poll_piece(cx).map_ok(Frame::data),
            Self::Flowing(flowing) => flowing.poll_piece(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            Self::Flowing(flowing) => flowing.size_hint(),
            Self::Fed(fed) => fed
                .length
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
