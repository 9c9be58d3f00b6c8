//! The operations on an engine, one file per noun, each with the forms it takes and gives.

pub(crate) mod accounts;
pub(crate) mod check;
pub(crate) mod config;
mod fields;
pub(crate) mod imports;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod logout;
pub(crate) mod models;
pub(crate) mod notices;
pub(crate) mod providers;
pub(crate) mod routes;
pub(crate) mod sign_ins;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod step;
pub(crate) mod usage;

use std::path::PathBuf;
use std::sync::Arc;

use byokey_gateway::Engine;
use byokey_signin::{Http, Machine, SigninError};
use byokey_vault::Vault;
use parking_lot::Mutex;

use crate::ManageError;

/// What the engine cannot know of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The URL at which the engine listens; `None` if it listens nowhere.
    pub url: Option<String>,
}

/// The operations. Clones work on the same engine.
#[derive(Clone)]
pub struct Desk {
    engine: Engine,
    setting: Arc<Setting>,
    /// Made at the first check of a key: reading the system's certificates takes a while.
    http: Arc<Mutex<Option<Http>>>,
    /// Where other programs keep their logins.
    machine: Arc<Machine>,
    waiting_link: Arc<Mutex<Option<links::LinkInfo>>>,
}

impl Desk {
    /// Operations on this engine, whether it listens or not.
    pub fn new(engine: Engine, setting: Setting) -> Self {
        Self {
            engine,
            setting: Arc::new(setting),
            http: Arc::default(),
            // Whoever asks for imports sits before the prompt that the keychain may show.
            machine: Arc::new(Machine::here().interactive()),
            waiting_link: Arc::default(),
        }
    }

    /// The same operations, with imports from another machine.
    #[must_use]
    pub fn on(self, machine: Machine) -> Self {
        Self {
            machine: Arc::new(machine),
            ..self
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// [`Code::Config`](crate::Code::Config) when it was refused; the old one stays in force.
    pub async fn reload(&self) -> Result<(), ManageError> {
        Ok(self.engine.reload().await?)
    }

    /// Runs `work` on the vault where waiting for the disk hurts nobody.
    async fn with_vault<T, E>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ManageError>
    where
        T: Send + 'static,
        E: Into<ManageError> + Send + 'static,
    {
        let vault = self.engine.vault().clone();
        match tokio::task::spawn_blocking(move || work(&vault)).await {
            Ok(result) => result.map_err(Into::into),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// As [`with_vault`](Self::with_vault), for work that changes what requests see.
    async fn change<T, E>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ManageError>
    where
        T: Send + 'static,
        E: Into<ManageError> + Send + 'static,
    {
        let changed = self.with_vault(work).await?;
        self.engine.accounts_changed().await?;
        Ok(changed)
    }

    fn http(&self) -> Result<Http, SigninError> {
        let mut made = self.http.lock();
        if let Some(http) = &*made {
            return Ok(http.clone());
        }
        let http = Http::new()?;
        Ok(made.insert(http).clone())
    }
}

#[cfg(test)]
mod tests;
