//! Everything that byokey keeps: accounts, client keys, usage and the audit trail.
//!
//! Secrets lie in SQLite as AES-256-GCM rows; the one key that opens them lives elsewhere, in the
//! home the user chose ([`HomeChoice`]). There is no plain text on disk and no fallback from one
//! home to another. Usage is on the path of every request, so [`UsageLog::record`] costs one
//! `write(2)` and leaves the database work to a thread that sleeps while nothing happens.
//!
//! The calls are synchronous; an async caller wraps all but [`UsageLog::record`] in
//! `spawn_blocking`.

mod account;
mod actor;
mod audit;
mod client_key;
mod error;
#[cfg(test)]
mod fixture;
mod folder;
mod home;
mod notice;
mod pending;
mod schema;
mod seal;
mod secret;
mod tokens;
mod usage;
mod vault;

pub use account::{
    Account, AccountChange, AccountFailure, AccountId, AccountKind, Condition, Credential, Fields,
    Login, NewAccount, NewSignIn, SignedIn,
};
pub use actor::Actor;
pub use audit::{AuditBroken, AuditEntry};
pub use client_key::{ClientKey, ClientKeyId, KeyLimits, digest};
pub use error::{KeyFileTrouble, KeychainTrouble, VaultError};
pub use folder::{AccountLock, FolderLock, LockError};
pub use home::{HomeChoice, HomeKind, Keychain};
pub use notice::AcceptedNotice;
pub use pending::PendingSignIn;
pub use secret::{NotText, Secret};
pub use tokens::{IssuedClient, Renewal, SecondToken, StoredTokens, TokenSet};
pub use usage::{GroupBy, Outcome, Units, UsageLog, UsageRow, UsageTotal};
pub use vault::Vault;
