//! The accounts and their sealed secrets.

mod fields;
mod login;

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

pub use self::fields::Fields;
pub(crate) use self::login::set_condition;
pub use self::login::{AccountKind, Condition, Login, NewSignIn, SignedIn};
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
    /// How it is held.
    pub kind: AccountKind,
    /// Whose it is in the provider's terms, as far as that is known.
    pub identity: Option<String>,
    /// What people know it by: an e-mail address or a login.
    pub label: Option<String>,
    /// The plan that it is on, in the provider's words.
    pub plan: Option<String>,
    /// The program whose login it follows.
    pub owner: Option<String>,
    /// Where that program keeps the login.
    pub source: Option<String>,
    /// Which token set is its present one; rises with each.
    pub generation: u64,
    /// When its access token ends.
    pub expires: Option<Timestamp>,
    /// When its tokens last came.
    pub renewed: Option<Timestamp>,
    /// Whether a person has to do something about it.
    pub condition: Condition,
    /// Since when.
    pub condition_since: Option<Timestamp>,
    /// Why, in the provider's words where it said something.
    pub condition_words: Option<String>,
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

/// Field of a typed key.
const KEY: &str = "key";
/// Field of a token set.
pub(crate) const TOKENS: &str = "tokens";
const COLUMNS: &str = "id, provider, name, route, enabled, priority, limited, base_origin, \
                       key_hint, created, fields, kind, identity, label, plan, owner, source, \
                       generation, expires, renewed, condition, condition_since, condition_words";

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

    /// One account as it is stored now, without its uses.
    ///
    /// # Errors
    /// [`VaultError::NoAccount`], and when the database cannot be read.
    pub fn account(&self, id: AccountId) -> Result<Account, VaultError> {
        get(&self.read(), id)
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
            set_fields(tx, id, &fields)?;
            seal(self, tx, id, KEY, key.expose().as_bytes())?;
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

    /// Opens the key of an account.
    ///
    /// # Errors
    /// [`VaultError::NoKey`] for an account that is held otherwise, [`VaultError::Tampered`].
    pub fn credential(&self, account: AccountId) -> Result<Credential, VaultError> {
        let db = self.read();
        let row = get(&db, account)?;
        let secret = open(self, &db, &row, KEY)?.ok_or(VaultError::NoKey(account))?;
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

    /// Secrets are sealed together with the values, so they are opened with the old ones first.
    fn change_fields(
        &self,
        tx: &Transaction<'_>,
        old: &Account,
        changes: &Fields,
    ) -> Result<(), VaultError> {
        let mut fields = old.fields.clone();
        let changes = changes.iter().map(|(name, value)| (&**name, &**value));
        fields::change(&mut fields, changes)?;
        let mut opened = Vec::new();
        for field in [KEY, TOKENS] {
            if let Some(secret) = open(self, tx, old, field)? {
                opened.push((field, secret));
            }
        }
        set_fields(tx, old.id, &fields)?;
        for (field, secret) in opened {
            seal(self, tx, old.id, field, secret.expose().as_bytes())?;
        }
        Ok(())
    }
}

fn set_fields(tx: &Transaction<'_>, id: AccountId, fields: &Fields) -> Result<(), VaultError> {
    tx.execute(
        "UPDATE account SET fields = ?2 WHERE id = ?1",
        params![id.0, fields::to_text(fields)],
    )?;
    Ok(())
}

/// Opens a secret of an account, if it has it.
pub(crate) fn open(
    vault: &Vault,
    db: &Connection,
    account: &Account,
    field: &str,
) -> Result<Option<Secret>, VaultError> {
    let mut query =
        db.prepare_cached("SELECT envelope FROM secret WHERE account = ?1 AND field = ?2")?;
    let envelope: Option<Vec<u8>> = query
        .query_row(params![account.id.0, field], |row| row.get(0))
        .optional()?;
    let Some(envelope) = envelope else {
        return Ok(None);
    };
    let fields = fields::to_seal(&account.fields);
    let opened = vault
        .sealer()
        .open(place(account, field, &fields), &envelope);
    opened.map(Some).map_err(|_| VaultError::Tampered {
        account: account.id,
    })
}

/// Seals a secret as it belongs to the account's row as that now is.
pub(crate) fn seal(
    vault: &Vault,
    tx: &Transaction<'_>,
    id: AccountId,
    field: &str,
    plain: &[u8],
) -> Result<(), VaultError> {
    vault.count_seal(tx)?;
    let account = get(tx, id)?;
    let fields = fields::to_seal(&account.fields);
    let envelope = vault
        .sealer()
        .seal(place(&account, field, &fields), plain)?;
    tx.execute(
        "INSERT INTO secret (account, field, envelope) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET envelope = excluded.envelope",
        params![id.0, field, envelope],
    )?;
    Ok(())
}

fn place<'a>(account: &'a Account, field: &'a str, fields: &'a str) -> Place<'a> {
    Place {
        provider: &account.provider,
        account: account.id.0,
        field,
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
    check_origin(new.base_origin)
}

fn check_origin(origin: Option<&str>) -> Result<(), VaultError> {
    match origin {
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
        "UPDATE account SET route = ?2, base_origin = ?3, limited = ?4, key_hint = ?5, \
         kind = 'key', identity = NULL, label = NULL, plan = NULL, owner = NULL, source = NULL, \
         expires = NULL, renewed = NULL, condition = 'ready', condition_since = NULL, \
         condition_words = NULL, generation = generation + 1 WHERE id = ?1",
        params![id.0, new.route, new.base_origin, new.limited, hint(key)],
    )?;
    tx.execute("DELETE FROM secret WHERE account = ?1", [id.0])?;
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

pub(crate) fn get(db: &Connection, id: AccountId) -> Result<Account, VaultError> {
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
        kind: AccountKind::from_text(row.get_ref(11)?.as_str()?),
        identity: row.get(12)?,
        label: row.get(13)?,
        plan: row.get(14)?,
        owner: row.get(15)?,
        source: row.get(16)?,
        generation: row.get::<_, i64>(17)?.unsigned_abs(),
        expires: row.get::<_, Option<i64>>(18)?.map(from_millis),
        renewed: row.get::<_, Option<i64>>(19)?.map(from_millis),
        condition: Condition::from_text(row.get_ref(20)?.as_str()?),
        condition_since: row.get::<_, Option<i64>>(21)?.map(from_millis),
        condition_words: row.get(22)?,
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
