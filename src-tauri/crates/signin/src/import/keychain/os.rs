use zeroize::Zeroizing;

use super::Items;
use crate::import::Unread;

/// The keychain of the operating system; it is connected to anew for each question.
pub(super) struct System;

impl Items for System {
    fn read(&self, service: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
        read(service, account)
    }
}

/// Programs name the account differently there: most libraries write `username`, the one that Node
/// programs use writes `account`. So the service is searched for and the attributes are compared.
/// A search shows no prompt, and neither does reading an item that is unlocked.
#[cfg(all(unix, not(target_os = "macos")))]
fn read(service: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
    use std::collections::HashMap;

    use secret_service::EncryptionType;
    use secret_service::blocking::{Item, SecretService};

    const NAMES: [&str; 3] = ["username", "account", "user"];
    let bus = SecretService::connect(EncryptionType::Dh).map_err(|_| Unread::Missing)?;
    let found = bus
        .search_items(HashMap::from([("service", service)]))
        .map_err(|_| Unread::Failed)?;
    let is_meant = |item: &&Item<'_>| {
        let Some(account) = account else {
            return true;
        };
        let attributes = item.get_attributes().unwrap_or_default();
        NAMES
            .iter()
            .any(|name| attributes.get(*name).is_some_and(|it| it == account))
    };
    if let Some(item) = found.unlocked.iter().find(is_meant) {
        let secret = item.get_secret().map_err(|_| Unread::Failed)?;
        return Ok(Zeroizing::new(secret));
    }
    if found.locked.iter().any(|item| is_meant(&item)) {
        return Err(Unread::Locked);
    }
    Err(Unread::Missing)
}

#[cfg(target_os = "macos")]
fn read(service: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
    use std::collections::HashMap;

    let store = apple_native_keyring_store::keychain::Store::new().map_err(unread)?;
    let mut wanted = HashMap::from([("service", service)]);
    if let Some(account) = account {
        wanted.insert("user", account);
    }
    let store: std::sync::Arc<keyring_core::CredentialStore> = store;
    let found = store.search(&wanted).map_err(unread)?;
    let entry = found.first().ok_or(Unread::Missing)?;
    entry.get_secret().map(Zeroizing::new).map_err(unread)
}

/// There is one name per item there, which each library makes of service and account in its own
/// way.
#[cfg(windows)]
fn read(service: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
    use std::collections::HashMap;

    let store = windows_native_keyring_store::Store::new().map_err(unread)?;
    let store: std::sync::Arc<keyring_core::CredentialStore> = store;
    let user = account.unwrap_or("any");
    let names = match account {
        Some(account) => vec![
            format!("{account}.{service}"),
            format!("{service}:{account}"),
            format!("{service}/{account}"),
            service.to_owned(),
        ],
        None => vec![service.to_owned()],
    };
    for name in &names {
        let named = HashMap::from([("target", name.as_str())]);
        let entry = store.build(service, user, Some(&named)).map_err(unread)?;
        match entry.get_secret() {
            Ok(secret) => return Ok(Zeroizing::new(secret)),
            Err(keyring_core::Error::NoEntry) => {}
            Err(error) => return Err(unread(error)),
        }
    }
    Err(Unread::Missing)
}

/// Drops the store's own text: some of its variants carry the bytes they choked on.
#[cfg(any(target_os = "macos", windows))]
fn unread(error: keyring_core::Error) -> Unread {
    use keyring_core::Error;
    match error {
        Error::NoEntry => Unread::Missing,
        Error::NoStorageAccess(_) => Unread::Locked,
        Error::BadEncoding(bytes) | Error::BadDataFormat(bytes, _) => {
            drop(Zeroizing::new(bytes));
            Unread::NotUnderstood
        }
        _ => Unread::Failed,
    }
}
