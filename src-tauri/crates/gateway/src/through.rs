//! A reply that goes through byte for byte, whatever it is; only looked at for what it cost.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use byokey_vault::Outcome;
use byokey_wire::{Fault, FaultKind, Watch};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::meter::Meter;
use crate::relay::Limits;

/// The body of such a reply.
pub(crate) struct Through {
    incoming: Incoming,
    /// Bytes read before this body was made.
    ready: Option<Bytes>,
    watch: Option<Box<Watch>>,
    meter: Meter,
    /// What the reply as such says of the account, if it is an error.
    verdict: Option<Fault>,
    limits: Limits,
    heard: Instant,
    timer: Pin<Box<Sleep>>,
    over: bool,
}

/// The provider's reply broke off; so does ours.
#[derive(Debug, thiserror::Error)]
#[error("the provider's reply broke off")]
pub(crate) struct Broken;

impl Through {
    /// A reply whose tokens `watch` reads, if it can be read. A `verdict` is written down in the end.
    pub(crate) fn new(
        incoming: Incoming,
        ready: Bytes,
        watch: Option<Box<Watch>>,
        meter: Meter,
        verdict: Option<Fault>,
        limits: Limits,
    ) -> Self {
        let heard = Instant::now();
        let mut through = Self {
            incoming,
            ready: (!ready.is_empty()).then_some(ready),
            watch,
            meter,
            verdict,
            limits,
            heard,
            timer: Box::pin(tokio::time::sleep_until(heard)),
            over: false,
        };
        let wake = through.next_wake();
        through.timer.as_mut().reset(wake);
        through
    }

    fn next_wake(&self) -> Instant {
        let silent = self.heard + self.limits.idle;
        self.limits.end.map_or(silent, |end| end.min(silent))
    }

    fn pass(&mut self, bytes: Bytes) -> Frame<Bytes> {
        if let Some(watch) = &mut self.watch {
            watch.push(&bytes);
        }
        self.meter.first();
        self.meter.note(|row| row.bytes_out += bytes.len() as u64);
        Frame::data(bytes)
    }

    fn fail(&mut self, kind: FaultKind, message: &str) -> Broken {
        self.over = true;
        let outcome = match kind {
            FaultKind::Timeout => Outcome::Timeout,
            _ => Outcome::UpstreamCut,
        };
        self.meter.failed(&Fault::new(kind, message), outcome);
        Broken
    }

    fn complete(&mut self) {
        match &self.verdict {
            Some(fault) => self.meter.failed(fault, Outcome::UpstreamError),
            None => self.meter.complete(),
        }
    }

    /// Ready when a limit is reached.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.limits.end.is_some_and(|end| end <= now) {
                return Poll::Ready("the exchange took longer than timeouts.total_s allows");
            }
            if now >= self.heard + self.limits.idle {
                return Poll::Ready("the provider went silent in the middle of its reply");
            }
            let wake = self.next_wake();
            self.timer.as_mut().reset(wake);
        }
    }
}

impl Body for Through {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        if let Some(bytes) = this.ready.take() {
            return Poll::Ready(Some(Ok(this.pass(bytes))));
        }
        if this.over {
            return Poll::Ready(None);
        }
        loop {
            return Poll::Ready(match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => {
                        this.heard = Instant::now();
                        Some(Ok(this.pass(bytes)))
                    }
                    Err(_) => continue,
                },
                Poll::Ready(Some(Err(_))) => Some(Err(this.fail(
                    FaultKind::Upstream,
                    "the provider's reply broke off before its end",
                ))),
                Poll::Ready(None) => {
                    this.over = true;
                    this.complete();
                    None
                }
                Poll::Pending => {
                    let why = ready!(this.poll_limits(cx));
                    Some(Err(this.fail(FaultKind::Timeout, why)))
                }
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        // Whether it was complete is known only once the end was seen.
        self.over && self.ready.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let ready = self.ready.as_ref().map_or(0, |ready| ready.len() as u64);
        match self.incoming.size_hint().exact() {
            Some(left) => SizeHint::with_exact(ready + left),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Through {
    fn drop(&mut self) {
        // hyper stops asking at the announced length, so the end may never have been polled.
        if !self.over && self.ready.is_none() && self.incoming.is_end_stream() {
            self.complete();
        }
        if let Some(watch) = &mut self.watch {
            watch.finish();
            self.meter.seen(watch.seen());
        }
    }
}
