use std::collections::HashMap;
use std::sync::Barrier;

use parking_lot::Mutex;

use super::*;
use crate::fixture::add;
use crate::{HomeChoice, Vault, VaultError};

/// A store in memory that can go wrong in each way a real one does.
#[derive(Default)]
struct FakeStore {
    entries: Mutex<HashMap<String, String>>,
    fault: Mutex<Fault>,
}

#[derive(Clone, Default)]
enum Fault {
    #[default]
    None,
    Fails(KeychainTrouble),
    /// Does not answer until the test is over.
    Hangs(Arc<Barrier>),
    /// Takes a value and keeps nothing.
    Forgets,
    /// Gives back something else than it took.
    Garbles,
    Panics,
}

impl FakeStore {
    fn strike(&self) -> Result<(), KeychainTrouble> {
        let fault = self.fault.lock().clone();
        match fault {
            Fault::Fails(trouble) => Err(trouble),
            Fault::Panics => panic!("a store that dies"),
            Fault::Hangs(until) => {
                until.wait();
                Err(KeychainTrouble::Failed)
            }
            _ => Ok(()),
        }
    }
}

impl KeyStore for FakeStore {
    fn load(&self, service: &str, entry: &str, _: bool) -> Result<Option<Secret>, KeychainTrouble> {
        self.strike()?;
        if matches!(*self.fault.lock(), Fault::Garbles) {
            return Ok(Some(Secret::new("\u{fffd}\u{fffd}")));
        }
        let found = self
            .entries
            .lock()
            .get(&format!("{service} {entry}"))
            .cloned();
        Ok(found.map(Secret::new))
    }

    fn save(
        &self,
        service: &str,
        entry: &str,
        text: &Secret,
        _: bool,
    ) -> Result<(), KeychainTrouble> {
        self.strike()?;
        if !matches!(*self.fault.lock(), Fault::Forgets) {
            let text = text.expose().to_owned();
            self.entries
                .lock()
                .insert(format!("{service} {entry}"), text);
        }
        Ok(())
    }
}

fn home(fake: &Arc<FakeStore>) -> HomeChoice {
    let store: Arc<dyn KeyStore> = fake.clone();
    // Long enough for a slow machine, and short where waiting is the point.
    let hangs = matches!(*fake.fault.lock(), Fault::Hangs(_));
    let patience = if hangs {
        Duration::from_millis(50)
    } else {
        INTERACTIVE
    };
    HomeChoice::Keychain(Keychain {
        store,
        patience,
        ..Keychain::default()
    })
}

fn trouble(opened: Result<Vault, VaultError>) -> KeychainTrouble {
    match opened {
        Err(VaultError::Keychain(trouble)) => trouble,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the vault opened"),
    }
}

#[test]
fn the_entry_is_one_key_and_opens_the_vault_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(FakeStore::default());
    let vault = Vault::open(dir.path(), home(&store)).unwrap();
    let id = add(&vault, "openai", None, &"t".repeat(16 * 1024)).id;
    drop(vault);
    let entries = store.entries.lock().clone();
    let (name, text) = entries.iter().next().unwrap();
    assert!(entries.len() == 1 && name.starts_with("byokey-dev vault "));
    assert!(parse_key(text).is_some() && text.len() == 44);
    let vault = Vault::open(dir.path(), home(&store)).unwrap();
    assert_eq!(
        vault.credential(id).unwrap().secret.expose().len(),
        16 * 1024
    );
}

#[test]
fn each_trouble_is_told_and_leaves_nothing_behind() {
    let end = Arc::new(Barrier::new(2));
    let faults = [
        (
            Fault::Fails(KeychainTrouble::Absent),
            KeychainTrouble::Absent,
        ),
        (
            Fault::Fails(KeychainTrouble::Locked),
            KeychainTrouble::Locked,
        ),
        (
            Fault::Fails(KeychainTrouble::Failed),
            KeychainTrouble::Failed,
        ),
        (Fault::Forgets, KeychainTrouble::Garbage),
        (Fault::Garbles, KeychainTrouble::Garbage),
        (Fault::Panics, KeychainTrouble::Failed),
        (Fault::Hangs(end.clone()), KeychainTrouble::Slow),
    ];
    for (fault, expected) in faults {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(FakeStore::default());
        *store.fault.lock() = fault;
        assert_eq!(trouble(Vault::open(dir.path(), home(&store))), expected);
        // No vault was made, so the user may choose another home, or this one once it works.
        drop(crate::fixture::on_disk(dir.path()));
    }
    end.wait();
}

#[test]
fn a_vault_whose_entry_is_gone_or_damaged_gets_no_new_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(FakeStore::default());
    drop(Vault::open(dir.path(), home(&store)).unwrap());
    let entries = std::mem::take(&mut *store.entries.lock());
    assert_eq!(
        trouble(Vault::open(dir.path(), home(&store))),
        KeychainTrouble::Missing
    );
    assert!(store.entries.lock().is_empty());

    *store.entries.lock() = entries.clone();
    *store.fault.lock() = Fault::Garbles;
    assert_eq!(
        trouble(Vault::open(dir.path(), home(&store))),
        KeychainTrouble::Garbage
    );

    *store.fault.lock() = Fault::None;
    let other = crate::fixture::OTHER_MASTER.to_owned();
    store
        .entries
        .lock()
        .values_mut()
        .for_each(|text| text.clone_from(&other));
    let opened = Vault::open(dir.path(), home(&store));
    assert!(matches!(opened, Err(VaultError::WrongKey { .. })));

    *store.entries.lock() = entries;
    Vault::open(dir.path(), home(&store)).unwrap();
}

#[test]
fn two_vaults_of_one_user_have_entries_of_their_own() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Arc::new(FakeStore::default());
    drop(Vault::open(one.path(), home(&store)).unwrap());
    drop(Vault::open(two.path(), home(&store)).unwrap());
    assert_eq!(store.entries.lock().len(), 2);
    Vault::open(one.path(), home(&store)).unwrap();
}
