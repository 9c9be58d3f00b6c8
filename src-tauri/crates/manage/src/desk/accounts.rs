use std::collections::BTreeMap;

use byokey_catalog::{Catalog, Flow, Provider, Route, Status};
use byokey_gateway::config::ProviderConfig;
use byokey_signin::{KeyTrouble, SigninError, StateFacts, guess_provider, tidy_key};
use byokey_vault::{Account, AccountChange, AccountId, AccountKind, Actor, NewAccount, Secret};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::check::CheckOutcome;
use super::fields;
use super::state::AccountState;
use crate::{Code, ManageError};

/// An account as it may be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountInfo {
    /// Its number.
    pub id: i64,
    /// The provider's id.
    pub provider: String,
    /// The user's name for it, unique within the provider.
    pub name: String,
    /// The way it came in.
    pub route: String,
    /// How it is held: `key`, `tokens`, `followed` (the login of another program) or `bridge` (a
    /// program of the user's makes the calls).
    #[schema(value_type = String)]
    pub kind: AccountKind,
    /// What people know it by: an e-mail address or a login.
    pub label: Option<String>,
    /// The plan that it is on, in the provider's words.
    pub plan: Option<String>,
    /// The program whose login it follows.
    pub owner: Option<String>,
    /// Where that program keeps the login.
    pub source: Option<String>,
    /// When its access token ends; byokey renews it before.
    pub expires: Option<Timestamp>,
    /// When its tokens last came.
    pub renewed: Option<Timestamp>,
    /// How it is.
    pub state: AccountState,
    /// Whether requests may use it.
    pub enabled: bool,
    /// Place among the provider's accounts; the lowest is asked first.
    pub priority: i64,
    /// Whether the provider accepted the key with a restriction.
    pub limited: bool,
    /// The only origin its key may be sent to, if it is not the provider's own.
    pub base_origin: Option<String>,
    /// What it has beside its key, by the names of the provider's fields.
    pub fields: BTreeMap<String, String>,
    /// The end of the key, if the key is long enough to show it.
    pub key_hint: String,
    /// When it was added.
    pub created: Timestamp,
    /// When a request last used it.
    pub last_used: Option<Timestamp>,
    /// Its failure, if the last request that reached the provider failed.
    pub last_error: Option<FailureInfo>,
    /// Why it cannot be asked although it is enabled.
    pub idle: Option<String>,
}

/// The failure of an account's last request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureInfo {
    /// When it happened.
    pub at: Timestamp,
    /// What the provider or the network said; empty if nothing.
    pub message: String,
}

/// Accounts, by provider and then in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountsResponse {
    /// The accounts.
    pub accounts: Vec<AccountInfo>,
}

/// A key on its way in. It cannot be printed, and its memory is wiped.
#[derive(ToSchema)]
#[schema(value_type = String, format = "password")]
pub struct KeyInput(pub Secret);

/// An account to be added.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAccountParams {
    /// The provider's id or another of its names.
    pub provider: String,
    /// The name of the account. An account of that name gets the new key; without a name it becomes
    /// `default`, then `2`, `3`, …
    #[serde(default)]
    pub name: Option<String>,
    /// The key; absent for a provider that needs none.
    #[serde(default)]
    pub key: Option<KeyInput>,
    /// Whether the provider is asked first if it knows the key.
    #[serde(default = "yes")]
    pub check: bool,
    /// What it has beside its key, by the names of the provider's fields. An account that is given a
    /// new key keeps those that are not named.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

/// An account that was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AddAccountResponse {
    /// The account.
    pub account: AccountInfo,
    /// What the provider said of the key.
    pub outcome: CheckOutcome,
}

/// What to change of an account; an absent member stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeAccountParams {
    /// A new name.
    pub name: Option<String>,
    /// Whether requests may use it.
    pub enabled: Option<bool>,
    /// Place among the provider's accounts; the lowest is asked first.
    pub priority: Option<i64>,
    /// Values beside its key; those not named stay, and an empty one goes back to the default.
    pub fields: BTreeMap<String, String>,
}

impl Desk {
    /// The accounts, of one provider if one is named.
    ///
    /// # Errors
    /// [`Code::UnknownProvider`] and [`Code::Vault`].
    pub async fn accounts(&self, provider: Option<&str>) -> Result<AccountsResponse, ManageError> {
        let all = self.with_vault(|vault| {
            // Last uses come from the database; what is on its way there belongs to them.
            vault.usage().flush()?;
            vault.accounts()
        });
        let all = all.await?;
        let wanted = match provider {
            // A provider that left the configuration may still have accounts.
            Some(name) if all.iter().any(|account| account.provider == name) => {
                Some(name.to_owned())
            }
            Some(name) => Some(find(&self.engine.catalog(), name)?.id.clone()),
            None => None,
        };
        let shown = all
            .into_iter()
            .filter(|account| wanted.as_ref().is_none_or(|id| account.provider == *id));
        let accounts = self.infos(shown).await?;
        Ok(AccountsResponse { accounts })
    }

    /// Adds an account by its key. Unless the caller says otherwise the provider is asked first, and
    /// a key that it does not accept is not stored.
    ///
    /// # Errors
    /// [`Code::UnknownProvider`], [`Code::KeyShape`], [`Code::KeyRefused`], [`Code::Unreachable`],
    /// [`Code::Unclear`], [`Code::BadValue`] and [`Code::Vault`].
    pub async fn add_account(
        &self,
        params: AddAccountParams,
        by: Actor,
    ) -> Result<AddAccountResponse, ManageError> {
        let catalog = self.engine.catalog();
        let provider = find(&catalog, &params.provider)?;
        let settings = self.settings(provider);
        let (key, route) = key_and_route(provider, params.key)?;
        let kept = self.kept_fields(provider, params.name.as_deref()).await?;
        let fields = fields::checked(provider, &params.fields, kept)?;
        fields::complete(provider, route, &settings, &fields)?;
        let outcome = if params.check && !matches!(route.flow, Flow::Open) {
            let checked = self.ask(provider, &settings, &fields, &key).await;
            checked.map_err(|error| refusal(&catalog, provider, &key, error))?
        } else {
            CheckOutcome::Unchecked
        };
        let (provider, route) = (provider.id.clone(), route.id.clone());
        let base_origin = settings
            .base_url
            .as_deref()
            .and_then(byokey_gateway::origin);
        let added = self.change(move |vault| {
            let new = NewAccount {
                provider: &provider,
                name: params.name.as_deref(),
                route: &route,
                base_origin: base_origin.as_deref(),
                limited: outcome == CheckOutcome::Limited,
                fields: &fields::pairs(&params.fields),
            };
            vault.add_key(new, key, by)
        });
        let account = self.info(added.await?).await?;
        Ok(AddAccountResponse { account, outcome })
    }

    /// Renames, switches or reorders an account.
    ///
    /// # Errors
    /// [`Code::NotFound`], [`Code::NameTaken`], [`Code::BadValue`] and [`Code::Vault`].
    pub async fn change_account(
        &self,
        id: i64,
        params: ChangeAccountParams,
        by: Actor,
    ) -> Result<AccountInfo, ManageError> {
        if !params.fields.is_empty() {
            self.check_fields(AccountId(id), &params.fields).await?;
        }
        let change = AccountChange {
            name: params.name,
            enabled: params.enabled,
            priority: params.priority,
            limited: None,
            fields: params.fields,
        };
        let changed = self.change(move |vault| vault.update_account(AccountId(id), change, by));
        self.info(changed.await?).await
    }

    /// Puts an account before all others of its provider, and switches it on.
    ///
    /// # Errors
    /// [`Code::NotFound`] and [`Code::Vault`].
    pub async fn make_first(&self, id: i64, by: Actor) -> Result<AccountInfo, ManageError> {
        let first = self.change(move |vault| vault.make_first(AccountId(id), by));
        self.info(first.await?).await
    }

    pub(super) fn settings(&self, provider: &Provider) -> ProviderConfig {
        let mut config = self.engine.config();
        config.providers.remove(&provider.id).unwrap_or_default()
    }

    pub(super) async fn info(&self, account: Account) -> Result<AccountInfo, ManageError> {
        let mut infos = self.infos([account].into_iter()).await?;
        // There are as many as were asked for.
        infos
            .pop()
            .ok_or_else(|| ManageError::new(Code::Internal, "no account"))
    }

    pub(super) async fn infos(
        &self,
        accounts: impl Iterator<Item = Account>,
    ) -> Result<Vec<AccountInfo>, ManageError> {
        let accepted = self.with_vault(|vault| vault.notices()).await?;
        let (catalog, config) = (self.engine.catalog(), self.engine.config());
        let idle = self.engine.idle_accounts();
        let infos = accounts.map(|account| {
            let idle = idle.iter().find(|(idle, _)| idle.id == account.id);
            let settings = config.providers.get(&account.provider);
            let facts = StateFacts {
                catalog: &catalog,
                accepted: &accepted,
                allow_retired: settings.is_some_and(|settings| settings.allow_retired),
                refreshing: self.engine.keeper().is_refreshing(account.id),
            };
            let state = AccountState::of(&account, &facts);
            AccountInfo::of(account, state, idle.map(|(_, reason)| reason.clone()))
        });
        Ok(infos.collect())
    }
}

impl AccountInfo {
    fn of(account: Account, state: AccountState, idle: Option<String>) -> Self {
        Self {
            id: account.id.0,
            provider: account.provider,
            name: account.name,
            route: account.route,
            kind: account.kind,
            label: account.label,
            plan: account.plan,
            owner: account.owner,
            source: account.source,
            expires: account.expires,
            renewed: account.renewed,
            state,
            enabled: account.enabled,
            priority: account.priority,
            limited: account.limited,
            base_origin: account.base_origin,
            fields: account.fields,
            key_hint: account.key_hint,
            created: account.created,
            last_used: account.last_used,
            last_error: account.last_error.map(|failure| FailureInfo {
                at: failure.at,
                message: failure.message,
            }),
            idle,
        }
    }
}

fn yes() -> bool {
    true
}

/// The provider of this name, or the names that could have been meant.
pub(super) fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Provider, ManageError> {
    if let Some(provider) = catalog.provider(name) {
        return Ok(provider);
    }
    let names = catalog.providers().flat_map(|provider| {
        let others = provider.aliases.iter().map(String::as_str);
        std::iter::once(provider.id.as_str()).chain(others)
    });
    let near = catalog.near(name, names, 3);
    let hint = if near.is_empty() {
        "a provider of your own stands under `providers` in the configuration".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    let message = format!("there is no provider `{name}`; {hint}");
    Err(ManageError::new(Code::UnknownProvider, message))
}

/// The key as it will be stored, and the route it comes in by.
fn key_and_route(
    provider: &Provider,
    given: Option<KeyInput>,
) -> Result<(Secret, &Route), ManageError> {
    let given = given.filter(|key| !key.0.expose().trim().is_empty());
    let Some(KeyInput(given)) = given else {
        let open = |route: &&Route| matches!(route.flow, Flow::Open);
        let route = provider.routes.iter().find(open);
        let route = route.ok_or(KeyTrouble::Empty)?;
        return Ok((Secret::new(""), route));
    };
    let key = tidy_key(given)?;
    let Some(route) = provider.route_for_key(key.expose()) else {
        let name = &provider.name;
        let message = if provider
            .routes
            .iter()
            .any(|route| matches!(route.flow, Flow::Key(_)))
        {
            format!("{name} does not let other programs use this kind of key")
        } else {
            format!("{name} has no keys: it is used by signing in")
        };
        return Err(ManageError::new(Code::KeyRefused, message));
    };
    if route.status == Status::Retired {
        let mut message = format!("{} ended: {}", provider.name, route.name);
        for more in [&route.reason, &route.replacement].into_iter().flatten() {
            message.push_str("; ");
            message.push_str(more);
        }
        return Err(ManageError::new(Code::KeyRefused, message));
    }
    Ok((key, route))
}

/// Why a key was not stored, and what to do about it.
fn refusal(
    catalog: &Catalog,
    provider: &Provider,
    key: &Secret,
    error: SigninError,
) -> ManageError {
    let hint = match &error {
        SigninError::BadKey { .. } => {
            let guessed = guess_provider(catalog, key);
            match guessed.first() {
                Some(other) if !guessed.contains(&provider.id.as_str()) => {
                    format!("; it looks like a key of {other}")
                }
                _ => String::new(),
            }
        }
        SigninError::Unreachable { .. } | SigninError::Unexpected { .. } => {
            "; nothing was stored. Try again, or store it unchecked (`--no-check`)".to_owned()
        }
        _ => String::new(),
    };
    let mut refused = ManageError::from(error);
    refused.message.push_str(&hint);
    refused
}

impl Serialize for KeyInput {
    /// Only for the way to an engine of the same user, over loopback.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for KeyInput {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}
