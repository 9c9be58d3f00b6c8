use serde::{Deserialize, Serialize};

/// A place where another program keeps a credential that fits a route. It is read, never renewed
/// and never written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Name by which a person asks for it, such as `claude-code`; several places may share one.
    pub source: String,
    /// The program that owns it.
    pub owner: String,
    /// How it is written there.
    pub form: Form,
    /// Which member, row or kind is meant where the place holds several.
    pub entry: Option<String>,
    /// Where it lies.
    pub at: Place,
    /// What a person does so that the owner renews it, such as ``run `claude` once``.
    pub renew: Option<String>,
}

/// How an owner writes a credential. Each form has one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The bare token.
    Token,
    /// Claude Code's JSON.
    ClaudeCode,
    /// The Codex CLI's `auth.json`.
    Codex,
    /// Copilot's JSON by host, written by editors.
    GithubHosts,
    /// The GitHub CLI's YAML by host.
    GhHosts,
    /// opencode's JSON by provider; the entry is the provider.
    Opencode,
    /// The Gemini CLI's file, in the form of Google's library.
    GeminiFile,
    /// The Gemini CLI's keychain item.
    GeminiItem,
    /// The Kiro IDE's JSON; the entry is its kind of login.
    KiroIde,
    /// The Kiro CLI's row.
    KiroCli,
    /// The row of Antigravity's editor: protobuf in base64, twice.
    AntigravityState,
    /// Antigravity's keychain item.
    AntigravityItem,
    /// Kimi's JSON.
    Kimi,
    /// The Qwen CLI's JSON.
    Qwen,
    /// The iFlow CLI's JSON.
    Iflow,
    /// A row of BYOKEY's database; the entry is the provider.
    Byokey,
    /// A file of CLIProxyAPI; the entry is the provider.
    CliProxyApi,
}

/// Where a credential of another program lies. Paths may begin with `~` or hold
/// `${NAME:-default}`; a place whose `${NAME}` has neither value nor default does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Place {
    /// A file, or with a `*` in its name all files of that kind.
    File {
        /// Its path.
        path: String,
        /// Where it lies on one system only: `linux`, `macos` or `windows`.
        os: Option<String>,
    },
    /// An item of the OS keychain.
    Keychain {
        /// Service name.
        service: String,
        /// Account name, where it is fixed.
        account: Option<String>,
    },
    /// An SQLite database, opened read-only.
    Sqlite {
        /// Its path.
        path: String,
        /// Table that holds it.
        table: String,
        /// Keys within the table, newest form first.
        keys: Vec<String>,
        /// Where it lies on one system only.
        os: Option<String>,
    },
    /// An environment variable.
    Env(String),
    /// A program that prints it, with its arguments.
    Command(Vec<String>),
}
