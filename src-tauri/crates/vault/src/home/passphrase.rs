//! The key wrapped by a passphrase. Argon2id makes each guess cost 64 MiB and about 0.3 s.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{key_text, parse_key};
use crate::seal::{self, DataKey, Place, Sealer};
use crate::{Secret, VaultError};

const LEAST_CHARACTERS: usize = 8;
const WRAPPED: Place<'_> = Place {
    provider: "-",
    account: 0,
    field: "data-key",
    origin: "",
    fields: "",
};
/// Not a key of the vault's rows: those count from 1.
const WRAPPING_KEY: u32 = 0;

/// How a passphrase was stretched; kept beside the wrapped key, so that the figures may grow.
#[derive(Serialize, Deserialize)]
struct Stretch {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// Bounds for what a damaged or forged database may ask of this machine.
const MOST_MEMORY_KIB: u32 = 1024 * 1024;
const MOST_PASSES: u32 = 64;

pub(super) fn wrap(
    install: &str,
    passphrase: &Secret,
    key: &DataKey,
) -> Result<(String, Vec<u8>), VaultError> {
    if passphrase.expose().chars().count() < LEAST_CHARACTERS {
        return Err(VaultError::WeakPassphrase {
            least: LEAST_CHARACTERS,
        });
    }
    let stretch = Stretch {
        algorithm: "argon2id".to_owned(),
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
        salt: STANDARD.encode(seal::random::<16>()?),
    };
    let wrapped =
        wrapper(install, passphrase, &stretch)?.seal(WRAPPED, key_text(key).expose().as_bytes())?;
    let stretch = serde_json::to_string(&stretch).map_err(|_| VaultError::BadStretch)?;
    Ok((stretch, wrapped))
}

pub(super) fn unwrap(
    install: &str,
    passphrase: &Secret,
    stretch: &str,
    wrapped: &[u8],
) -> Result<DataKey, VaultError> {
    let stretch: Stretch = serde_json::from_str(stretch).map_err(|_| VaultError::BadStretch)?;
    let opened = wrapper(install, passphrase, &stretch)?
        .open(WRAPPED, wrapped)
        .map_err(|_| VaultError::WrongPassphrase)?;
    parse_key(opened.expose()).ok_or(VaultError::Corrupt)
}

fn wrapper(install: &str, passphrase: &Secret, stretch: &Stretch) -> Result<Sealer, VaultError> {
    let known = stretch.algorithm == "argon2id"
        && stretch.memory_kib <= MOST_MEMORY_KIB
        && stretch.passes <= MOST_PASSES;
    let salt = STANDARD.decode(&stretch.salt).ok().filter(|_| known);
    let salt = salt.ok_or(VaultError::BadStretch)?;
    let params = Params::new(stretch.memory_kib, stretch.passes, stretch.lanes, Some(32))
        .map_err(|_| VaultError::BadStretch)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), &salt, &mut key[..])
        .map_err(|_| VaultError::BadStretch)?;
    Ok(Sealer::new(&key, install, WRAPPING_KEY))
}
