//! What a person reads about an account: one word, since when, why, and what to do.

use byokey_signin::StateFacts;
use byokey_vault::Account;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How an account is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountState {
    /// In one word.
    pub kind: StateKind,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why, in the provider's words where it said something.
    pub words: Option<String>,
    /// What the person does about it; absent when there is nothing to do.
    pub next: Option<String>,
}

/// How an account is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StateKind {
    /// In order.
    Fresh,
    /// In order; its tokens are being renewed just now.
    Refreshing,
    /// In order; another program owns and renews its login.
    Follows,
    /// Its login ended.
    NeedsSignIn,
    /// The login that it follows ended; its owner renews it.
    NeedsOwner,
    /// The notice of its way in is not accepted, or has new words.
    NeedsNotice,
    /// The provider has locked it out.
    Blocked,
    /// The provider has ended its way in.
    Retired,
}

impl StateKind {
    /// Whether a person has to do something before it works.
    pub fn needs_attention(self) -> bool {
        !matches!(self, Self::Fresh | Self::Refreshing | Self::Follows)
    }
}

impl AccountState {
    /// How an account is now.
    pub(super) fn of(account: &Account, facts: &StateFacts<'_>) -> Self {
        use byokey_signin::StateKind as Is;
        let state = byokey_signin::AccountState::of(account, facts);
        Self {
            kind: match state.kind {
                Is::Fresh => StateKind::Fresh,
                Is::Refreshing => StateKind::Refreshing,
                Is::Follows => StateKind::Follows,
                Is::NeedsSignIn => StateKind::NeedsSignIn,
                Is::NeedsOwner => StateKind::NeedsOwner,
                Is::NeedsNotice => StateKind::NeedsNotice,
                Is::Blocked => StateKind::Blocked,
                Is::Retired => StateKind::Retired,
            },
            since: state.since,
            words: state.words,
            next: state.next,
        }
    }
}
