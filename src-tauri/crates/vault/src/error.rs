use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::{AccountId, HomeKind};

/// Why the vault did not do what it was asked. No variant ever carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A file of the vault could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The folder can be read by others and is not evidently byokey's own, so it is left alone.
    #[error(
        "{} is open to other users and holds files that are not byokey's: \
         choose another data folder, or run `chmod 700` on this one", path.display()
    )]
    OpenFolder {
        /// The data folder.
        path: PathBuf,
    },
    /// Another program holds the database for longer than byokey waits.
    #[error("another program is using the vault: try again when it has finished")]
    Busy,
    /// No room to write.
    #[error("the disk is full: nothing was changed")]
    DiskFull,
    /// The database cannot be written.
    #[error("the vault's files are read-only: nothing was changed")]
    ReadOnly,
    /// The database is damaged.
    #[error(
        "the vault's database is damaged: put back a copy of vault.db (byokey makes one before \
         each change of its format), or move it away and add the accounts again"
    )]
    Corrupt,
    /// A newer byokey wrote the database.
    #[error(
        "a newer byokey wrote this vault (format {found}, this program knows {known}): update byokey"
    )]
    NewerSchema {
        /// The format found.
        found: i64,
        /// The newest format this program knows.
        known: i64,
    },
    /// The database failed in another way.
    #[error("the vault's database failed: {0}")]
    Database(rusqlite::Error),
    /// The vault was sealed by another kind of home than the one chosen now.
    #[error("this vault was sealed with {sealed}, not with {asked}: choose {sealed} again")]
    WrongHome {
        /// The home that holds its key.
        sealed: HomeKind,
        /// The home that was chosen now.
        asked: HomeKind,
    },
    /// The passphrase does not open the vault.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// A new vault was given a passphrase that is too easy to guess.
    #[error("the passphrase is too short: use at least {least} characters")]
    WeakPassphrase {
        /// The fewest characters taken.
        least: usize,
    },
    /// The home's key is a proper key, but not the one of this vault.
    #[error("the key from {home} is not the one that sealed this vault")]
    WrongKey {
        /// The home that gave it.
        home: HomeKind,
    },
    /// `BYOKEY_MASTER_KEY` is not 32 bytes in base64.
    #[error("the master key must be 32 bytes in base64 (`openssl rand -base64 32` makes one)")]
    BadMasterKey,
    /// The OS keychain did not help.
    #[error(transparent)]
    Keychain(#[from] KeychainTrouble),
    /// The key file cannot be used.
    #[error("key file {}: {trouble}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        trouble: KeyFileTrouble,
    },
    /// The system's source of randomness failed.
    #[error("the system gives no random numbers: nothing was changed")]
    NoRandomness,
    /// The passphrase could not be stretched (out of memory, or damaged parameters).
    #[error("the passphrase cannot be checked: its stored parameters do not work here")]
    BadStretch,
    /// The sealing key was used as often as AES-GCM allows.
    #[error("the sealing key has been used 2^32 times and must be replaced")]
    KeyWornOut,
    /// A sealed row does not open: it was changed or moved.
    #[error("the sealed secret of account {account} was changed or moved, so it is not used")]
    Tampered {
        /// The account whose secret it claims to be.
        account: AccountId,
    },
    /// There is no such account.
    #[error("there is no account {0}")]
    NoAccount(AccountId),
    /// The account is not held by a key.
    #[error("account {0} has no key of its own")]
    NoKey(AccountId),
    /// The account is not held by tokens.
    #[error("account {0} has no tokens of its own")]
    NoTokens(AccountId),
    /// Another account of the provider has the name.
    #[error("{provider} already has an account named `{name}`")]
    NameTaken {
        /// The provider's id.
        provider: String,
        /// The name.
        name: String,
    },
    /// There is no such client key.
    #[error("there is no client key `{0}`")]
    NoClientKey(String),
    /// A client key that is still valid has the name.
    #[error("there is already a client key named `{0}`: revoke it first, or choose another name")]
    ClientNameTaken(String),
    /// A name, provider id, route or origin has a form that byokey cannot keep.
    #[error("this {what} cannot be used: {why}")]
    BadName {
        /// Which value it is.
        what: &'static str,
        /// What is asked of it.
        why: &'static str,
    },
}

impl VaultError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn key_file(path: &Path, trouble: KeyFileTrouble) -> Self {
        Self::KeyFile {
            path: path.to_owned(),
            trouble,
        }
    }
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt,
            _ => Self::Database(error),
        }
    }
}

/// Why the OS keychain did not give or take the key. Each says what to do; none is a reason to
/// write the key anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeychainTrouble {
    /// No keychain service runs here.
    #[error(
        "there is no keychain here: choose a passphrase or a key file (`vault: passphrase` or \
         `vault: key-file`), or set BYOKEY_MASTER_KEY"
    )]
    Absent,
    /// The keychain is locked, or the user did not unlock it.
    #[error(
        "the keychain is locked: unlock it and try again, or choose a passphrase or a key file"
    )]
    Locked,
    /// The keychain did not answer in time; it may be waiting for a prompt that nobody sees.
    #[error(
        "the keychain does not answer: it may be waiting to be unlocked. Unlock it and try again, \
         or choose a passphrase or a key file"
    )]
    Slow,
    /// The vault is sealed by a keychain entry that is gone.
    #[error(
        "the keychain has no key for this vault: it was deleted, or the data folder comes from \
         another computer or user. Without it the stored accounts cannot be opened"
    )]
    Missing,
    /// The entry is not what byokey stored, or the store did not keep what was written.
    #[error("the keychain's entry for this vault is damaged: restore it, or start a new vault")]
    Garbage,
    /// The keychain failed in another way.
    #[error("the keychain failed: try again, or choose a passphrase or a key file instead")]
    Failed,
}

/// What is wrong with a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileTrouble {
    /// It does not exist.
    #[error("it does not exist; without it the vault cannot be opened")]
    Missing,
    /// Others can read or write it.
    #[error("other users can read it: run `chmod 600` on it")]
    Open,
    /// It is not 32 bytes in base64.
    #[error("it must hold 32 bytes in base64 and nothing else")]
    Malformed,
}
