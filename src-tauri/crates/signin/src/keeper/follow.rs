//! Tokens of accounts that follow another program. They are read where their owner keeps them; what
//! the keeper holds of them is never stored, and none is ever renewed from here.

use std::sync::{Arc, Weak};
use std::time::Duration;

use byokey_vault::{Account, AccountId, AccountKind, Condition, TokenSet};

use super::renewal::{Failed, passing};
use super::token::Age;
use super::{Keeper, Refused, Shared, Slot, Token, TokenAsk, TokenTrouble};
use crate::import::{Follower, read_followed, refused_by_provider};

/// An owner that writes its file is read again after this long, so many times.
const WRITING: Duration = Duration::from_millis(100);
const LOOKS: u32 = 5;

impl Keeper {
    /// Watches the places of these accounts, and reads those anew whose login had ended when they
    /// come for the first time. To be called within a runtime whenever accounts were read; accounts
    /// that follow nobody are passed over.
    pub fn follow(&self, asks: &[TokenAsk]) {
        let followed = |ask: &&TokenAsk| ask.account.kind == AccountKind::Followed;
        for ask in asks.iter().filter(followed) {
            let slot = self.slot(ask.account.id);
            let before = slot.followed.lock().replace(ask.clone());
            let source = ask.account.source.as_deref().unwrap_or_default();
            self.follower().follow(ask.account.id, source);
            let new = before.is_none_or(|before| before.account.source != ask.account.source);
            if new && ask.account.condition == Condition::NeedsOwner {
                let shared = self.0.clone();
                let id = ask.account.id;
                tokio::task::spawn_blocking(move || shared.told(id));
            }
        }
    }

    /// What the owner has now; waits while it writes.
    pub(super) async fn followed(
        &self,
        slot: &Arc<Slot>,
        ask: &TokenAsk,
        refused: Option<&Refused>,
    ) -> Result<Token, Failed> {
        if let Some(refused) = refused {
            *slot.dead.lock() = Some(refused.token.clone());
        }
        *slot.followed.lock() = Some(ask.clone());
        let words = refused.map(|refused| refused.words.clone());
        let mut looks = 0;
        loop {
            looks += 1;
            let (shared, ask, words) = (self.0.clone(), ask.clone(), words.clone());
            let looked_at = slot.clone();
            let looked = tokio::task::spawn_blocking(move || {
                shared.look(&looked_at, &ask, words.as_deref())
            });
            let looked = match looked.await {
                Ok(looked) => looked,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            };
            match looked {
                Err(Unfollowed::Writing(_)) if looks < LOOKS => {
                    tokio::time::sleep(WRITING).await;
                }
                Ok(token) => return Ok(token.again()),
                Err(why) => return Err(self.unfollowed(slot, why)),
            }
        }
    }

    /// While the owner has nothing to read just now, the token in hand goes on as long as it lives.
    fn unfollowed(&self, slot: &Slot, why: Unfollowed) -> Failed {
        let (trouble, generation) = match why {
            Unfollowed::Writing(failed) | Unfollowed::Failed(failed) => failed,
        };
        let passing = trouble.passing();
        let dead = slot.dead.lock().clone();
        let alive = |token: &Arc<Token>| {
            let refused = dead.as_ref().is_some_and(|dead| token.is(dead));
            passing && !refused && token.life.age(self.0.clock.now()) != Age::Ended
        };
        let held = slot.held.read().clone().filter(alive);
        Failed {
            trouble,
            generation,
            usable: held.map(|token| Box::new(token.again())),
        }
    }

    fn follower(&self) -> &Follower {
        self.0.follower.get_or_init(|| {
            let shared: Weak<Shared> = Arc::downgrade(&self.0);
            Follower::new(move |account| {
                if let Some(shared) = shared.upgrade() {
                    shared.told(account);
                }
            })
        })
    }
}

impl TokenAsk {
    /// What a person reads when the provider refuses the owner's token, saying `said`.
    pub(super) fn refused_by_provider(&self, said: &str) -> String {
        refused_by_provider(&self.catalog, &self.account, said)
    }
}

/// Why an owner gave no token, and of which sign-in that is true.
enum Unfollowed {
    /// It may have one in a moment.
    Writing((TokenTrouble, u64)),
    Failed((TokenTrouble, u64)),
}

impl Shared {
    /// An owner has written: whatever was known of its login is read anew. Blocks.
    pub(super) fn told(&self, id: AccountId) {
        let Some(slot) = self.slots.read().get(&id).cloned() else {
            return;
        };
        let Some(ask) = slot.followed.lock().clone() else {
            return;
        };
        let before = slot.held.read().clone();
        match self.look(&slot, &ask, None) {
            Ok(token) if before.as_ref().is_some_and(|it| it.is(&token)) => return,
            // It is told again when the owner has finished, and what is known already is no news.
            Err(Unfollowed::Writing(_)) => return,
            Err(Unfollowed::Failed((trouble, _))) if trouble.passing() => return,
            Err(Unfollowed::Failed(_)) if before.is_none() => return,
            Ok(_) | Err(Unfollowed::Failed(_)) => {}
        }
        let mut flight = slot.flight.lock();
        flight.rest = None;
        flight.failures = 0;
        drop(flight);
        self.changes
            .send_modify(|number| *number = number.wrapping_add(1));
    }

    /// What the owner has now becomes the token in hand. One look at a time, so that the last one
    /// to read is the last to say what it read. Blocks.
    fn look(
        &self,
        slot: &Slot,
        ask: &TokenAsk,
        words: Option<&str>,
    ) -> Result<Arc<Token>, Unfollowed> {
        let _one = slot.looking.lock();
        let dead = slot.dead.lock().clone();
        let looked = self.read(ask, dead.as_deref(), words).map(Arc::new);
        let passing = match &looked {
            Ok(_) => false,
            Err(Unfollowed::Writing((trouble, _)) | Unfollowed::Failed((trouble, _))) => {
                trouble.passing()
            }
        };
        if !passing {
            *slot.held.write() = looked.as_ref().ok().cloned();
        }
        looked
    }

    /// Reads the owner's place and keeps the account's condition in step with it. A token like
    /// `dead`, which the provider refused, is none. Blocks.
    fn read(
        &self,
        ask: &TokenAsk,
        dead: Option<&Token>,
        words: Option<&str>,
    ) -> Result<Token, Unfollowed> {
        let id = ask.account.id;
        let account = self.vault.account(id).map_err(|error| {
            let trouble = passing(ask, error.to_string());
            Unfollowed::Failed((trouble, ask.account.generation))
        })?;
        let generation = account.generation;
        if account.condition == Condition::Blocked {
            let words = account.condition_words.unwrap_or_default();
            let account = ask.label();
            let trouble = TokenTrouble::Blocked { account, words };
            return Err(Unfollowed::Failed((trouble, generation)));
        }
        let now = self.clock.now();
        match read_followed(&self.machine, &ask.catalog, &account, now.wall) {
            Ok(read) => {
                let set = TokenSet {
                    access: read.access,
                    refresh: None,
                    expires: read.expires,
                    obtained: now.wall,
                    earliest_refresh: None,
                    scope: None,
                    client: None,
                    second: None,
                    extra: read.extra,
                };
                let token = Token::of(id, generation, &set, None, now);
                if dead.is_some_and(|dead| token.is(dead)) {
                    // A watcher knows no new words; those that were recorded stay.
                    let known = || account.condition_words.clone().unwrap_or_default();
                    let words = words.map(|said| ask.refused_by_provider(said));
                    let words = words.unwrap_or_else(known);
                    return Err(self.needs_owner(ask, &account, words));
                }
                if account.condition != Condition::Ready {
                    self.record(ask, Condition::Ready, None, generation);
                }
                Ok(token)
            }
            Err(trouble) if trouble.passes() => {
                let words = passing(ask, trouble.to_string());
                let failed = (words, generation);
                Err(if trouble.is_brief() {
                    Unfollowed::Writing(failed)
                } else {
                    Unfollowed::Failed(failed)
                })
            }
            Err(trouble) => Err(self.needs_owner(ask, &account, trouble.to_string())),
        }
    }

    fn needs_owner(&self, ask: &TokenAsk, account: &Account, words: String) -> Unfollowed {
        let generation = account.generation;
        let known = account.condition == Condition::NeedsOwner
            && account.condition_words.as_deref() == Some(&words);
        // Each write makes the engine look at its accounts again.
        if !known {
            self.record(ask, Condition::NeedsOwner, Some(&words), generation);
        }
        Unfollowed::Failed((TokenTrouble::NeedsOwner { words }, generation))
    }

    fn record(&self, ask: &TokenAsk, condition: Condition, words: Option<&str>, seen: u64) {
        let id = ask.account.id;
        if let Err(error) = self.vault.set_condition(id, condition, words, Some(seen)) {
            tracing::warn!(account = %ask.label(), %error, "its state could not be stored");
        }
    }
}
