//! What the answers of a token endpoint mean for a flow that waits for a person.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::SigninError;
use crate::call::Answer;
use crate::code::seconds;
use crate::exchange::{self, NewTokens, Refusal, TokenReply};
use crate::rounds::Round;

/// Reads the answer to a poll (RFC 8628 §3.5). An `error` counts before the status: some servers send
/// it with 200, and Qwen sends `slow_down` with 429.
///
/// # Errors
/// Whatever makes further questions pointless.
pub(crate) fn round(
    provider: &str,
    answer: &Answer,
    sent: &[(&str, &str)],
) -> Result<Round<Box<NewTokens>>, SigninError> {
    match exchange::read(answer, sent, Timestamp::now()) {
        TokenReply::Granted(tokens) => Ok(Round::Granted(tokens)),
        TokenReply::Unclear(error) => Err(error),
        TokenReply::Unreached(unreached) => Ok(Round::Unreached(unreached.into())),
        TokenReply::Busy { retry_after, .. } => Ok(Round::Busy {
            retry_after,
            error: busy(answer),
        }),
        TokenReply::Refused(refusal) => match refusal.error.as_str() {
            "authorization_pending" => Ok(Round::Pending),
            "slow_down" => Ok(Round::SlowDown(named_interval(answer))),
            _ => Err(refused(provider, &answer.host, &refusal)),
        },
    }
}

/// Reads the answer to an exchange, which nobody waits for any more.
///
/// # Errors
/// Whatever it says in place of tokens.
pub(crate) fn tokens(
    provider: &str,
    answer: &Answer,
    sent: &[(&str, &str)],
) -> Result<NewTokens, SigninError> {
    match exchange::read(answer, sent, Timestamp::now()) {
        TokenReply::Granted(tokens) => Ok(*tokens),
        TokenReply::Refused(refusal) => Err(refused(provider, &answer.host, &refusal)),
        TokenReply::Busy { .. } => Err(busy(answer)),
        TokenReply::Unclear(error) => Err(error),
        TokenReply::Unreached(unreached) => Err(unreached.into()),
    }
}

/// A final no, in words.
pub(crate) fn refused(provider: &str, host: &str, refusal: &Refusal) -> SigninError {
    let message = refusal.description.clone();
    match refusal.error.as_str() {
        "access_denied" => SigninError::Denied {
            provider: provider.to_owned(),
            message,
        },
        "expired_token" => SigninError::TooLate,
        code => SigninError::Rejected {
            host: host.to_owned(),
            code: match code {
                "" => format!("status {}", refusal.status),
                code => code.to_owned(),
            },
            message,
        },
    }
}

/// With what to do about a client that the server does not take.
pub(crate) fn advised(error: SigninError) -> SigninError {
    let SigninError::Rejected {
        host,
        code,
        message,
    } = error
    else {
        return error;
    };
    let advice = match code.as_str() {
        "device_flow_disabled" => "switch on `Enable Device Flow` in the settings of the OAuth App",
        "incorrect_client_credentials" | "invalid_client" | "unauthorized_client" => {
            "check the client id in the configuration"
        }
        _ => {
            return SigninError::Rejected {
                host,
                code,
                message,
            };
        }
    };
    let message = match message.as_str() {
        "" => advice.to_owned(),
        said => format!("{said}; {advice}"),
    };
    SigninError::Rejected {
        host,
        code,
        message,
    }
}

/// That a server has no time.
pub(crate) fn busy(answer: &Answer) -> SigninError {
    answer.unclear(&format!("status {}: try again later", answer.status))
}

/// An answer to the question for a code that holds none.
pub(crate) fn not_given(provider: &str, answer: &Answer, sent: &[(&str, &str)]) -> SigninError {
    match exchange::read(answer, sent, Timestamp::now()) {
        TokenReply::Refused(refusal) => refused(provider, &answer.host, &refusal),
        TokenReply::Busy { .. } => busy(answer),
        TokenReply::Unreached(unreached) => unreached.into(),
        TokenReply::Unclear(error) if !(200..300).contains(&answer.status) => error,
        TokenReply::Unclear(_) | TokenReply::Granted(_) => {
            answer.unclear("there is no code in its answer")
        }
    }
}

/// GitHub names the new interval beside its `slow_down`.
fn named_interval(answer: &Answer) -> Option<f64> {
    #[derive(Deserialize)]
    struct Named {
        interval: Option<Value>,
    }
    let named: Named = serde_json::from_slice(answer.body().ok()?).ok()?;
    seconds(named.interval.as_ref(), None)
}
