use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use byokey_bridge::BridgeSettings;
use byokey_catalog::CustomOauth;
use byokey_signin::Overrides;
use byokey_vault::Secret;
use byokey_wire::Dialect;
use serde::Deserialize;

/// The whole configuration. Every member has a default, so an empty file is a valid one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Address to listen on.
    pub host: IpAddr,
    /// Names besides the loopback literals that a request's `Host` may carry.
    pub names: Vec<String>,
    /// Who may call.
    pub auth: Auth,
    /// Refuse a translation that would lose something instead of recording it.
    pub strict: bool,
    /// Largest request body in MiB.
    pub max_body_mib: usize,
    /// How accounts are chosen.
    pub routing: Routing,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Which keychain or file seals the vault: `keychain`, `passphrase` or `key-file`.
    pub vault: Option<String>,
    /// Settings by provider id; an id that no row knows is a provider of the user's own.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Names for models.
    pub models: Models,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether a request needs a client key. Only a loopback address may do without.
    pub require_key: bool,
}

/// How accounts are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Routing {
    /// Whether the first account in order gets every request that it can serve, so that a
    /// provider's prompt cache is met again; else the accounts of a model take turns.
    pub affinity: bool,
    /// Longest wait in seconds for the last account left, when its provider says how long it is
    /// busy; 0 never waits.
    pub wait_max_s: u64,
    /// Whether a request that one account could not serve goes to the next one.
    pub failover: bool,
}

/// How long to wait for what. There is no limit on the whole unless `total_s` sets one: a long
/// answer is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Seconds for a connection to a provider, TLS included.
    pub connect_s: u64,
    /// Seconds from the end of the request to the provider's first byte.
    pub headers_s: u64,
    /// Seconds between two pieces of a reply.
    pub idle_s: u64,
    /// Seconds for the whole exchange; absent means no limit.
    pub total_s: Option<u64>,
}

/// Settings of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderConfig {
    /// An API key. Taken into the vault when the file is read; `${NAME}` reads the environment.
    pub api_key: Option<ConfigKey>,
    /// Another place that speaks the provider's dialect.
    pub base_url: Option<String>,
    /// Whether the provider is used at all.
    pub enabled: Option<bool>,
    /// Extra request headers.
    pub headers: BTreeMap<String, String>,
    /// What a provider of the user's own speaks.
    pub dialect: Option<Dialect>,
    /// What a provider of the user's own serves.
    pub models: Vec<String>,
    /// The user's own sign-in application or issuer.
    pub oauth: Option<OauthOverride>,
    /// Origin → origin: whatever byokey would call at the first goes to the second.
    pub origins: BTreeMap<String, String>,
    /// Network proxy of all calls, renewals of tokens included; `${NAME}` reads the environment.
    pub proxy: Option<ConfigKey>,
    /// Whether ways to sign in that the provider has ended may be tried.
    pub allow_retired: bool,
    /// The user's own program that makes the calls.
    pub bridge: Option<BridgeConfig>,
}

/// The user's own program that makes a provider's calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BridgeConfig {
    /// Where it lies; absent means that it is looked for.
    pub program: Option<PathBuf>,
    /// Environment variables that it gets beside.
    pub env: BTreeMap<String, String>,
}

/// A key written into the configuration file. Its text shows up nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct ConfigKey(String);

/// Overrides of a provider's sign-in data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OauthOverride {
    /// Client id of the user's own application.
    pub client_id: Option<String>,
    /// Its secret; `${NAME}` reads the environment.
    pub client_secret: Option<ConfigKey>,
    /// OpenID issuer of a provider of the user's own; its discovery names what is absent here.
    pub issuer: Option<String>,
    /// Scopes that a provider of the user's own is asked for.
    pub scopes: Vec<String>,
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
}

/// Names for models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Name → models to try, in order.
    pub aliases: BTreeMap<String, Vec<String>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 8018,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            names: Vec::new(),
            auth: Auth::default(),
            strict: false,
            max_body_mib: 64,
            routing: Routing::default(),
            timeouts: Timeouts::default(),
            vault: None,
            providers: BTreeMap::new(),
            models: Models::default(),
        }
    }
}

impl Default for Auth {
    fn default() -> Self {
        Self { require_key: true }
    }
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            affinity: true,
            wait_max_s: 5,
            failover: true,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_s: 10,
            headers_s: 300,
            idle_s: 300,
            total_s: None,
        }
    }
}

impl Config {
    /// Largest request body, in bytes.
    pub fn max_body(&self) -> usize {
        self.max_body_mib << 20
    }

    /// Whether a provider is switched on.
    pub fn provider_enabled(&self, id: &str) -> bool {
        self.providers
            .get(id)
            .and_then(|provider| provider.enabled)
            .unwrap_or(true)
    }
}

impl ProviderConfig {
    /// What it says in place of the provider's row, in the terms of sign-in.
    pub fn overrides(&self) -> Overrides {
        let oauth = self.oauth.clone().unwrap_or_default();
        let value = |key: &Option<ConfigKey>| Some(Arc::new(key.as_ref()?.value()?));
        Overrides {
            client_id: oauth.client_id,
            client_secret: value(&oauth.client_secret),
            authorize_url: oauth.authorize_url,
            token_url: oauth.token_url,
            device_url: oauth.device_url,
            revoke_url: oauth.revoke_url,
            redirect: oauth.redirect,
            base_url: self.base_url.clone(),
            origins: self.origins.clone(),
            headers: self.headers.clone(),
            // One that is named and not there must not mean that there is none.
            proxy: self
                .proxy
                .as_ref()
                .map(|proxy| Arc::new(proxy.value().unwrap_or_else(|| Secret::new(String::new())))),
            allow_retired: self.allow_retired,
            bridge: self
                .bridge
                .as_ref()
                .map(BridgeConfig::settings)
                .unwrap_or_default(),
        }
    }
}

impl BridgeConfig {
    /// What it says, in the terms of the program's room.
    pub fn settings(&self) -> BridgeSettings {
        BridgeSettings {
            program: self.program.clone(),
            env: self.env.clone(),
        }
    }
}

impl OauthOverride {
    /// How people sign in at a provider of the user's own.
    pub(crate) fn own_provider(&self) -> CustomOauth {
        CustomOauth {
            issuer: self.issuer.clone(),
            authorize_url: self.authorize_url.clone(),
            token_url: self.token_url.clone(),
            device_url: self.device_url.clone(),
            revoke_url: self.revoke_url.clone(),
            client_id: self.client_id.clone(),
            secret: self.client_secret.is_some(),
            scopes: self.scopes.clone(),
        }
    }
}

impl Timeouts {
    /// Limit on connecting.
    pub fn connect(&self) -> Duration {
        Duration::from_secs(self.connect_s)
    }

    /// Limit on waiting for the reply's head.
    pub fn headers(&self) -> Duration {
        Duration::from_secs(self.headers_s)
    }

    /// Limit on silence inside a reply.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_s)
    }

    /// Limit on the whole exchange.
    pub fn total(&self) -> Option<Duration> {
        self.total_s.map(Duration::from_secs)
    }
}

impl ConfigKey {
    /// The text as it stands in the file.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text, or what the environment variable holds that it names; `None` if that is not set.
    pub fn value(&self) -> Option<Secret> {
        let text = match self.variable() {
            Some(name) => std::env::var(name).ok()?,
            None => self.0.clone(),
        };
        let text = text.trim();
        (!text.is_empty()).then(|| Secret::new(text))
    }

    /// The environment variable that holds the key, when the text is `${NAME}`.
    pub fn variable(&self) -> Option<&str> {
        self.0.strip_prefix("${")?.strip_suffix('}')
    }
}

impl std::fmt::Debug for ConfigKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}
