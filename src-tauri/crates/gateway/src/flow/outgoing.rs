//! A body on its way to the provider, made from what the caller sends.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byokey_wire::Splice;
use bytes::{Bytes, BytesMut};
use http_body::{Body as _, SizeHint};

use super::{Flow, Inner};
use crate::feed::FeedBroken;

/// What of a body is sent.
pub(super) enum Part {
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
    pub(super) fn length(&self, inner: &Inner) -> Option<u64> {
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
    /// A part of a body; `kept` when another account may be asked with the same.
    pub(super) fn new(flow: Flow, part: Part, kept: bool, length: Option<u64>) -> Self {
        Self {
            flow,
            part,
            position: 0,
            kept,
            queue: VecDeque::new(),
            length,
        }
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
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
