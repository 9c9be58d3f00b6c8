//! What an account is good for beside conversations: services, and calls that pass as they are.

use byokey_catalog::Service;
use byokey_wire::{Dialect, Shape};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::holding::Holding;
use super::{Signature, Unusable};

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
    /// Constant headers, a key among them.
    pub(crate) headers: HeaderMap,
    pub(crate) signature: Option<Signature>,
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
    pub(crate) signature: Option<Signature>,
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
pub(super) fn direct(holding: &Holding<'_>) -> Result<Direct, Unusable> {
    let native = holding.native()?;
    let mut services = Vec::new();
    for service in &holding.provider.services {
        if service.takes(&holding.account.route) && holding.speaks(service) {
            services.extend(holding.service(service)?);
        }
    }
    Ok(Direct { native, services })
}

impl Holding<'_> {
    fn native(&self) -> Result<Option<Native>, Unusable> {
        // A route whose addresses all lie elsewhere has its native calls there.
        let elsewhere = self.taken().next().filter(|_| self.lies_elsewhere());
        let row = elsewhere.map_or(&self.provider.base_url, |endpoint| &endpoint.base_url);
        let Some(base) = self.base(row, false)? else {
            return Ok(None);
        };
        self.bound(row, &base)?;
        let own_auth = elsewhere.and_then(|endpoint| endpoint.auth.as_ref());
        let hosts = match self.settings.base_url {
            // The user's own gateway is one host.
            Some(_) => Vec::new(),
            None => {
                let hosts = self.provider.native_hosts.iter();
                let moved = |base: &str| self.overrides.moved(base);
                hosts
                    .map(|host| (host.path.clone(), moved(&host.base_url)))
                    .collect()
            }
        };
        Ok(Some(Native {
            base: mount(&base, path_of(row)).to_owned(),
            hosts,
            headers: self.constants(&Default::default())?,
            credential: self.credential(own_auth)?,
            signature: self.signature(own_auth),
        }))
    }

    fn service(&self, service: &Service) -> Result<Option<ServiceLine>, Unusable> {
        let Some(base) = self.base(&service.base_url, false)? else {
            return Ok(None);
        };
        self.bound(&service.base_url, &base)?;
        let mut headers = self.constants(&service.headers)?;
        self.put_key(service.auth.as_ref(), &mut headers)?;
        Ok(Some(ServiceLine {
            service: service.clone(),
            base,
            headers,
            signature: self.signature(service.auth.as_ref()),
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
