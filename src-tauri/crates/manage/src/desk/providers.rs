use std::collections::BTreeMap;

use byokey_catalog::{Field, Kind, Provider};
use byokey_gateway::config::ProviderConfig;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use super::routes::{RouteInfo, day, sign_in_names};
use crate::ManageError;

/// A company product that a person may have an account with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProviderInfo {
    /// Name in configuration and model names.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Other names that mean it.
    pub aliases: Vec<String>,
    /// `subscription`, `key`, `local` or `custom`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Whether the configuration leaves it on.
    pub enabled: bool,
    /// Where its requests go: the configured base, or the row's.
    pub base_url: String,
    /// Page for people.
    pub docs_url: Option<String>,
    /// Whether a key can be checked by a free call.
    pub checkable: bool,
    /// Environment variables that usually hold its key.
    pub env: Vec<String>,
    /// Values that its accounts have beside their keys.
    pub fields: Vec<FieldInfo>,
    /// Known models.
    pub models: usize,
    /// Day on which the row was last compared with its sources, `YYYY-MM-DD`.
    pub as_of: Option<String>,
    /// Names under which a person may ask to sign in, and the routes that each means, the one first
    /// that is taken if nobody names a route; the provider's own names mean all of its routes.
    pub sign_in: BTreeMap<String, Vec<String>>,
    /// Whether the configuration lets ways be tried that the provider has ended.
    pub allow_retired: bool,
    /// Ways to get a credential, the recommended one first.
    pub routes: Vec<RouteInfo>,
}

/// A value that an account has beside its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldInfo {
    /// Its name.
    pub name: String,
    /// What to ask a person for.
    pub label: String,
    /// Value when none is given; `{other}` is the value of another field.
    pub default: Option<String>,
    /// Environment variables that usually hold it.
    pub env: Vec<String>,
    /// Routes whose accounts have it; empty means all.
    pub routes: Vec<String>,
}

/// All providers, by id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProvidersResponse {
    /// The providers.
    pub providers: Vec<ProviderInfo>,
}

impl Desk {
    /// Everything that a person may add, with what is to be known before.
    ///
    /// # Errors
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn providers(&self) -> Result<ProvidersResponse, ManageError> {
        let (catalog, config) = (self.engine.catalog(), self.engine.config());
        self.with_vault(move |vault| {
            let accepted = vault.notices()?;
            let info = |provider: &Provider| {
                let settings = config.providers.get(&provider.id);
                let routes = RouteInfo::all(&catalog, provider, settings, &accepted);
                ProviderInfo::of(provider, settings, routes)
            };
            let providers = catalog.providers().map(info).collect();
            Ok::<_, byokey_vault::VaultError>(ProvidersResponse { providers })
        })
        .await
    }
}

impl ProviderInfo {
    fn of(provider: &Provider, settings: Option<&ProviderConfig>, routes: Vec<RouteInfo>) -> Self {
        let base_url = settings.and_then(|settings| settings.base_url.clone());
        Self {
            id: provider.id.clone(),
            name: provider.name.clone(),
            aliases: provider.aliases.clone(),
            kind: provider.kind,
            enabled: settings.and_then(|it| it.enabled).unwrap_or(true),
            base_url: base_url.unwrap_or_else(|| provider.base_url.clone()),
            docs_url: provider.docs_url.clone(),
            checkable: provider.check.is_some(),
            env: provider.env.clone(),
            fields: provider.fields.iter().map(FieldInfo::of).collect(),
            models: provider.models.len(),
            as_of: day(provider.as_of),
            sign_in: sign_in_names(provider, settings),
            allow_retired: settings.is_some_and(|it| it.allow_retired),
            routes,
        }
    }
}

impl FieldInfo {
    fn of(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            default: field.default.clone(),
            env: field.env.clone(),
            routes: field.routes.clone(),
        }
    }
}
