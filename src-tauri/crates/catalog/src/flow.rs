use serde::{Deserialize, Serialize};

/// How a route gets its credential. The engines are few and closed; everything particular to one
/// provider is in these members.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Flow {
    /// The address takes requests without one.
    Open,
    /// A person types or pastes it.
    Key(Key),
    /// Authorization code with PKCE over a loopback redirect.
    Pkce(Box<Pkce>),
    /// Device code as in RFC 8628.
    Device(Device),
    /// AWS OIDC device code with registration of the client.
    AwsDevice(AwsDevice),
    /// AWS OIDC authorization code with registration of the client per login.
    AwsPkce(AwsPkce),
    /// A provider's own device poll.
    Poll(Box<Poll>),
    /// The user's own official program makes the call.
    Bridge(Bridge),
}

/// A credential that a person brings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Key {
    /// Page on which it is made.
    pub page: Option<String>,
    /// What keys of this route begin with, where that tells routes of one provider apart.
    pub prefixes: Vec<String>,
    /// Beginnings that are refused, since the provider refuses such credentials.
    pub refused_prefixes: Vec<String>,
    /// Environment variables that hold it, where they tell routes apart.
    pub env: Vec<String>,
}

/// Authorization code with PKCE (always S256) over a loopback redirect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkce {
    /// OpenID issuer whose keys check the ID token, where there is one. For a provider of the user's own
    /// its discovery also names the addresses that are empty here.
    pub issuer: Option<String>,
    /// Page that the browser opens.
    pub authorize_url: String,
    /// Where the code is exchanged. Pinned: never taken from a reply.
    pub token_url: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientId,
    /// Scopes, joined by spaces.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Scope without which the credential cannot be used for requests.
    pub required_scope: Option<String>,
    /// RFC 8707 resource, sent in every request.
    pub resource: Option<String>,
    /// Further parameters of the authorize page.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Where the browser comes back to.
    pub redirect: Redirect,
    /// How the callback is bound to this login.
    #[serde(default)]
    pub state: StateRule,
    /// Whether the state is repeated in the exchange.
    #[serde(default)]
    pub state_in_exchange: bool,
    /// Encoding of the exchange.
    pub encoding: Encoding,
    /// How tokens are renewed; absent when the flow yields a key that does not expire.
    pub refresh: Option<Refresh>,
    /// Way for machines without a browser.
    pub paste: Option<Paste>,
    /// Seconds after which the login is given up.
    #[serde(default = "ten_minutes")]
    pub timeout_s: u32,
}

/// Device code as in RFC 8628.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// OpenID issuer whose discovery names what is empty here; only for a provider of the user's own.
    pub issuer: Option<String>,
    /// Where a code is asked for.
    pub device_url: String,
    /// Where the answer is polled.
    pub token_url: String,
    /// Who asks.
    #[serde(default)]
    pub client: ClientId,
    /// Scopes, joined by spaces.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether PKCE is added.
    #[serde(default)]
    pub pkce: bool,
    /// Seconds added to the interval the server gives.
    #[serde(default)]
    pub extra_interval_s: u32,
    /// Further hosts on which the page for the code may stand; one that knows the code already is
    /// opened on these and on the asked one only.
    #[serde(default)]
    pub code_hosts: Vec<String>,
    /// Header that carries a fresh UUID with each question, where the server wants one.
    pub request_id_header: Option<String>,
    /// Prefix of the identity headers that every call of this provider expects; byokey fills them
    /// with its own name, version and a neutral device.
    pub identity_headers: Option<String>,
    /// How tokens are renewed; absent when they do not expire.
    pub refresh: Option<Refresh>,
}

/// AWS OIDC device code; the client is registered per installation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsDevice {
    /// Host with `{auth_region}`.
    pub host: String,
    /// Portal of the organisation; absent when the person types it.
    pub start_url: Option<String>,
    /// As for [`Device`]; with `{auth_region}`.
    #[serde(default)]
    pub code_hosts: Vec<String>,
    /// Name under which the client is registered.
    pub client_name: String,
    /// Scopes of the registration.
    pub scopes: Vec<String>,
    /// How tokens are renewed.
    pub refresh: Refresh,
}

/// AWS OIDC authorization code; the client is registered per login, so any port will do.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsPkce {
    /// Host with `{auth_region}`.
    pub host: String,
    /// Name under which the client is registered.
    pub client_name: String,
    /// Scopes; the authorize page takes them as `scopes`.
    pub scopes: Vec<String>,
    /// Where the browser comes back to.
    pub redirect: Redirect,
    /// How tokens are renewed.
    pub refresh: Refresh,
    /// Seconds after which the login is given up.
    #[serde(default = "ten_minutes")]
    pub timeout_s: u32,
}

/// A device poll of a provider's own making.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// Whose form it has.
    pub protocol: PollProtocol,
    /// Where a code is asked for.
    pub start_url: String,
    /// Where the answer is polled.
    pub poll_url: String,
    /// Page on which the person types the code, where no reply names it.
    pub verification_url: Option<String>,
    /// As for [`Device`].
    #[serde(default)]
    pub code_hosts: Vec<String>,
    /// Where the polled code is exchanged, where the poll does not yield tokens.
    pub token_url: Option<String>,
    /// Redirect named in that exchange; nothing listens there.
    pub redirect_uri: Option<String>,
    /// Who asks.
    pub client: ClientId,
    /// Identity providers a person chooses from.
    #[serde(default)]
    pub login_providers: Vec<String>,
    /// How tokens are renewed.
    pub refresh: Refresh,
    /// Seconds after which the login is given up.
    #[serde(default = "ten_minutes")]
    pub timeout_s: u32,
}

/// Whose form a [`Poll`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PollProtocol {
    /// OpenAI's device login of the Codex CLI.
    Codex,
    /// Kiro's social login.
    KiroSocial,
}

/// The user's own program makes the call, unmodified, and keeps its login.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bridge {
    /// Name of the program, looked up on the path.
    pub program: String,
    /// What is spoken with it.
    pub protocol: BridgeProtocol,
    /// Arguments that start a request or a server, unless an SDK adds them.
    #[serde(default)]
    pub run: Vec<String>,
    /// Arguments that let the person sign in there, where there are any.
    #[serde(default)]
    pub login: Vec<String>,
    /// Arguments that print whether someone is signed in.
    #[serde(default)]
    pub status: Vec<String>,
    /// Arguments that make it forget its login, where there are any.
    #[serde(default)]
    pub logout: Vec<String>,
    /// Page that tells how to install it.
    pub install_url: String,
}

/// What is spoken with a bridged program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BridgeProtocol {
    /// One run per request, JSON objects by line.
    ClaudeStreamJson,
    /// A server on stdio, JSON-RPC without the version member.
    CodexAppServer,
    /// A server on stdio, JSON-RPC of the Copilot SDK.
    CopilotSdk,
}

/// Who asks for a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientId {
    /// Public id; absent where the flow has none or byokey's own registration comes from
    /// configuration.
    pub id: Option<String>,
    /// Environment variable that replaces it.
    pub env: Option<String>,
    /// What to tell a person who has none, where the row has none either.
    pub advice: Option<String>,
    /// Where a client secret comes from; never from here.
    pub secret: SecretSource,
    /// Where the user's installed official program holds the secret of `id`.
    pub installed: Option<InstalledSecret>,
    /// How the secret is sent.
    pub secret_in: SecretIn,
    /// Whether the callback brings another id, issued to this installation, for all later use.
    pub issued_on_first_login: bool,
}

/// Where a client secret comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SecretSource {
    /// The client has none.
    #[default]
    None,
    /// Configuration, or this environment variable.
    Configured(String),
    /// Configuration, this environment variable, or the user's installed official app.
    Installed(String),
}

/// A client secret within an installed official program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstalledSecret {
    /// The program's name on the path, where that leads to its files.
    pub program: Option<String>,
    /// Files to look into, as in a [`Place`](crate::Place); `{program}` is the program's folder, and
    /// `*.js` as the last part means all files with that ending.
    pub files: Vec<String>,
    /// What the secret begins with.
    pub begins: String,
    /// How many characters (letters, digits, `-`, `_`) follow.
    pub follows: usize,
}

/// How a client secret is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretIn {
    /// With the other members.
    #[default]
    Body,
    /// As HTTP Basic.
    Basic,
    /// Both at once, against the standard.
    Both,
}

/// A parameter of the authorize page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value; `{device_id}` is a UUID that stays the same on this installation.
    pub value: String,
    /// Whether it is left out once this installation has a client id of its own.
    #[serde(default)]
    pub first_login_only: bool,
}

/// Where the browser comes back to. The listener is always on loopback.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// Host as the provider must see it: `127.0.0.1`, or `localhost` with a reason.
    pub host: String,
    /// Why it is `localhost`.
    pub localhost_because: Option<String>,
    /// Exact path.
    pub path: String,
    /// Which ports will do.
    pub ports: Ports,
    /// Name of the parameter that carries it.
    #[serde(default = "redirect_uri")]
    pub parameter: String,
}

/// Which ports a redirect may have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// Any free one.
    Any,
    /// These first, then any free one.
    Prefer(Vec<u16>),
    /// These only.
    Only(Vec<u16>),
}

/// How a callback is bound to its login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateRule {
    /// The `state` parameter.
    #[default]
    State,
    /// The provider returns no state, so a nonce goes into the redirect's path.
    NonceInPath,
}

/// Encoding of a request to a token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// JSON with `snake_case` members.
    Json,
    /// JSON with `camelCase` members.
    JsonCamel,
}

/// How tokens are renewed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// Where, when it is not the token URL.
    pub url: Option<String>,
    /// Encoding of the request.
    pub encoding: Encoding,
    /// What becomes of the refresh token.
    pub rotation: Rotation,
    /// Seconds before expiry at which it is due; absent means the common rule.
    pub lead_s: Option<u32>,
    /// Part of the lifetime, in percent, at which it is due where that comes before `lead_s`.
    pub lead_percent: Option<u8>,
    /// Whether scopes are sent again.
    #[serde(default)]
    pub sends_scope: bool,
    /// Error codes after which only a new login helps, beside `invalid_grant`.
    #[serde(default)]
    pub permanent: Vec<String>,
}

/// How a login is ended by a call (RFC 7009, or nearly).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Where; absent means the endpoint that the issuer's discovery names.
    pub url: Option<String>,
    /// Encoding of the request.
    pub encoding: Encoding,
    /// Whether the request holds the bare token, without its kind and the client.
    #[serde(default)]
    pub bare: bool,
}

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// A new one comes and the old one dies.
    Rotates,
    /// A new one may come; otherwise the old one stays.
    May,
    /// As `Rotates`, and a second use of the old one ends the login.
    SingleUse,
    /// It stays.
    Keeps,
}

/// A code that the person copies from a page of the provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paste {
    /// Redirect named in that case; absent means the loopback one.
    pub redirect_uri: Option<String>,
    /// Character between code and state in what is pasted.
    pub separator: Option<char>,
}

fn ten_minutes() -> u32 {
    600
}

fn redirect_uri() -> String {
    "redirect_uri".to_owned()
}
