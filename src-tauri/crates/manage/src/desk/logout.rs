use byokey_signin::{LogoutReport, Overrides, Revoked, log_out};
use byokey_vault::{AccountId, Actor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use crate::ManageError;

/// What became of an account that was logged out. Here it is forgotten in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogoutResponse {
    /// What became of its login at the provider.
    pub revoked: RevokedInfo,
    /// The whole of it in words.
    pub message: String,
    /// Page on which the person can end the login, where byokey did not.
    pub page: Option<String>,
}

/// What became of a login at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevokedInfo {
    /// It was ended there, too.
    Yes,
    /// It could have been, but the provider did not do it.
    No,
    /// The provider has no call for it, or the login belongs to another program.
    NotPossible,
}

impl Desk {
    /// Forgets an account and ends its login at the provider where that can be done; its usage
    /// stays.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) and [`Code::Vault`](crate::Code::Vault).
    pub async fn remove_account(&self, id: i64, by: Actor) -> Result<LogoutResponse, ManageError> {
        let desk = self.clone();
        // A caller who leaves must not keep the engine from hearing that the account is gone.
        let done = tokio::spawn(async move { desk.log_out(AccountId(id), by).await });
        match done.await {
            Ok(report) => Ok(report?.into()),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    async fn log_out(&self, id: AccountId, by: Actor) -> Result<LogoutReport, ManageError> {
        let catalog = self.engine.catalog();
        let accounts = self.with_vault(|vault| vault.accounts()).await?;
        let account = accounts.iter().find(|account| account.id == id);
        let provider = account.and_then(|account| catalog.provider(&account.provider));
        let overrides = provider.map_or_else(Overrides::default, |provider| {
            self.settings(provider).overrides()
        });
        if account.is_none() {
            return Err(byokey_vault::VaultError::NoAccount(id).into());
        }
        let report = log_out(self.engine.vault(), &catalog, &overrides, id, by).await?;
        self.engine.accounts_changed().await?;
        Ok(report)
    }
}

impl From<LogoutReport> for LogoutResponse {
    fn from(report: LogoutReport) -> Self {
        let message = report.to_string();
        let (revoked, page) = match report.revoked {
            Revoked::Yes => (RevokedInfo::Yes, None),
            Revoked::No { page, .. } => (RevokedInfo::No, page),
            Revoked::CannotBy { page } => (RevokedInfo::NotPossible, page),
            Revoked::Followed { .. } | Revoked::Program => (RevokedInfo::NotPossible, None),
        };
        Self {
            revoked,
            message,
            page,
        }
    }
}
