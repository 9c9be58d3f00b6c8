use std::fmt;

use byokey_catalog::Standing;
use byokey_vault::AccountId;
use jiff::Timestamp;
use serde::Serialize;

/// A login or key that can be taken, or the reason why not. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Its name among what was found; the same each time as long as it lies there.
    pub id: String,
    /// Name by which a person asks for it, such as `claude-code` or `env`.
    pub source: String,
    /// The program that owns it; `None` for a key of the environment.
    pub owner: Option<String>,
    /// Where it lies, as a person would say it.
    pub place: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// The route's id.
    pub route: String,
    /// What it becomes.
    pub kind: FoundKind,
    /// What people know the account by.
    pub label: Option<String>,
    /// The plan that it is on, in the provider's words.
    pub plan: Option<String>,
    /// When its access token ends.
    pub expires: Option<Timestamp>,
    /// On whose word its route stands.
    pub standing: Standing,
    /// Whether other users of the computer can read it where it lies.
    pub open_to_others: bool,
    /// Whether it can be taken.
    pub verdict: ImportVerdict,
}

/// What something that was found becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundKind {
    /// A key account, kept in the vault.
    Key,
    /// An account that follows its owner's login.
    Follow,
    /// An account with a token that nobody renews, kept in the vault.
    Token,
}

/// Whether something that was found can be taken. Its text is the end of a sentence about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ImportVerdict {
    /// It can.
    Ready,
    /// It is an account already.
    AlreadyHere {
        /// The account.
        account: AccountId,
        /// Its name.
        name: String,
    },
    /// A notice must be accepted first.
    NeedsNotice {
        /// The notice's id.
        notice: String,
        /// The version of its text.
        version: u32,
    },
    /// The owner is not signed in.
    SignedOut,
    /// It has ended, and the owner has not renewed it.
    Expired {
        /// What a person does so that the owner renews it.
        renew: Option<String>,
    },
    /// It is of no use.
    Unusable {
        /// Why.
        why: String,
    },
    /// Its service has ended.
    Retired {
        /// Why.
        why: String,
        /// What to use instead.
        replacement: Option<String>,
    },
}

impl ImportVerdict {
    /// Whether it could be taken now, at most after a notice.
    pub fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Ready | Self::AlreadyHere { .. } | Self::NeedsNotice { .. }
        )
    }
}

impl fmt::Display for ImportVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("can be taken"),
            Self::AlreadyHere { name, .. } => write!(f, "is the account `{name}` already"),
            Self::NeedsNotice { .. } => f.write_str("can be taken once its notice is accepted"),
            Self::SignedOut => f.write_str("nobody is signed in there"),
            Self::Expired { renew: None } => f.write_str("has expired"),
            Self::Expired { renew: Some(renew) } => write!(f, "has expired: {renew}"),
            Self::Unusable { why } => write!(f, "cannot be used: {why}"),
            Self::Retired { why, replacement } => {
                write!(f, "is no longer of use: {why}")?;
                match replacement {
                    Some(other) => write!(f, " Use instead: {other}."),
                    None => Ok(()),
                }
            }
        }
    }
}
