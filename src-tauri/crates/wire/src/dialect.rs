use serde::{Deserialize, Serialize};

/// A way of speaking on the wire, whether a program speaks it to byokey or byokey to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Gemini `generateContent`.
    Gemini,
    /// Kiro's AWS event stream; spoken to a provider only, never by a caller.
    Kiro,
}

impl Dialect {
    /// The name used in configuration, rows and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Gemini => "gemini",
            Self::Kiro => "kiro",
        }
    }
}
