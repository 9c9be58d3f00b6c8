//! What an account is good for beside conversations: services, and calls that pass as they are.

use byokey_catalog::{Auth, Provider, Route, Service, fill};
use byokey_vault::{Account, Secret};
use byokey_wire::{Dialect, Shape};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Unusable, credential_header, insert, origin};
use crate::config::ProviderConfig;

/// What an account is good for beside conversations.
#[derive(Default)]
pub(crate) struct Direct {
    /// Calls that pass as they are.
    pub(crate) native: Option<Native>,
    /// Embeddings, speech, pictures.
    pub(crate) services: Vec<ServiceLine>,
}

/// One service as this account uses it.
pub(crate) struct ServiceLine {
    pub(crate) service: Service,
    /// Its base, fields filled in.
    pub(crate) base: String,
    /// Constant headers, the credential among them.
    pub(crate) headers: HeaderMap,
}

/// Where calls of this account go that pass as they are.
pub(crate) struct Native {
    /// Scheme, host and port, and the path under which a gateway of the user's own has the provider.
    base: String,
    /// Beginnings of paths that have a host of their own.
    hosts: Vec<(String, String)>,
    /// Constant headers; one that the caller sends goes before.
    pub(crate) headers: HeaderMap,
    pub(crate) credential: Option<(HeaderName, HeaderValue)>,
}

impl Native {
    /// The base behind which a path goes.
    pub(crate) fn base_for(&self, path: &str) -> &str {
        let host = self.hosts.iter().find(|(begins, _)| {
            let rest = path.strip_prefix(begins.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        host.map_or(&self.base, |(_, base)| base)
    }
}

/// Everything of a provider's row that the account's credential is good for.
///
/// # Errors
/// In words, why there is nothing although the row has something.
pub(super) fn direct(
    provider: &Provider,
    settings: &ProviderConfig,
    account: &Account,
    secret: &Secret,
) -> Result<Direct, Unusable> {
    let seat = Of {
        provider,
        settings,
        account,
        route: provider.route(&account.route),
        secret,
    };
    let native = seat.native()?;
    let mut services = Vec::new();
    for service in &provider.services {
        if service.takes(&account.route) && seat.speaks(service) {
            services.extend(seat.service(service)?);
        }
    }
    Ok(Direct { native, services })
}

/// Whose addresses are made.
struct Of<'a> {
    provider: &'a Provider,
    settings: &'a ProviderConfig,
    account: &'a Account,
    route: Option<&'a Route>,
    secret: &'a Secret,
}

impl Of<'_> {
    fn native(&self) -> Result<Option<Native>, Unusable> {
        // A route whose addresses all lie elsewhere has its native calls there.
        let taken = || {
            self.provider
                .endpoints
                .iter()
                .filter(|endpoint| endpoint.takes(&self.account.route))
        };
        let own = &self.provider.base_url;
        let elsewhere = taken()
            .next()
            .filter(|_| !taken().any(|it| it.base_url == *own));
        let row = elsewhere.map_or(own, |endpoint| &endpoint.base_url);
        let base = match &self.settings.base_url {
            Some(_) if elsewhere.is_some() => return Ok(None),
            Some(configured) => mount(configured, path_of(row)).to_owned(),
            None => mount(&self.filled(row)?, path_of(row)).to_owned(),
        };
        if self.bound_elsewhere(&base) {
            return Err(self.bound());
        }
        let mut headers = HeaderMap::new();
        self.constants(&Default::default(), &mut headers)?;
        let own_auth = elsewhere.and_then(|endpoint| endpoint.auth.as_ref());
        let hosts = match self.settings.base_url {
            // The user's own gateway is one host.
            Some(_) => Vec::new(),
            None => {
                let hosts = self.provider.native_hosts.iter();
                hosts
                    .map(|host| (host.path.clone(), host.base_url.clone()))
                    .collect()
            }
        };
        Ok(Some(Native {
            base,
            hosts,
            headers,
            credential: self.credential(own_auth)?,
        }))
    }

    fn service(&self, service: &Service) -> Result<Option<ServiceLine>, Unusable> {
        let base = match &self.settings.base_url {
            Some(_) if service.base_url != self.provider.base_url => return Ok(None),
            Some(configured) => configured.clone(),
            None => self.filled(&service.base_url)?,
        };
        if self.bound_elsewhere(&base) {
            return Err(self.bound());
        }
        let mut headers = HeaderMap::new();
        self.constants(&service.headers, &mut headers)?;
        if let Some((name, value)) = self.credential(service.auth.as_ref())? {
            headers.insert(name, value);
        }
        Ok(Some(ServiceLine {
            service: service.clone(),
            base,
            headers,
        }))
    }

    /// Whether what the user says of the provider's dialect leaves room for a service's form.
    fn speaks(&self, service: &Service) -> bool {
        match self.settings.dialect {
            None => true,
            Some(Dialect::Chat | Dialect::Responses) => service.shape == Shape::OpenAi,
            Some(Dialect::Gemini) => matches!(service.shape, Shape::Gemini | Shape::Imagen),
            Some(_) => false,
        }
    }

    fn filled(&self, template: &str) -> Result<String, Unusable> {
        let fields = &self.account.fields;
        fill(template, |name| self.provider.field(fields, name)).map_err(|why| {
            format!(
                "{why}; give it with `byokey add-key {} --account {} --field NAME=VALUE`",
                self.provider.id, self.account.name
            )
        })
    }

    fn bound_elsewhere(&self, base: &str) -> bool {
        let bound = self.account.base_origin.as_deref();
        bound.is_some_and(|bound| Some(bound) != origin(base).as_deref())
    }

    fn bound(&self) -> Unusable {
        format!(
            "its key was entered for {}; add it again for the new address",
            self.account
                .base_origin
                .as_deref()
                .unwrap_or("another address")
        )
    }

    fn constants(
        &self,
        own: &std::collections::BTreeMap<String, String>,
        headers: &mut HeaderMap,
    ) -> Result<(), Unusable> {
        for (name, value) in self.provider.headers_with(self.route, own) {
            insert(headers, name, value)?;
        }
        for (name, value) in &self.settings.headers {
            insert(headers, name, value)?;
        }
        Ok(())
    }

    fn credential(
        &self,
        own: Option<&Auth>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, Unusable> {
        let auth = self.provider.auth_with(self.route, own);
        let made = match auth {
            Auth::Basic => {
                let user = self.provider.field(&self.account.fields, Auth::USER);
                let user = user.ok_or_else(|| {
                    format!(
                        "its user is missing; give it with `byokey add-key {} --account {} --field \
                         {}=…`",
                        self.provider.id,
                        self.account.name,
                        Auth::USER
                    )
                })?;
                let both = Secret::new(format!("{user}:{}", self.secret.expose()));
                credential_header(auth, &both)?
            }
            _ => credential_header(auth, self.secret)?,
        };
        Ok(made.map(|(name, mut value)| {
            value.set_sensitive(true);
            (name, value)
        }))
    }
}

/// `base` without the path that the provider's row has anyway: native paths begin at the host.
fn mount<'a>(base: &'a str, row_path: &str) -> &'a str {
    let base = base.trim_end_matches('/');
    base.strip_suffix(row_path).unwrap_or(base)
}

/// The path of a URL, with its leading slash; empty if it has none.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/')
        .map_or("", |at| rest[at..].trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_paths_begin_at_the_host() {
        for (base, row, expected) in [
            (
                "https://api.a.example/v1",
                "https://api.a.example/v1",
                "https://api.a.example",
            ),
            (
                "https://api.a.example",
                "https://api.a.example",
                "https://api.a.example",
            ),
            (
                "https://gw.example/a/v1/",
                "https://api.a.example/v1",
                "https://gw.example/a",
            ),
            (
                "http://127.0.0.1:9",
                "https://api.a.example/v1",
                "http://127.0.0.1:9",
            ),
            (
                "http://127.0.0.1:9/x",
                "https://api.a.example/v1",
                "http://127.0.0.1:9/x",
            ),
        ] {
            assert_eq!(mount(base, path_of(row)), expected);
        }
    }
}
