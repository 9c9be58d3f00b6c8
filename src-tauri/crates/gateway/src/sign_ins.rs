//! Sign-ins of this engine: what they bring is taken over before anybody is told that they are done,
//! and viewers hear of every step.

use std::collections::BTreeSet;
use std::sync::Weak;

use byokey_bridge::Bridges;
use byokey_signin::{SignIns, SigninError, Step};
use tokio::sync::watch;

use crate::engine::{Engine, EngineError, Notice, Shared};

/// The finished sign-ins whose accounts requests can see.
#[derive(Default)]
pub(crate) struct TakenOver(tokio::sync::Mutex<BTreeSet<String>>);

impl Engine {
    /// The sign-ins under way.
    pub fn sign_ins(&self) -> &SignIns {
        &self.0.sign_ins
    }

    /// The user's own programs.
    pub fn bridges(&self) -> &Bridges {
        &self.0.bridges
    }

    /// Goes on with the sign-ins that an earlier process left waiting. For the one engine of a
    /// folder, since two of them would answer the same browser.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub async fn resume_sign_ins(&self) -> Result<(), SigninError> {
        let (catalog, config) = (self.catalog(), self.config());
        let overrides = |provider: &byokey_catalog::Provider| {
            let settings = config.providers.get(&provider.id);
            settings.map(|it| it.overrides()).unwrap_or_default()
        };
        self.0.sign_ins.resume(&catalog, overrides).await
    }

    /// Takes over the accounts of sign-ins that are done, once for each. Returns when requests see
    /// them.
    ///
    /// # Errors
    /// When the vault cannot be read; the engine keeps what it had.
    pub async fn take_signed_in(&self) -> Result<(), EngineError> {
        let mut taken = self.0.taken_over.0.lock().await;
        let list = self.0.sign_ins.list();
        let done = list
            .iter()
            .filter(|it| matches!(it.step, Step::Done { .. }));
        let done: BTreeSet<String> = done.map(|it| it.id.clone()).collect();
        if !done.is_subset(&taken) {
            self.accounts_changed().await?;
        }
        *taken = done;
        Ok(())
    }
}

/// Tells viewers of every step and takes over what sign-ins bring, as long as the engine lives.
pub(crate) async fn follow(engine: Weak<Shared>, mut changes: watch::Receiver<u64>) {
    while changes.changed().await.is_ok() {
        let Some(engine) = engine.upgrade().map(Engine) else {
            return;
        };
        if let Err(error) = engine.take_signed_in().await {
            tracing::warn!(%error, "the vault could not be read after a sign-in");
        }
        engine.0.announce(Notice::Signin);
    }
}
