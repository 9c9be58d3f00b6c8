//! What a flow engine works with: the row, the user's configuration, and the two wires to the person
//! (what is shown, and what comes back). Engines never know who shows it or how.

use std::sync::Arc;

use byokey_bridge::Bridges;
use byokey_catalog::{Catalog, Flow, Provider, Route};
use byokey_vault::{Fields, PendingSignIn, Secret, Vault};
use jiff::Timestamp;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::identity::IdentityCall;
use crate::{Http, Overrides, SigninError, Step, sign_ins};

/// One sign-in under way, as its engine sees it.
pub(crate) struct Scene {
    pub(crate) id: String,
    pub(crate) http: Http,
    pub(crate) vault: Vault,
    /// The user's own programs.
    pub(crate) bridges: Arc<Bridges>,
    pub(crate) overrides: Overrides,
    /// The name that the account is to have.
    pub(crate) name: Option<String>,
    /// Values that the person gave beside, such as a region or an organisation's portal.
    pub(crate) fields: Fields,
    /// Which of the row's identity providers the person chose.
    pub(crate) choice: Option<String>,
    /// Whether the person's browser is on another machine.
    pub(crate) headless: bool,
    /// When it is given up.
    pub(crate) expires: Timestamp,
    /// What an earlier process kept, if this goes on from there.
    pub(crate) kept: Option<Secret>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) provider: String,
    pub(crate) route: String,
    pub(crate) step: watch::Sender<Step>,
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) said: Mutex<mpsc::Receiver<Said>>,
    /// A browser that waits to be told how it ended.
    pub(crate) landing: parking_lot::Mutex<Option<oneshot::Sender<Landing>>>,
}

/// What the person or the system brings back.
pub(crate) enum Said {
    /// Text that the person pasted: a code, or the address the browser ended at.
    Pasted {
        /// The text.
        text: Secret,
        /// Told at once whether it is of use; the sign-in goes on waiting if it is not.
        taken: oneshot::Sender<Result<(), SigninError>>,
    },
    /// A `byokey://` link that may belong to this sign-in.
    Link(Secret),
}

/// How a sign-in ended, for the browser that still waits.
pub(crate) enum Landing {
    /// The account is in the vault.
    Done,
    /// It is not; the text says why.
    Failed(String),
}

impl Scene {
    /// The provider's row.
    ///
    /// # Errors
    /// Never, as long as the catalogue is the one that the sign-in began with.
    pub(crate) fn provider(&self) -> Result<&Provider, SigninError> {
        self.catalog
            .provider(&self.provider)
            .ok_or_else(|| SigninError::Unknown(self.provider.clone()))
    }

    /// The route's row.
    ///
    /// # Errors
    /// As [`provider`](Self::provider).
    pub(crate) fn route(&self) -> Result<&Route, SigninError> {
        self.provider()?
            .route(&self.route)
            .ok_or_else(|| SigninError::Unknown(format!("{}/{}", self.provider, self.route)))
    }

    /// The flow's row.
    ///
    /// # Errors
    /// As [`provider`](Self::provider).
    pub(crate) fn flow(&self) -> Result<&Flow, SigninError> {
        Ok(&self.route()?.flow)
    }

    /// The question whose a credential is, for an account with these fields.
    ///
    /// # Errors
    /// As [`provider`](Self::provider).
    pub(crate) fn identity_call<'a>(
        &'a self,
        fields: &'a Fields,
        headers: &'a [(&'a str, &'a str)],
    ) -> Result<IdentityCall<'a>, SigninError> {
        Ok(IdentityCall {
            http: &self.http,
            overrides: &self.overrides,
            provider: self.provider()?,
            route: self.route()?,
            fields,
            headers,
        })
    }

    /// Shows where the sign-in stands.
    pub(crate) fn show(&self, step: Step) {
        self.step.send_replace(step);
        self.changes
            .send_modify(|number| *number = number.wrapping_add(1));
    }

    /// Waits for something that the person or the system brings back. Never ends after the last way
    /// to bring something is gone.
    pub(crate) async fn said(&self) -> Said {
        match self.said.lock().await.recv().await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    /// Has a browser wait until the account is in the vault; the receiver says how it ended.
    pub(crate) fn landing(&self) -> oneshot::Receiver<Landing> {
        let (tell, told) = oneshot::channel();
        *self.landing.lock() = Some(tell);
        told
    }

    /// Tells the waiting browser, if there is one.
    pub(crate) fn land(&self, landing: Landing) {
        if let Some(tell) = self.landing.lock().take() {
            // It may have gone away.
            let _ = tell.send(landing);
        }
    }

    /// Seals what the engine needs to go on after a restart, until the sign-in is over.
    ///
    /// # Errors
    /// When the vault cannot store it.
    pub(crate) async fn keep(&self, content: &Secret) -> Result<(), SigninError> {
        let pending = PendingSignIn {
            id: self.id.clone(),
            provider: self.provider.clone(),
            expires: self.expires,
            content: sign_ins::sealed(self, content),
        };
        let vault = self.vault.clone();
        match tokio::task::spawn_blocking(move || vault.keep_pending(&pending)).await {
            Ok(kept) => Ok(kept?),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}
