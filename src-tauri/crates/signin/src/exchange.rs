//! What a token endpoint is asked and what it answers, for every flow and for renewal.
//!
//! Servers disagree on encodings, on where an error stands and on what a good reply must hold, so a
//! reply is read for what it says, not for its form. What is neither a grant nor a refusal is
//! [`TokenReply::Unclear`] and changes nothing. Tokens go straight into [`Secret`]s; no body is kept.

mod reply;

use std::collections::BTreeMap;
use std::time::Duration;

use byokey_catalog::{Encoding, SecretIn};
use byokey_vault::{Secret, TokenSet};
use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serde_json::{Map, Value};

use self::reply::Body;
use crate::call::{Answer, Call, Unreached};
use crate::{Http, Overrides, SigninError};

/// A request to a token endpoint.
pub(crate) struct TokenCall<'a> {
    /// The endpoint, from [`Overrides::own_or`].
    pub(crate) url: Url,
    /// How the members are written.
    pub(crate) encoding: Encoding,
    /// What is sent, with `snake_case` names whatever the encoding.
    pub(crate) members: Vec<(&'a str, &'a str)>,
    /// Client id and secret, where the endpoint wants them as HTTP Basic.
    pub(crate) basic: Option<(&'a str, &'a Secret)>,
    /// Headers beside the configured ones.
    pub(crate) headers: Vec<(&'a str, &'a str)>,
}

/// What a token endpoint answered.
pub(crate) enum TokenReply {
    /// A credential.
    Granted(Box<NewTokens>),
    /// It says no, or not yet.
    Refused(Refusal),
    /// It has no time (429, 5xx): whatever was there before is as good as it was.
    Busy {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
        /// The HTTP status.
        status: u16,
    },
    /// Neither.
    Unclear(SigninError),
    /// No answer came.
    Unreached(Unreached),
}

/// A no of a token endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status; some servers say no with 200.
    pub(crate) status: u16,
    /// Its error code; empty if none was readable.
    pub(crate) error: String,
    /// Its words, on one line and without anything secret that was sent; may be empty.
    pub(crate) description: String,
    /// How long it wants to be left alone, if it says so.
    pub(crate) retry_after: Option<Duration>,
}

/// A credential as a token endpoint hands it out. Which parts must be there is the caller's to say:
/// see [`into_set`](Self::into_set).
pub(crate) struct NewTokens {
    /// The host that gave it.
    pub(crate) host: String,
    /// What requests carry.
    pub(crate) access: Option<Secret>,
    /// What renews it.
    pub(crate) refresh: Option<Secret>,
    /// A signed statement about the person.
    pub(crate) id_token: Option<Secret>,
    /// A key that does not end.
    pub(crate) key: Option<Secret>,
    /// When the reply came.
    pub(crate) obtained: Timestamp,
    /// When the access token ends by this computer's clock, with some time to spare.
    pub(crate) expires: Option<Timestamp>,
    /// Before this moment the provider wants no renewal.
    pub(crate) earliest_refresh: Option<Timestamp>,
    /// What was granted, as the provider wrote it.
    pub(crate) scope: Option<String>,
    /// Everything else in the reply.
    pub(crate) rest: Map<String, Value>,
}

/// Adds who asks to the members, as the row says it; what comes back goes into [`TokenCall::basic`].
pub(crate) fn identify<'a>(
    members: &mut Vec<(&'a str, &'a str)>,
    secret_in: SecretIn,
    id: &'a str,
    secret: Option<&'a Secret>,
) -> Option<(&'a str, &'a Secret)> {
    let basic = secret.filter(|_| secret_in != SecretIn::Body);
    if basic.is_none() || secret_in == SecretIn::Both {
        members.push(("client_id", id));
        members.extend(secret.map(|secret| ("client_secret", secret.expose())));
    }
    basic.map(|secret| (id, secret))
}

/// Asks a token endpoint. `now` is when the answer's lifetimes begin.
///
/// # Errors
/// [`SigninError::Address`] for a header that HTTP does not allow.
pub(crate) async fn exchange(
    http: &Http,
    overrides: &Overrides,
    ask: TokenCall<'_>,
    now: Timestamp,
) -> Result<TokenReply, SigninError> {
    let mut call = Call::to(http, overrides, ask.url)?;
    for (name, value) in &ask.headers {
        call = call.header(name, value)?;
    }
    if let Some((id, secret)) = ask.basic {
        call = call.basic(id, secret)?;
    }
    Ok(match call.post(ask.encoding, &ask.members).await {
        Ok(answer) => read(&answer, &ask.members, now),
        Err(unreached) => TokenReply::Unreached(unreached),
    })
}

/// Reads an answer of a token endpoint; `sent` is kept out of the words that may be shown.
pub(crate) fn read(answer: &Answer, sent: &[(&str, &str)], now: Timestamp) -> TokenReply {
    let body = match answer.body() {
        Ok(body) => body,
        Err(unclear) => return TokenReply::Unclear(unclear),
    };
    let Some(body) = Body::read(body) else {
        return unreadable(answer);
    };
    let good = (200..300).contains(&answer.status);
    let refused = matches!(answer.status, 400..);
    if let Some((error, description)) = body.refusal(refused) {
        let waits = matches!(error.as_str(), "slow_down" | "authorization_pending");
        return match answer.status {
            429 | 500.. if !waits => busy(answer),
            status => TokenReply::Refused(Refusal {
                status,
                error: shown(&error, sent, 100),
                description: shown(&description, sent, 300),
                retry_after: answer.retry_after,
            }),
        };
    }
    if good && body.grants() {
        TokenReply::Granted(Box::new(body.dated(&answer.host, now)))
    } else {
        unreadable(answer)
    }
}

/// An answer without any word for it.
fn unreadable(answer: &Answer) -> TokenReply {
    match answer.status {
        429 | 500.. => busy(answer),
        status @ (400 | 401 | 403) => TokenReply::Refused(Refusal {
            status,
            retry_after: answer.retry_after,
            ..Refusal::default()
        }),
        200..=299 => TokenReply::Unclear(answer.unclear("there is no token in its answer")),
        status => TokenReply::Unclear(answer.unclear(&format!("status {status}"))),
    }
}

fn busy(answer: &Answer) -> TokenReply {
    TokenReply::Busy {
        retry_after: answer.retry_after,
        status: answer.status,
    }
}

impl NewTokens {
    /// A set of these tokens.
    ///
    /// # Errors
    /// [`SigninError::Unclear`] without an access token.
    pub(crate) fn into_set(self) -> Result<TokenSet, SigninError> {
        let access = self.access.ok_or_else(|| SigninError::Unclear {
            host: self.host.clone(),
            what: "there is no token in its answer".to_owned(),
        })?;
        Ok(TokenSet {
            access,
            refresh: self.refresh,
            expires: self.expires,
            obtained: self.obtained,
            earliest_refresh: self.earliest_refresh,
            scope: self.scope,
            client: None,
            second: None,
            extra: BTreeMap::new(),
        })
    }
}

/// When something ends that lives for `seconds` from `now`: a tenth earlier, but no more than a
/// minute, since the way here took its time and clocks differ.
pub(crate) fn ends(now: Timestamp, seconds: f64) -> Option<Timestamp> {
    const TEN_YEARS: f64 = 315_360_000.0;
    let seconds = seconds.clamp(0.0, TEN_YEARS);
    let lives = seconds - (seconds / 10.0).min(60.0);
    let lives = SignedDuration::try_from_secs_f64(lives).ok()?;
    now.checked_add(lives).ok()
}

/// A provider's words as they may be shown: one line, no control characters, none of what was sent.
pub(crate) fn shown(words: &str, sent: &[(&str, &str)], most: usize) -> String {
    let mut words = words.to_owned();
    for (_, value) in sent {
        // Short values are names such as a grant type.
        if value.len() >= 16 && words.contains(value) {
            words = words.replace(value, "…");
        }
    }
    let one_line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = one_line.chars().filter(|c| !c.is_control());
    plain.take(most).collect()
}

#[cfg(test)]
mod tests;
