//! Who can serve and who may ask, ready for use: a snapshot taken from the vault.
//!
//! A request must not touch the database, so credentials stand here as prepared headers, marked
//! sensitive, and client keys as digests. A change in the vault or the configuration makes a new
//! roster; requests under way keep the one they began with.

mod direct;
mod program;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use byokey_catalog::{Auth, Catalog, Endpoint, Provider, fill};
use byokey_vault::{Account, AccountKind, ClientKey, Secret, Vault, VaultError};
use byokey_wire::Dialect;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

pub(crate) use self::direct::{Direct, Native, ServiceLine};
pub(crate) use self::program::Program;
use crate::budget::Spent;
use crate::config::{Config, ProviderConfig};
use crate::live::ListCall;
use crate::pace::Pace;

/// Accounts and client keys as they stood at one moment.
pub(crate) struct Roster {
    /// Enabled accounts in the order in which they are asked.
    pub(crate) seats: Vec<Arc<Seat>>,
    /// Accounts that cannot be asked, and why.
    pub(crate) idle: Vec<(Account, String)>,
    callers: HashMap<[u8; 32], Arc<Caller>>,
}

/// An account that can be asked.
pub(crate) struct Seat {
    pub(crate) account: Account,
    /// `provider/account`, for the reply's header.
    pub(crate) label: HeaderValue,
    pub(crate) lines: Vec<Line>,
    /// What it is good for beside conversations.
    pub(crate) direct: Direct,
    /// How its provider lists the models that it may use, if it does.
    pub(crate) list: Option<ListCall>,
    /// The program that answers in place of an address.
    pub(crate) program: Option<Program>,
}

/// One address of a seat.
pub(crate) struct Line {
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    /// The base in place of the endpoint's, if the user set one.
    pub(crate) base: Option<String>,
    /// Constant headers, the credential among them.
    pub(crate) headers: HeaderMap,
    /// Headers of the caller that may pass.
    pub(crate) forward: Arc<[HeaderName]>,
}

/// A program with a client key.
pub(crate) struct Caller {
    pub(crate) key: ClientKey,
    pub(crate) pace: Pace,
    pub(crate) spent: Spent,
}

impl Roster {
    /// Takes a snapshot. Blocks on the database and, with a keychain, on the system.
    ///
    /// # Errors
    /// When the vault cannot be read.
    pub(crate) fn take(
        vault: &Vault,
        catalog: &Catalog,
        config: &Config,
        last: Option<&Roster>,
    ) -> Result<Self, VaultError> {
        let mut roster = Self {
            seats: Vec::new(),
            idle: Vec::new(),
            callers: HashMap::new(),
        };
        for account in vault.accounts()? {
            if !account.enabled {
                continue;
            }
            match seat(vault, catalog, config, &account)? {
                Ok(seat) => roster.seats.push(Arc::new(seat)),
                Err(reason) => roster.idle.push((account, reason)),
            }
        }
        roster
            .seats
            .sort_by_key(|seat| (seat.account.priority, seat.account.id));
        for key in vault.client_keys()? {
            if key.revoked.is_some() {
                continue;
            }
            // Counts go on across snapshots, or each change would refill the limits.
            let (pace, spent) = match last.and_then(|last| last.callers.get(&key.digest)) {
                Some(known) => (known.pace.clone(), known.spent.clone()),
                None => (Pace::default(), Spent::load(vault, &key)?),
            };
            roster
                .callers
                .insert(key.digest, Arc::new(Caller { key, pace, spent }));
        }
        Ok(roster)
    }

    /// The caller that this key belongs to. The key is hashed before anything is looked up, so the
    /// time this takes says nothing about any key.
    pub(crate) fn caller(&self, key: &str) -> Option<&Arc<Caller>> {
        self.callers.get(&byokey_vault::digest(key))
    }
}

impl Caller {
    /// Whether the key has run out.
    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        self.key.limits.expires.is_some_and(|end| end <= now)
    }

    /// Whether the key may use a model, asked for by any of these names.
    pub(crate) fn allows(&self, names: &[&str]) -> bool {
        let allowed = &self.key.limits.models;
        allowed.is_empty()
            || allowed
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => names.iter().any(|name| name.starts_with(prefix)),
                    None => names.contains(&pattern.as_str()),
                })
    }
}

type Unusable = String;

fn seat(
    vault: &Vault,
    catalog: &Catalog,
    config: &Config,
    account: &Account,
) -> Result<Result<Seat, Unusable>, VaultError> {
    let Some(provider) = catalog.provider(&account.provider) else {
        return Ok(Err(format!(
            "no provider is called `{}` any more",
            account.provider
        )));
    };
    if !config.provider_enabled(&provider.id) {
        return Ok(Err(
            "the provider is switched off in the configuration".into()
        ));
    }
    let settings = config
        .providers
        .get(&provider.id)
        .cloned()
        .unwrap_or_default();
    if account.kind == AccountKind::Bridge {
        return Ok(program::seat(provider, &settings, account));
    }
    if account.kind != AccountKind::Key {
        return Ok(Err("it is signed in, and not served yet".into()));
    }
    let credential = vault.credential(account.id)?;
    let mut lines = Vec::new();
    let mut reason = None;
    for endpoint in &provider.endpoints {
        if !endpoint.takes(&account.route) {
            continue;
        }
        match line(provider, endpoint, &settings, account, &credential.secret) {
            Ok(Some(line)) if !bound_elsewhere(account, &line) => lines.push(line),
            Ok(Some(_)) => {
                reason = Some(format!(
                    "its key was entered for {}; add it again for the new address",
                    account.base_origin.as_deref().unwrap_or("another address")
                ));
            }
            Ok(None) => {}
            Err(why) => reason = Some(why),
        }
    }
    let direct = match direct::direct(provider, &settings, account, &credential.secret) {
        Ok(direct) => direct,
        Err(why) => {
            reason = reason.or(Some(why));
            Direct::default()
        }
    };
    let silent = provider.endpoints.is_empty() && direct.native.is_some();
    if lines.is_empty() && !silent {
        return Ok(Err(reason.unwrap_or_else(|| {
            "byokey has no address that takes this kind of account".into()
        })));
    }
    let list = list_call(provider, &settings, account, &credential.secret);
    Ok(Ok(Seat {
        account: account.clone(),
        label: label(account),
        lines,
        direct,
        list,
        program: None,
    }))
}

/// `provider/account` for the reply's header.
fn label(account: &Account) -> HeaderValue {
    let label = format!("{}/{}", account.provider, account.name);
    HeaderValue::from_str(&label).unwrap_or_else(|_| {
        // A name outside ASCII cannot stand in a header; the account's number can.
        HeaderValue::from_str(&format!("{}/{}", account.provider, account.id))
            .unwrap_or(HeaderValue::from_static("unnamed"))
    })
}

/// A credential serves only the origin that it was entered for.
fn bound_elsewhere(account: &Account, line: &Line) -> bool {
    is_bound_elsewhere(
        account,
        line.base.as_deref().unwrap_or(&line.endpoint.base_url),
    )
}

fn is_bound_elsewhere(account: &Account, url: &str) -> bool {
    let bound = account.base_origin.as_deref();
    bound.is_some_and(|bound| Some(bound) != origin(url).as_deref())
}

/// The call that lists what this account may use; `None` where there is none or it cannot be made.
fn list_call(
    provider: &Provider,
    settings: &ProviderConfig,
    account: &Account,
    secret: &Secret,
) -> Option<ListCall> {
    let list = provider.list_for(&account.route)?;
    // A list at another place than the user's own gateway would take the key past it.
    let elsewhere = list
        .base_url
        .as_ref()
        .is_some_and(|base| *base != provider.base_url);
    if settings.base_url.is_some() && elsewhere {
        return None;
    }
    let url = list.url(settings.base_url.as_deref(), &provider.base_url);
    let url = fill(&url, |name| provider.field(&account.fields, name)).ok()?;
    if is_bound_elsewhere(account, &url) {
        return None;
    }
    let route = provider.route(&account.route);
    let mut headers = HeaderMap::new();
    let of_route = route.into_iter().flat_map(|route| &route.headers);
    for (name, value) in provider
        .headers
        .iter()
        .chain(of_route)
        .chain(&settings.headers)
    {
        insert(&mut headers, name, value).ok()?;
    }
    let auth = route
        .and_then(|route| route.auth.as_ref())
        .unwrap_or(&provider.auth);
    if !list.public
        && let Some((name, mut value)) = credential_header(auth, secret).ok()?
    {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(crate::USER_AGENT),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    Some(ListCall {
        uri: url.parse().ok()?,
        headers,
        shape: list.shape,
    })
}

/// Scheme, host and port of a URL, the form in which accounts are bound to an address.
pub fn origin(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

/// The address as this account uses it; `None` when the user's own base takes its place.
fn line(
    provider: &Provider,
    endpoint: &Endpoint,
    settings: &ProviderConfig,
    account: &Account,
    secret: &Secret,
) -> Result<Option<Line>, Unusable> {
    let base = match &settings.base_url {
        // A user's base stands for the provider's own; an endpoint with a base apart would send the
        // key past the user's gateway.
        Some(_) if endpoint.base_url != provider.base_url => return Ok(None),
        Some(_)
            if settings
                .dialect
                .is_some_and(|dialect| dialect != endpoint.dialect) =>
        {
            return Ok(None);
        }
        Some(base) => Some(base.clone()),
        None => {
            let filled = fill(&endpoint.base_url, |name| {
                provider.field(&account.fields, name)
            });
            filled
                .map(|filled| (filled != endpoint.base_url).then_some(filled))
                .map_err(|why| {
                    format!(
                        "{why}; set providers.{}.base_url in the configuration",
                        provider.id
                    )
                })?
        }
    };
    let route = provider.route(&account.route);
    let mut headers = HeaderMap::new();
    for (name, value) in provider.headers_for(route, endpoint) {
        insert(&mut headers, name, value)?;
    }
    for (name, value) in &settings.headers {
        insert(&mut headers, name, value)?;
    }
    if let Some((name, mut value)) = credential_header(provider.auth_for(route, endpoint), secret)?
    {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let forward = provider
        .forward_headers
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    Ok(Some(Line {
        dialect: endpoint.dialect,
        endpoint: endpoint.clone(),
        base,
        headers,
        forward,
    }))
}

fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Unusable> {
    let bad = || format!("the header `{name}` cannot be sent");
    let parsed = HeaderName::try_from(name).map_err(|_| bad())?;
    headers.insert(parsed, HeaderValue::from_str(value).map_err(|_| bad())?);
    Ok(())
}

fn credential_header(
    auth: &Auth,
    secret: &Secret,
) -> Result<Option<(HeaderName, HeaderValue)>, Unusable> {
    let secret = secret.expose();
    let (name, value) = match auth {
        Auth::Bearer => (header::AUTHORIZATION, format!("Bearer {secret}")),
        Auth::Scheme(word) => (header::AUTHORIZATION, format!("{word} {secret}")),
        Auth::Basic => {
            let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
            (header::AUTHORIZATION, format!("Basic {encoded}"))
        }
        Auth::Header(name) => {
            let name = name
                .parse()
                .map_err(|_| "its credential header has no legal name")?;
            (name, secret.to_owned())
        }
        Auth::None => return Ok(None),
    };
    let value = HeaderValue::from_str(&value)
        .map_err(|_| "its key holds characters that cannot be sent; add it again")?;
    Ok(Some((name, value)))
}
