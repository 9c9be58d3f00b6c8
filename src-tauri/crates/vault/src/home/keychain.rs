//! The key in the operating system's keychain.
//!
//! A locked Linux keyring may block for ever behind a prompt that nobody sees, and Windows wants
//! all calls from one thread: so each question is asked on a thread of its own, with a deadline.
//! If the deadline passes, that thread is left behind and its answer is dropped.

mod os;

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{key_text, parse_key};
use crate::seal::DataKey;
use crate::{KeychainTrouble, Secret};

const BACKGROUND: Duration = Duration::from_secs(3);
const INTERACTIVE: Duration = Duration::from_secs(60);

/// Which keychain entries are byokey's, and how long to wait for them.
#[derive(Clone)]
pub struct Keychain {
    store: Arc<dyn KeyStore>,
    service: String,
    patience: Duration,
    may_prompt: bool,
}

/// A store of named texts outside byokey.
pub(crate) trait KeyStore: Send + Sync {
    /// Reads an entry; `None` if there is none. With `may_prompt` it may ask the user to unlock.
    fn load(
        &self,
        service: &str,
        entry: &str,
        may_prompt: bool,
    ) -> Result<Option<Secret>, KeychainTrouble>;
    /// Writes an entry, replacing one of that name.
    fn save(
        &self,
        service: &str,
        entry: &str,
        text: &Secret,
        may_prompt: bool,
    ) -> Result<(), KeychainTrouble>;
}

impl Default for Keychain {
    /// The system's keychain, asked in the background: 3 s, no prompt. Development builds keep
    /// their entries apart from those of releases.
    fn default() -> Self {
        let service = if cfg!(debug_assertions) {
            "byokey-dev"
        } else {
            "byokey"
        };
        Self {
            store: Arc::new(os::OsKeychain),
            service: service.to_owned(),
            patience: BACKGROUND,
            may_prompt: false,
        }
    }
}

impl Keychain {
    /// Waits up to 60 s and lets the system ask the user to unlock.
    #[must_use]
    pub fn interactive(self) -> Self {
        Self {
            patience: INTERACTIVE,
            may_prompt: true,
            ..self
        }
    }

    /// Uses another service name for the entries.
    #[must_use]
    pub fn service(self, name: impl Into<String>) -> Self {
        Self {
            service: name.into(),
            ..self
        }
    }

    /// The key of the given vault, or `None` if the keychain has no entry for it.
    pub(super) fn load(&self, install: &str) -> Result<Option<DataKey>, KeychainTrouble> {
        let entry = entry_name(install);
        let may_prompt = self.may_prompt;
        let found = self.ask(move |store, service| store.load(service, &entry, may_prompt))?;
        match found {
            None => Ok(None),
            Some(text) => parse_key(text.expose())
                .map(Some)
                .ok_or(KeychainTrouble::Garbage),
        }
    }

    /// Writes the key of a new vault and reads it back: only the real write shows that a keychain
    /// keeps what it takes.
    pub(super) fn store(&self, install: &str, key: &DataKey) -> Result<(), KeychainTrouble> {
        let entry = entry_name(install);
        let text = key_text(key);
        let may_prompt = self.may_prompt;
        let back = self.ask(move |store, service| {
            store.save(service, &entry, &text, may_prompt)?;
            store.load(service, &entry, may_prompt)
        })?;
        let kept: Option<Zeroizing<[u8; 32]>> = back.and_then(|text| parse_key(text.expose()));
        if kept.is_some_and(|kept| *kept == **key) {
            Ok(())
        } else {
            Err(KeychainTrouble::Garbage)
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn KeyStore, &str) -> Result<T, KeychainTrouble> + Send + 'static,
    ) -> Result<T, KeychainTrouble> {
        let (store, service) = (Arc::clone(&self.store), self.service.clone());
        let (answer, answered) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(move || {
                // Nobody listens any more after the deadline.
                let _ = answer.send(question(&*store, &service));
            })
            .map_err(|_| KeychainTrouble::Failed)?;
        match answered.recv_timeout(self.patience) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => Err(KeychainTrouble::Slow),
            Err(RecvTimeoutError::Disconnected) => Err(KeychainTrouble::Failed),
        }
    }
}

fn entry_name(install: &str) -> String {
    format!("vault {install}")
}

#[cfg(test)]
mod tests;
