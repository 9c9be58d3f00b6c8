use std::collections::BTreeMap;

use byokey_gateway::config::{BridgeConfig, OauthOverride, ProviderConfig};
use byokey_wire::Dialect;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;

/// The configuration in force. Keys and header values, which may be secrets, are not shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigResponse {
    /// The configuration file, whether it exists or not.
    pub path: String,
    /// Why the file is not in force, if it is not.
    pub error: Option<String>,
    /// The configured port; the command line may overrule it.
    pub port: u16,
    /// The configured address; the command line may overrule it.
    pub host: String,
    /// Names besides the loopback literals that a request's `Host` may carry.
    pub names: Vec<String>,
    /// Who may call.
    pub auth: AuthInfo,
    /// Whether a translation that would lose something is refused.
    pub strict: bool,
    /// Largest request body in MiB.
    pub max_body_mib: usize,
    /// Whether a request that one account could not serve goes to the next one.
    pub failover: bool,
    /// How long to wait for what.
    pub timeouts: TimeoutsInfo,
    /// What holds the vault's key, if the file says so.
    pub vault: Option<String>,
    /// Settings by provider id.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Name → models to try, in order.
    pub aliases: BTreeMap<String, Vec<String>>,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthInfo {
    /// Whether a request needs a client key.
    pub require_key: bool,
}

/// How long to wait for what, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimeoutsInfo {
    /// For a connection to a provider.
    pub connect_s: u64,
    /// From the end of the request to the provider's first byte.
    pub headers_s: u64,
    /// Between two pieces of a reply.
    pub idle_s: u64,
    /// For the whole exchange; absent means no limit.
    pub total_s: Option<u64>,
}

/// Settings of one provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderSettings {
    /// Whether the file holds an API key for it.
    pub has_api_key: bool,
    /// Another place that speaks the provider's dialect.
    pub base_url: Option<String>,
    /// Whether the provider is used at all.
    pub enabled: Option<bool>,
    /// Names of extra request headers.
    pub headers: Vec<String>,
    /// What a provider of the user's own speaks.
    #[schema(value_type = Option<String>)]
    pub dialect: Option<Dialect>,
    /// What a provider of the user's own serves.
    pub models: Vec<String>,
    /// The user's own sign-in application or issuer.
    pub oauth: Option<OauthInfo>,
    /// Origin → origin: whatever byokey would call at the first goes to the second.
    pub origins: BTreeMap<String, String>,
    /// Whether its calls go through a network proxy.
    pub has_proxy: bool,
    /// Whether ways to sign in that the provider has ended may be tried.
    pub allow_retired: bool,
    /// The user's own program that makes the calls.
    pub bridge: Option<BridgeInfo>,
}

/// The user's own program that makes a provider's calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BridgeInfo {
    /// Where it lies, if the file says so.
    pub program: Option<String>,
    /// Names of the environment variables that it gets beside.
    pub env: Vec<String>,
}

/// Overrides of a provider's sign-in data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthInfo {
    /// Client id of the user's own application.
    pub client_id: Option<String>,
    /// Whether the file holds a secret of that application.
    pub has_client_secret: bool,
    /// OpenID issuer.
    pub issuer: Option<String>,
    /// Scopes that are asked for.
    pub scopes: Vec<String>,
    /// Authorization page.
    pub authorize_url: Option<String>,
    /// Token endpoint.
    pub token_url: Option<String>,
    /// Device-code endpoint.
    pub device_url: Option<String>,
    /// Revocation endpoint.
    pub revoke_url: Option<String>,
    /// Redirect address.
    pub redirect: Option<String>,
}

impl Desk {
    /// The configuration in force.
    pub fn config(&self) -> ConfigResponse {
        let config = self.engine.config();
        let providers = config.providers.into_iter();
        ConfigResponse {
            path: self.engine.config_path().display().to_string(),
            error: self.engine.config_error(),
            port: config.port,
            host: config.host.to_string(),
            names: config.names,
            auth: AuthInfo {
                require_key: config.auth.require_key,
            },
            strict: config.strict,
            max_body_mib: config.max_body_mib,
            failover: config.routing.failover,
            timeouts: TimeoutsInfo {
                connect_s: config.timeouts.connect_s,
                headers_s: config.timeouts.headers_s,
                idle_s: config.timeouts.idle_s,
                total_s: config.timeouts.total_s,
            },
            vault: config.vault,
            providers: providers
                .map(|(id, settings)| (id, settings.into()))
                .collect(),
            aliases: config.models.aliases,
        }
    }
}

impl From<ProviderConfig> for ProviderSettings {
    fn from(settings: ProviderConfig) -> Self {
        Self {
            has_api_key: settings.api_key.is_some(),
            base_url: settings.base_url,
            enabled: settings.enabled,
            headers: settings.headers.into_keys().collect(),
            dialect: settings.dialect,
            models: settings.models,
            oauth: settings.oauth.map(OauthInfo::from),
            origins: settings.origins,
            has_proxy: settings.proxy.is_some(),
            allow_retired: settings.allow_retired,
            bridge: settings.bridge.map(BridgeInfo::from),
        }
    }
}

impl From<OauthOverride> for OauthInfo {
    fn from(oauth: OauthOverride) -> Self {
        Self {
            client_id: oauth.client_id,
            has_client_secret: oauth.client_secret.is_some(),
            issuer: oauth.issuer,
            scopes: oauth.scopes,
            authorize_url: oauth.authorize_url,
            token_url: oauth.token_url,
            device_url: oauth.device_url,
            revoke_url: oauth.revoke_url,
            redirect: oauth.redirect,
        }
    }
}

impl From<BridgeConfig> for BridgeInfo {
    fn from(bridge: BridgeConfig) -> Self {
        Self {
            program: bridge.program.map(|path| path.display().to_string()),
            env: bridge.env.into_keys().collect(),
        }
    }
}
