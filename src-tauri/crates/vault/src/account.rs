//! The accounts and their sealed secrets.

mod fields;

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

pub use self::fields::Fields;
use crate::seal::Place;
use crate::vault::{check_name, from_millis, now_millis};
use crate::{Actor, Secret, Vault, VaultError, audit};

/// The number of an account; never used again after the account was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An account as it may be shown; its secret is not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// The catalogue's or the configuration's id of the provider.
    pub provider: String,
    /// The user's name for it, unique within the provider.
    pub name: String,
    /// The way it came in, for example `api-key`.
    pub route: String,
    /// Whether requests may use it.
    pub enabled: bool,
    /// Place among the provider's accounts; the lowest is asked first.
    pub priority: i64,
    /// Whether the provider accepted the key with a restriction.
    pub limited: bool,
    /// The only origin the credential may be sent to, if it is not the provider's own.
    pub base_origin: Option<String>,
    /// What it has beside its key, such as a region.
    pub fields: Fields,
    /// `…` and the last four characters of a key of at least 16, else empty.
    pub key_hint: String,
    /// When it was added.
    pub created: Timestamp,
    /// When a request last used it.
    pub last_used: Option<Timestamp>,
    /// Its failure, if the last request that reached the provider failed.
    pub last_error: Option<AccountFailure>,
}

/// The failure of an account's last request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountFailure {
    /// When it happened.
    pub at: Timestamp,
    /// What the provider or the network said; empty if nothing.
    pub message: String,
}

/// A key account to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// The user's name for it. Without one it becomes `default`, then `2`, `3`, …
    pub name: Option<&'a str>,
    /// The route it comes in by.
    pub route: &'a str,
    /// The only origin the credential may be sent to, if it is not the provider's own.
    pub base_origin: Option<&'a str>,
    /// Whether the provider accepted the key with a restriction.
    pub limited: bool,
    /// What it has beside its key, as names and values. A named account that exists keeps the
    /// others of its own; an empty value takes one away.
    pub fields: &'a [(&'a str, &'a str)],
}

/// What to change of an account; `None` leaves a value as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountChange {
    /// A new name.
    pub name: Option<String>,
    /// Whether requests may use it.
    pub enabled: Option<bool>,
    /// Place among the provider's accounts; the lowest is asked first.
    pub priority: Option<i64>,
    /// Whether the provider accepted the key with a restriction.
    pub limited: Option<bool>,
    /// Values beside its key; those not named stay, and an empty value takes one away.
    pub fields: Fields,
}

/// An opened secret together with the account it belongs to.
pub struct Credential {
    /// The account; whoever uses or renews the secret says so with this number.
    pub account: AccountId,
    /// The only origin it may be sent to, if it is not the provider's own. The seal covers it.
    pub base_origin: Option<String>,
    /// The key.
    pub secret: Secret,
}

const KEY_FIELD: &str = "key";
const COLUMNS: &str = "id, provider, name, route, enabled, priority, limited, base_origin, \
                       key_hint, created, fields";

impl Vault {
    /// All accounts, by provider and then in the order in which they are asked.
    pub fn accounts(&self) -> Result<Vec<Account>, VaultError> {
        let mut accounts = {
            let db = self.read();
            let order = format!("SELECT {COLUMNS} FROM account ORDER BY provider, priority, id");
            let mut query = db.prepare_cached(&order)?;
            query
                .query_map([], from_row)?
                .collect::<Result<Vec<_>, _>>()?
        };
        let mut uses = self.usage().account_uses()?;
        for account in &mut accounts {
            if let Some(last) = uses.remove(&account.id.0) {
                account.last_used = Some(last.at);
                account.last_error = last.failure;
            }
        }
        Ok(accounts)
    }

    /// Seals a key as an account. If the provider already has an account of that name, its secret
    /// is replaced (the account keeps its number, place and switch).
    pub fn add_key(
        &self,
        new: NewAccount<'_>,
        key: Secret,
        by: Actor,
    ) -> Result<Account, VaultError> {
        check_new(&new)?;
        self.write(|tx| {
            let name = match new.name {
                Some(name) => name.to_owned(),
                None => free_name(tx, new.provider)?,
            };
            let before = id_of(tx, new.provider, &name)?;
            let mut fields = match before {
                Some(id) => get(tx, id)?.fields,
                None => Fields::new(),
            };
            fields::change(&mut fields, new.fields.iter().copied())?;
            let id = match before {
                Some(id) => replace(tx, id, &new, &key)?,
                None => insert(tx, &name, &new, &key)?,
            };
            self.seal_key(tx, id, &fields, &key)?;
            let action = if before.is_some() {
                "account.replace-key"
            } else {
                "account.add"
            };
            let subject = format!("{id} {}/{name}", new.provider);
            audit::append(tx, self.sealer(), &by, action, &subject)?;
            get(tx, id)
        })
    }

    /// Opens the secret of an account.
    pub fn credential(&self, account: AccountId) -> Result<Credential, VaultError> {
        let db = self.read();
        let mut query =
            db.prepare_cached("SELECT envelope FROM secret WHERE account = ?1 AND field = ?2")?;
        let envelope: Option<Vec<u8>> = query
            .query_row(params![account.0, KEY_FIELD], |row| row.get(0))
            .optional()?;
        let envelope = envelope.ok_or(VaultError::NoAccount(account))?;
        let row = get(&db, account)?;
        let secret = self.open_key(&row, &envelope)?;
        Ok(Credential {
            account,
            base_origin: row.base_origin,
            secret,
        })
    }

    /// Renames, switches or reorders an account.
    pub fn update_account(
        &self,
        id: AccountId,
        change: AccountChange,
        by: Actor,
    ) -> Result<Account, VaultError> {
        if let Some(name) = &change.name {
            check_name("account name", name)?;
        }
        self.write(|tx| {
            let old = get(tx, id)?;
            if let Some(name) = &change.name
                && id_of(tx, &old.provider, name)?.is_some_and(|other| other != id)
            {
                return Err(VaultError::NameTaken {
                    provider: old.provider,
                    name: name.clone(),
                });
            }
            tx.execute(
                "UPDATE account SET name = coalesce(?2, name), enabled = coalesce(?3, enabled), \
                 priority = coalesce(?4, priority), limited = coalesce(?5, limited) WHERE id = ?1",
                params![
                    id.0,
                    change.name,
                    change.enabled,
                    change.priority,
                    change.limited
                ],
            )?;
            if !change.fields.is_empty() {
                self.change_fields(tx, &old, &change.fields)?;
            }
            let account = get(tx, id)?;
            let subject = format!("{id} {}/{}", account.provider, account.name);
            audit::append(tx, self.sealer(), &by, "account.change", &subject)?;
            Ok(account)
        })
    }

    /// Puts an account before all others of its provider, and switches it on.
    pub fn make_first(&self, id: AccountId, by: Actor) -> Result<Account, VaultError> {
        self.write(|tx| {
            let provider = get(tx, id)?.provider;
            // Alone, it keeps its place.
            tx.execute(
                "UPDATE account SET enabled = 1, priority = coalesce( \
                 (SELECT min(priority) - 1 FROM account WHERE provider = ?2 AND id <> ?1), \
                 priority) WHERE id = ?1",
                params![id.0, provider],
            )?;
            let account = get(tx, id)?;
            let subject = format!("{id} {}/{}", account.provider, account.name);
            audit::append(tx, self.sealer(), &by, "account.make-first", &subject)?;
            Ok(account)
        })
    }

    /// Forgets an account and its secret; its usage stays.
    pub fn remove_account(&self, id: AccountId, by: Actor) -> Result<(), VaultError> {
        self.write(|tx| {
            let account = get(tx, id)?;
            tx.execute("DELETE FROM account WHERE id = ?1", [id.0])?;
            let subject = format!("{id} {}/{}", account.provider, account.name);
            audit::append(tx, self.sealer(), &by, "account.remove", &subject)
        })
    }

    /// The key is sealed together with the values, so it is opened with the old ones first.
    fn change_fields(
        &self,
        tx: &Transaction<'_>,
        old: &Account,
        changes: &Fields,
    ) -> Result<(), VaultError> {
        let mut fields = old.fields.clone();
        let changes = changes.iter().map(|(name, value)| (&**name, &**value));
        fields::change(&mut fields, changes)?;
        let envelope: Vec<u8> = tx.query_row(
            "SELECT envelope FROM secret WHERE account = ?1 AND field = ?2",
            params![old.id.0, KEY_FIELD],
            |row| row.get(0),
        )?;
        let key = self.open_key(old, &envelope)?;
        self.seal_key(tx, old.id, &fields, &key)
    }

    fn open_key(&self, account: &Account, envelope: &[u8]) -> Result<Secret, VaultError> {
        let fields = fields::to_seal(&account.fields);
        self.sealer()
            .open(key_place(account, &fields), envelope)
            .map_err(|_| VaultError::Tampered {
                account: account.id,
            })
    }

    /// Seals a key as it belongs to the account's row with these values beside it.
    fn seal_key(
        &self,
        tx: &Transaction<'_>,
        id: AccountId,
        fields: &Fields,
        key: &Secret,
    ) -> Result<(), VaultError> {
        self.count_seal(tx)?;
        tx.execute(
            "UPDATE account SET fields = ?2 WHERE id = ?1",
            params![id.0, fields::to_text(fields)],
        )?;
        let sealed = fields::to_seal(fields);
        let place = get(tx, id)?;
        let envelope = self
            .sealer()
            .seal(key_place(&place, &sealed), key.expose().as_bytes())?;
        tx.execute(
            "INSERT INTO secret (account, field, envelope) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET envelope = excluded.envelope",
            params![id.0, KEY_FIELD, envelope],
        )?;
        Ok(())
    }
}

fn key_place<'a>(account: &'a Account, fields: &'a str) -> Place<'a> {
    Place {
        provider: &account.provider,
        account: account.id.0,
        field: KEY_FIELD,
        origin: account.base_origin.as_deref().unwrap_or_default(),
        fields,
    }
}

fn check_new(new: &NewAccount<'_>) -> Result<(), VaultError> {
    check_name("provider id", new.provider)?;
    check_name("route", new.route)?;
    if let Some(name) = new.name {
        check_name("account name", name)?;
    }
    match new.base_origin {
        Some(origin) if origin.is_empty() || origin.contains(['|', '\0']) => {
            Err(VaultError::BadName {
                what: "origin",
                why: "it must be scheme, host and port",
            })
        }
        _ => Ok(()),
    }
}

fn insert(
    tx: &Transaction<'_>,
    name: &str,
    new: &NewAccount<'_>,
    key: &Secret,
) -> Result<AccountId, VaultError> {
    tx.execute(
        "INSERT INTO account (provider, name, route, base_origin, priority, limited, key_hint, \
         created) VALUES (?1, ?2, ?3, ?4, \
         (SELECT coalesce(max(priority), 0) + 1 FROM account WHERE provider = ?1), ?5, ?6, ?7)",
        params![
            new.provider,
            name,
            new.route,
            new.base_origin,
            new.limited,
            hint(key),
            now_millis()
        ],
    )?;
    Ok(AccountId(tx.last_insert_rowid()))
}

fn replace(
    tx: &Transaction<'_>,
    id: AccountId,
    new: &NewAccount<'_>,
    key: &Secret,
) -> Result<AccountId, VaultError> {
    tx.execute(
        "UPDATE account SET route = ?2, base_origin = ?3, limited = ?4, key_hint = ?5 \
         WHERE id = ?1",
        params![id.0, new.route, new.base_origin, new.limited, hint(key)],
    )?;
    Ok(id)
}

/// `default` for the first, then the lowest free number from 2.
fn free_name(db: &Connection, provider: &str) -> Result<String, VaultError> {
    let mut name = "default".to_owned();
    let mut number = 2;
    while id_of(db, provider, &name)?.is_some() {
        name = number.to_string();
        number += 1;
    }
    Ok(name)
}

fn id_of(db: &Connection, provider: &str, name: &str) -> Result<Option<AccountId>, VaultError> {
    let mut query =
        db.prepare_cached("SELECT id FROM account WHERE provider = ?1 AND name = ?2")?;
    Ok(query
        .query_row([provider, name], |row| row.get(0).map(AccountId))
        .optional()?)
}

fn get(db: &Connection, id: AccountId) -> Result<Account, VaultError> {
    let mut query = db.prepare_cached(&format!("SELECT {COLUMNS} FROM account WHERE id = ?1"))?;
    query
        .query_row([id.0], from_row)
        .optional()?
        .ok_or(VaultError::NoAccount(id))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(row.get(0)?),
        provider: row.get(1)?,
        name: row.get(2)?,
        route: row.get(3)?,
        enabled: row.get(4)?,
        priority: row.get(5)?,
        limited: row.get(6)?,
        base_origin: row.get(7)?,
        key_hint: row.get(8)?,
        created: from_millis(row.get(9)?),
        fields: fields::from_text(row.get_ref(10)?.as_str()?),
        last_used: None,
        last_error: None,
    })
}

/// Enough to tell two keys apart, too little to help a guess.
fn hint(key: &Secret) -> String {
    let key = key.expose();
    let length = key.chars().count();
    if length < 16 {
        return String::new();
    }
    std::iter::once('…')
        .chain(key.chars().skip(length - 4))
        .collect()
}

#[cfg(test)]
mod tests;
