//! The sign-ins that are simulated, and how each deals with its tokens.

/// One sign-in with tokens of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Realm {
    /// Claude's plan login.
    Claude,
    /// Sign in with ChatGPT.
    Chatgpt,
    /// The login of the Codex CLI, by browser and by code.
    Codex,
    /// GitHub's device login.
    Github,
    /// The token that Copilot gives for GitHub's.
    Copilot,
    /// Google with the client of the Gemini CLI.
    GeminiCli,
    /// Google with the client of Antigravity.
    Antigravity,
    /// AWS OIDC, as Kiro uses it.
    Aws,
    /// Kiro's login by Google or GitHub.
    KiroSocial,
    /// Kimi Code.
    Kimi,
    /// Qwen's ended free login.
    Qwen,
    /// iFlow's ended login.
    Iflow,
    /// The key that iFlow gives for its token.
    IflowKey,
    /// OpenRouter, which yields a key.
    Openrouter,
    /// A plain OpenID provider, for the user's own entries.
    Oidc,
}

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// A new one comes. Using an old one once more ends the whole family.
    Rotates,
    /// It stays and is not sent again.
    Keeps,
    /// There is none.
    Never,
}

impl Realm {
    /// Seconds for which an access token lasts unless a test says otherwise.
    pub(crate) fn lifetime(self) -> i64 {
        match self {
            Self::Claude => 28_800,
            Self::Chatgpt | Self::Aws | Self::KiroSocial | Self::Oidc => 3600,
            Self::Codex => 864_000,
            Self::GeminiCli | Self::Antigravity => 3599,
            Self::Copilot => 1800,
            Self::Kimi => 900,
            Self::Qwen => 21_600,
            Self::Iflow => 172_800,
            Self::Github | Self::IflowKey | Self::Openrouter => 315_360_000,
        }
    }

    pub(crate) fn rotation(self) -> Rotation {
        match self {
            Self::Claude
            | Self::Chatgpt
            | Self::Codex
            | Self::Aws
            | Self::KiroSocial
            | Self::Kimi
            | Self::Qwen
            | Self::Iflow
            | Self::Oidc => Rotation::Rotates,
            Self::GeminiCli | Self::Antigravity => Rotation::Keeps,
            Self::Github | Self::Copilot | Self::IflowKey | Self::Openrouter => Rotation::Never,
        }
    }

    /// What access and refresh tokens begin with, so that none can be taken for another's.
    pub(crate) fn prefixes(self) -> (&'static str, &'static str) {
        match self {
            Self::Claude => ("sk-ant-oat01-", "sk-ant-ort01-"),
            Self::Chatgpt => ("", "rt_siwc_"),
            Self::Codex => ("", "rt_codex_"),
            Self::Github => ("gho_", "ghr_"),
            Self::Copilot => ("tid=sim;exp=9;sku=pro:", ""),
            Self::GeminiCli => ("ya29.gemini-", "1//gemini-"),
            Self::Antigravity => ("ya29.antigravity-", "1//antigravity-"),
            Self::Aws => ("aoaAAAAAG", "aorAAAAAG"),
            Self::KiroSocial => ("aoaAAAAAS", "aorAAAAAS"),
            Self::Kimi => ("", "rt_kimi_"),
            Self::Qwen => ("qwen-", "qwen-refresh-"),
            Self::Iflow => ("iflow-", "iflow-refresh-"),
            Self::IflowKey => ("sk-iflow-", ""),
            Self::Openrouter => ("sk-or-v1-", ""),
            Self::Oidc => ("oidc-", "oidc-refresh-"),
        }
    }

    /// Whether access tokens are JWTs that tell whose they are.
    pub(crate) fn has_claims(self) -> bool {
        matches!(self, Self::Chatgpt | Self::Codex | Self::Kimi)
    }

    /// Whether an id token comes along.
    pub(crate) fn has_id_token(self) -> bool {
        matches!(
            self,
            Self::Chatgpt | Self::Codex | Self::GeminiCli | Self::Antigravity | Self::Oidc
        )
    }
}
