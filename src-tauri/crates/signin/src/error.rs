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

fn told(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}
