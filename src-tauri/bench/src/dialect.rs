//! The two dialects that are measured.

use serde::Serialize;

/// What a caller or a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dialect {
    Chat,
    Messages,
}

impl Dialect {
    /// Its name in byokey's configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
        }
    }

    /// The path it is served at.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
        }
    }

    /// The dialect served at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        [Self::Chat, Self::Messages]
            .into_iter()
            .find(|dialect| path.ends_with(dialect.path()))
    }
}
