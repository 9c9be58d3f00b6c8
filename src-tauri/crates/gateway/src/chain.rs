//! How a Responses request goes on from an earlier reply, and how its own reply is remembered.
//!
//! A caller that was never given a reply to go on from pays nothing: its body passes as it comes, and
//! an id in it is refused when it turns up. Only for the others the body is read whole first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use byokey_catalog::Quirk;
use byokey_vault::AccountId;
use byokey_wire::{
    Dialect, Fault, FaultKind, Frame, Frames, Marks, Plan, input_items, json_member, json_text,
    output_items, with_earlier,
};
use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::{Frame as BodyFrame, SizeHint};

use crate::engine::Shared;
use crate::feed::Feed;
use crate::meter::Meter;
use crate::reframe::{Array, Wrapping, called_json, is_event_stream, reframe};
use crate::relay::Exchange;
use crate::resolve::Candidate;
use crate::roster::Line;
use crate::stored::{self, Kept, Known, Owner};
use crate::upload::Upload;

/// What a request goes on from, and whose reply it gets.
pub(crate) struct Chain {
    owner: Owner,
    feed: Feed,
    /// The account whose provider stored what went before.
    bound: Option<AccountId>,
}

impl Exchange {
    /// Finds out what kind of request it is, and what it goes on from. The body that comes back is
    /// the one to be sent.
    ///
    /// # Errors
    /// When the body is bad or goes on from something unknown.
    pub(crate) async fn take_up(&mut self, feed: Feed) -> Result<Feed, Fault> {
        match self.asked.dialect {
            Dialect::Chat => {
                if feed.is_mixed().await? {
                    // Such programs are given no ids to go on from.
                    feed.check(nothing_before)?;
                    self.asked.dialect = Dialect::Responses;
                }
                Ok(feed)
            }
            Dialect::Responses => {
                let owner = self.caller.as_ref().map(|caller| caller.key.id);
                let limit = self.view.config.max_body();
                let (chain, feed) = Chain::take_up(&self.shared, owner, feed, limit).await?;
                self.chain = Some(chain);
                self.asked.reply_id = Some(response_id(&self.id));
                Ok(feed)
            }
            _ => Ok(feed),
        }
    }

    /// The candidates that can do what is asked, as it is asked.
    ///
    /// # Errors
    /// When none can.
    pub(crate) fn narrow(&self, found: Arc<[Candidate]>) -> Result<Arc<[Candidate]>, Fault> {
        if self.asked.answer != self.asked.dialect {
            // Nothing can pass whose reply is wanted in another dialect.
            let via = |candidate: &Candidate| Candidate {
                plan: Plan::Via,
                ..candidate.clone()
            };
            return Ok(found.iter().map(via).collect());
        }
        let found = match &self.chain {
            Some(chain) => chain.narrow(found)?,
            None => found,
        };
        if !self.asked.compact {
            return Ok(found);
        }
        let able: Arc<[_]> = found.iter().filter_map(compacting).collect();
        if able.is_empty() {
            return Err(Fault::new(
                FaultKind::BadRequest,
                "this model's provider cannot compact a conversation; ask the model for a summary \
                 by an ordinary request instead",
            ));
        }
        Ok(able)
    }

    /// Lets the account that answers be found by the reply's id, if its provider stores replies.
    /// Returns whether it does.
    pub(crate) fn bind(&self, meter: &mut Meter) -> bool {
        let Some(chain) = self.chain.as_ref() else {
            return false;
        };
        let passes = meter.plan() == Some(Plan::Pass);
        let stores = passes && meter.account().is_some_and(|id| self.provider_stores(id));
        if stores && chain.stores() {
            meter.binds(chain.owner);
        }
        stores
    }

    /// Whether an account's provider stores replies of Responses; the back ends of plans do not.
    fn provider_stores(&self, account: AccountId) -> bool {
        let mut seats = self.view.roster.seats.iter();
        let Some(seat) = seats.find(|seat| seat.account.id == account) else {
            return false;
        };
        let provider = self.view.catalog.provider(&seat.account.provider);
        let stateless = |line: &Line| {
            line.dialect == Dialect::Responses
                && provider.is_some_and(|row| row.has(Quirk::Stateless, &line.endpoint))
        };
        !seat.lines.iter().any(stateless)
    }

    /// The reply as the path wants it, and kept where its provider has not `stored` it.
    pub(crate) fn put(
        &self,
        mut response: Response<Body>,
        plan: Option<Plan>,
        stored: bool,
    ) -> Response<Body> {
        if let (Some(_), Some(plan)) = (&self.chain, plan) {
            response.extensions_mut().insert(plan);
        }
        let in_array = self.asked.array && is_event_stream(&response);
        match (&self.chain, plan) {
            (Some(chain), _) if !stored => chain.keep(&self.shared, response),
            (_, Some(Plan::Pass)) if in_array => {
                reframe(response, Wrapping::Array(Array::default()))
            }
            // The translation has written an array already.
            _ if in_array => called_json(response),
            _ => response,
        }
    }
}

/// What the reply to a request is called.
pub(crate) fn response_id(request: &str) -> String {
    format!("resp_{}", request.trim_start_matches("req_"))
}

/// The same account's address for compacting, if its provider has one.
fn compacting(candidate: &Candidate) -> Option<Candidate> {
    let passes = candidate.plan == Plan::Pass && candidate.upstream == Dialect::Responses;
    let uri: http::Uri = passes
        .then(|| format!("{}/compact", candidate.uri))?
        .parse()
        .ok()?;
    Some(Candidate {
        uri: uri.clone(),
        stream_uri: uri,
        ..candidate.clone()
    })
}

impl Chain {
    /// Takes up a request of Responses: checks its body and puts in what byokey keeps of before.
    ///
    /// # Errors
    /// When the body is bad, wants to be answered in the background, or names an unknown reply.
    async fn take_up(
        shared: &Shared,
        owner: Owner,
        mut feed: Feed,
        limit: usize,
    ) -> Result<(Self, Feed), Fault> {
        let mut bound = None;
        if shared.stored.any(owner) {
            feed.check(nothing_in_background)?;
            feed.end().await?;
            if let Some(id) = feed.marks().previous_response_id {
                match shared.stored.get(owner, &id)? {
                    Known::Bound(account) => bound = Some(account),
                    Known::Kept(kept) => {
                        let body = with_earlier(&feed.whole().await?, &kept.items());
                        feed = Feed::new(Upload::ready(body.into()), limit, true)?;
                    }
                }
            }
        } else {
            feed.check(nothing_before)?;
        }
        feed.remember();
        let chain = Self {
            owner,
            feed: feed.clone(),
            bound,
        };
        Ok((chain, feed))
    }

    /// The candidates that know what went before.
    ///
    /// # Errors
    /// When none does.
    fn narrow(&self, found: Arc<[Candidate]>) -> Result<Arc<[Candidate]>, Fault> {
        let Some(account) = self.bound else {
            return Ok(found);
        };
        let holds = |candidate: &&Candidate| {
            candidate.seat.account.id == account && candidate.plan == Plan::Pass
        };
        let holder = found.iter().find(holds).cloned();
        let holder = holder.ok_or_else(|| {
            let mut fault = Fault::new(
                FaultKind::BadRequest,
                "the earlier response is stored by the provider of another account, which does \
                 not serve this model; send the whole conversation instead",
            );
            fault.code = Some("previous_response_not_found".into());
            fault.param = Some("previous_response_id".into());
            fault
        })?;
        Ok(Arc::new([holder]))
    }

    /// Whether the reply is to be stored: the caller did not say otherwise.
    fn stores(&self) -> bool {
        self.feed.marks().store != Some(false)
    }

    /// Remembers a reply once it has gone out whole; only those whose request was read whole can be.
    fn keep(&self, shared: &Arc<Shared>, response: Response<Body>) -> Response<Body> {
        let Some(request) = self.feed.remembered().filter(|_| self.stores()) else {
            return response;
        };
        if !response.status().is_success() {
            return response;
        }
        let streams = is_event_stream(&response);
        response.map(|body| {
            Body::new(Remembering {
                inner: body,
                frames: streams.then(Frames::new),
                held: BytesMut::new(),
                note: Some(Note {
                    shared: shared.clone(),
                    owner: self.owner,
                    request,
                }),
            })
        })
    }
}

/// Refuses requests that nobody waits for: byokey has no place to work on them.
pub(crate) fn nothing_in_background(marks: &Marks) -> Result<(), Fault> {
    if !marks.background {
        return Ok(());
    }
    let mut fault = Fault::new(
        FaultKind::BadRequest,
        "byokey answers while the caller waits; send `background: false`, with `stream: true` if \
         it takes long",
    );
    fault.param = Some("background".into());
    Err(fault)
}

fn nothing_before(marks: &Marks) -> Result<(), Fault> {
    if marks.previous_response_id.is_some() {
        return Err(stored::unknown());
    }
    nothing_in_background(marks)
}

/// A reply that is remembered when it has passed.
struct Remembering {
    inner: Body,
    /// For streams.
    frames: Option<Frames>,
    /// For whole replies.
    held: BytesMut,
    note: Option<Note>,
}

/// What is needed to remember a reply.
struct Note {
    shared: Arc<Shared>,
    owner: Owner,
    request: Bytes,
}

impl Note {
    fn write(self, response: Bytes) {
        let Some(id) = json_text(&response, "id") else {
            return;
        };
        let kept = Kept {
            input: input_items(&self.request),
            output: output_items(&response),
            response,
        };
        let known = Known::Kept(Arc::new(kept));
        self.shared.stored.put(self.owner, &id, known);
    }
}

/// The response in the last event of a stream, if this is one that ends well.
pub(crate) fn last_response<'a>(frame: &'a Frame<'_>) -> Option<&'a [u8]> {
    let ends = matches!(
        frame.event,
        Some("response.completed" | "response.incomplete")
    );
    json_member(&frame.data, "response").filter(|_| ends)
}

impl http_body::Body for Remembering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        let data = match &polled {
            Some(Ok(frame)) => frame.data_ref(),
            _ => None,
        };
        match (&mut this.frames, data) {
            (Some(frames), Some(data)) => frames.push(data, |frame| {
                if let Some(response) = last_response(&frame)
                    && let Some(note) = this.note.take()
                {
                    note.write(Bytes::copy_from_slice(response));
                }
            }),
            (None, Some(data)) => this.held.extend_from_slice(data),
            _ => {}
        }
        let whole = this.frames.is_none() && (polled.is_none() || this.inner.is_end_stream());
        if let Some(note) = this.note.take_if(|_| whole) {
            note.write(this.held.split().freeze());
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
