use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::accounts::AccountInfo;
use crate::ManageError;

/// How byokey is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusResponse {
    /// Whether the engine listens.
    pub running: bool,
    /// The URL that programs are given, without a path.
    pub url: Option<String>,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it started.
    pub started: Timestamp,
    /// The data folder.
    pub data_dir: String,
    /// The configuration file, whether it exists or not.
    pub config_path: String,
    /// Why the configuration file is not in force, if it is not.
    pub config_error: Option<String>,
    /// Whether a request needs a client key.
    pub require_key: bool,
    /// What holds the vault's key.
    pub vault: String,
    /// The accounts.
    pub accounts: AccountCounts,
    /// Client keys that are valid.
    pub keys: usize,
    /// Models and aliases that the accounts serve.
    pub models: usize,
}

/// How many accounts there are, and which of them cannot be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountCounts {
    /// All of them.
    pub total: usize,
    /// Those that requests may use.
    pub enabled: usize,
    /// Those that are enabled but cannot be asked.
    pub idle: Vec<IdleAccount>,
    /// Those that are enabled and need a person to do something.
    pub attention: Vec<AccountInfo>,
}

/// An account that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdleAccount {
    /// Its number.
    pub id: i64,
    /// The provider's id.
    pub provider: String,
    /// The user's name for it.
    pub name: String,
    /// Why it cannot be asked, and what to do.
    pub reason: String,
}

impl Desk {
    /// How byokey is.
    ///
    /// # Errors
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn status(&self) -> Result<StatusResponse, ManageError> {
        let (accounts, keys, home) = self
            .with_vault(|vault| {
                let (accounts, keys) = (vault.accounts()?, vault.client_keys()?);
                Ok::<_, byokey_vault::VaultError>((accounts, keys, vault.home()))
            })
            .await?;
        let now = Timestamp::now();
        let valid = |key: &&byokey_vault::ClientKey| {
            key.revoked.is_none() && key.limits.expires.is_none_or(|end| end > now)
        };
        let idle = self.engine.idle_accounts().into_iter();
        let counted = (
            accounts.len(),
            accounts.iter().filter(|it| it.enabled).count(),
        );
        let mut attention = self.infos(accounts.into_iter()).await?;
        attention.retain(|it| it.enabled && it.state.kind.needs_attention());
        Ok(StatusResponse {
            running: self.setting.url.is_some(),
            url: self.setting.url.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.engine.started(),
            data_dir: self.setting.data_dir.display().to_string(),
            config_path: self.engine.config_path().display().to_string(),
            config_error: self.engine.config_error(),
            require_key: self.engine.config().auth.require_key,
            vault: home.name().to_owned(),
            accounts: AccountCounts {
                total: counted.0,
                enabled: counted.1,
                idle: idle
                    .map(|(account, reason)| IdleAccount {
                        id: account.id.0,
                        provider: account.provider,
                        name: account.name,
                        reason,
                    })
                    .collect(),
                attention,
            },
            keys: keys.iter().filter(valid).count(),
            models: self.engine.known_models().len(),
        })
    }
}
