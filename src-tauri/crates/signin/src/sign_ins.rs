//! The sign-ins under way: started, watched, helped along, finished and sealed.
//!
//! One task runs each; a person may close the window, another may look on, and a restart goes on
//! where the old process was as long as the ten minutes last. An account is shown to the browser as
//! done only after the vault has committed it.

mod start;

use std::collections::BTreeMap;
use std::sync::Arc;

use byokey_bridge::Bridges;
use byokey_catalog::{Catalog, Provider};
use byokey_vault::{Actor, Fields, Login, NewSignIn, Secret, SignedIn, Vault};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

pub use self::start::{SignInRequest, route_for};
use crate::scene::{Landing, Said, Scene};
use crate::{Grant, Granted, Overrides, SigninError, Step, Work, discovery, flow};

/// The sign-ins of one vault. Clones share them.
#[derive(Clone)]
pub struct SignIns(Arc<Shared>);

struct Shared {
    vault: Vault,
    bridges: Arc<Bridges>,
    under_way: Mutex<BTreeMap<String, UnderWay>>,
    changes: watch::Sender<u64>,
}

struct UnderWay {
    provider: String,
    route: String,
    started: Timestamp,
    expires: Timestamp,
    step: watch::Receiver<Step>,
    say: mpsc::Sender<Said>,
    task: AbortHandle,
}

/// A sign-in as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its id.
    pub id: String,
    /// The provider's id.
    pub provider: String,
    /// The route's id.
    pub route: String,
    /// When it began in this process.
    pub started: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// Where it stands.
    pub step: Step,
}

/// A sign-in that waits for a text reads it at once.
const PASTE: std::time::Duration = std::time::Duration::from_secs(5);
/// Ended sign-ins that are still shown; more push out the oldest.
const MOST_SHOWN: usize = 32;

impl SignIns {
    /// None yet. `bridges` are the user's own programs, some of which sign in by themselves.
    pub fn new(vault: Vault, bridges: Arc<Bridges>) -> Self {
        Self(Arc::new(Shared {
            vault,
            bridges,
            under_way: Mutex::default(),
            changes: watch::channel(0).0,
        }))
    }

    /// Changes its number whenever a sign-in begins, moves on or ends.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// All of them, the oldest first.
    pub fn list(&self) -> Vec<SignIn> {
        let under_way = self.0.under_way.lock();
        let mut list: Vec<_> = under_way.iter().map(|(id, it)| it.show(id)).collect();
        list.sort_by_key(|it| it.started);
        list
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<SignIn> {
        self.0.under_way.lock().get(id).map(|it| it.show(id))
    }

    /// Waits until a sign-in stands elsewhere than at `seen`; at once if it does already.
    ///
    /// # Errors
    /// [`SigninError::NoSignIn`].
    pub async fn after(&self, id: &str, seen: &Step) -> Result<SignIn, SigninError> {
        let mut step = match self.0.under_way.lock().get(id) {
            Some(it) => it.step.clone(),
            None => return Err(SigninError::NoSignIn),
        };
        // The sender ends with the task; what it sent last stays.
        let _ = step.wait_for(|step| step != seen).await;
        self.get(id).ok_or(SigninError::NoSignIn)
    }

    /// Gives up a sign-in, or takes one that is over off the list.
    ///
    /// # Errors
    /// [`SigninError::NoSignIn`], and when the vault cannot forget what was kept of it.
    pub async fn cancel(&self, id: &str) -> Result<(), SigninError> {
        let gone = self.0.under_way.lock().remove(id);
        let Some(gone) = gone else {
            return Err(SigninError::NoSignIn);
        };
        gone.task.abort();
        self.0.changed();
        self.forget(id).await
    }

    /// Hands over what a person pasted: a code, or the address at which the browser ended. What is
    /// refused changes nothing; the sign-in goes on waiting.
    ///
    /// # Errors
    /// [`SigninError::NotACode`], [`SigninError::Foreign`], and [`SigninError::NoSignIn`] for one that
    /// is not there, over, or does not wait for a text.
    pub async fn paste(&self, id: &str, text: Secret) -> Result<(), SigninError> {
        let say = match self.0.under_way.lock().get(id) {
            Some(it) if !it.step.borrow().is_over() => it.say.clone(),
            _ => return Err(SigninError::NoSignIn),
        };
        let (taken, told) = oneshot::channel();
        // A full queue means that nobody reads what is said to it.
        let said = say.try_send(Said::Pasted { text, taken });
        said.map_err(|_| SigninError::NoSignIn)?;
        match tokio::time::timeout(PASTE, told).await {
            Ok(Ok(taken)) => taken,
            _ => Err(SigninError::NoSignIn),
        }
    }

    /// Hands a link to the sign-ins of its provider that wait; the one whose state it carries takes
    /// it. Whether any was waiting.
    pub fn link(&self, provider: &str, link: &Secret) -> bool {
        let under_way = self.0.under_way.lock();
        let waiting = under_way.values().filter(|it| {
            it.provider == provider && matches!(*it.step.borrow(), Step::Browser { .. })
        });
        // A full queue means that somebody floods it; the person can click again.
        let told = waiting.filter(|it| {
            it.say
                .try_send(Said::Link(Secret::new(link.expose())))
                .is_ok()
        });
        told.count() > 0
    }

    async fn run(self, mut scene: Scene, name: Option<String>, by: Actor) {
        let left = scene.expires.duration_since(Timestamp::now());
        let left = std::time::Duration::try_from(left).unwrap_or_default();
        let granted = tokio::time::timeout(left, async {
            let found = discovery::complete(&mut scene).await?;
            let mut grant = flow::run(&scene).await?;
            if let Granted::Tokens(tokens) = &mut grant.credential {
                tokens.extra.extend(found);
            }
            Ok(grant)
        });
        // Sealing is not given up half way: what is told must be what the vault holds.
        let done = match granted.await.unwrap_or(Err(SigninError::TooLate)) {
            Ok(grant) => {
                scene.show(Step::Working(Work::Sealing));
                self.seal(&scene, grant, name, by).await
            }
            Err(error) => Err(error),
        };
        scene.land(match &done {
            Ok(_) => Landing::Done,
            Err(error) => Landing::Failed(error.to_string()),
        });
        // What cannot be forgotten now runs out by itself.
        let _ = self.forget(&scene.id).await;
        scene.show(match done {
            Ok(SignedIn { account, renewed }) => Step::Done {
                account: account.id,
                name: account.name,
                label: account.label,
                renewed,
            },
            Err(error) => Step::Failed {
                code: error.code(),
                message: error.to_string(),
            },
        });
    }

    /// Makes an account of what a flow brought, in one transaction.
    async fn seal(
        &self,
        scene: &Scene,
        mut grant: Grant,
        name: Option<String>,
        by: Actor,
    ) -> Result<SignedIn, SigninError> {
        let (provider, route) = (scene.provider()?, scene.route()?);
        if let Granted::Tokens(tokens) = &mut grant.credential
            && let Some(origin) = flow::token_origin(scene)?
        {
            tokens.extra.insert(TOKEN_ORIGIN.to_owned(), origin);
        }
        let mut fields = scene.fields.clone();
        fields.append(&mut grant.fields);
        let mut known = fields.clone();
        if let Granted::Tokens(tokens) = &grant.credential {
            known.extend(tokens.extra.clone());
        }
        let bound = scene.overrides.bound_origin(provider, route, &known);
        let passing = provider.fields.iter().filter(|field| field.sign_in_only);
        for field in passing {
            fields.remove(&field.name);
        }
        let (provider, route) = (provider.id.clone(), route.id.clone());
        let vault = scene.vault.clone();
        let stored = tokio::task::spawn_blocking(move || {
            let identity = grant.identity.as_ref();
            let fields: Vec<_> = fields
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            let new = NewSignIn {
                provider: &provider,
                name: name.as_deref(),
                route: &route,
                identity: identity.map(|it| it.subject.as_str()),
                label: identity.and_then(|it| it.label.as_deref()),
                plan: identity.and_then(|it| it.plan.as_deref()),
                base_origin: bound.as_deref(),
                fields: &fields,
            };
            let login = match &grant.credential {
                Granted::Key(key) => Login::Key(key),
                Granted::Tokens(tokens) => Login::Tokens(tokens),
                Granted::Bridge => Login::Bridge,
            };
            vault.sign_in(new, login, by)
        });
        match stored.await {
            Ok(stored) => Ok(stored?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    async fn forget(&self, id: &str) -> Result<(), SigninError> {
        let (vault, id) = (self.0.vault.clone(), id.to_owned());
        match tokio::task::spawn_blocking(move || vault.drop_pending(&id)).await {
            Ok(done) => Ok(done?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}

/// Name under which a token set remembers the origin of the endpoint that gave it; it is renewed
/// nowhere else.
pub(crate) const TOKEN_ORIGIN: &str = "token_origin";

impl Shared {
    fn changed(&self) {
        self.changes
            .send_modify(|number| *number = number.wrapping_add(1));
    }
}

impl UnderWay {
    fn show(&self, id: &str) -> SignIn {
        SignIn {
            id: id.to_owned(),
            provider: self.provider.clone(),
            route: self.route.clone(),
            started: self.started,
            expires: self.expires,
            step: self.step.borrow().clone(),
        }
    }
}

/// What is kept of a waiting sign-in.
#[derive(Serialize, Deserialize)]
struct Kept {
    route: String,
    name: Option<String>,
    fields: Fields,
    choice: Option<String>,
    #[serde(default)]
    headless: bool,
    content: String,
}

impl SignIns {
    /// Goes on with the sign-ins that an earlier process left waiting. `overrides` gives the user's
    /// configuration of a provider.
    ///
    /// # Errors
    /// When the vault cannot be read. A sign-in that cannot go on is dropped.
    pub async fn resume(
        &self,
        catalog: &Arc<Catalog>,
        overrides: impl Fn(&Provider) -> Overrides,
    ) -> Result<(), SigninError> {
        let vault = self.0.vault.clone();
        let waiting = match tokio::task::spawn_blocking(move || vault.pending()).await {
            Ok(waiting) => waiting?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        for pending in waiting {
            let kept: Option<Kept> = serde_json::from_str(pending.content.expose()).ok();
            let (Some(kept), Some(provider)) = (kept, catalog.provider(&pending.provider)) else {
                self.forget(&pending.id).await?;
                continue;
            };
            let request = SignInRequest {
                catalog: catalog.clone(),
                overrides: overrides(provider),
                provider: pending.provider,
                route: kept.route,
                name: kept.name,
                fields: kept.fields,
                choice: kept.choice,
                headless: kept.headless,
                by: Actor::Engine,
            };
            let (id, content) = (pending.id.clone(), Secret::new(kept.content));
            let gone_on = self.go_on(pending.id, request, pending.expires, Some(content));
            if let Err(error) = gone_on {
                tracing::warn!(%error, "a sign-in that waited cannot go on");
                self.forget(&id).await?;
            }
        }
        Ok(())
    }
}

/// What an engine wants kept, together with what a new process needs to start it again.
pub(crate) fn sealed(scene: &Scene, content: &Secret) -> Secret {
    let kept = Kept {
        route: scene.route.clone(),
        name: scene.name.clone(),
        fields: scene.fields.clone(),
        choice: scene.choice.clone(),
        headless: scene.headless,
        content: content.expose().to_owned(),
    };
    // The members are text, so writing them cannot fail.
    let text = Secret::new(serde_json::to_string(&kept).unwrap_or_default());
    drop(zeroize::Zeroizing::new(kept.content));
    text
}

#[cfg(test)]
mod tests;
