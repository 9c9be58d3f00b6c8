use std::time::Duration;

/// Why there is no token for a request. The text says what to do; it holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenTrouble {
    /// Only a new sign-in helps.
    #[error(
        "the sign-in of {account} has ended{}; sign in again with `{login}`",
        told(words)
    )]
    NeedsSignIn {
        /// The account, as `provider/name`.
        account: String,
        /// The command that signs in.
        login: String,
        /// What the provider said; empty if nothing readable.
        words: String,
    },
    /// The program that owns the login must renew it.
    #[error("{words}")]
    NeedsOwner {
        /// What is wrong and which program to run.
        words: String,
    },
    /// The provider has locked the account out; byokey does not try again.
    #[error("the provider has locked {account} out{}", told(words))]
    Blocked {
        /// The account.
        account: String,
        /// What the provider said.
        words: String,
    },
    /// The configuration names another token endpoint than the one that gave the tokens.
    #[error(
        "{account} was signed in at {given_by}, and the configuration now names {named}: sign in \
         again with `{login}`, or take that line out"
    )]
    Moved {
        /// The account.
        account: String,
        /// Origin of the endpoint that gave the tokens.
        given_by: String,
        /// Origin of the one that is configured now.
        named: String,
        /// The command that signs in.
        login: String,
    },
    /// The account is gone, or is none that has tokens.
    #[error("{0} has no tokens of its own")]
    NoTokens(String),
    /// It may work later.
    #[error(
        "the token of {account} could not be renewed{}; it is kept and tried again{}",
        told(words),
        after(retry_after)
    )]
    Passing {
        /// The account.
        account: String,
        /// What happened.
        words: String,
        /// When a new try makes sense.
        retry_after: Option<Duration>,
    },
}

impl TokenTrouble {
    /// Whether it ends without a person doing something.
    pub fn passing(&self) -> bool {
        matches!(self, Self::Passing { .. })
    }

    /// When a new try makes sense, if that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Passing { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn told(words: &str) -> String {
    match words {
        "" => String::new(),
        words => format!(": {words}"),
    }
}

fn after(wait: &Option<Duration>) -> String {
    match wait {
        Some(wait) => format!(" in {} s", wait.as_secs().max(1)),
        None => String::new(),
    }
}
