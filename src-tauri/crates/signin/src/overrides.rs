//! What the user's own configuration says in place of a provider's row.
//!
//! Only the configuration file fills this; no reply, link or import can. Every address that sign-in
//! uses goes through [`Overrides::url`], so that one line of configuration moves a whole provider
//! to another host and nothing is left behind that would call the real one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use byokey_bridge::BridgeSettings;
use byokey_catalog::{Provider, Route, fill};
use byokey_vault::{Fields, Secret};
use reqwest::Url;

use crate::SigninError;

/// The user's own words about one provider. Empty means: as the row says.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Client id of the user's own application.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Arc<Secret>>,
    /// Authorization page.
    pub authorize_url: Option<String>,
    /// Token endpoint.
    pub token_url: Option<String>,
    /// Device-code endpoint.
    pub device_url: Option<String>,
    /// Revocation endpoint.
    pub revoke_url: Option<String>,
    /// Redirect address: http on loopback, with the port to listen on.
    pub redirect: Option<String>,
    /// Base of requests and checks.
    pub base_url: Option<String>,
    /// Origin → origin, for every address of the provider.
    pub origins: BTreeMap<String, String>,
    /// Headers of every call.
    pub headers: BTreeMap<String, String>,
    /// Network proxy of every call.
    pub proxy: Option<Arc<Secret>>,
    /// Whether a retired route may be tried.
    pub allow_retired: bool,
    /// The user's own program that signs in and makes the calls.
    pub bridge: BridgeSettings,
}

impl Overrides {
    /// An address as it is called: with its origin replaced where the configuration says so.
    ///
    /// # Errors
    /// [`SigninError::Address`] when it is no URL, or one that must not get a credential.
    pub fn url(&self, url: &str) -> Result<Url, SigninError> {
        safe(&self.moved(url))
    }

    /// As [`url`](Self::url), with `own` in place of the row's address if the user named one.
    ///
    /// # Errors
    /// [`SigninError::Address`].
    pub fn own_or(&self, own: Option<&str>, row: &str) -> Result<Url, SigninError> {
        match own {
            Some(own) => safe(own),
            None => self.url(row),
        }
    }

    /// The text of an address with its origin replaced where the configuration says so.
    pub fn moved(&self, url: &str) -> String {
        let moved = self.origins.iter().find_map(|(from, to)| {
            let rest = url.strip_prefix(from.trim_end_matches('/'))?;
            let whole = rest.is_empty() || rest.starts_with(['/', '?', '#']);
            whole.then(|| format!("{}{rest}", to.trim_end_matches('/')))
        });
        moved.unwrap_or_else(|| url.to_owned())
    }

    /// An API base that a reply names for one account, if requests may go there: to hosts of the same
    /// domain as the row's base, or as the configured one, and to none where the user named a base.
    pub(crate) fn named_base(
        &self,
        provider: &Provider,
        route: &Route,
        named: &str,
    ) -> Option<String> {
        if self.base_url.is_some() {
            return None;
        }
        let url = Url::parse(named).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        if url.scheme() != "https" || !plain {
            return None;
        }
        let row = row_base(provider, route);
        let configured = self.moved(row);
        // What the user moves by name, goes where the user says.
        let known = within(&url, &configured) || self.moved(named) != named && within(&url, row);
        known.then(|| named.trim_end_matches('/').to_owned())
    }

    /// The only origin that a credential of this route may be sent to, where the configuration moves
    /// its requests away from the row's own address.
    pub fn bound_origin(
        &self,
        provider: &Provider,
        route: &Route,
        fields: &Fields,
    ) -> Option<String> {
        let row = row_base(provider, route);
        let row = fill(row, |name| provider.field(fields, name)).ok()?;
        let used = match &self.base_url {
            Some(base) => base.clone(),
            None => self.moved(&row),
        };
        let origin = |url: &str| Some(Url::parse(url).ok()?.origin().ascii_serialization());
        let (row, used) = (origin(&row)?, origin(&used)?);
        (row != used).then_some(used)
    }
}

/// Base of requests with a credential of this route.
fn row_base<'a>(provider: &'a Provider, route: &Route) -> &'a str {
    let mut endpoints = provider.endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.takes(&route.id));
    endpoint.map_or(provider.base_url.as_str(), |it| it.base_url.as_str())
}

/// Whether an address is in the domain of `base`: `api.example.org` speaks for `example.org`, and
/// `example.org` for itself.
fn within(url: &Url, base: &str) -> bool {
    let base = Url::parse(base).ok();
    let (Some(host), Some(base)) = (url.domain(), base.as_ref().and_then(Url::domain)) else {
        return false;
    };
    let parent = base.split_once('.').map(|(_, parent)| parent);
    let domain = parent.filter(|it| it.contains('.')).unwrap_or(base);
    let before = host.strip_suffix(domain);
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether a credential or a code may go to this address: https, or http on this machine.
fn safe(url: &str) -> Result<Url, SigninError> {
    let shown: String = url.chars().take(200).collect();
    let url: Url = url
        .parse()
        .map_err(|_| SigninError::Address(format!("`{shown}` is not a URL")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SigninError::Address(
            "its URL must not hold a user name or password".to_owned(),
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(SigninError::Address(format!(
            "{} must be https; http is for this machine only",
            url.host_str().unwrap_or("the address")
        ))),
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str().map(|host| host.trim_matches(['[', ']'])) {
        Some("localhost") => true,
        Some(host) => host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moving() -> Overrides {
        Overrides {
            origins: [(
                "https://auth.example.org".to_owned(),
                "http://127.0.0.1:7/".to_owned(),
            )]
            .into(),
            ..Overrides::default()
        }
    }

    #[test]
    fn an_origin_is_replaced_as_a_whole() {
        for (url, called) in [
            (
                "https://auth.example.org/token?a=b",
                "http://127.0.0.1:7/token?a=b",
            ),
            ("https://auth.example.org", "http://127.0.0.1:7/"),
            (
                "https://auth.example.org.evil.net/t",
                "https://auth.example.org.evil.net/t",
            ),
            ("https://other.example.org/t", "https://other.example.org/t"),
        ] {
            assert_eq!(moving().url(url).unwrap().as_str(), called);
        }
    }

    #[test]
    fn only_encrypted_or_local_addresses_are_called() {
        for url in [
            "http://auth.example.org/t",
            "ftp://127.0.0.1/t",
            "https://user@auth.example.org/t",
            "no url",
            "http://127.0.0.1.nip.io/t",
        ] {
            let refused = Overrides::default().url(url);
            assert!(matches!(refused, Err(SigninError::Address(_))), "{url}");
        }
        for url in ["https://a.b/t", "http://[::1]:9/t", "http://localhost:9/t"] {
            assert!(Overrides::default().url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_reply_names_a_base_only_within_the_providers_domain() {
        let catalog = byokey_catalog::Catalog::bundled().unwrap();
        let provider = catalog.provider("copilot").unwrap();
        let route = provider.route("github-device").unwrap();
        let moved = |from: &str, to: &str| Overrides {
            origins: [(from.to_owned(), to.to_owned())].into(),
            ..Overrides::default()
        };
        let row = "https://api.githubcopilot.com";
        let plan = "https://api.business.githubcopilot.com";
        let tenant = "https://copilot-api.acme.ghe.com";
        for (overrides, named, taken) in [
            (Overrides::default(), plan, true),
            (Overrides::default(), row, true),
            (
                Overrides::default(),
                "http://api.business.githubcopilot.com",
                false,
            ),
            (Overrides::default(), "https://evilgithubcopilot.com", false),
            (
                Overrides::default(),
                "https://githubcopilot.com.evil.net",
                false,
            ),
            (
                Overrides::default(),
                "https://a@api.githubcopilot.com",
                false,
            ),
            (Overrides::default(), "https://127.0.0.1", false),
            (Overrides::default(), tenant, false),
            (moved(row, tenant), tenant, true),
            (
                moved(row, tenant),
                "https://copilot-api.other.ghe.com",
                false,
            ),
            (moved(row, tenant), plan, false),
            (moved(row, "http://127.0.0.1:7"), plan, false),
            (moved(plan, "http://127.0.0.1:7"), plan, true),
        ] {
            let base = overrides.named_base(provider, route, named);
            assert_eq!(base.is_some(), taken, "{named}");
        }
        let own = Overrides {
            base_url: Some(tenant.to_owned()),
            ..Overrides::default()
        };
        assert_eq!(own.named_base(provider, route, plan), None);
        let with_slash = format!("{plan}/");
        let base = Overrides::default().named_base(provider, route, &with_slash);
        assert_eq!(base.as_deref(), Some(plan));
    }

    #[test]
    fn a_credential_is_bound_where_requests_were_moved() {
        let catalog = byokey_catalog::Catalog::bundled().unwrap();
        let provider = catalog.provider("openai").unwrap();
        let route = provider.route("codex-pkce").unwrap();
        assert_eq!(
            Overrides::default().bound_origin(provider, route, &Fields::new()),
            None
        );
        let overrides = Overrides {
            origins: [(
                "https://chatgpt.com".to_owned(),
                "http://127.0.0.1:7".to_owned(),
            )]
            .into(),
            ..Overrides::default()
        };
        let bound = overrides.bound_origin(provider, route, &Fields::new());
        assert_eq!(bound.as_deref(), Some("http://127.0.0.1:7"));
        let key = provider.route("api-key").unwrap();
        assert_eq!(overrides.bound_origin(provider, key, &Fields::new()), None);
    }
}
