//! The stores of the three systems, each through a handle of our own: the process-wide default
//! store would tie parallel vaults together.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

use super::KeyStore;
use crate::{KeychainTrouble, Secret};

/// The keychain of the operating system; it is connected to anew for each question.
pub(super) struct OsKeychain;

impl KeyStore for OsKeychain {
    fn load(
        &self,
        service: &str,
        entry: &str,
        may_prompt: bool,
    ) -> Result<Option<Secret>, KeychainTrouble> {
        match open_entry(service, entry, may_prompt)?.get_secret() {
            Ok(bytes) => Secret::from_bytes(bytes)
                .map(Some)
                .map_err(|_| KeychainTrouble::Garbage),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }

    fn save(
        &self,
        service: &str,
        entry: &str,
        text: &Secret,
        may_prompt: bool,
    ) -> Result<(), KeychainTrouble> {
        let entry = open_entry(service, entry, may_prompt)?;
        // Bytes, not "password": Windows would store a password as UTF-16, which halves its room.
        entry.set_secret(text.expose().as_bytes()).map_err(trouble)
    }
}

fn open_entry(service: &str, entry: &str, may_prompt: bool) -> Result<Entry, KeychainTrouble> {
    let store = system_store(may_prompt)?;
    store
        .build(service, entry, modifiers().as_ref())
        .map_err(trouble)
}

#[cfg(all(unix, not(target_os = "macos")))]
fn system_store(may_prompt: bool) -> Result<Arc<CredentialStore>, KeychainTrouble> {
    if !may_prompt {
        refuse_locked()?;
    }
    let store = zbus_secret_service_keyring_store::Store::new();
    Ok(store.map_err(|_| KeychainTrouble::Absent)?)
}

/// Asks for the lock's state alone: any other call on a locked collection raises a prompt.
#[cfg(all(unix, not(target_os = "macos")))]
fn refuse_locked() -> Result<(), KeychainTrouble> {
    use secret_service::blocking::SecretService;
    use secret_service::{EncryptionType, Error};
    let service =
        SecretService::connect(EncryptionType::Plain).map_err(|_| KeychainTrouble::Absent)?;
    match service
        .get_default_collection()
        .and_then(|collection| collection.is_locked())
    {
        Ok(false) => Ok(()),
        Ok(true) => Err(KeychainTrouble::Locked),
        // A service without a default collection would have to prompt for a new one.
        Err(Error::NoResult) => Err(KeychainTrouble::Locked),
        Err(_) => Err(KeychainTrouble::Failed),
    }
}

#[cfg(target_os = "macos")]
fn system_store(_may_prompt: bool) -> Result<Arc<CredentialStore>, KeychainTrouble> {
    let store = apple_native_keyring_store::keychain::Store::new();
    Ok(store.map_err(trouble)?)
}

#[cfg(windows)]
fn system_store(_may_prompt: bool) -> Result<Arc<CredentialStore>, KeychainTrouble> {
    let store = windows_native_keyring_store::Store::new();
    Ok(store.map_err(trouble)?)
}

/// Windows would let the entry roam: the key of this computer's folder belongs on this computer.
fn modifiers() -> Option<HashMap<&'static str, &'static str>> {
    cfg!(windows).then(|| HashMap::from([("persistence", "Local")]))
}

/// Drops the store's own text: some of its variants carry the bytes they choked on.
fn trouble(error: Error) -> KeychainTrouble {
    match error {
        Error::NoStorageAccess(_) => KeychainTrouble::Locked,
        Error::NoEntry => KeychainTrouble::Missing,
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Zeroizing::new(bytes));
            KeychainTrouble::Garbage
        }
        Error::BadStoreFormat(_) | Error::Ambiguous(_) => KeychainTrouble::Garbage,
        _ => KeychainTrouble::Failed,
    }
}
