//! Who can serve and who may ask, ready for use: a snapshot taken from the vault.
//!
//! A request must not touch the database, so credentials stand here as prepared headers, marked
//! sensitive, and client keys as digests. A change in the vault or the configuration makes a new
//! roster; requests under way keep the one they began with.

mod direct;
mod holding;
mod program;
mod signature;

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use byokey_catalog::{Auth, Catalog, Endpoint, Lockout};
use byokey_signin::{AccountState, StateFacts, StateKind, TokenAsk};
use byokey_vault::{
    AcceptedNotice, Account, AccountId, AccountKind, ClientKey, Secret, Vault, VaultError,
};
use byokey_wire::Dialect;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;

pub(crate) use self::direct::{Direct, Native, ServiceLine};
use self::holding::Holding;
pub(crate) use self::program::Program;
pub(crate) use self::signature::Signature;
use crate::budget::Spent;
use crate::config::Config;
use crate::live::ListCall;
use crate::pace::Pace;

/// Accounts and client keys as they stood at one moment.
pub(crate) struct Roster {
    /// Enabled accounts in the order in which they are asked.
    pub(crate) seats: Vec<Arc<Seat>>,
    /// Accounts that cannot be asked, and why.
    pub(crate) idle: Vec<(Account, String)>,
    /// All accounts there are.
    pub(crate) accounts: Vec<AccountId>,
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
    /// Whose token goes into its requests; absent where a key stands in the prepared headers.
    pub(crate) ask: Option<TokenAsk>,
    /// Answers by which its provider locks accounts out.
    pub(crate) lockouts: Arc<[Lockout]>,
    /// The program that answers in place of an address.
    pub(crate) program: Option<Program>,
}

/// One address of a seat.
pub(crate) struct Line {
    pub(crate) dialect: Dialect,
    pub(crate) endpoint: Endpoint,
    /// The base in place of the endpoint's, if the user set one.
    pub(crate) base: Option<String>,
    /// Constant headers, a key among them.
    pub(crate) headers: HeaderMap,
    pub(crate) signature: Option<Signature>,
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
        catalog: &Arc<Catalog>,
        config: &Config,
        last: Option<&Roster>,
    ) -> Result<Self, VaultError> {
        let mut roster = Self {
            seats: Vec::new(),
            idle: Vec::new(),
            accounts: Vec::new(),
            callers: HashMap::new(),
        };
        let accepted = vault.notices()?;
        for account in vault.accounts()? {
            roster.accounts.push(account.id);
            if !account.enabled {
                continue;
            }
            match seat(vault, catalog, config, &accepted, &account)? {
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

    /// Whose tokens may be asked for.
    pub(crate) fn asks(&self) -> Vec<TokenAsk> {
        let asks = self.seats.iter().filter_map(|seat| seat.ask.clone());
        asks.collect()
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
    catalog: &Arc<Catalog>,
    config: &Config,
    accepted: &[AcceptedNotice],
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
    let settings = config.providers.get(&provider.id);
    let settings = settings.cloned().unwrap_or_default();
    let facts = StateFacts {
        catalog,
        accepted,
        allow_retired: settings.allow_retired,
        refreshing: false,
    };
    let state = AccountState::of(account, &facts);
    // Its owner may renew a followed login at any time, so the keeper is asked with each request.
    if state.kind.needs_attention() && state.kind != StateKind::NeedsOwner {
        return Ok(Err(state.to_string()));
    }
    if account.kind == AccountKind::Bridge {
        return Ok(program::seat(provider, &settings, account));
    }
    match Holding::open(vault, catalog, provider, &settings, account) {
        Ok(holding) => Ok(holding.seat()),
        // One account that does not open is no reason to serve none.
        Err(
            error @ (VaultError::Tampered { .. }
            | VaultError::NoKey(_)
            | VaultError::NoTokens(_)
            | VaultError::NoAccount(_)),
        ) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// `provider/account` for the reply's header.
fn label(account: &Account) -> HeaderValue {
    let label = |name: &dyn std::fmt::Display| {
        HeaderValue::from_str(&format!("{}/{name}", account.provider))
    };
    // A name outside ASCII cannot stand in a header; the account's number can.
    let label = label(&account.name).or_else(|_| label(&account.id));
    label.unwrap_or(HeaderValue::from_static("unnamed"))
}

impl Holding<'_> {
    fn seat(self) -> Result<Seat, Unusable> {
        let (mut lines, mut reason) = (Vec::new(), None);
        for endpoint in self.taken() {
            match self.line(endpoint) {
                Ok(line) => lines.extend(line),
                Err(why) => reason = Some(why),
            }
        }
        let direct = direct::direct(&self).unwrap_or_else(|why| {
            reason.get_or_insert(why);
            Direct::default()
        });
        let silent = self.provider.endpoints.is_empty() && direct.native.is_some();
        if lines.is_empty() && !silent {
            return Err(reason.unwrap_or_else(|| {
                "byokey has no address that takes this kind of account".into()
            }));
        }
        Ok(Seat {
            account: self.account.clone(),
            label: label(self.account),
            lines,
            direct,
            list: self.list_call(),
            program: None,
            ask: self.ask,
            lockouts: self.provider.lockouts.clone().into(),
        })
    }

    /// The address as this account uses it; `None` when the user's own base takes its place.
    fn line(&self, endpoint: &Endpoint) -> Result<Option<Line>, Unusable> {
        let settings = self.settings;
        let spoken = settings.dialect.unwrap_or(endpoint.dialect);
        if settings.base_url.is_some() && spoken != endpoint.dialect {
            return Ok(None);
        }
        let Some(base) = self.base(&endpoint.base_url, self.lies_elsewhere())? else {
            return Ok(None);
        };
        self.bound(&endpoint.base_url, &base)?;
        let mut headers = self.constants(&endpoint.headers)?;
        self.put_key(endpoint.auth.as_ref(), &mut headers)?;
        let forward = self.provider.forward_headers.iter();
        Ok(Some(Line {
            dialect: endpoint.dialect,
            endpoint: endpoint.clone(),
            base: (base != endpoint.base_url).then_some(base),
            headers,
            signature: self.signature(endpoint.auth.as_ref()),
            forward: forward.filter_map(|name| name.parse().ok()).collect(),
        }))
    }

    /// The call that lists what this account may use; `None` where there is none or it cannot be
    /// made.
    fn list_call(&self) -> Option<ListCall> {
        let list = self.provider.list_for(&self.account.route)?;
        let row = list.base_url.as_ref().unwrap_or(&self.provider.base_url);
        let base = self.base(row, self.lies_elsewhere()).ok()??;
        let url = self.filled(&list.url(Some(&base), row)).ok()?;
        self.bound(row, &url).ok()?;
        let mut headers = self.constants(&Default::default()).ok()?;
        let mut signature = None;
        if !list.public {
            self.put_key(None, &mut headers).ok()?;
            signature = self.signature(None);
        }
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(crate::USER_AGENT),
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Some(ListCall {
            uri: url.parse().ok()?,
            headers,
            signature,
            shape: list.shape,
        })
    }
}

/// Scheme, host and port of a URL, the form in which accounts are bound to an address.
pub fn origin(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
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
