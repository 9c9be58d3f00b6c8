//! A client of one's own at an AWS OIDC server. It holds for about 90 days, so further sign-ins at the
//! same portal take the one that an account has already.

use byokey_vault::{Fields, IssuedClient, Secret};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AUTH_REGION, START_URL};
use crate::SigninError;
use crate::call::Call;
use crate::code::seconds;
use crate::refusal::not_given;
use crate::scene::Scene;

/// A registered client; it waits with the code that was asked for with it.
pub(crate) type Registration = crate::code::KeptClient;

/// What is registered.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) scopes: &'a [String],
    pub(super) grants: &'a [&'a str],
    pub(super) redirect: Option<&'a str>,
    pub(super) portal: &'a str,
}

/// A registration that is about to end is not begun with.
const LEAST_LIFE: SignedDuration = SignedDuration::from_hours(24);

impl Registration {
    /// As it is kept with the tokens, which are renewed with it.
    pub(super) fn issued(&self) -> IssuedClient {
        IssuedClient {
            id: self.id.clone(),
            secret: Some(Secret::new(self.secret.as_str())),
            expires: self.expires,
        }
    }
}

/// Registers a client.
///
/// # Errors
/// What the server said, or that it could not be reached.
pub(super) async fn register(
    call: Call<'_>,
    wanted: &Wanted<'_>,
) -> Result<Registration, SigninError> {
    let mut document = json!({
        "clientName": wanted.name,
        "clientType": "public",
        "scopes": wanted.scopes,
        "grantTypes": wanted.grants,
        "issuerUrl": wanted.portal,
    });
    if let Some(redirect) = wanted.redirect {
        document["redirectUris"] = json!([redirect]);
    }
    let answer = call.post_json("application/json", &document).await?;
    let given: Option<Given> = serde_json::from_slice(answer.body()?).ok();
    let given = given.filter(|_| answer.status == 200);
    let given = given.ok_or_else(|| not_given("AWS", &answer, &[]))?;
    let expires = seconds(given.expires.as_ref(), None).filter(|at| *at > 0.0);
    let expires = expires.and_then(|at| SignedDuration::try_from_secs_f64(at).ok());
    Ok(Registration {
        id: given.client_id.clone(),
        secret: given.client_secret,
        expires: expires.and_then(|at| Timestamp::UNIX_EPOCH.checked_add(at).ok()),
    })
}

/// The registration of an account that signed in the same way at the same portal in the same region.
///
/// # Errors
/// When the vault cannot be read.
pub(super) async fn known(
    scene: &Scene,
    portal: &str,
) -> Result<Option<Registration>, SigninError> {
    let row = scene.provider()?;
    let region = |fields: &Fields| row.field(fields, AUTH_REGION).map(str::to_owned);
    let here = region(&scene.fields);
    let vault = scene.vault.clone();
    let accounts = blocking(move || vault.accounts()).await?;
    let same = accounts.into_iter().filter(|account| {
        account.provider == scene.provider
            && account.route == scene.route
            && account.owner.is_none()
            && region(&account.fields) == here
    });
    let ids: Vec<_> = same.map(|account| account.id).collect();
    let (vault, portal) = (scene.vault.clone(), portal.to_owned());
    blocking(move || {
        let soon = Timestamp::now()
            .saturating_add(LEAST_LIFE)
            .unwrap_or(Timestamp::MAX);
        let sets = ids
            .iter()
            .filter_map(|id| Some(vault.tokens(*id).ok()?.tokens));
        let here = sets.filter(|set| set.extra.get(START_URL) == Some(&portal));
        let clients = here.filter_map(|set| set.client);
        let mut alive = clients.filter(|client| client.expires.is_some_and(|ends| ends > soon));
        Ok(alive.find_map(|client| {
            Some(Registration {
                secret: client.secret?.expose().to_owned(),
                id: client.id,
                expires: client.expires,
            })
        }))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, byokey_vault::VaultError> + Send + 'static,
) -> Result<T, SigninError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    client_id: String,
    client_secret: String,
    #[serde(rename = "clientSecretExpiresAt")]
    expires: Option<Value>,
}
