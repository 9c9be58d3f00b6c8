//! Logins that other programs on this machine keep, and keys in the environment.
//!
//! A login is followed: its owner renews it, byokey reads it where the owner keeps it, each time
//! anew, and neither renews nor writes anything. Two programs that renew one login end it for both.
//! So the vault holds no token of such an account, only the place. Keys have no owner and become
//! accounts of their own. Nothing is taken without being asked for: a plan says what is there,
//! without any secret, and each thing of it is taken by name.

mod command;
mod environment;
mod file;
mod follow;
mod form;
mod found;
mod judge;
mod keychain;
mod machine;
mod place;
mod plan;
mod spot;
mod sqlite;
mod take;
mod take_over;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use self::follow::refused_by_provider;
pub use self::follow::{FollowTrouble, FollowedToken, read_followed};
pub use self::found::{Found, FoundKind, ImportVerdict};
pub use self::machine::Machine;
pub use self::plan::{Importer, import_sources};
pub use self::watch::Follower;

/// Why a place gave no login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unread {
    /// There is nothing.
    #[error("nothing is there any more")]
    Missing,
    /// A folder, a pipe or a device.
    #[error("it is no regular file")]
    NotAFile,
    /// More than any login has.
    #[error("it is far too large to be a login")]
    TooLarge,
    /// The system says no.
    #[error("byokey may not read it")]
    Denied,
    /// The system fails.
    #[error("it cannot be read")]
    Failed,
    /// The keychain is locked.
    #[error("the keychain is locked: unlock it and try again")]
    Locked,
    /// Nobody answered in time: a prompt, or a program.
    #[error("no answer came in time; if the system asked for permission, give it and try again")]
    Slow,
    /// The owner is writing.
    #[error("it is being written")]
    Busy,
    /// Half of a file, or none of this owner's.
    #[error("it is being written, or has a form that this byokey does not know")]
    NotUnderstood,
    /// The owner is not signed in.
    #[error("nobody is signed in there")]
    SignedOut,
    /// A part of a token.
    #[error("it holds only a part of a token, as lists show it: copy it in full")]
    Truncated,
}

impl Unread {
    /// Whether it may be over in a moment.
    fn passes(self) -> bool {
        matches!(
            self,
            Self::Busy | Self::NotUnderstood | Self::Locked | Self::Slow | Self::Failed
        )
    }
}
