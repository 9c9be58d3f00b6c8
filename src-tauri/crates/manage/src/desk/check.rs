use byokey_catalog::Provider;
use byokey_gateway::config::ProviderConfig;
use byokey_signin::{SigninError, Verdict, check_key};
use byokey_vault::{
    Account, AccountChange, AccountId, Actor, Credential, Fields, Secret, VaultError,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::accounts::find;
use crate::ManageError;

/// What a provider says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// The key works.
    Accepted,
    /// The key is genuine, but may not do everything.
    Limited,
    /// The key is genuine, but its quota or credit is used up for now.
    Exhausted,
    /// The provider does not accept it.
    Refused,
    /// The provider could not be reached.
    Unreachable,
    /// The answer says nothing about the key.
    Unclear,
    /// Nobody was asked: the caller did not want it, or the provider offers no free call for it.
    Unchecked,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResponse {
    /// What the provider says.
    pub outcome: CheckOutcome,
    /// In words, where the outcome is not plain.
    pub message: Option<String>,
}

impl Desk {
    /// Asks the provider whether it still knows the account's key, by a free call. That the provider
    /// refuses the key or cannot be asked is an outcome, not an error.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound),
    /// [`Code::UnknownProvider`](crate::Code::UnknownProvider),
    /// [`Code::Config`](crate::Code::Config) and [`Code::Vault`](crate::Code::Vault).
    pub async fn check_account(&self, id: i64, by: Actor) -> Result<CheckResponse, ManageError> {
        let (account, credential) = self.opened(AccountId(id)).await?;
        let catalog = self.engine.catalog();
        let provider = find(&catalog, &account.provider)?;
        let settings = self.settings(provider);
        if let Some(reason) = unaskable(&credential, &settings) {
            return Ok(CheckResponse {
                outcome: CheckOutcome::Unchecked,
                message: Some(reason),
            });
        }
        let fields = &account.fields;
        let asked = self
            .ask(provider, &settings, fields, &credential.secret)
            .await;
        let response = match asked {
            Ok(outcome) => CheckResponse {
                outcome,
                message: None,
            },
            Err(error) => told(error)?,
        };
        let limited = match response.outcome {
            CheckOutcome::Accepted => false,
            CheckOutcome::Limited => true,
            _ => account.limited,
        };
        if limited != account.limited {
            let change = AccountChange {
                limited: Some(limited),
                ..AccountChange::default()
            };
            self.change(move |vault| vault.update_account(account.id, change, by))
                .await?;
        }
        Ok(response)
    }

    /// The provider's word on a key; that it offers no way to ask is a word, too.
    pub(super) async fn ask(
        &self,
        provider: &Provider,
        settings: &ProviderConfig,
        fields: &Fields,
        key: &Secret,
    ) -> Result<CheckOutcome, SigninError> {
        let http = self.http()?;
        let headers: Vec<_> = settings.headers.clone().into_iter().collect();
        let base = settings.base_url.as_deref();
        match check_key(&http, provider, base, &headers, fields, key).await {
            Ok(Verdict::Accepted) => Ok(CheckOutcome::Accepted),
            Ok(Verdict::Limited) => Ok(CheckOutcome::Limited),
            Ok(Verdict::Exhausted) => Ok(CheckOutcome::Exhausted),
            Err(SigninError::NoCheck { .. }) => Ok(CheckOutcome::Unchecked),
            Err(error) => Err(error),
        }
    }

    async fn opened(&self, id: AccountId) -> Result<(Account, Credential), ManageError> {
        self.with_vault(move |vault| {
            let credential = vault.credential(id)?;
            let mut accounts = vault.accounts()?.into_iter();
            let account = accounts.find(|account| account.id == id);
            let account = account.ok_or(VaultError::NoAccount(id))?;
            Ok::<_, VaultError>((account, credential))
        })
        .await
    }
}

/// Why nobody can be asked about a credential, if so.
fn unaskable(credential: &Credential, settings: &ProviderConfig) -> Option<String> {
    if credential.secret.expose().is_empty() {
        return Some("it has no key".to_owned());
    }
    let base = settings.base_url.as_deref();
    let bound = credential.base_origin.as_ref()?;
    (base.and_then(byokey_gateway::origin).as_ref() != Some(bound))
        .then(|| format!("its key was entered for {bound}; add it again for the new address"))
}

fn told(error: SigninError) -> Result<CheckResponse, ManageError> {
    let outcome = match error {
        SigninError::BadKey { .. } | SigninError::Refused { .. } | SigninError::Shape(_) => {
            CheckOutcome::Refused
        }
        SigninError::Unreachable { .. } => CheckOutcome::Unreachable,
        SigninError::Unexpected { .. } | SigninError::NoCheck { .. } => CheckOutcome::Unclear,
        _ => return Err(error.into()),
    };
    Ok(CheckResponse {
        outcome,
        message: Some(error.to_string()),
    })
}
