//! Tokens of a sign-in: sealed as one row, so that no half of a pair ever exists, and replaced only
//! by whoever began with the pair that is there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::vault::now_millis;
use crate::{AccountId, Condition, Secret, Vault, VaultError, account};

/// The tokens of one sign-in and what came with them.
pub struct TokenSet {
    /// What requests carry.
    pub access: Secret,
    /// What renews it, if anything does.
    pub refresh: Option<Secret>,
    /// When the access token ends by this computer's clock, if the provider said so.
    pub expires: Option<Timestamp>,
    /// When the set came.
    pub obtained: Timestamp,
    /// Before this moment the provider wants no renewal.
    pub earliest_refresh: Option<Timestamp>,
    /// What was granted, as the provider wrote it.
    pub scope: Option<String>,
    /// The client that the provider registered for this installation.
    pub client: Option<IssuedClient>,
    /// A credential that this one was exchanged for and that requests carry in its place.
    pub second: Option<SecondToken>,
    /// What else requests need: a project, a profile, an address. No secrets.
    pub extra: BTreeMap<String, String>,
}

/// A client that a provider registered for this installation.
pub struct IssuedClient {
    /// Its id.
    pub id: String,
    /// Its secret, if it got one.
    pub secret: Option<Secret>,
    /// When the registration ends.
    pub expires: Option<Timestamp>,
}

/// A credential that another one was exchanged for.
pub struct SecondToken {
    /// What requests carry.
    pub token: Secret,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
    /// When it is due for renewal, if that is not a matter of `expires`.
    pub due: Option<Timestamp>,
}

/// An account's tokens as they lie in the vault.
pub struct StoredTokens {
    /// The account; whoever uses or renews them says so with this number.
    pub account: AccountId,
    /// Which set of the account this is.
    pub generation: u64,
    /// The only origin they may be sent to, if it is not the provider's own. The seal covers it.
    pub base_origin: Option<String>,
    /// The tokens.
    pub tokens: TokenSet,
}

/// What became of a renewed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// It is stored, under this generation.
    Saved(u64),
    /// Another set had been stored in the meantime; that one holds.
    Superseded,
}

impl Vault {
    /// Opens the tokens of an account.
    ///
    /// # Errors
    /// [`VaultError::NoTokens`] for an account that has none, [`VaultError::Tampered`].
    pub fn tokens(&self, id: AccountId) -> Result<StoredTokens, VaultError> {
        let db = self.read();
        let row = account::get(&db, id)?;
        let sealed = account::open(self, &db, &row, account::TOKENS)?;
        let sealed = sealed.ok_or(VaultError::NoTokens(id))?;
        let form: Form<'_> = serde_json::from_str(sealed.expose())
            .map_err(|_| VaultError::Tampered { account: id })?;
        Ok(StoredTokens {
            account: id,
            generation: row.generation,
            base_origin: row.base_origin,
            tokens: form.into(),
        })
    }

    /// Stores a renewed set in place of generation `seen`. When this returns, the set is on the disk.
    /// The account is in order again with it, unless the provider has blocked it.
    ///
    /// # Errors
    /// When nothing could be stored; what was there stays.
    pub fn renew(
        &self,
        id: AccountId,
        seen: u64,
        tokens: &TokenSet,
    ) -> Result<Renewal, VaultError> {
        self.write(|tx| {
            let before = account::get(tx, id)?;
            if before.generation != seen {
                return Ok(Renewal::Superseded);
            }
            store(self, tx, id, tokens)?;
            // Who was locked out meanwhile is not let in again by a renewal that was under way.
            if before.condition != Condition::Blocked {
                account::set_condition(tx, id, Condition::Ready, None)?;
            }
            Ok(Renewal::Saved(seen + 1))
        })
    }
}

/// Seals `tokens` as the account's next generation.
pub(crate) fn store(
    vault: &Vault,
    tx: &Transaction<'_>,
    id: AccountId,
    tokens: &TokenSet,
) -> Result<(), VaultError> {
    tx.execute(
        "UPDATE account SET generation = generation + 1, expires = ?2, renewed = ?3 WHERE id = ?1",
        params![
            id.0,
            tokens.expires.map(Timestamp::as_millisecond),
            now_millis()
        ],
    )?;
    // The members are text and numbers, so writing them cannot fail.
    let plain = Zeroizing::new(serde_json::to_vec(&Form::from(tokens)).unwrap_or_default());
    account::seal(vault, tx, id, account::TOKENS, &plain)
}

/// A [`TokenSet`] as it is sealed.
#[derive(Serialize, Deserialize)]
struct Form<'a> {
    access: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    obtained: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earliest_refresh: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<ClientForm<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second: Option<SecondForm<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    extra: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct ClientForm<'a> {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct SecondForm<'a> {
    token: Text<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
}

/// A secret on its way into or out of the seal: borrowed when it is written, wiped when it was read.
enum Text<'a> {
    Given(&'a str),
    Read(Secret),
}

impl Serialize for Text<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Self::Given(text) => text,
            Self::Read(secret) => secret.expose(),
        })
    }
}

impl<'de> Deserialize<'de> for Text<'_> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::Read(Secret::new(String::deserialize(from)?)))
    }
}

impl<'a> From<&'a Secret> for Text<'a> {
    fn from(secret: &'a Secret) -> Self {
        Self::Given(secret.expose())
    }
}

impl From<Text<'_>> for Secret {
    fn from(text: Text<'_>) -> Self {
        match text {
            Text::Given(text) => Self::new(text),
            Text::Read(secret) => secret,
        }
    }
}

impl<'a> From<&'a TokenSet> for Form<'a> {
    fn from(set: &'a TokenSet) -> Self {
        Self {
            access: (&set.access).into(),
            refresh: set.refresh.as_ref().map(Text::from),
            expires: set.expires,
            obtained: set.obtained,
            earliest_refresh: set.earliest_refresh,
            scope: set.scope.clone(),
            client: set.client.as_ref().map(|client| ClientForm {
                id: client.id.clone(),
                secret: client.secret.as_ref().map(Text::from),
                expires: client.expires,
            }),
            second: set.second.as_ref().map(|second| SecondForm {
                token: (&second.token).into(),
                expires: second.expires,
                due: second.due,
            }),
            extra: set.extra.clone(),
        }
    }
}

impl From<Form<'_>> for TokenSet {
    fn from(form: Form<'_>) -> Self {
        Self {
            access: form.access.into(),
            refresh: form.refresh.map(Secret::from),
            expires: form.expires,
            obtained: form.obtained,
            earliest_refresh: form.earliest_refresh,
            scope: form.scope,
            client: form.client.map(|client| IssuedClient {
                id: client.id,
                secret: client.secret.map(Secret::from),
                expires: client.expires,
            }),
            second: form.second.map(|second| SecondToken {
                token: second.token.into(),
                expires: second.expires,
                due: second.due,
            }),
            extra: form.extra,
        }
    }
}

#[cfg(test)]
mod tests;
