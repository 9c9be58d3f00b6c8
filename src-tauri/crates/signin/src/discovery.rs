//! What an OpenID issuer says about itself (OpenID Connect Discovery). For a provider of byokey's own
//! rows only the place of its keys is taken from it, and only on the issuer's own origin; addresses
//! that get codes and tokens stay the row's. A provider of the user's own may leave them to its issuer.

use reqwest::Url;
use serde::Deserialize;

use crate::call::Call;
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
