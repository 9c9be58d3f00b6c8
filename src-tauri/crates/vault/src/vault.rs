use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::schema::{self, Settings};
use crate::seal::Sealer;
use crate::{AccountId, AccountLock, HomeChoice, HomeKind, UsageLog, VaultError, folder, home};

/// The most seals that one key may make with random nonces.
const MOST_SEALS: u64 = u32::MAX as u64;

/// One data folder's accounts, client keys, usage and audit trail. Clones share everything.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    db: Mutex<Connection>,
    sealer: Sealer,
    usage: UsageLog,
    home: HomeKind,
    /// `None` for a vault in memory.
    dir: Option<PathBuf>,
    generation: AtomicU64,
}

impl Vault {
    /// Opens the vault in `dir`, or makes a new one there.
    ///
    /// The folder gets the mode 0700, its files 0600. The home chosen for a new vault is remembered;
    /// any other is refused from then on. May wait for the keychain as long as
    /// [`Keychain`](crate::Keychain) says, and some 0.3 s for a passphrase.
    pub fn open(dir: &Path, choice: HomeChoice) -> Result<Self, VaultError> {
        let dir = match choice {
            HomeChoice::Memory => None,
            _ => Some(dir),
        };
        if let Some(dir) = dir {
            folder::prepare(dir)?;
        }
        let path = dir.map(|dir| dir.join("vault.db"));
        let settings = Settings {
            synchronous: "FULL",
            check: true,
            steps: schema::VAULT,
        };
        let mut db = schema::open(path.as_deref(), settings)?;
        let home = choice.kind();
        let sealer = home::unlock(&mut db, choice)?;
        let usage = UsageLog::open(dir)?;
        let (db, generation) = (Mutex::new(db), AtomicU64::new(0));
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                sealer,
                usage,
                home,
                dir: dir.map(Path::to_owned),
                generation,
            }),
        })
    }

    /// The home that holds the vault's key.
    pub fn home(&self) -> HomeKind {
        self.inner.home
    }

    /// The folder it lies in; `None` for a vault in memory.
    pub fn dir(&self) -> Option<&Path> {
        self.inner.dir.as_deref()
    }

    /// The usage log.
    pub fn usage(&self) -> &UsageLog {
        &self.inner.usage
    }

    /// A UUID (version 4 in form) that stays the same on this installation and tells one `purpose`
    /// from another, for providers that want to know a device again.
    pub fn device_id(&self, purpose: &str) -> String {
        let digest = self.sealer().digest_for(purpose);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let (a, b, c, d, e) = (
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        );
        format!("{a}-{b}-{c}-{d}-{e}")
    }

    /// Grows with every change that this process makes to accounts or client keys, so that a copy
    /// in memory knows when it is stale. Costs nothing.
    pub fn generation(&self) -> u64 {
        self.inner.generation.load(Ordering::Acquire)
    }

    /// Tries to hold an account against other processes; `None` while another one has it. Whoever
    /// renews its tokens reads them inside the lock.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn try_lock_account(&self, id: AccountId) -> Result<Option<AccountLock>, VaultError> {
        AccountLock::try_acquire(self.inner.dir.as_deref(), id)
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    pub(crate) fn read(&self) -> MutexGuard<'_, Connection> {
        self.inner.db.lock()
    }

    /// Runs `work` as one transaction that has the right to write from its start on.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut db = self.inner.db.lock();
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&tx)?;
        tx.commit()?;
        self.inner.generation.fetch_add(1, Ordering::Release);
        Ok(value)
    }

    /// Counts a seal before it is made.
    pub(crate) fn count_seal(&self, tx: &Transaction<'_>) -> Result<(), VaultError> {
        let counted = tx.execute(
            "UPDATE sealing SET seals = seals + 1 WHERE key_id = ?1 AND seals < ?2",
            rusqlite::params![self.sealer().key_id(), MOST_SEALS as i64],
        )?;
        if counted == 1 {
            Ok(())
        } else {
            Err(VaultError::KeyWornOut)
        }
    }
}

/// Names appear in URLs, model names and associated data.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<(), VaultError> {
    let refuse = |why| Err(VaultError::BadName { what, why });
    if name.is_empty() || name.chars().count() > 64 {
        return refuse("it must have 1 to 64 characters");
    }
    if name.trim() != name
        || name
            .chars()
            .any(|c| c.is_control() || matches!(c, '/' | '|'))
    {
        return refuse("it must have no `/`, `|`, control characters or outer spaces");
    }
    Ok(())
}

pub(crate) fn now_millis() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Times outside jiff's range (year ±9999) cannot come from byokey; they read as 1970.
pub(crate) fn from_millis(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
