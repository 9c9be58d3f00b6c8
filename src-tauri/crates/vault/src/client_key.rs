//! The keys that programs show to byokey. Only their digests are kept.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::vault::{check_name, from_millis, now_millis};
use crate::{Actor, Secret, Vault, VaultError, audit, seal};

/// The number of a client key; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientKeyId(pub i64);

impl fmt::Display for ClientKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client key may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyLimits {
    /// Model names it may ask for; empty means all.
    pub models: Vec<String>,
    /// Requests per minute.
    pub rpm: Option<u32>,
    /// Estimated cost it may cause in all, in USD.
    pub budget_usd: Option<f64>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
}

/// A client key as it may be shown, and the digest by which it is recognised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClientKey {
    /// Its number.
    pub id: ClientKeyId,
    /// The user's name for it.
    pub name: String,
    /// Its first characters, for example `byk_ab12…`.
    pub hint: String,
    /// SHA-256 of the key; compare in constant time.
    #[serde(skip)]
    pub digest: [u8; 32],
    /// What it may do.
    pub limits: KeyLimits,
    /// When it was made.
    pub created: Timestamp,
    /// When a request last came with it.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

const PREFIX: &str = "byk_";
const COLUMNS: &str = "id, name, hint, digest, models, rpm, budget_usd, expires, created, revoked";

/// The digest of a key as a program sent it: hash first, look up after.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

impl Vault {
    /// Makes a client key. The returned secret is not kept anywhere: show it now or never.
    pub fn create_client_key(
        &self,
        name: &str,
        limits: KeyLimits,
        by: Actor,
    ) -> Result<(ClientKey, Secret), VaultError> {
        check_name("key name", name)?;
        check_limits(&limits)?;
        let key = new_key()?;
        let hint = format!("{}…", &key.expose()[..PREFIX.len() + 4]);
        let models = serde_json::to_string(&limits.models).unwrap_or_default();
        let id = self.write(|tx| {
            let taken: bool = tx.query_row(
                "SELECT EXISTS (SELECT 1 FROM client_key WHERE name = ?1 AND revoked IS NULL)",
                [name],
                |row| row.get(0),
            )?;
            if taken {
                return Err(VaultError::ClientNameTaken(name.to_owned()));
            }
            tx.execute(
                "INSERT INTO client_key (name, hint, digest, models, rpm, budget_usd, expires, \
                 created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    name,
                    hint,
                    digest(key.expose()),
                    models,
                    limits.rpm,
                    limits.budget_usd,
                    limits.expires.map(Timestamp::as_millisecond),
                    now_millis()
                ],
            )?;
            let id = tx.last_insert_rowid();
            audit::append(
                tx,
                self.sealer(),
                &by,
                "key.create",
                &format!("{id} {name}"),
            )?;
            Ok(id)
        })?;
        let made = self.client_keys()?.into_iter().find(|made| made.id.0 == id);
        Ok((
            made.ok_or_else(|| VaultError::NoClientKey(name.to_owned()))?,
            key,
        ))
    }

    /// All client keys, revoked ones too, oldest first.
    pub fn client_keys(&self) -> Result<Vec<ClientKey>, VaultError> {
        let mut keys = {
            let db = self.read();
            let order = format!("SELECT {COLUMNS} FROM client_key ORDER BY id");
            let mut query = db.prepare_cached(&order)?;
            query
                .query_map([], from_row)?
                .collect::<Result<Vec<_>, _>>()?
        };
        let uses = self.usage().client_uses()?;
        for key in &mut keys {
            key.last_used = uses.get(&key.id.0).copied();
        }
        Ok(keys)
    }

    /// Ends a client key, named by its name or its number.
    pub fn revoke_client_key(
        &self,
        id_or_name: &str,
        by: Actor,
    ) -> Result<ClientKeyId, VaultError> {
        self.write(|tx| {
            // A name goes before a number, so that a key named `7` can be revoked by its name.
            let found: Option<(i64, String)> = tx
                .query_row(
                    "SELECT id, name FROM client_key \
                     WHERE revoked IS NULL AND (name = ?1 OR CAST(id AS TEXT) = ?1) \
                     ORDER BY name = ?1 DESC LIMIT 1",
                    [id_or_name],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            let (id, name) = found.ok_or_else(|| VaultError::NoClientKey(id_or_name.to_owned()))?;
            tx.execute(
                "UPDATE client_key SET revoked = ?2 WHERE id = ?1",
                params![id, now_millis()],
            )?;
            audit::append(
                tx,
                self.sealer(),
                &by,
                "key.revoke",
                &format!("{id} {name}"),
            )?;
            Ok(ClientKeyId(id))
        })
    }
}

/// 192 random bits: nothing that could be guessed, short enough to paste.
fn new_key() -> Result<Secret, VaultError> {
    use base64::Engine;
    let bytes: zeroize::Zeroizing<[u8; 24]> = seal::random()?.into();
    let mut text = String::with_capacity(PREFIX.len() + 32);
    text.push_str(PREFIX);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode_string(&bytes[..], &mut text);
    Ok(Secret::new(text))
}

fn check_limits(limits: &KeyLimits) -> Result<(), VaultError> {
    match limits.budget_usd {
        Some(budget) if !budget.is_finite() || budget < 0.0 => Err(VaultError::BadName {
            what: "budget",
            why: "it must be 0 or more USD",
        }),
        _ => Ok(()),
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ClientKey> {
    let models: String = row.get(4)?;
    let models = serde_json::from_str(&models).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(ClientKey {
        id: ClientKeyId(row.get(0)?),
        name: row.get(1)?,
        hint: row.get(2)?,
        digest: row.get(3)?,
        limits: KeyLimits {
            models,
            rpm: row.get(5)?,
            budget_usd: row.get(6)?,
            expires: row.get::<_, Option<i64>>(7)?.map(from_millis),
        },
        created: from_millis(row.get(8)?),
        last_used: None,
        revoked: row.get::<_, Option<i64>>(9)?.map(from_millis),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::in_memory;

    #[test]
    fn a_key_is_shown_once_and_known_by_its_digest() {
        let vault = in_memory();
        let limits = KeyLimits {
            models: vec!["gpt-5".into(), "claude/*".into()],
            rpm: Some(60),
            budget_usd: Some(12.5),
            expires: Some("2030-01-01T00:00:00Z".parse().unwrap()),
        };
        let (made, secret) = vault
            .create_client_key("laptop", limits.clone(), Actor::Cli)
            .unwrap();
        assert!(secret.expose().starts_with("byk_") && secret.expose().len() == 36);
        assert_eq!(made.digest, digest(secret.expose()));
        assert_eq!(made.hint, format!("{}…", &secret.expose()[..8]));
        assert_eq!(vault.client_keys().unwrap(), std::slice::from_ref(&made));
        assert_eq!(made.limits, limits);
        let (_, other) = vault
            .create_client_key("desk", KeyLimits::default(), Actor::Window)
            .unwrap();
        assert_ne!(secret.expose(), other.expose());
    }

    #[test]
    fn a_revoked_key_keeps_its_row_and_frees_its_name() {
        let vault = in_memory();
        let make = || vault.create_client_key("laptop", KeyLimits::default(), Actor::Cli);
        let (first, _) = make().unwrap();
        assert!(matches!(make(), Err(VaultError::ClientNameTaken(_))));
        assert_eq!(
            vault.revoke_client_key("laptop", Actor::Cli).unwrap(),
            first.id
        );
        assert!(matches!(
            vault.revoke_client_key("laptop", Actor::Cli),
            Err(VaultError::NoClientKey(_))
        ));
        let (second, _) = make().unwrap();
        assert_eq!(
            vault
                .revoke_client_key(&second.id.to_string(), Actor::Cli)
                .unwrap(),
            second.id
        );
        let keys = vault.client_keys().unwrap();
        assert!(keys.len() == 2 && keys.iter().all(|key| key.revoked.is_some()));
    }

    #[test]
    fn a_name_goes_before_a_number() {
        let vault = in_memory();
        let make = |name| {
            vault
                .create_client_key(name, KeyLimits::default(), Actor::Cli)
                .unwrap()
                .0
        };
        let (_, named_one) = (make("first"), make("1"));
        assert_eq!(
            vault.revoke_client_key("1", Actor::Cli).unwrap(),
            named_one.id
        );
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let vault = in_memory();
        for budget in [-1.0, f64::NAN, f64::INFINITY] {
            let limits = KeyLimits {
                budget_usd: Some(budget),
                ..KeyLimits::default()
            };
            assert!(
                vault
                    .create_client_key("laptop", limits, Actor::Cli)
                    .is_err()
            );
        }
    }
}
