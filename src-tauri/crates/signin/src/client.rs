//! Who asks a provider for a credential: the user's own application if the configuration names one,
//! else the variable of the row, else the row's public client.

use byokey_catalog::{ClientId, SecretSource};
use byokey_vault::Secret;

use crate::{Machine, Overrides, SigninError, installed};

/// The client's id.
///
/// # Errors
/// [`SigninError::Missing`] with the row's advice, where nobody names one.
pub(crate) fn id(overrides: &Overrides, row: &ClientId) -> Result<String, SigninError> {
    let own = overrides.client_id.clone();
    own.or_else(|| variable(row.env.as_deref()?))
        .or_else(|| row.id.clone())
        .ok_or_else(|| SigninError::Missing(row.advice.clone().unwrap_or_default()))
}

/// The client's secret, if it has one, wherever it is: an installed official program is looked into
/// last.
///
/// # Errors
/// [`SigninError::Missing`] for a client that has one, where nobody names it.
pub(crate) async fn needed_secret(
    overrides: &Overrides,
    row: &ClientId,
) -> Result<Option<Secret>, SigninError> {
    let found = secret(overrides, row);
    let (SecretSource::Configured(name) | SecretSource::Installed(name)) = &row.secret else {
        return Ok(found);
    };
    if found.is_some() {
        return Ok(found);
    }
    let id = id(overrides, row)?;
    let place = row.installed.clone();
    // The program holds the secret of the row's own client only.
    if let Some(place) = place.filter(|_| row.id.as_ref() == Some(&id)) {
        let look = move || installed::find(&Machine::here(), &id, &place);
        match tokio::task::spawn_blocking(look).await {
            Ok(Some(secret)) => return Ok(Some(secret)),
            Ok(None) => {}
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
    let or_install = match &row.installed {
        Some(_) => ", or install the provider's own program, which holds it",
        None => "",
    };
    Err(SigninError::Missing(format!(
        "this sign-in needs the secret of its client: set the variable {name}, or \
         `oauth.client_secret` of the provider in the configuration{or_install}"
    )))
}

/// The client's secret, as far as the configuration or the row's variable names it.
pub(crate) fn secret(overrides: &Overrides, row: &ClientId) -> Option<Secret> {
    if let Some(own) = &overrides.client_secret {
        return Some(Secret::new(own.expose()));
    }
    match &row.secret {
        SecretSource::None => None,
        SecretSource::Configured(name) | SecretSource::Installed(name) => {
            variable(name).map(Secret::new)
        }
    }
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}
