use std::collections::HashMap;

use byokey_vault::{Actor, ClientKey, GroupBy, KeyLimits, Vault, VaultError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use crate::ManageError;

/// What a client key may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsInfo {
    /// Model names it may ask for, also `prefix*`; empty means all.
    pub models: Vec<String>,
    /// Requests per minute.
    pub rpm: Option<u32>,
    /// Estimated cost it may cause in all, in USD.
    pub budget_usd: Option<f64>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
}

/// A client key as it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyInfo {
    /// Its number.
    pub id: i64,
    /// The user's name for it.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// What it may do.
    pub limits: LimitsInfo,
    /// Estimated cost it has caused, in USD.
    pub spent_usd: f64,
    /// When it was made.
    pub created: Timestamp,
    /// When a request last came with it.
    pub last_used: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// All client keys, revoked ones too, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeysResponse {
    /// The keys.
    pub keys: Vec<KeyInfo>,
}

/// A client key to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKeyParams {
    /// A name, unique among the keys that are valid.
    pub name: String,
    /// What it may do; absent means everything.
    #[serde(default)]
    pub limits: LimitsInfo,
}

/// A client key that was just made. The one reply of this API that holds a secret, and it does so
/// only once: nobody can ask for it again.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreateKeyResponse {
    /// The key's row.
    pub key: KeyInfo,
    /// The key itself, `byk_…`.
    pub secret: String,
}

/// A client key that was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokeKeyResponse {
    /// Its number.
    pub id: i64,
}

impl Desk {
    /// All client keys.
    ///
    /// # Errors
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn keys(&self) -> Result<KeysResponse, ManageError> {
        self.with_vault(|vault| {
            let spent = spent(vault)?;
            let info = |key: ClientKey| KeyInfo::of(&key, spent.get(&key.id.0).copied());
            let keys = vault.client_keys()?.into_iter().map(info).collect();
            Ok::<_, VaultError>(KeysResponse { keys })
        })
        .await
    }

    /// Makes a client key.
    ///
    /// # Errors
    /// [`Code::NameTaken`](crate::Code::NameTaken), [`Code::BadValue`](crate::Code::BadValue) and
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn create_key(
        &self,
        params: CreateKeyParams,
        by: Actor,
    ) -> Result<CreateKeyResponse, ManageError> {
        let limits = KeyLimits {
            models: params.limits.models,
            rpm: params.limits.rpm,
            budget_usd: params.limits.budget_usd,
            expires: params.limits.expires,
        };
        let made = self.change(move |vault| vault.create_client_key(&params.name, limits, by));
        let (key, secret) = made.await?;
        Ok(CreateKeyResponse {
            key: KeyInfo::of(&key, None),
            secret: secret.expose().to_owned(),
        })
    }

    /// Ends a client key, named by its name or its number.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) and [`Code::Vault`](crate::Code::Vault).
    pub async fn revoke_key(
        &self,
        id_or_name: String,
        by: Actor,
    ) -> Result<RevokeKeyResponse, ManageError> {
        let revoked = self.change(move |vault| vault.revoke_client_key(&id_or_name, by));
        Ok(RevokeKeyResponse {
            id: revoked.await?.0,
        })
    }
}

/// Cost by the number of the client key, over all time.
fn spent(vault: &Vault) -> Result<HashMap<i64, f64>, VaultError> {
    let totals = vault
        .usage()
        .totals(Timestamp::UNIX_EPOCH, GroupBy::Client)?;
    let of_keys = totals
        .into_iter()
        .filter_map(|total| Some((total.id?, total.cost_usd)));
    Ok(of_keys.collect())
}

impl KeyInfo {
    fn of(key: &ClientKey, spent: Option<f64>) -> Self {
        Self {
            id: key.id.0,
            name: key.name.clone(),
            hint: key.hint.clone(),
            limits: LimitsInfo {
                models: key.limits.models.clone(),
                rpm: key.limits.rpm,
                budget_usd: key.limits.budget_usd,
                expires: key.limits.expires,
            },
            spent_usd: spent.unwrap_or(0.0),
            created: key.created,
            last_used: key.last_used,
            revoked: key.revoked,
        }
    }
}
