use std::sync::Arc;

use byokey_bridge::LoginState;
use byokey_catalog::{Bridge, Flow, Provider};
use byokey_gateway::config::ProviderConfig;
use byokey_signin::{Http, LoginVerdict, SigninError, TokenAsk, Verdict, check_key, check_login};
use byokey_vault::{
    Account, AccountChange, AccountId, AccountKind, Actor, Credential, Fields, Secret, VaultError,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::accounts::find;
use super::routes::bridge_settings;
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
    /// refuses the key or cannot be asked is an outcome, not an error. Of a login that a person must
    /// do something about nobody is asked again.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound),
    /// [`Code::UnknownProvider`](crate::Code::UnknownProvider),
    /// [`Code::Config`](crate::Code::Config) and [`Code::Vault`](crate::Code::Vault).
    pub async fn check_account(&self, id: i64, by: Actor) -> Result<CheckResponse, ManageError> {
        let account = self.account(AccountId(id)).await?;
        let catalog = self.engine.catalog();
        let provider = find(&catalog, &account.provider)?;
        let settings = self.settings(provider);
        if account.kind != AccountKind::Key {
            return self.check_login(account, provider, &settings).await;
        }
        let credential = self.with_vault(move |vault| vault.credential(account.id));
        let credential = credential.await?;
        if let Some(reason) = unaskable(&credential, provider, &settings) {
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
        let overrides = settings.overrides();
        let http = match &overrides.proxy {
            Some(proxy) => Http::through(Some(proxy))?,
            None => self.http()?,
        };
        match check_key(&http, provider, &overrides, fields, key).await {
            Ok(Verdict::Accepted) => Ok(CheckOutcome::Accepted),
            Ok(Verdict::Limited) => Ok(CheckOutcome::Limited),
            Ok(Verdict::Exhausted) => Ok(CheckOutcome::Exhausted),
            Err(SigninError::NoCheck { .. }) => Ok(CheckOutcome::Unchecked),
            Err(error) => Err(error),
        }
    }

    async fn check_login(
        &self,
        account: Account,
        provider: &Provider,
        settings: &ProviderConfig,
    ) -> Result<CheckResponse, ManageError> {
        let route = provider.route(&account.route);
        let bridge = match route.map(|route| &route.flow) {
            Some(Flow::Bridge(bridge)) => Some(bridge),
            _ => None,
        };
        let info = self.info(account.clone()).await?;
        if info.state.kind.needs_attention() {
            let why = [&info.state.words, &info.state.next].into_iter().flatten();
            let why: Vec<&str> = why.map(String::as_str).collect();
            return Ok(response(CheckOutcome::Refused, Some(why.join("; "))));
        }
        match bridge {
            Some(bridge) => Ok(self.probe(bridge, settings).await),
            None => Ok(self.check_token(account, settings).await),
        }
    }

    /// Whether there is a token that has not ended, and whether the provider takes it.
    async fn check_token(&self, account: Account, settings: &ProviderConfig) -> CheckResponse {
        let ask = TokenAsk {
            account,
            catalog: self.engine.catalog(),
            overrides: Arc::new(settings.overrides()),
        };
        let checked = check_login(self.engine.keeper(), self.engine.vault(), &ask).await;
        match checked {
            Ok(LoginVerdict::Accepted) => response(CheckOutcome::Accepted, None),
            Ok(LoginVerdict::Unasked) => {
                let words = "its token has not ended; there is no free call that would prove it";
                response(CheckOutcome::Unchecked, Some(words.to_owned()))
            }
            Ok(LoginVerdict::Refused(words)) => response(CheckOutcome::Refused, Some(words)),
            Ok(LoginVerdict::Unclear(error @ SigninError::Unreachable { .. })) => {
                response(CheckOutcome::Unreachable, Some(error.to_string()))
            }
            Ok(LoginVerdict::Unclear(error)) => {
                response(CheckOutcome::Unclear, Some(error.to_string()))
            }
            Err(trouble) if trouble.passing() => {
                response(CheckOutcome::Unreachable, Some(trouble.to_string()))
            }
            Err(trouble) => response(CheckOutcome::Refused, Some(trouble.to_string())),
        }
    }

    /// Whether the user's program is there, and somebody is signed in to it.
    async fn probe(&self, bridge: &Bridge, settings: &ProviderConfig) -> CheckResponse {
        let settings = bridge_settings(Some(settings));
        let info = match self.engine.bridges().probe(bridge, &settings).await {
            Ok(info) => info,
            Err(trouble) => return response(CheckOutcome::Refused, Some(trouble.to_string())),
        };
        let program = format!("{} {}", bridge.program, info.version);
        match info.login {
            LoginState::SignedIn { label, .. } => {
                let who = label.map_or_else(String::new, |label| format!(" as {label}"));
                let words = format!("{program} is signed in{who}");
                response(CheckOutcome::Accepted, Some(words))
            }
            LoginState::SignedOut => {
                let words = format!(
                    "nobody is signed in to {program}: run `{} {}`",
                    bridge.program,
                    bridge.login.join(" ")
                );
                response(CheckOutcome::Refused, Some(words))
            }
            LoginState::Unknown(words) => response(CheckOutcome::Unchecked, Some(words)),
        }
    }

    async fn account(&self, id: AccountId) -> Result<Account, ManageError> {
        self.with_vault(move |vault| {
            let mut accounts = vault.accounts()?.into_iter();
            let account = accounts.find(|account| account.id == id);
            account.ok_or(VaultError::NoAccount(id))
        })
        .await
    }
}

fn response(outcome: CheckOutcome, message: Option<String>) -> CheckResponse {
    CheckResponse { outcome, message }
}

/// The address that the configuration names in place of the row's.
fn own_base(provider: &Provider, settings: &ProviderConfig) -> Option<String> {
    let moved = settings.overrides().moved(&provider.base_url);
    let moved = (moved != provider.base_url).then_some(moved);
    settings.base_url.clone().or(moved)
}

/// Why nobody can be asked about a credential, if so.
fn unaskable(
    credential: &Credential,
    provider: &Provider,
    settings: &ProviderConfig,
) -> Option<String> {
    if credential.secret.expose().is_empty() {
        return Some("it has no key".to_owned());
    }
    let base = own_base(provider, settings);
    let bound = credential.base_origin.as_ref()?;
    let origin = base.as_deref().and_then(byokey_gateway::origin);
    (origin.as_ref() != Some(bound))
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
