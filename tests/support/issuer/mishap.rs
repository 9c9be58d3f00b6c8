//! What goes wrong, on demand: with a whole reply ([`Mishap`]), with what is in it ([`Bend`]), and
//! with the waiting for a person ([`Poll`]).

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

use super::{User, read::Refusal};
use crate::{Part, Reply};

/// What happens to one request of an endpoint.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// This reply in place of the true one; nothing is issued.
    Reply(Reply),
    /// A refusal with this code and status, in the provider's own form; nothing is issued.
    Error(u16, &'static str),
    /// 429 with these headers, in seconds and milliseconds; nothing is issued.
    Limit {
        /// `Retry-After`.
        seconds: Option<u32>,
        /// `retry-after-ms`.
        milliseconds: Option<u32>,
    },
    /// No reply; nothing is issued.
    Hang,
    /// 200 with something that is no JSON; nothing is issued.
    Garbage,
    /// The true reply, cut in the middle of its body: issued, and lost.
    Half,
    /// The request is done, the connection is dropped before the head: issued, and lost.
    Lost,
    /// The true reply with a member that makes it at least this long.
    Oversized(usize),
    /// The true reply once the test notifies.
    Held(Arc<Notify>),
}

impl Mishap {
    /// The reply that comes without anybody being asked; `None` when the endpoint does its work.
    pub(crate) fn instead(&self, dress: impl FnOnce(Refusal) -> Reply) -> Option<Reply> {
        Some(match self {
            Self::Reply(reply) => reply.clone(),
            Self::Error(status, code) => dress(Refusal::new(
                *status,
                code,
                "The simulator was told to refuse.",
            )),
            Self::Limit {
                seconds,
                milliseconds,
            } => {
                let refusal = Refusal::new(429, "rate_limited", "Too many requests.");
                let limits = [("retry-after", seconds), ("retry-after-ms", milliseconds)];
                limits
                    .iter()
                    .fold(dress(refusal), |reply, (name, value)| match value {
                        Some(value) => reply.header(name, &value.to_string()),
                        None => reply,
                    })
            }
            Self::Hang => Reply::silence(),
            Self::Garbage => Reply::new(200)
                .header("content-type", "application/json")
                .part(Part::Bytes(Bytes::from_static(b"<!doctype html>\xff\x00{"))),
            Self::Half | Self::Lost | Self::Oversized(_) | Self::Held(_) => return None,
        })
    }

    /// What becomes of the true reply.
    pub(crate) fn spoil(self, reply: Reply) -> Reply {
        let whole = reply.whole().unwrap_or_default();
        match self {
            Self::Half => {
                let half = whole.slice(..whole.len() / 2);
                reply.without_body().part(Part::Bytes(half)).part(Part::Cut)
            }
            Self::Lost => reply.before_head(Part::Cut),
            Self::Oversized(length) => {
                let padding = "x".repeat(length);
                let body = String::from_utf8_lossy(&whole);
                let body = body.replacen('{', &format!("{{\"padding\":\"{padding}\","), 1);
                reply.without_body().part(Part::Bytes(body.into()))
            }
            Self::Held(notify) => reply.before_head(Part::Wait(notify)),
            _ => reply,
        }
    }
}

/// What is false or missing in what a sign-in yields, from now on until
/// [`Issuer::straighten`](super::Issuer::straighten).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bend {
    /// No refresh token in the reply; at a renewal the old one stays good.
    NoRefreshToken,
    /// No id token in the reply.
    NoIdToken,
    /// No lifetime in the reply.
    NoExpiry,
    /// This lifetime, in seconds.
    ExpiresIn(i64),
    /// No scope in the reply.
    NoScope,
    /// This scope was granted.
    Scope(String),
    /// The tokens are those of another account.
    AnotherAccount(User),
    /// The access token is empty.
    EmptyToken,
    /// `iss` of the id token.
    Issuer(String),
    /// `iss` of the callback.
    CallbackIssuer(String),
    /// `state` of the callback; empty for none at all.
    State(String),
    /// The callback brings this error and description, whatever the person said.
    CallbackError(&'static str, &'static str),
    /// The callback brings no client id of one's own.
    NoIssuedClient,
    /// The id token says `alg: none`.
    Unsigned,
    /// The id token's signature does not fit.
    BadSignature,
    /// The id token names a key that nobody publishes.
    UnknownKey,
    /// `aud` is a list of the right client alone.
    AudienceList,
    /// `aud` is this list.
    Audience(Vec<String>),
    /// `nonce` of the id token; empty for none at all.
    Nonce(String),
    /// The id token expired an hour ago.
    Stale,
    /// Renewal is not wanted within this many seconds.
    EarliestRefresh(i64),
}

/// What a device login answers to one poll, before the person's answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Nobody has answered yet.
    Pending,
    /// Too fast; the longer interval in seconds stands in the reply, or not.
    SlowDown(Option<u32>),
    /// The code is too old.
    Expired,
    /// The person said no.
    Denied,
    /// AWS: the error comes with status 200.
    ErrorIn200,
}
