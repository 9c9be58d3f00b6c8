//! What an OpenID issuer says about itself (OpenID Connect Discovery). For a provider of byokey's own
//! rows only the place of its keys is taken from it, and only on the issuer's own origin; addresses
//! that get codes and tokens stay the row's. A provider of the user's own may leave them to its issuer.

use std::collections::BTreeMap;

use byokey_catalog::Flow;
use reqwest::Url;
use serde::Deserialize;

use crate::call::Call;
use crate::scene::Scene;
use crate::{Http, Overrides, SigninError};

/// A discovery document, as far as it is used.
#[derive(Deserialize)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) device_authorization_endpoint: Option<String>,
}

/// Asks an issuer.
///
/// # Errors
/// [`SigninError::Unreachable`], and [`SigninError::Unclear`] for a document that is none or that
/// speaks for another issuer.
pub(crate) async fn ask(
    http: &Http,
    overrides: &Overrides,
    issuer: &str,
) -> Result<Discovery, SigninError> {
    let address = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let answer = Call::to(http, overrides, overrides.url(&address)?)?
        .get()
        .await?;
    if answer.status != 200 {
        return Err(answer.unclear(&format!("status {} for its discovery", answer.status)));
    }
    let document: Discovery = serde_json::from_slice(answer.body()?)
        .map_err(|_| answer.unclear("its discovery is not readable"))?;
    if !is_issuer(overrides, issuer, &document.issuer) {
        return Err(answer.unclear("its discovery names another issuer"));
    }
    Ok(document)
}

/// Names under which a token set keeps the addresses that only a discovery named.
pub(crate) const TOKEN_URL: &str = "token_url";
/// As [`TOKEN_URL`].
pub(crate) const REVOKE_URL: &str = "revoke_url";

/// Puts the addresses that a provider of the user's own leaves to its issuer in place, as if the
/// configuration had named them. What is found is also returned, to be kept with the tokens.
///
/// # Errors
/// As [`ask`], and [`SigninError::Missing`] for an issuer that does not offer this way.
pub(crate) async fn complete(scene: &mut Scene) -> Result<BTreeMap<String, String>, SigninError> {
    let (issuer, by_code) = match scene.flow()? {
        Flow::Pkce(row) if row.token_url.is_empty() || row.authorize_url.is_empty() => {
            (row.issuer.clone(), false)
        }
        Flow::Device(row) if row.token_url.is_empty() || row.device_url.is_empty() => {
            (row.issuer.clone(), true)
        }
        _ => return Ok(BTreeMap::new()),
    };
    let issuer = issuer.ok_or_else(|| missing("no issuer and no addresses"))?;
    let found = ask(&scene.http, &scene.overrides, &issuer).await?;
    let overrides = &mut scene.overrides;
    let named = |url: Option<String>| url.map(|url| overrides.moved(&url));
    let tokens = named(found.token_endpoint);
    let revokes = named(found.revocation_endpoint);
    let page = named(found.authorization_endpoint);
    let codes = named(found.device_authorization_endpoint);
    fill(&mut overrides.token_url, tokens);
    fill(&mut overrides.revoke_url, revokes);
    fill(&mut overrides.authorize_url, page);
    fill(&mut overrides.device_url, codes);
    let start = if by_code {
        &overrides.device_url
    } else {
        &overrides.authorize_url
    };
    if start.is_none() || overrides.token_url.is_none() {
        return Err(missing(&format!(
            "{issuer} does not offer this way to sign in"
        )));
    }
    let kept = [
        (TOKEN_URL, &overrides.token_url),
        (REVOKE_URL, &overrides.revoke_url),
    ];
    let kept = kept
        .into_iter()
        .filter_map(|(name, url)| Some((name.to_owned(), url.clone()?)));
    Ok(kept.collect())
}

/// What the configuration names stays.
fn fill(place: &mut Option<String>, found: Option<String>) {
    if place.is_none() {
        *place = found;
    }
}

fn missing(what: &str) -> SigninError {
    SigninError::Missing(format!(
        "{what}: name the addresses under `oauth` of the provider in the configuration"
    ))
}

/// Whether `named` is the issuer; one that the configuration moves may go by either name.
pub(crate) fn is_issuer(overrides: &Overrides, issuer: &str, named: &str) -> bool {
    named == issuer || named == overrides.moved(issuer)
}

impl Discovery {
    /// Where the issuer's keys are, which must be its own place.
    ///
    /// # Errors
    /// [`SigninError::Unclear`] if it names none, or one elsewhere.
    pub(crate) fn keys(&self, overrides: &Overrides) -> Result<Url, SigninError> {
        let issuer = overrides.url(&self.issuer)?;
        let unclear = |what: &str| SigninError::Unclear {
            host: issuer.host_str().unwrap_or_default().to_owned(),
            what: what.to_owned(),
        };
        let named = self.jwks_uri.as_deref();
        let url = overrides.url(named.ok_or_else(|| unclear("it names no keys"))?)?;
        if url.origin() != issuer.origin() {
            return Err(unclear("it keeps its keys on another host"));
        }
        Ok(url)
    }
}
