/// Why a key was not taken in. No variant ever carries the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigninError {
    /// The text cannot be a key.
    #[error("{0}")]
    Shape(#[from] KeyTrouble),
    /// The provider does not know the key.
    #[error("{provider} does not accept this key{}", told(message))]
    BadKey {
        /// The provider's name.
        provider: String,
        /// What it said; empty if nothing readable.
        message: String,
    },
    /// The provider does not take keys of this kind from other programs.
    #[error("{provider} does not let other programs use this kind of key")]
    Refused {
        /// The provider's name.
        provider: String,
    },
    /// No answer came.
    #[error("{host} could not be reached: {reason}")]
    Unreachable {
        /// The host that was asked.
        host: String,
        /// Why, without the address or the key.
        reason: String,
    },
    /// The answer says nothing about the key.
    #[error(
        "{host} answered with status {status}, which says nothing about the key{}",
        told(message)
    )]
    Unexpected {
        /// The host that was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said; empty if nothing readable.
        message: String,
    },
    /// The provider offers no free call that would prove a key of this kind.
    #[error("{provider} offers no free way to check this key; it shows with the first request")]
    NoCheck {
        /// The provider's name.
        provider: String,
    },
    /// The address of the check cannot be built or must not get a key.
    #[error("the key was not sent: {0}")]
    Address(String),
    /// No row has this name.
    #[error("there is no `{0}` to sign in with")]
    Unknown(String),
    /// The provider is used with keys, not by signing in.
    #[error("{0} is used with a key, not by signing in: add one with `byokey add-key`")]
    KeysOnly(String),
    /// The provider has ended this way.
    #[error(
        "{provider} ended this way to sign in ({route}){}: {reason} Use instead: {replacement}. \
         (`allow_retired: true` at the provider in the configuration tries it all the same.)",
        on(since)
    )]
    Retired {
        /// The provider's name.
        provider: String,
        /// The route's name.
        route: String,
        /// The day; empty if unknown.
        since: String,
        /// Why.
        reason: String,
        /// What to use instead.
        replacement: String,
    },
    /// A person must first accept the notice of this way.
    #[error("{text} To go on, accept this notice (`--accept-notice`).")]
    NeedsNotice {
        /// The notice's id.
        notice: String,
        /// Its text.
        text: String,
    },
    /// No place of other programs' logins has this name.
    #[error("there is nothing called `{name}` to import from; known are {known}")]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// What another program keeps was not taken.
    #[error("{what} was not taken: {why}")]
    NotTaken {
        /// The place and the provider.
        what: String,
        /// Why, and what to do.
        why: String,
    },
    /// No such sign-in is under way.
    #[error("this sign-in is over or was never there: start again")]
    NoSignIn,
    /// The person took too long.
    #[error("nobody finished the sign-in in time: start again")]
    TooLate,
    /// The person or the provider said no.
    #[error("{provider} did not grant the sign-in{}", told(message))]
    Denied {
        /// The provider's name.
        provider: String,
        /// What it said; empty if nothing readable.
        message: String,
    },
    /// What came back does not belong to this sign-in.
    #[error("this answer belongs to another sign-in, so it was not used: start again")]
    Foreign,
    /// What was pasted is neither a code nor the address of the last page.
    #[error(
        "this is not the address at which the browser ended, nor the code that the page shows: \
         copy it again, in full"
    )]
    NotACode,
    /// The provider's server answered otherwise than its row says.
    #[error(
        "{host} answered in a way that byokey does not understand ({what}); nothing was stored"
    )]
    Unclear {
        /// The host that was asked.
        host: String,
        /// What was wrong with it, without any value.
        what: String,
    },
    /// The provider's server refused with a code of its own.
    #[error("{host} refused the sign-in ({code}){}", told(message))]
    Rejected {
        /// The host that was asked.
        host: String,
        /// Its code, or the status.
        code: String,
        /// What it said; empty if nothing readable.
        message: String,
    },
    /// The credential may not be used for requests.
    #[error(
        "{provider} signed you in, but did not grant `{scope}`, without which no request can be \
         made: sign in again and allow it"
    )]
    Scope {
        /// The provider's name.
        provider: String,
        /// The scope that is missing.
        scope: String,
    },
    /// The account exists, but cannot be used.
    #[error("{provider}: {message}")]
    NotEligible {
        /// The provider's name.
        provider: String,
        /// The provider's reason and what to do.
        message: String,
    },
    /// No port for the way back is free.
    #[error("{0}")]
    Port(String),
    /// Something that only the user can give is missing.
    #[error("{0}")]
    Missing(String),
    /// The user's own program did not help.
    #[error("{0}")]
    Program(String),
    /// The vault did not take it.
    #[error("{0}")]
    Store(String),
    /// The system's source of randomness failed.
    #[error("the system gives no random numbers: nothing was changed")]
    NoRandomness,
    /// This machine cannot open secure connections.
    #[error("secure connections cannot be set up here: {0}")]
    Tls(String),
}

/// Why a text cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyTrouble {
    /// Nothing is left of it.
    #[error("the key is empty: paste it, or pipe it in")]
    Empty,
    /// It is far longer than any key.
    #[error("this is too long for a key: is it the content of a file?")]
    TooLong,
    /// It has several lines.
    #[error("the key has several lines: paste the key alone")]
    Lines,
    /// It has a space inside.
    #[error("the key has a space inside: paste the key alone, without a name or a comment")]
    Space,
    /// It has invisible control characters.
    #[error("the key has invisible control characters: copy it again")]
    Control,
    /// It has characters that no key has, such as the dots of a shortened one.
    #[error(
        "the key has characters that no key has; if it is the shortened form of a list, copy it \
         where it is shown in full"
    )]
    Foreign,
    /// It is a line of a settings file.
    #[error("this is a variable with a key in it: paste what stands behind the `=`")]
    Assignment,
    /// It is one of byokey's own keys.
    #[error("this is a key that byokey made for your programs, not a provider's key")]
    OwnKey,
}

impl SigninError {
    /// One word for programs; the text is for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape(_) => "key-shape",
            Self::BadKey { .. } | Self::Refused { .. } => "key-refused",
            Self::Unreachable { .. } => "unreachable",
            Self::Unexpected { .. } | Self::Unclear { .. } => "unclear",
            Self::NoCheck { .. } => "no-check",
            Self::Address(_) => "address",
            Self::Unknown(_) => "unknown",
            Self::KeysOnly(_) => "keys-only",
            Self::Retired { .. } => "retired",
            Self::NeedsNotice { .. } => "needs-notice",
            Self::UnknownSource { .. } => "unknown-source",
            Self::NotTaken { .. } => "not-taken",
            Self::NoSignIn => "no-sign-in",
            Self::TooLate => "too-late",
            Self::Denied { .. } => "denied",
            Self::Foreign => "foreign",
            Self::NotACode => "not-a-code",
            Self::Rejected { .. } => "rejected",
            Self::Scope { .. } => "scope",
            Self::NotEligible { .. } => "not-eligible",
            Self::Port(_) => "port",
            Self::Missing(_) => "missing",
            Self::Program(_) => "program",
            Self::Store(_) => "store",
            Self::NoRandomness => "no-randomness",
            Self::Tls(_) => "tls",
        }
    }
}

impl From<byokey_vault::VaultError> for SigninError {
    fn from(error: byokey_vault::VaultError) -> Self {
        Self::Store(error.to_string())
    }
}

fn on(day: &str) -> String {
    match day {
        "" => String::new(),
        day => format!(" on {day}"),
    }
}

fn told(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}
