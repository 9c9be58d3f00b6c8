//! One vocabulary for everything that can go wrong with a request: read from each provider's error
//! reply in one place, and turned into each caller's error body in another.

mod google;
mod read;
mod render;

use serde::{Deserialize, Serialize};

use crate::Remedy;

pub use read::read_error;
pub(crate) use read::stream_fault;
pub use render::{error_body, error_event, keep_alive};
pub(crate) use render::{failed_error, numbered_error};

/// What went wrong, fit to be shown to the caller. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of trouble.
    pub kind: FaultKind,
    /// What happened and what to do about it, in one or two sentences.
    pub message: String,
    /// The provider's own error code or byokey's, when there is a more precise one than the kind.
    pub code: Option<String>,
    /// The member of the request at fault.
    pub param: Option<String>,
    /// The provider's request id.
    pub upstream_id: Option<Box<str>>,
    /// Seconds after which a new try makes sense.
    pub retry_after_s: Option<u64>,
    /// What may help, where the provider's refusal says it.
    pub remedy: Option<Box<Remedy>>,
}

/// Kinds of trouble, after the table in the reference on translation, section 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The request is malformed or the model cannot serve it.
    BadRequest,
    /// Strict mode refused a translation that would lose something.
    Lossy,
    /// The conversation is longer than the model's window.
    ContextTooLong,
    /// byokey's own client key is missing or wrong.
    ClientKey,
    /// The door refused the request: foreign Host or Origin, or a key without this right.
    Forbidden,
    /// The provider refused the account's credential; the account needs attention.
    AccountAuth,
    /// The provider knows the account but does not let it do this.
    Permission,
    /// No such model.
    UnknownModel,
    /// No such path.
    UnknownPath,
    /// No such response is known, or not to this caller.
    UnknownResponse,
    /// The path exists, but not with this method.
    Method,
    /// The body is larger than allowed.
    TooLarge,
    /// Too many requests.
    RateLimit,
    /// The plan's quota is used up.
    Quota,
    /// No credit.
    Billing,
    /// The provider is overloaded.
    Overloaded,
    /// The provider failed, or what it said made no sense.
    Upstream,
    /// The provider took longer than the limit.
    Timeout,
    /// byokey has no account that can serve this.
    NoAccount,
    /// byokey itself failed or is stopping.
    Internal,
}

impl Fault {
    /// A fault of this kind with this message.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            code: None,
            param: None,
            upstream_id: None,
            retry_after_s: None,
            remedy: None,
        }
    }

    /// The provider's stream ended before the reply was complete.
    pub(crate) fn incomplete() -> Self {
        Self {
            code: Some("upstream_incomplete".to_owned()),
            ..Self::new(
                FaultKind::Upstream,
                "the provider's stream ended before the reply was complete",
            )
        }
    }
}
