use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderValue, Response, StatusCode, header};

use crate::{BridgeBody, Version, frames};

/// Why a bridge could not do what was asked. Its words tell a person what to do next.
///
/// The trouble also stands in the [`extensions`](Response::extensions) of the reply that
/// [`Bridges::call`](crate::Bridges::call) makes of it, for those who act on its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeTrouble {
    /// The program is in none of the usual places.
    #[error(
        "{program} is not installed on this machine. Install it ({install_url}){}",
        then_login(login)
    )]
    Missing {
        /// Its name.
        program: String,
        /// Page that tells how.
        install_url: String,
        /// The command that signs in there; empty when there is none.
        login: String,
    },
    /// The configuration names a place where it is not.
    #[error(
        "there is no program at {path}, where the configuration says that {program} is; correct the path or leave it out"
    )]
    MissingAt {
        /// Its name.
        program: String,
        /// What the configuration says.
        path: PathBuf,
    },
    /// The program does not offer what byokey relies on.
    #[error(
        "{program} {version} at {path} is too old: byokey needs {oldest} or newer. Update it ({install_url})"
    )]
    TooOld {
        /// Its name.
        program: String,
        /// What it says of itself.
        version: Version,
        /// The oldest that will do.
        oldest: Version,
        /// Where it is.
        path: PathBuf,
        /// Page that tells how to update.
        install_url: String,
    },
    /// Nobody is signed in there.
    #[error(
        "{program} is not signed in. Run `{login}` in a terminal, or `byokey login` for this account{}",
        said(words)
    )]
    SignedOut {
        /// Its name.
        program: String,
        /// The command that signs in there.
        login: String,
        /// What it said; may be empty.
        words: String,
    },
    /// The program is there and does not start.
    #[error("{program} at {path} does not start: {reason}")]
    Start {
        /// Its name.
        program: String,
        /// Where it is.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The program stopped before it had answered.
    #[error("{program} stopped before it had answered{}", said(words))]
    Ended {
        /// Its name.
        program: String,
        /// Its last words; may be empty.
        words: String,
    },
    /// The program said nothing in time.
    #[error("{program} said nothing for {seconds} s")]
    Silent {
        /// Its name.
        program: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The program answered something that byokey does not understand.
    #[error(
        "byokey does not understand what {program} answered; a newer byokey may{}",
        said(words)
    )]
    Strange {
        /// Its name.
        program: String,
        /// What it said, shortened.
        words: String,
    },
    /// The request asks for what the program cannot do, or is no request.
    #[error("{0}")]
    Request(String),
    /// The program's provider refused, and the program passed its words on.
    #[error("{program}: {}", or_nothing(words))]
    Provider {
        /// The program's name.
        program: String,
        /// The provider's status; 502 when the program did not tell it.
        status: u16,
        /// Its words.
        words: String,
        /// When its limit begins anew, in seconds since 1970, if it is one.
        resets_at: Option<u64>,
    },
    /// The program offers no such command.
    #[error("{program} has no command for this")]
    NoCommand {
        /// Its name.
        program: String,
    },
    /// The sign-in of the program did not succeed.
    #[error("{program} did not sign in{}", said(words))]
    Login {
        /// Its name.
        program: String,
        /// Its last words; may be empty.
        words: String,
    },
    /// byokey's own folder for programs cannot be used.
    #[error("the folder in which programs are run cannot be used: {0}")]
    Folder(String),
}

impl BridgeTrouble {
    /// Status of the reply that tells it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::SignedOut { .. } => StatusCode::UNAUTHORIZED,
            Self::Provider { status, .. } => {
                StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
            Self::Silent { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Missing { .. } | Self::MissingAt { .. } | Self::TooOld { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    /// Error type of the Messages dialect for it.
    pub fn kind(&self) -> &'static str {
        match self.status().as_u16() {
            400 => "invalid_request_error",
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            _ => "api_error",
        }
    }

    /// Seconds until the provider's limit begins anew.
    fn retry_after(&self) -> Option<u64> {
        let Self::Provider {
            resets_at: Some(at),
            ..
        } = self
        else {
            return None;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(at.saturating_sub(now.as_secs()))
    }

    /// The reply that tells it.
    pub(crate) fn response(self) -> Response<BridgeBody> {
        let body = frames::error(self.kind(), &self.to_string()).to_string();
        let mut response = Response::new(BridgeBody::whole(body));
        *response.status_mut() = self.status();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after() {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response.extensions_mut().insert(self);
        response
    }
}

fn said(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!(": {words}")
    }
}

fn or_nothing(words: &str) -> &str {
    if words.is_empty() {
        "no reason was given"
    } else {
        words
    }
}

fn then_login(login: &str) -> String {
    if login.is_empty() {
        String::new()
    } else {
        format!(", then run `{login}`")
    }
}
