use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls_platform_verifier::BuilderVerifierExt;

use crate::SigninError;

const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(20);
const USER_AGENT: &str = concat!("byokey/", env!("CARGO_PKG_VERSION"));

/// The HTTP client of all sign-in calls: byokey's own name, no redirects, no cookies, no retries,
/// 10 s to connect and 20 s in all. A type of its own, so that no other client gets a credential.
#[derive(Clone)]
pub struct Http(pub(crate) reqwest::Client);

impl Http {
    /// Builds the client; it trusts what the operating system trusts.
    pub fn new() -> Result<Self, SigninError> {
        Self::through(None)
    }

    /// As [`new`](Self::new), through a network proxy (`http://…` or `socks5://…`) if one is given;
    /// else none is used, whatever the environment says.
    ///
    /// # Errors
    /// [`SigninError::Address`] for a proxy that is no URL, [`SigninError::Tls`].
    pub fn through(proxy: Option<&byokey_vault::Secret>) -> Result<Self, SigninError> {
        let client = Self::builder(proxy)?
            .connect_timeout(CONNECT)
            .timeout(WHOLE);
        Self::built(client)
    }

    /// Without any limit in time, for tests that stop the clock.
    #[cfg(test)]
    pub(crate) fn patient() -> Self {
        Self::builder(None).and_then(Self::built).unwrap()
    }

    fn builder(
        proxy: Option<&byokey_vault::Secret>,
    ) -> Result<reqwest::ClientBuilder, SigninError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| SigninError::Tls(error.to_string()))?
            .with_no_client_auth();
        let builder = match proxy {
            None => reqwest::Client::builder().no_proxy(),
            Some(proxy) => {
                let proxy = reqwest::Proxy::all(proxy.expose()).map_err(|_| {
                    SigninError::Address("the network proxy is not a URL".to_owned())
                })?;
                reqwest::Client::builder().proxy(proxy)
            }
        };
        Ok(builder
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // On a kept connection nobody can tell whether a request that failed has left.
            .pool_max_idle_per_host(0))
    }

    fn built(builder: reqwest::ClientBuilder) -> Result<Self, SigninError> {
        let client = builder
            .build()
            .map_err(|error| SigninError::Tls(error.without_url().to_string()))?;
        Ok(Self(client))
    }
}
