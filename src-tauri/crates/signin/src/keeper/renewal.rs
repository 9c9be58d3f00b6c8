//! What one flight does: look into the vault, lock, look again, renew, store, and only then hand out.

use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::{Flow, Stage};
use byokey_vault::{
    AccountId, AccountKind, AccountLock, Condition, Renewal, StoredTokens, TokenSet, Vault,
    VaultError,
};

use super::token::Age;
use super::{Keeper, Refused, Slot, Token, TokenAsk, TokenTrouble};
use crate::refresh::{self, NotRenewed, Renewing};
use crate::stage::{self, StageCall, StageTrouble};
use crate::{SigninError, identity_headers};

/// How long another process may hold an account's lock before this one gives up for now. Longer than
/// a renewal can take.
const LOCK_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two looks at the lock.
const LOOK: Duration = Duration::from_millis(40);

/// A flight that brought no new token.
pub(super) struct Failed {
    pub(super) trouble: TokenTrouble,
    /// The token set it speaks of.
    pub(super) generation: u64,
    /// What may still be used in the meantime.
    pub(super) usable: Option<Box<Token>>,
}

impl Failed {
    fn of(trouble: TokenTrouble, generation: u64) -> Self {
        Self {
            trouble,
            generation,
            usable: None,
        }
    }
}

impl Keeper {
    /// Gets a token that is good and, if one was refused, another than that.
    pub(super) async fn renewed(
        &self,
        slot: &Arc<Slot>,
        ask: &TokenAsk,
        refused: Option<&Refused>,
    ) -> Result<Token, Failed> {
        if ask.account.kind == AccountKind::Followed {
            return self.followed(slot, ask, refused).await;
        }
        self.save(slot, ask).await?;
        let stored = self.stored(ask).await?;
        if let Some(token) = self.good(slot, ask, &stored, refused)? {
            return Ok(token);
        }
        let _lock = self.lock(ask, stored.generation).await?;
        // Another process may have been faster; its tokens are as good as ours would be.
        let stored = self.stored(ask).await?;
        if let Some(token) = self.good(slot, ask, &stored, refused)? {
            return Ok(token);
        }
        let generation = stored.generation;
        match self.renew(slot, ask, &stored, refused).await {
            Ok(token) => Ok(token),
            Err(trouble) => {
                let trouble = self.remember(ask, generation, trouble).await;
                let old = self.seen(ask, &stored);
                let may = trouble.passing()
                    && old.life.age(self.0.clock.now()) != Age::Ended
                    && refused.is_none_or(|refused| !old.is(&refused.token));
                Err(Failed {
                    usable: may.then(|| Box::new(old)),
                    ..Failed::of(trouble, generation)
                })
            }
        }
    }

    /// Records that a token was refused although it was new: nothing but a new sign-in is left.
    ///
    /// # Errors
    /// When the vault cannot store it.
    pub async fn gave_up(
        &self,
        ask: &TokenAsk,
        used: &Token,
        words: &str,
    ) -> Result<(), SigninError> {
        let (id, seen) = (ask.account.id, used.generation());
        let (condition, words) = match ask.account.kind {
            AccountKind::Followed => {
                // Else the owner's place would bring the same token again.
                let slot = self.slot(id);
                *slot.dead.lock() = Some(Arc::new(used.again()));
                *slot.held.write() = None;
                (Condition::NeedsOwner, ask.refused_by_provider(words))
            }
            _ => (Condition::NeedsSignIn, words.to_owned()),
        };
        self.slot(id).held.write().take_if(|held| held.is(used));
        let done = self
            .vault(move |vault| vault.set_condition(id, condition, Some(&words), Some(seen)))
            .await;
        self.changed();
        Ok(done?)
    }

    /// The token of a stored set, if it is good as it is.
    fn good(
        &self,
        slot: &Slot,
        ask: &TokenAsk,
        stored: &Stored,
        refused: Option<&Refused>,
    ) -> Result<Option<Token>, Failed> {
        let generation = stored.generation;
        let words = stored.words.clone().unwrap_or_default();
        match stored.condition {
            Condition::Ready => {}
            Condition::NeedsSignIn => return Err(Failed::of(ended(ask, words), generation)),
            Condition::NeedsOwner => {
                return Err(Failed::of(TokenTrouble::NeedsOwner { words }, generation));
            }
            Condition::Blocked => {
                let account = ask.label();
                return Err(Failed::of(
                    TokenTrouble::Blocked { account, words },
                    generation,
                ));
            }
        }
        // A vault that could not record the end of these tokens does not bring them back to life.
        let flight = slot.flight.lock();
        let rest = flight
            .rest
            .as_ref()
            .filter(|rest| rest.generation == generation);
        if let Some(lasting) = rest.and_then(|rest| rest.lasting())
            && !matches!(lasting, TokenTrouble::Moved { .. })
        {
            return Err(Failed::of(lasting.clone(), generation));
        }
        drop(flight);
        let token = self.seen(ask, stored);
        let fresh = token.life.age(self.0.clock.now()) == Age::Fresh;
        let other = refused.is_none_or(|refused| !token.is(&refused.token));
        Ok((fresh && other).then_some(token))
    }

    fn seen(&self, ask: &TokenAsk, stored: &Stored) -> Token {
        self.made(ask, stored.generation, &stored.tokens)
    }

    fn made(&self, ask: &TokenAsk, generation: u64, set: &TokenSet) -> Token {
        Token::of(
            ask.account.id,
            generation,
            set,
            ask.refresh(),
            self.0.clock.now(),
        )
    }

    /// Renews what has to be renewed, and stores each part before the next is begun.
    async fn renew(
        &self,
        slot: &Slot,
        ask: &TokenAsk,
        stored: &Stored,
        refused: Option<&Refused>,
    ) -> Result<Token, TokenTrouble> {
        let Some((provider, route)) = ask.rows() else {
            return Err(ended(ask, String::new()));
        };
        let now = self.0.clock.now().wall;
        let old = &stored.tokens;
        let http = self.client(ask.overrides.proxy.as_ref());
        let http = http.map_err(|error| passing(ask, error.to_string()))?;
        let call = StageCall {
            http: &http,
            overrides: &ask.overrides,
            provider,
            route,
            fields: &ask.account.fields,
        };
        let stage = route.stage.filter(|_| old.second.is_some());
        let lives = old.expires.is_none_or(|ends| now < ends);
        if let Some(stage) = stage.filter(|_| lives) {
            let set = again(ask, stage, &call, old).await?;
            return self.store(slot, ask, stored.generation, set).await;
        }
        let renewable = old.refresh.is_some() && ask.refresh().is_some();
        if !renewable {
            let words = refused.map(|refused| refused.words.clone());
            return Err(ended(ask, words.unwrap_or_default()));
        }
        if let Some(earliest) = old.earliest_refresh
            && now < earliest
            && lives
        {
            let wait = Duration::try_from(earliest.duration_since(now)).unwrap_or_default();
            return Err(TokenTrouble::Passing {
                account: ask.label(),
                words: "the provider wants no renewal yet".to_owned(),
                retry_after: Some(wait),
            });
        }
        let headers = self.headers(ask);
        let renewing = Renewing {
            http: &http,
            overrides: &ask.overrides,
            provider,
            route,
            account: &ask.account,
            headers: &headers,
        };
        let set = renewing.renew(old, now).await;
        let set = set.map_err(|why| trouble(ask, why))?;
        let Some(stage) = stage else {
            return self.store(slot, ask, stored.generation, set).await;
        };
        // The new pair is safe before anything is made of it.
        let first = refresh::copied(&set);
        let token = self.store(slot, ask, stored.generation, first).await?;
        let set = again(ask, stage, &call, &set).await?;
        self.store(slot, ask, token.generation(), set).await
    }

    /// Headers by which byokey names itself to this provider.
    fn headers(&self, ask: &TokenAsk) -> Vec<(String, String)> {
        let prefix = match ask.rows().map(|(_, route)| &route.flow) {
            Some(Flow::Device(device)) => device.identity_headers.as_deref(),
            _ => None,
        };
        let headers = prefix.map(|prefix| identity_headers(prefix, &self.0.vault));
        headers.unwrap_or_default()
    }

    /// Commits a new set and makes a token of it.
    async fn store(
        &self,
        slot: &Slot,
        ask: &TokenAsk,
        seen: u64,
        set: TokenSet,
    ) -> Result<Token, TokenTrouble> {
        let id = ask.account.id;
        let (saved, set) = self
            .vault(move |vault| (vault.renew(id, seen, &set), set))
            .await;
        match saved {
            Ok(Renewal::Saved(generation)) => Ok(self.made(ask, generation, &set)),
            // Somebody signed in again meanwhile.
            Ok(Renewal::Superseded) => {
                let stored = self.stored(ask).await.map_err(|failed| failed.trouble)?;
                Ok(self.seen(ask, &stored))
            }
            Err(error) => {
                // The old pair may be dead already, so the new one is kept until it can be stored.
                *slot.unsaved.lock() = Some((seen, set));
                Err(passing(ask, error.to_string()))
            }
        }
    }

    /// Commits what an earlier flight could not.
    async fn save(&self, slot: &Slot, ask: &TokenAsk) -> Result<(), Failed> {
        let unsaved = slot.unsaved.lock().take();
        let Some((seen, set)) = unsaved else {
            return Ok(());
        };
        let stored = self.store(slot, ask, seen, set).await;
        stored
            .map(drop)
            .map_err(|trouble| Failed::of(trouble, seen))
    }

    /// Records in the vault what only a person can end.
    async fn remember(
        &self,
        ask: &TokenAsk,
        generation: u64,
        trouble: TokenTrouble,
    ) -> TokenTrouble {
        let lasting = match &trouble {
            TokenTrouble::NeedsSignIn { words, .. } => Some((Condition::NeedsSignIn, words)),
            TokenTrouble::Blocked { words, .. } => Some((Condition::Blocked, words)),
            _ => None,
        };
        if let Some((condition, words)) = lasting {
            let (id, words) = (ask.account.id, words.clone());
            let stored = self.vault(move |vault| {
                vault.set_condition(id, condition, Some(&words), Some(generation))
            });
            if let Err(error) = stored.await {
                tracing::warn!(account = %ask.label(), %error, "its state could not be stored");
            }
        }
        trouble
    }

    /// Holds the account against other processes.
    async fn lock(&self, ask: &TokenAsk, generation: u64) -> Result<AccountLock, Failed> {
        let id = ask.account.id;
        let until = tokio::time::Instant::now() + LOCK_WITHIN;
        loop {
            let tried = self.vault(move |vault| vault.try_lock_account(id)).await;
            match tried {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) if tokio::time::Instant::now() < until => tokio::time::sleep(LOOK).await,
                Ok(None) => {
                    let words = "another byokey is renewing it".to_owned();
                    return Err(Failed::of(passing(ask, words), generation));
                }
                Err(error) => {
                    return Err(Failed::of(passing(ask, error.to_string()), generation));
                }
            }
        }
    }

    /// What the vault holds now.
    async fn stored(&self, ask: &TokenAsk) -> Result<Stored, Failed> {
        let id = ask.account.id;
        let stored = self.vault(move |vault| Stored::read(vault, id)).await;
        stored.map_err(|error| {
            let trouble = match error {
                VaultError::NoAccount(_)
                | VaultError::NoTokens(_)
                | VaultError::Tampered { .. } => TokenTrouble::NoTokens(ask.label()),
                error => passing(ask, error.to_string()),
            };
            Failed::of(trouble, ask.account.generation)
        })
    }

    /// Does something with the vault where it may block.
    async fn vault<T: Send + 'static>(&self, work: impl FnOnce(&Vault) -> T + Send + 'static) -> T {
        let vault = self.0.vault.clone();
        match tokio::task::spawn_blocking(move || work(&vault)).await {
            Ok(done) => done,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

/// A token set and the condition of its account.
struct Stored {
    generation: u64,
    tokens: TokenSet,
    condition: Condition,
    words: Option<String>,
}

impl Stored {
    fn read(vault: &Vault, id: AccountId) -> Result<Self, VaultError> {
        loop {
            let StoredTokens {
                generation, tokens, ..
            } = vault.tokens(id)?;
            let account = vault.account(id)?;
            // Else a new set came in between.
            if account.generation == generation {
                return Ok(Self {
                    generation,
                    tokens,
                    condition: account.condition,
                    words: account.condition_words,
                });
            }
        }
    }
}

fn ended(ask: &TokenAsk, words: String) -> TokenTrouble {
    TokenTrouble::NeedsSignIn {
        account: ask.label(),
        login: ask.login(),
        words,
    }
}

pub(super) fn passing(ask: &TokenAsk, words: String) -> TokenTrouble {
    TokenTrouble::Passing {
        account: ask.label(),
        words,
        retry_after: None,
    }
}

fn trouble(ask: &TokenAsk, why: NotRenewed) -> TokenTrouble {
    match why {
        NotRenewed::Ended(words) => ended(ask, words),
        NotRenewed::Moved { given_by, named } => TokenTrouble::Moved {
            account: ask.label(),
            given_by,
            named,
            login: ask.login(),
        },
        NotRenewed::Passing { words, retry_after } => TokenTrouble::Passing {
            account: ask.label(),
            words,
            retry_after,
        },
    }
}

/// Exchanges a token for its second one again.
async fn again(
    ask: &TokenAsk,
    stage: Stage,
    call: &StageCall<'_>,
    old: &TokenSet,
) -> Result<TokenSet, TokenTrouble> {
    let mut set = refresh::copied(old);
    match stage::again(stage, call, &mut set).await {
        Ok(()) => Ok(set),
        Err(StageTrouble::Passing { error, retry_after }) => Err(TokenTrouble::Passing {
            account: ask.label(),
            words: error.to_string(),
            retry_after,
        }),
        Err(StageTrouble::Blocked { words }) => Err(TokenTrouble::Blocked {
            account: ask.label(),
            words,
        }),
        Err(StageTrouble::SignIn { words } | StageTrouble::Missing { words }) => {
            Err(ended(ask, words))
        }
    }
}
