//! Accounts that have tokens rather than keys, as the engine sees them: whose token is asked for, and
//! what becomes of an account whose token or person the provider refuses.

use std::sync::{Arc, Weak};

use byokey_signin::{Keeper, Token, TokenAsk};
use byokey_vault::{Account, AccountId, Condition};
use tokio::sync::watch;

use crate::engine::{Engine, Notice, Shared};
use crate::roster::Seat;

impl Engine {
    /// The tokens of the engine's accounts.
    pub fn keeper(&self) -> &Keeper {
        &self.0.keeper
    }

    /// Whose token [`Keeper::token`] is to hand out for an account that can be asked; `None` for one
    /// that cannot, or that has no token.
    pub fn token_ask(&self, account: AccountId) -> Option<TokenAsk> {
        let view = self.0.view();
        let mut seats = view.roster.seats.iter();
        seats.find(|seat| seat.account.id == account)?.ask.clone()
    }
}

impl Shared {
    /// Records that a new token was refused like the one before.
    pub(crate) async fn gave_up(self: &Arc<Self>, seat: &Seat, used: &Token, words: &str) {
        let Some(ask) = &seat.ask else { return };
        if let Err(error) = self.keeper.gave_up(ask, used, words).await {
            tracing::warn!(account = ?seat.label, %error, "its state could not be stored");
        }
        self.look_at_accounts().await;
    }

    /// Records that the provider has locked an account out: it is asked no more until a person has
    /// settled it.
    pub(crate) async fn lock_out(self: &Arc<Self>, account: &Account, words: &str) {
        let (vault, id, words) = (self.vault.clone(), account.id, words.to_owned());
        let stored = tokio::task::spawn_blocking(move || {
            vault.set_condition(id, Condition::Blocked, Some(&words), None)
        });
        match stored.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(account = %id, %error, "its state could not be stored")
            }
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
        self.look_at_accounts().await;
    }

    async fn look_at_accounts(self: &Arc<Self>) {
        if let Err(error) = Engine(self.clone()).accounts_changed().await {
            tracing::warn!(%error, "the vault could not be read");
        }
    }
}

/// Tells viewers when a renewal begins, and takes over what it brought or ended, as long as the
/// engine lives.
pub(crate) async fn follow(engine: Weak<Shared>, mut changes: watch::Receiver<u64>) {
    let mut seen = None;
    while changes.changed().await.is_ok() {
        let Some(shared) = engine.upgrade() else {
            return;
        };
        let now = Some(shared.vault.generation());
        if seen == now {
            shared.announce(Notice::Accounts);
        } else {
            shared.look_at_accounts().await;
        }
        seen = now;
    }
}
