//! Where the vault's key lives, and how it is fetched from there or put there.
//!
//! The first home is remembered in the database. A later start with another one is an error, never
//! a second key; a home that does not answer is an error, never a plain copy of the key.

mod key_file;
mod keychain;
mod passphrase;

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;
use zeroize::Zeroizing;

pub use self::keychain::Keychain;
use crate::seal::{self, DataKey, Place, Sealer};
use crate::{KeychainTrouble, Secret, VaultError};

/// The place chosen for the vault's key.
pub enum HomeChoice {
    /// The keychain of the operating system.
    Keychain(Keychain),
    /// A passphrase, stretched by Argon2id.
    Passphrase(Secret),
    /// A file with 32 bytes in base64, readable by its owner only.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Make the file if neither it nor the vault exists yet.
        create: bool,
    },
    /// The key itself, 32 bytes in base64, as containers hand over secrets.
    MasterKey(Secret),
    /// None: everything is gone when the program ends, and nothing touches the disk.
    Memory,
}

/// A kind of home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HomeKind {
    /// See [`HomeChoice::Keychain`].
    Keychain,
    /// See [`HomeChoice::Passphrase`].
    Passphrase,
    /// See [`HomeChoice::KeyFile`].
    KeyFile,
    /// See [`HomeChoice::MasterKey`].
    MasterKey,
    /// See [`HomeChoice::Memory`].
    Memory,
}

impl HomeChoice {
    /// Its kind.
    pub fn kind(&self) -> HomeKind {
        match self {
            Self::Keychain(_) => HomeKind::Keychain,
            Self::Passphrase(_) => HomeKind::Passphrase,
            Self::KeyFile { .. } => HomeKind::KeyFile,
            Self::MasterKey(_) => HomeKind::MasterKey,
            Self::Memory => HomeKind::Memory,
        }
    }
}

impl HomeKind {
    const ALL: [Self; 5] = [
        Self::Keychain,
        Self::Passphrase,
        Self::KeyFile,
        Self::MasterKey,
        Self::Memory,
    ];

    /// The name used in configuration and databases.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keychain => "keychain",
            Self::Passphrase => "passphrase",
            Self::KeyFile => "key-file",
            Self::MasterKey => "master-key",
            Self::Memory => "memory",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for HomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keychain => "the keychain",
            Self::Passphrase => "a passphrase",
            Self::KeyFile => "a key file",
            Self::MasterKey => "BYOKEY_MASTER_KEY",
            Self::Memory => "memory only",
        })
    }
}

/// The row that says how the vault is sealed.
struct Sealing {
    key_id: u32,
    home: String,
    stretch: Option<String>,
    wrapped: Option<Vec<u8>>,
    proof: Vec<u8>,
}

/// What seals and opens a known value, to tell a wrong key from a right one.
const PROOF: Place<'_> = Place {
    provider: "-",
    account: 0,
    field: "proof",
    origin: "",
    fields: "",
};
const FIRST_KEY: u32 = 1;

/// Fetches the vault's key from its home; a new vault gets a new key there.
pub(crate) fn unlock(db: &mut Connection, choice: HomeChoice) -> Result<Sealer, VaultError> {
    if let Some((install, sealing)) = stored(db)? {
        return reopen(&install, &sealing, choice);
    }
    // Two programs may start at once on a new folder: the second waits here and finds the first's.
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some((install, sealing)) = stored(&tx)? {
        return reopen(&install, &sealing, choice);
    }
    let install = hex(&seal::random::<16>()?);
    let home = choice.kind();
    let (data_key, stretch, wrapped) = settle(&install, choice)?;
    let sealer = Sealer::new(&data_key, &install, FIRST_KEY);
    let proof = sealer.seal(PROOF, install.as_bytes())?;
    tx.execute("INSERT INTO install (id) VALUES (?1)", [&install])?;
    tx.execute(
        "INSERT INTO sealing (key_id, home, stretch, wrapped, proof, seals) \
         VALUES (?1, ?2, ?3, ?4, ?5, 1)",
        params![FIRST_KEY, home.name(), stretch, wrapped, proof],
    )?;
    tx.commit()?;
    Ok(sealer)
}

fn stored(db: &Connection) -> Result<Option<(String, Sealing)>, VaultError> {
    let row = db.query_row(
        "SELECT i.id, s.key_id, s.home, s.stretch, s.wrapped, s.proof \
         FROM install i, sealing s ORDER BY s.key_id DESC LIMIT 1",
        [],
        |row| {
            let sealing = Sealing {
                key_id: row.get(1)?,
                home: row.get(2)?,
                stretch: row.get(3)?,
                wrapped: row.get(4)?,
                proof: row.get(5)?,
            };
            Ok((row.get(0)?, sealing))
        },
    );
    Ok(row.optional()?)
}

fn reopen(install: &str, sealing: &Sealing, choice: HomeChoice) -> Result<Sealer, VaultError> {
    let asked = choice.kind();
    let sealed = HomeKind::from_name(&sealing.home).ok_or(VaultError::Corrupt)?;
    if sealed != asked {
        return Err(VaultError::WrongHome { sealed, asked });
    }
    let data_key = match choice {
        HomeChoice::Keychain(keychain) => {
            keychain.load(install)?.ok_or(KeychainTrouble::Missing)?
        }
        HomeChoice::Passphrase(passphrase) => {
            let stretch = sealing.stretch.as_deref().ok_or(VaultError::Corrupt)?;
            let wrapped = sealing.wrapped.as_deref().ok_or(VaultError::Corrupt)?;
            passphrase::unwrap(install, &passphrase, stretch, wrapped)?
        }
        HomeChoice::KeyFile { path, .. } => key_file::read(&path)?,
        HomeChoice::MasterKey(text) => parse_key(text.expose()).ok_or(VaultError::BadMasterKey)?,
        // A database in memory is always new.
        HomeChoice::Memory => return Err(VaultError::WrongHome { sealed, asked }),
    };
    let sealer = Sealer::new(&data_key, install, sealing.key_id);
    match sealer.open(PROOF, &sealing.proof) {
        Ok(proof) if proof.expose() == install => Ok(sealer),
        _ => Err(VaultError::WrongKey { home: asked }),
    }
}

/// The key of a new vault, and what must be kept beside it (for a passphrase only).
type Settled = (DataKey, Option<String>, Option<Vec<u8>>);

fn settle(install: &str, choice: HomeChoice) -> Result<Settled, VaultError> {
    match choice {
        HomeChoice::Keychain(keychain) => {
            let key = new_key()?;
            keychain.store(install, &key)?;
            Ok((key, None, None))
        }
        HomeChoice::Passphrase(passphrase) => {
            let key = new_key()?;
            let (stretch, wrapped) = passphrase::wrap(install, &passphrase, &key)?;
            Ok((key, Some(stretch), Some(wrapped)))
        }
        HomeChoice::KeyFile { path, create } => {
            let key = if create {
                key_file::read_or_create(&path)
            } else {
                key_file::read(&path)
            };
            Ok((key?, None, None))
        }
        HomeChoice::MasterKey(text) => {
            let key = parse_key(text.expose()).ok_or(VaultError::BadMasterKey)?;
            Ok((key, None, None))
        }
        HomeChoice::Memory => Ok((new_key()?, None, None)),
    }
}

fn new_key() -> Result<DataKey, VaultError> {
    Ok(Zeroizing::new(seal::random()?))
}

/// The text form of a key: base64, which every keychain and every container can carry.
fn key_text(key: &DataKey) -> Secret {
    Secret::new(STANDARD.encode(&key[..]))
}

fn parse_key(text: &str) -> Option<DataKey> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
    let key: [u8; 32] = bytes.as_slice().try_into().ok()?;
    Some(Zeroizing::new(key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
