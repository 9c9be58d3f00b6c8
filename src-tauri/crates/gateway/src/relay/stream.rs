//! A reply on its way to the caller, piece by piece.
//!
//! One timer serves two duties, silence of the provider and silence towards the caller, and is only
//! set anew when it fires: a chunk costs no timer work. Nothing is read from the provider before the
//! caller has taken what came before.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use byokey_vault::Outcome;
use byokey_wire::{Dialect, Fault, FaultKind, Seen, Translation, Unwrap, Watch, keep_alive};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::inflow::Inflow;
use crate::meter::Meter;

/// Silence after which the caller gets a sign of life, where its dialect has one. Anthropic's clients
/// watch more closely.
fn quiet(dialect: Dialect) -> Option<Duration> {
    let seconds = match dialect {
        Dialect::Messages => 10,
        _ => 15,
    };
    (!keep_alive(dialect).is_empty()).then_some(Duration::from_secs(seconds))
}

/// A partial frame larger than this is passed on rather than held.
const MOST_HELD: usize = 256 * 1024;

/// What happens to the provider's bytes.
pub(crate) enum Way {
    /// A stream of the caller's own dialect: whole frames pass untouched.
    Pass(Watch),
    /// A stream of another dialect.
    Via(Box<Translation>),
    /// A whole reply too large to be held: bytes pass untouched.
    Whole(Watch),
}

/// The provider's bytes as they become the caller's.
pub(crate) struct Flow {
    way: Way,
    /// Takes each frame out of its envelope first.
    envelope: Option<Unwrap>,
    /// Bytes of a frame that is not complete yet; only whole frames are passed on, so that an error
    /// or a sign of life never lands inside one.
    held: BytesMut,
}

impl Flow {
    /// A reply that goes this way; `enveloped` when each of its frames stands in Google's envelope.
    pub(crate) fn new(way: Way, enveloped: bool) -> Self {
        Self {
            way,
            envelope: enveloped.then(Unwrap::default),
            held: BytesMut::new(),
        }
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> &Seen {
        match &self.way {
            Way::Pass(watch) | Way::Whole(watch) => watch.seen(),
            Way::Via(translation) => translation.seen(),
        }
    }

    /// Whether the provider has said its last word.
    fn ended(&self) -> bool {
        match &self.way {
            Way::Pass(watch) | Way::Whole(watch) => watch.seen().ended,
            Way::Via(translation) => translation.is_complete(),
        }
    }

    fn sign_of_life(&self, dialect: Dialect) -> &'static [u8] {
        match &self.way {
            Way::Via(translation) => translation.keep_alive(),
            Way::Pass(_) | Way::Whole(_) => keep_alive(dialect),
        }
    }

    /// Takes the provider's next bytes; returns what the caller gets for them.
    pub(crate) fn take(&mut self, bytes: Bytes) -> Option<Bytes> {
        let bytes = match &mut self.envelope {
            Some(envelope) => {
                let mut out = Vec::new();
                envelope.push(&bytes, &mut out);
                out.into()
            }
            None => bytes,
        };
        match &mut self.way {
            Way::Whole(watch) => {
                watch.push(&bytes);
                Some(bytes)
            }
            Way::Pass(watch) => {
                watch.push(&bytes);
                let at_boundary = watch.at_boundary();
                self.whole_frames(bytes, at_boundary)
            }
            Way::Via(translation) => {
                let mut out = Vec::new();
                translation.push(&bytes, &mut out);
                (!out.is_empty()).then(|| out.into())
            }
        }
    }

    fn whole_frames(&mut self, bytes: Bytes, at_boundary: bool) -> Option<Bytes> {
        if at_boundary && self.held.is_empty() {
            return Some(bytes);
        }
        self.held.extend_from_slice(&bytes);
        if at_boundary || self.held.len() > MOST_HELD {
            return Some(self.held.split().freeze());
        }
        let cut = last_boundary(&self.held)?;
        Some(self.held.split_to(cut).freeze())
    }

    /// The provider closed: what is left for the caller, or why the reply is none.
    ///
    /// # Errors
    /// When a reply that passes was not complete; a translation says so itself.
    pub(crate) fn close(&mut self) -> Result<Option<Bytes>, Fault> {
        let mut out = Vec::new();
        match &mut self.way {
            Way::Via(translation) => translation.finish(&mut out),
            Way::Pass(watch) | Way::Whole(watch) => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.finish(&mut out);
                    watch.push(&out);
                }
                watch.finish();
                if !watch.seen().ended && watch.seen().fault.is_none() {
                    return Err(cut_off());
                }
                out.splice(..0, self.held.split());
            }
        }
        Ok((!out.is_empty()).then(|| out.into()))
    }
}

/// Limits on a reply.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Longest silence of the provider.
    pub(crate) idle: Duration,
    /// When everything must be over.
    pub(crate) end: Option<Instant>,
}

/// The body of a reply.
pub(crate) struct Reply {
    incoming: Inflow,
    flow: Flow,
    dialect: Dialect,
    meter: Meter,
    limits: Limits,
    /// What the caller gets for bytes that were read before this body was made.
    ready: Option<Bytes>,
    timer: Pin<Box<Sleep>>,
    heard: Instant,
    spoken: Instant,
    over: bool,
    /// Half of a whole reply went out and the rest will not come.
    broken: bool,
}

impl Reply {
    pub(crate) fn new(
        incoming: Inflow,
        flow: Flow,
        ready: Bytes,
        dialect: Dialect,
        meter: Meter,
        limits: Limits,
    ) -> Self {
        let now = Instant::now();
        let mut reply = Self {
            incoming,
            flow,
            dialect,
            meter,
            limits,
            ready: (!ready.is_empty()).then_some(ready),
            timer: Box::pin(tokio::time::sleep_until(now)),
            heard: now,
            spoken: now,
            over: false,
            broken: false,
        };
        let wake = reply.next_wake();
        reply.timer.as_mut().reset(wake);
        reply.bind();
        reply
    }

    fn next_wake(&self) -> Instant {
        let silent = self.heard + self.limits.idle;
        let wake = self.quiet_until().map_or(silent, |quiet| quiet.min(silent));
        self.limits.end.map_or(wake, |end| wake.min(end))
    }

    /// When the caller needs a sign of life.
    fn quiet_until(&self) -> Option<Instant> {
        match self.flow.way {
            Way::Whole(_) => None,
            _ => quiet(self.dialect).map(|quiet| self.spoken + quiet),
        }
    }

    fn seen(&self) -> &Seen {
        self.flow.seen()
    }

    /// Takes the provider's next bytes; returns what the caller gets for them.
    fn take(&mut self, bytes: Bytes) -> Option<Bytes> {
        self.heard = Instant::now();
        let out = self.flow.take(bytes);
        self.bind();
        if out.is_some() {
            self.spoken = self.heard;
        }
        out
    }

    /// Lets the account be found again by the reply's id, where the provider keeps the reply.
    fn bind(&mut self) {
        if let Way::Pass(watch) = &self.flow.way {
            self.meter.bind(watch.seen());
        }
    }

    /// The provider closed: what is left for the caller.
    fn close(&mut self) -> Option<Bytes> {
        let left = match self.flow.close() {
            Ok(left) => left,
            Err(fault) => return self.fail(&fault),
        };
        self.over = true;
        // Before the last byte goes out: the caller's next request may come at once.
        if let Way::Via(translation) = &self.flow.way {
            self.meter.remember(translation.memories());
        }
        match self.seen().fault.clone() {
            Some(fault) => self.meter.failed(&fault, Outcome::UpstreamError),
            None => self.meter.complete(),
        }
        left
    }

    /// The exchange failed on the way: the error in the caller's own form, and nothing after it.
    fn fail(&mut self, fault: &Fault) -> Option<Bytes> {
        if matches!(self.flow.way, Way::Via(_)) && self.flow.ended() {
            // Nothing was left to be said.
            return self.close();
        }
        self.over = true;
        self.flow.held.clear();
        let outcome = match fault.kind {
            FaultKind::Timeout => Outcome::Timeout,
            _ => Outcome::UpstreamCut,
        };
        self.meter.failed(fault, outcome);
        let mut out = Vec::new();
        match &mut self.flow.way {
            Way::Whole(_) => self.broken = true,
            Way::Pass(watch) => out = watch.error_event(fault, self.meter.id()),
            Way::Via(translation) => translation.fail(fault, &mut out),
        }
        (!out.is_empty()).then(|| out.into())
    }

    /// Notes what goes out and makes a frame of it.
    fn speak(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.meter.first();
        self.meter.note(|row| row.bytes_out += bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    /// What the timer asks for.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.flow.ended() {
                // Said its last word, but does not close.
                return Poll::Ready(Wake::Close);
            }
            if self.limits.end.is_some_and(|end| end <= now) {
                let message = "the exchange took longer than timeouts.total_s allows";
                return Poll::Ready(Wake::Fail(Fault::new(FaultKind::Timeout, message)));
            }
            if now >= self.heard + self.limits.idle {
                let seconds = self.limits.idle.as_secs();
                let message = format!("the provider went silent for {seconds} s in its reply");
                return Poll::Ready(Wake::Fail(Fault::new(FaultKind::Timeout, message)));
            }
            let quiet = self.quiet_until().is_some_and(|until| until <= now);
            if quiet {
                self.spoken = now;
            }
            let wake = self.next_wake();
            self.timer.as_mut().reset(wake);
            if quiet {
                return Poll::Ready(Wake::Speak(Bytes::from_static(
                    self.flow.sign_of_life(self.dialect),
                )));
            }
        }
    }
}

/// Why the timer rang.
enum Wake {
    /// The caller needs a sign of life.
    Speak(Bytes),
    /// Nothing more will come.
    Close,
    /// A limit is reached.
    Fail(Fault),
}

/// What a caller that took half of a whole reply gets instead of its end.
#[derive(Debug, thiserror::Error)]
#[error("the provider's reply broke off")]
pub(crate) struct Broken;

impl Body for Reply {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(bytes) = this.ready.take() {
            return this.speak(bytes);
        }
        while !this.over {
            let out = match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => this.take(bytes),
                    Err(_) => None,
                },
                Poll::Ready(None) => this.close(),
                Poll::Ready(Some(Err(_))) => this.fail(&cut_off()),
                Poll::Pending => match ready!(this.poll_timer(cx)) {
                    Wake::Speak(sign) => Some(sign),
                    Wake::Close => this.close(),
                    Wake::Fail(fault) => this.fail(&fault),
                },
            };
            if let Some(bytes) = out {
                return this.speak(bytes);
            }
        }
        if std::mem::take(&mut this.broken) {
            return Poll::Ready(Some(Err(Broken)));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.over && self.ready.is_none() && !self.broken
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.meter.seen(self.flow.seen());
        if let Way::Via(translation) = &self.flow.way {
            self.meter.lost(translation.losses());
        }
    }
}

pub(super) fn cut_off() -> Fault {
    let mut fault = Fault::new(
        FaultKind::Upstream,
        "the provider's reply broke off before its end; what came so far is incomplete",
    );
    fault.code = Some("upstream_incomplete".into());
    fault
}

/// Where the last whole frame ends, if one does.
fn last_boundary(bytes: &[u8]) -> Option<usize> {
    let ends: [&[u8]; 3] = [b"\n\n", b"\r\n\r\n", b"\r\r"];
    ends.iter()
        .filter_map(|end| memchr::memmem::rfind(bytes, end).map(|at| at + end.len()))
        .max()
}
