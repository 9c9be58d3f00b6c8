//! Accounts that came in by a sign-in rather than by a typed key.

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Account, AccountId, KEY, TOKENS, fields, free_name, get, hint, id_of, seal};
use crate::vault::{check_name, now_millis};
use crate::{Actor, Fields, Secret, TokenSet, Vault, VaultError, audit, tokens};

/// How an account is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// By a key that does not end.
    #[default]
    Key,
    /// By tokens that byokey renews.
    Tokens,
    /// By the login of another program, which renews it.
    Followed,
    /// By a program of the user's that makes the calls itself.
    Bridge,
}

/// Whether a person has to do something about an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing.
    #[default]
    Ready,
    /// Its login ended: sign in again.
    NeedsSignIn,
    /// The login it follows ended: run the program that owns it.
    NeedsOwner,
    /// The provider has locked it out; byokey does not try again.
    Blocked,
}

/// An account that a sign-in brings.
#[derive(Clone, Copy, Debug)]
pub struct NewSignIn<'a> {
    /// The provider's id.
    pub provider: &'a str,
    /// The user's name for it. Without one it becomes `default`, then `2`, `3`, …
    pub name: Option<&'a str>,
    /// The route it comes in by.
    pub route: &'a str,
    /// Whose it is in the provider's terms; an account of the same identity is updated.
    pub identity: Option<&'a str>,
    /// What people know it by.
    pub label: Option<&'a str>,
    /// The plan that it is on.
    pub plan: Option<&'a str>,
    /// The only origin the credential may be sent to, if it is not the provider's own.
    pub base_origin: Option<&'a str>,
    /// Values beside the credential, as names and values.
    pub fields: &'a [(&'a str, &'a str)],
}

/// What holds the account from now on.
pub enum Login<'a> {
    /// A key.
    Key(&'a Secret),
    /// Tokens of byokey's own.
    Tokens(&'a TokenSet),
    /// The login of another program.
    Followed {
        /// The program.
        owner: &'a str,
        /// Where it keeps the login.
        source: &'a str,
    },
    /// The user's own program.
    Bridge,
}

/// An account that a sign-in brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// Whether it was there before.
    pub renewed: bool,
}

impl Vault {
    /// Takes in what a sign-in brought, in one transaction: afterwards the account is whole or as it
    /// was. The same identity signing in again updates its account; an account of another identity is
    /// never replaced, whatever its name.
    ///
    /// # Errors
    /// [`VaultError::NameTaken`] when another identity has the wanted name, and when nothing could
    /// be stored.
    pub fn sign_in(
        &self,
        new: NewSignIn<'_>,
        login: Login<'_>,
        by: Actor,
    ) -> Result<SignedIn, VaultError> {
        check(&new)?;
        self.write(|tx| {
            let before = same_identity(tx, &new, &login)?;
            let id = match before {
                Some(id) => id,
                None => insert(tx, &new)?,
            };
            rename(tx, id, &new, before.is_some())?;
            let mut values = get(tx, id)?.fields;
            fields::change(&mut values, new.fields.iter().copied())?;
            self.hold(tx, id, &new, &login, &values)?;
            let account = get(tx, id)?;
            let action = match before {
                Some(_) => "account.sign-in-again",
                None => "account.sign-in",
            };
            let subject = format!(
                "{id} {}/{} by {}",
                account.provider, account.name, new.route
            );
            audit::append(tx, self.sealer(), &by, action, &subject)?;
            Ok(SignedIn {
                account,
                renewed: before.is_some(),
            })
        })
    }

    /// Records what is wrong with an account, in the provider's words; [`Condition::Ready`] clears
    /// it. With `seen` the record is made only while that token set is the present one, so that a
    /// late failure never speaks of newer tokens.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn set_condition(
        &self,
        id: AccountId,
        condition: Condition,
        words: Option<&str>,
        seen: Option<u64>,
    ) -> Result<(), VaultError> {
        self.write(|tx| {
            let account = get(tx, id)?;
            let stale = seen.is_some_and(|seen| seen != account.generation);
            let known =
                account.condition == condition && account.condition_words.as_deref() == words;
            if stale || known {
                return Ok(());
            }
            set_condition(tx, id, condition, words)
        })
    }

    fn hold(
        &self,
        tx: &Transaction<'_>,
        id: AccountId,
        new: &NewSignIn<'_>,
        login: &Login<'_>,
        values: &Fields,
    ) -> Result<(), VaultError> {
        let (owner, source) = match login {
            Login::Followed { owner, source } => (Some(*owner), Some(*source)),
            _ => (None, None),
        };
        let hint = match login {
            Login::Key(key) => hint(key),
            _ => String::new(),
        };
        tx.execute(
            "UPDATE account SET route = ?2, kind = ?3, identity = ?4, label = ?5, plan = ?6, \
             base_origin = ?7, owner = ?8, source = ?9, key_hint = ?10, fields = ?11, \
             enabled = 1, limited = 0, expires = NULL, generation = generation + 1 WHERE id = ?1",
            params![
                id.0,
                new.route,
                login.kind(),
                new.identity,
                new.label,
                new.plan,
                new.base_origin,
                owner,
                source,
                hint,
                fields::to_text(values)
            ],
        )?;
        set_condition(tx, id, Condition::Ready, None)?;
        tx.execute(
            "DELETE FROM secret WHERE account = ?1 AND field IN (?2, ?3)",
            params![id.0, KEY, TOKENS],
        )?;
        match login {
            Login::Key(key) => seal(self, tx, id, KEY, key.expose().as_bytes()),
            Login::Tokens(set) => tokens::store(self, tx, id, set),
            Login::Followed { .. } | Login::Bridge => Ok(()),
        }
    }
}

impl Login<'_> {
    fn kind(&self) -> AccountKind {
        match self {
            Self::Key(_) => AccountKind::Key,
            Self::Tokens(_) => AccountKind::Tokens,
            Self::Followed { .. } => AccountKind::Followed,
            Self::Bridge => AccountKind::Bridge,
        }
    }
}

/// Writes an account's condition.
pub(crate) fn set_condition(
    tx: &Transaction<'_>,
    id: AccountId,
    condition: Condition,
    words: Option<&str>,
) -> Result<(), VaultError> {
    let since = (condition != Condition::Ready).then(now_millis);
    tx.execute(
        "UPDATE account SET condition = ?2, condition_since = ?3, condition_words = ?4 \
         WHERE id = ?1",
        params![id.0, condition, since, words],
    )?;
    Ok(())
}

fn check(new: &NewSignIn<'_>) -> Result<(), VaultError> {
    check_name("provider id", new.provider)?;
    check_name("route", new.route)?;
    new.name
        .map_or(Ok(()), |name| check_name("account name", name))?;
    super::check_origin(new.base_origin)
}

/// The account that this sign-in renews, if there is one.
fn same_identity(
    db: &Connection,
    new: &NewSignIn<'_>,
    login: &Login<'_>,
) -> Result<Option<AccountId>, VaultError> {
    let owner = match login {
        Login::Followed { owner, .. } => owner,
        _ => "",
    };
    let mut query = db.prepare_cached(
        "SELECT id FROM account WHERE provider = ?1 AND identity = ?2 AND ifnull(owner, '') = ?3",
    )?;
    let found = query.query_row(params![new.provider, new.identity, owner], |row| {
        row.get(0).map(AccountId)
    });
    Ok(found.optional()?)
}

fn insert(tx: &Transaction<'_>, new: &NewSignIn<'_>) -> Result<AccountId, VaultError> {
    // Its name follows at once; until then it needs one that nobody can have.
    tx.execute(
        "INSERT INTO account (provider, name, route, priority, key_hint, created) \
         VALUES (?1, '/new', ?2, \
         (SELECT coalesce(max(priority), 0) + 1 FROM account WHERE provider = ?1), '', ?3)",
        params![new.provider, new.route, now_millis()],
    )?;
    Ok(AccountId(tx.last_insert_rowid()))
}

/// Gives the account the wanted name; without one an account that was there keeps its own.
fn rename(
    tx: &Transaction<'_>,
    id: AccountId,
    new: &NewSignIn<'_>,
    named: bool,
) -> Result<(), VaultError> {
    let name = match new.name {
        Some(name) => name.to_owned(),
        None if named => return Ok(()),
        None => free_name(tx, new.provider)?,
    };
    if id_of(tx, new.provider, &name)?.is_some_and(|other| other != id) {
        return Err(VaultError::NameTaken {
            provider: new.provider.to_owned(),
            name,
        });
    }
    tx.execute(
        "UPDATE account SET name = ?2 WHERE id = ?1",
        params![id.0, name],
    )?;
    Ok(())
}

impl AccountKind {
    /// Back from the row. A word that is none of ours is one of a newer byokey, which opens no vault
    /// of an older one, so it cannot come.
    pub(super) fn from_text(text: &str) -> Self {
        match text {
            "tokens" => Self::Tokens,
            "followed" => Self::Followed,
            "bridge" => Self::Bridge,
            _ => Self::Key,
        }
    }

    fn as_text(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Tokens => "tokens",
            Self::Followed => "followed",
            Self::Bridge => "bridge",
        }
    }
}

impl Condition {
    pub(super) fn from_text(text: &str) -> Self {
        match text {
            "needs-sign-in" => Self::NeedsSignIn,
            "needs-owner" => Self::NeedsOwner,
            "blocked" => Self::Blocked,
            _ => Self::Ready,
        }
    }

    fn as_text(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NeedsSignIn => "needs-sign-in",
            Self::NeedsOwner => "needs-owner",
            Self::Blocked => "blocked",
        }
    }
}

impl ToSql for AccountKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_text().to_sql()
    }
}

impl ToSql for Condition {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_text().to_sql()
    }
}

#[cfg(test)]
mod tests;
