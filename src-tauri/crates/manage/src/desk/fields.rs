//! Values beside a key: which a provider has, and whether an account has those it needs.

use byokey_catalog::{Field, Provider, Route, fill};
use byokey_gateway::config::ProviderConfig;
use byokey_vault::{AccountId, Fields, VaultError};

use super::Desk;
use super::accounts::find;
use crate::{Code, ManageError};

impl Desk {
    /// What an account of this name has already.
    pub(super) async fn kept_fields(
        &self,
        provider: &Provider,
        name: Option<&str>,
    ) -> Result<Fields, ManageError> {
        let Some(name) = name else {
            return Ok(Fields::new());
        };
        let accounts = self.with_vault(|vault| vault.accounts()).await?;
        let mut accounts = accounts.into_iter();
        let same = accounts.find(|known| known.provider == provider.id && known.name == name);
        Ok(same.map(|account| account.fields).unwrap_or_default())
    }

    /// Whether the account's provider has these fields and takes these values.
    pub(super) async fn check_fields(
        &self,
        id: AccountId,
        given: &Fields,
    ) -> Result<(), ManageError> {
        let accounts = self.with_vault(|vault| vault.accounts()).await?;
        let account = accounts.into_iter().find(|account| account.id == id);
        let account = account.ok_or(VaultError::NoAccount(id))?;
        let catalog = self.engine.catalog();
        let provider = find(&catalog, &account.provider)?;
        let settings = self.settings(provider);
        let fields = checked(provider, given, account.fields)?;
        match provider.route(&account.route) {
            Some(route) => complete(provider, route, &settings, &fields),
            None => Ok(()),
        }
    }
}

/// `kept` with the changes `given`; every name must be one of the provider's fields.
pub(super) fn checked(
    provider: &Provider,
    given: &Fields,
    mut kept: Fields,
) -> Result<Fields, ManageError> {
    for (name, value) in given {
        if !provider.fields.iter().any(|field| field.name == *name) {
            let known: Vec<_> = provider.fields.iter().map(|f| f.name.as_str()).collect();
            let known = match &known[..] {
                [] => "it has none".to_owned(),
                known => format!("it has {}", known.join(", ")),
            };
            return Err(bad(format!(
                "{} has no field `{name}`; {known}",
                provider.name
            )));
        }
        if value.is_empty() {
            kept.remove(name);
        } else if fill("{value}", |_| Some(value)).is_err() {
            return Err(bad(format!(
                "`{value}` cannot be the {name} of {}: only letters, digits, `-`, `_` and `.` may \
                 stand there",
                provider.name
            )));
        } else {
            kept.insert(name.clone(), value.clone());
        }
    }
    Ok(kept)
}

/// Whether an account has what its provider's addresses need. Where the configuration names the
/// address, nothing is needed for it.
pub(super) fn complete(
    provider: &Provider,
    route: &Route,
    settings: &ProviderConfig,
    fields: &Fields,
) -> Result<(), ManageError> {
    if settings.base_url.is_some() {
        return Ok(());
    }
    let lacks =
        |field: &&Field| !field.sign_in_only && provider.field(fields, &field.name).is_none();
    let missing: Vec<_> = provider.fields_for(&route.id).filter(lacks).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let asked: Vec<_> = missing
        .iter()
        .map(|field| format!("--field {}=… ({})", field.name, field.label))
        .collect();
    Err(bad(format!(
        "{} needs more than a key: {}",
        provider.name,
        asked.join(", ")
    )))
}

/// Whether a route asks for these fields. What the values must look like is for its flow to say.
pub(super) fn for_sign_in(
    provider: &Provider,
    route: &Route,
    given: &Fields,
) -> Result<(), ManageError> {
    let known: Vec<_> = provider.fields_for(&route.id).collect();
    let Some(name) = given
        .keys()
        .find(|name| !known.iter().any(|field| field.name == **name))
    else {
        return Ok(());
    };
    let known: Vec<_> = known.iter().map(|field| field.name.as_str()).collect();
    let known = match &known[..] {
        [] => "it asks for none".to_owned(),
        known => format!("it asks for {}", known.join(", ")),
    };
    Err(bad(format!(
        "{} has no field `{name}`; {known}",
        route.name
    )))
}

/// The changes as the vault takes them.
pub(super) fn pairs(given: &Fields) -> Vec<(&str, &str)> {
    given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn bad(message: String) -> ManageError {
    ManageError::new(Code::BadValue, message)
}
