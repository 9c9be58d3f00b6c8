use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use byokey_vault::AccountId;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use super::spot::Spot;

/// Tells when an owner has written the file of a followed login. Folders are watched, because
/// owners replace their files. A place that cannot be watched (a keychain, a missing folder) is
/// simply read again when it is needed.
pub struct Follower {
    names: Arc<Mutex<Names>>,
    watching: Mutex<Watching>,
}

/// Names of the files that are waited for, and whose they are.
type Names = BTreeMap<OsString, BTreeSet<AccountId>>;

struct Watching {
    /// Absent where the system offers no watching.
    watcher: Option<RecommendedWatcher>,
    folders: BTreeMap<AccountId, BTreeSet<PathBuf>>,
}

impl Follower {
    /// Starts with nothing to watch. `told` is called on a thread of its own whenever a file of the
    /// account may have changed, possibly several times for one change.
    pub fn new(told: impl Fn(AccountId) + Send + Sync + 'static) -> Self {
        let names: Arc<Mutex<Names>> = Arc::default();
        let known = Arc::clone(&names);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Told without the lock: who is told may ask this follower for something.
            let accounts = concerned(&known.lock(), event);
            for account in accounts {
                told(account);
            }
        });
        Self {
            names,
            watching: Mutex::new(Watching {
                watcher: watcher.ok(),
                folders: BTreeMap::new(),
            }),
        }
    }

    /// Watches the place of an account that follows another program; `source` is the account's.
    /// Asking again is no harm, and takes up a folder that was missing before.
    pub fn follow(&self, account: AccountId, source: &str) {
        let spot: Option<Spot> = source.parse().ok();
        let Some(file) = spot.as_ref().and_then(|spot| spot.at.file()) else {
            return;
        };
        let mut watching = self.watching.lock();
        let mut files = vec![file.to_owned()];
        // A file that is a link elsewhere is rewritten there.
        files.extend(file.canonicalize());
        for file in files {
            if let (Some(folder), Some(name)) = (file.parent(), file.file_name())
                && watching.watch(account, folder)
            {
                let mut names = self.names.lock();
                for name in [name.to_owned(), log_of(name)] {
                    names.entry(name).or_default().insert(account);
                }
            }
        }
    }

    /// Watches the account's place no longer.
    pub fn forget(&self, account: AccountId) {
        self.names.lock().retain(|_, accounts| {
            accounts.remove(&account);
            !accounts.is_empty()
        });
        self.watching.lock().leave(account);
    }
}

impl Watching {
    fn watch(&mut self, account: AccountId, folder: &Path) -> bool {
        let known = |folders: &BTreeSet<PathBuf>| folders.contains(folder);
        let added = self.folders.values().any(known)
            || self
                .watcher
                .as_mut()
                .is_some_and(|it| it.watch(folder, RecursiveMode::NonRecursive).is_ok());
        if added {
            let folders = self.folders.entry(account).or_default();
            folders.insert(folder.to_owned());
        }
        added
    }

    fn leave(&mut self, account: AccountId) {
        for folder in self.folders.remove(&account).unwrap_or_default() {
            let needed = self.folders.values().any(|it| it.contains(&folder));
            if let (false, Some(watcher)) = (needed, &mut self.watcher) {
                // A folder that is gone is watched no more anyway.
                let _ = watcher.unwatch(&folder);
            }
        }
    }
}

/// SQLite writes here first.
fn log_of(name: &OsStr) -> OsString {
    let mut log = name.to_owned();
    log.push("-wal");
    log
}

/// The accounts whose file an event names. Systems report paths in several ways, so the name alone
/// decides; a false alarm costs one reading.
fn concerned(names: &Names, event: notify::Result<notify::Event>) -> BTreeSet<AccountId> {
    let Ok(event) = event else {
        // The system lost count: anything may have changed.
        return names.values().flatten().copied().collect();
    };
    if event.need_rescan() {
        return names.values().flatten().copied().collect();
    }
    if event.kind.is_access() {
        return BTreeSet::new();
    }
    let written = event.paths.iter().filter_map(|path| path.file_name());
    let accounts = written.filter_map(|name| names.get(name));
    accounts.flatten().copied().collect()
}
