//! Hands out tokens that are good now, and renews them once for everybody who waits.
//!
//! Where accounts die: two renewals at once, a renewed pair that was used before it was stored, an
//! old pair that was written over a new one. So each account has one flight at a time, in a task of
//! its own that no caller's leaving ends; between processes a file lock holds it; and nothing is
//! handed out that the vault has not committed.

mod follow;
mod renewal;
mod rest;
mod token;
mod trouble;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use byokey_vault::{AccountId, AccountKind, Secret, TokenSet, Vault};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use self::rest::Rest;
use self::token::Age;
pub use self::token::{Token, TokenAsk};
pub use self::trouble::TokenTrouble;
use crate::clock::Clock;
use crate::{Follower, Http, Machine, SigninError};

/// The tokens of a vault's accounts. Clones share them.
#[derive(Clone)]
pub struct Keeper(Arc<Shared>);

struct Shared {
    vault: Vault,
    clock: Clock,
    slots: RwLock<HashMap<AccountId, Arc<Slot>>>,
    /// Where other programs keep their logins.
    machine: Machine,
    /// Watches those that are followed; made with the first.
    follower: OnceLock<Follower>,
    /// A client per network proxy.
    clients: Mutex<Vec<(Option<Arc<Secret>>, Http)>>,
    changes: watch::Sender<u64>,
}

/// What is known of one account.
#[derive(Default)]
struct Slot {
    held: RwLock<Option<Arc<Token>>>,
    flight: Mutex<Flight>,
    /// A renewed set that the vault could not take yet, and the generation that it follows. It is in
    /// no request before it is in the vault.
    unsaved: Mutex<Option<(u64, TokenSet)>>,
    /// The account, if it follows another program.
    followed: Mutex<Option<TokenAsk>>,
    /// The token of its owner's that the provider refused last.
    dead: Mutex<Option<Arc<Token>>>,
    /// Held by whoever reads the owner's place.
    looking: Mutex<()>,
}

#[derive(Default)]
struct Flight {
    running: Option<watch::Receiver<Option<Outcome>>>,
    rest: Option<Rest>,
    /// Failures in a row that may pass.
    failures: u32,
}

type Outcome = Result<Arc<Token>, TokenTrouble>;

/// Why a token is not good enough.
#[derive(Clone)]
struct Refused {
    token: Arc<Token>,
    /// What the provider said of it.
    words: String,
}

impl Keeper {
    /// Nothing is read yet.
    pub fn new(vault: Vault) -> Self {
        Self::on(vault, Machine::here())
    }

    /// As [`new`](Self::new), with the machine on which other programs keep their logins.
    pub fn on(vault: Vault, machine: Machine) -> Self {
        Self::with(vault, machine, Clock::system())
    }

    fn with(vault: Vault, machine: Machine, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            vault,
            clock,
            slots: RwLock::default(),
            machine,
            follower: OnceLock::new(),
            clients: Mutex::default(),
            changes: watch::channel(0).0,
        }))
    }

    /// A token that may be used now. One that will soon end is handed out while its successor is got;
    /// one that has ended is waited for.
    ///
    /// # Errors
    /// [`TokenTrouble`]. Whatever went wrong, the stored tokens stay.
    pub async fn token(&self, ask: &TokenAsk) -> Result<Arc<Token>, TokenTrouble> {
        let slot = self.slot(ask.account.id);
        if let Some(token) = slot.held(ask) {
            match token.life.age(self.0.clock.now()) {
                Age::Fresh => return Ok(token),
                Age::Due => {
                    self.board(&slot, ask, None);
                    return Ok(token);
                }
                Age::Ended => {}
            }
        }
        self.join(&slot, ask, None).await
    }

    /// Another token after the provider refused this one, saying `words`. Renews at most once for all
    /// who bring the same token.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub async fn refused(
        &self,
        ask: &TokenAsk,
        used: &Arc<Token>,
        words: &str,
    ) -> Result<Arc<Token>, TokenTrouble> {
        let slot = self.slot(ask.account.id);
        let refused = Refused {
            token: used.clone(),
            words: words.to_owned(),
        };
        self.join(&slot, ask, Some(&refused)).await
    }

    /// Whether a renewal is under way.
    pub fn is_refreshing(&self, account: AccountId) -> bool {
        let slot = self.0.slots.read().get(&account).cloned();
        slot.is_some_and(|slot| slot.flight.lock().is_under_way())
    }

    /// Changes its number whenever a renewal begins or ends.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Forgets the tokens of all accounts but these; what the vault holds stays. May wait for the disk.
    pub fn keep_only(&self, accounts: &[AccountId]) {
        let mut gone = Vec::new();
        self.0.slots.write().retain(|id, _| {
            let stays = accounts.contains(id);
            if !stays {
                gone.push(*id);
            }
            stays
        });
        // Without the lock: the watcher's thread takes it, and forgetting waits for that thread.
        if let Some(follower) = self.0.follower.get() {
            gone.into_iter().for_each(|id| follower.forget(id));
        }
    }

    fn slot(&self, account: AccountId) -> Arc<Slot> {
        if let Some(slot) = self.0.slots.read().get(&account) {
            return slot.clone();
        }
        self.0.slots.write().entry(account).or_default().clone()
    }

    /// Waits for the flight that brings a token, starting it if there is none.
    async fn join(&self, slot: &Arc<Slot>, ask: &TokenAsk, refused: Option<&Refused>) -> Outcome {
        // A flight that took off before the token was refused may bring just that one; the next
        // knows better.
        for _ in 0..3 {
            let mut landing = match self.board(slot, ask, refused) {
                Boarding::Here(outcome) => return outcome,
                Boarding::Flying(landing) => landing,
            };
            let landed = landing.wait_for(Option::is_some).await;
            let Some(outcome) = landed.ok().and_then(|outcome| outcome.clone()) else {
                continue;
            };
            match (outcome, refused) {
                (Ok(token), Some(refused)) if token.is(&refused.token) => {}
                (outcome, _) => return outcome,
            }
        }
        Err(TokenTrouble::Passing {
            account: ask.label(),
            words: "byokey could not finish it".to_owned(),
            retry_after: None,
        })
    }

    /// Finds what is there already, or the flight that gets it.
    fn board(&self, slot: &Arc<Slot>, ask: &TokenAsk, refused: Option<&Refused>) -> Boarding {
        let mut flight = slot.flight.lock();
        if let Some(running) = flight.running.clone()
            // A sender that is gone without a word has failed.
            && running.has_changed().is_ok()
        {
            return Boarding::Flying(running);
        }
        let now = self.0.clock.now();
        let other = |token: &Arc<Token>| refused.is_none_or(|it| !token.is(&it.token));
        let held = slot.held(ask).filter(other);
        let age = held.as_ref().map(|token| token.life.age(now));
        let good = age == Some(Age::Fresh) || refused.is_some() && age == Some(Age::Due);
        if let Some(token) = held.clone().filter(|_| good) {
            return Boarding::Here(Ok(token));
        }
        let rest = flight.rest.as_ref();
        let rest = rest.filter(|rest| rest.generation >= ask.account.generation);
        if let Some(trouble) =
            rest.and_then(|rest| rest.trouble(self.0.vault.generation(), now.steady))
        {
            let usable = held.filter(|_| age == Some(Age::Due));
            return Boarding::Here(usable.ok_or(trouble));
        }
        let (land, landing) = watch::channel(None);
        flight.running = Some(landing.clone());
        drop(flight);
        self.changed();
        tokio::spawn(
            self.clone()
                .fly(slot.clone(), ask.clone(), refused.cloned(), land),
        );
        Boarding::Flying(landing)
    }

    /// One flight: renews, remembers how it went, and tells everybody who waits.
    async fn fly(
        self,
        slot: Arc<Slot>,
        ask: TokenAsk,
        refused: Option<Refused>,
        land: watch::Sender<Option<Outcome>>,
    ) {
        let renewed = self.renewed(&slot, &ask, refused.as_ref()).await;
        let mut flight = slot.flight.lock();
        flight.running = None;
        let outcome = match renewed {
            Ok(token) => {
                flight.rest = None;
                flight.failures = 0;
                Ok(slot.take(token, &ask))
            }
            Err(failed) => {
                flight.failures += u32::from(failed.trouble.passing());
                let (vault, now) = (self.0.vault.generation(), self.0.clock.now().steady);
                let rest = Rest::after(
                    failed.trouble.clone(),
                    flight.failures,
                    failed.generation,
                    vault,
                    now,
                );
                // Said with the time that is left.
                let told = rest.trouble(vault, now).unwrap_or(failed.trouble);
                flight.rest = Some(rest);
                match failed.usable {
                    Some(token) => Ok(slot.take(*token, &ask)),
                    None => {
                        // What was refused is shown no more, however long it would have lived.
                        slot.held.write().take_if(|_| !told.passing());
                        Err(told)
                    }
                }
            }
        };
        drop(flight);
        land.send_replace(Some(outcome));
        self.changed();
    }

    fn changed(&self) {
        let count = |number: &mut u64| *number = number.wrapping_add(1);
        self.0.changes.send_modify(count);
    }

    /// The client for the user's network proxy, or for none.
    fn client(&self, proxy: Option<&Arc<Secret>>) -> Result<Http, SigninError> {
        let text = |it: Option<&Arc<Secret>>| it.map(|it| it.expose().to_owned());
        let mut clients = self.0.clients.lock();
        let known = clients
            .iter()
            .find(|(known, _)| text(known.as_ref()) == text(proxy));
        if let Some((_, http)) = known {
            return Ok(http.clone());
        }
        let http = Http::through(proxy.map(|it| &**it))?;
        clients.push((proxy.cloned(), http.clone()));
        Ok(http)
    }
}

/// Where a caller waits.
enum Boarding {
    /// Nowhere.
    Here(Outcome),
    /// For a flight.
    Flying(watch::Receiver<Option<Outcome>>),
}

impl Slot {
    /// The token in hand, if no newer sign-in is known.
    fn held(&self, ask: &TokenAsk) -> Option<Arc<Token>> {
        let held = self.held.read().clone();
        held.filter(|token| token.generation() >= ask.account.generation)
    }

    /// What a flight brought becomes the token in hand. Whoever reads an owner's place has done that
    /// already, and another may have read a newer one since.
    fn take(&self, token: Token, ask: &TokenAsk) -> Arc<Token> {
        let token = Arc::new(token);
        if ask.account.kind == AccountKind::Followed {
            return self.held.read().clone().unwrap_or(token);
        }
        *self.held.write() = Some(token.clone());
        token
    }
}

impl Flight {
    fn is_under_way(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|it| it.has_changed().is_ok())
    }
}

#[cfg(test)]
mod tests;
