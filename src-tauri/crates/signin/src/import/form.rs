//! How each owner writes its login: bytes in, credential out. One small reader per owner; what is
//! half-written, foreign or signed out is an answer like any other.

mod antigravity;
mod byokey;
mod claude;
mod cli_proxy_api;
mod codex;
mod copilot;
mod gemini;
mod kimi;
mod kiro;
mod opencode;
mod retired;
mod text;

use std::collections::BTreeMap;

use byokey_catalog::Form;
use byokey_vault::{IssuedClient, Secret};
use jiff::Timestamp;

use self::text::{Hidden, Moment, as_text, claims, json};
use super::Unread;
use super::place::{Beside, Piece};

/// A credential that a place holds.
pub(super) struct Read {
    /// Which of several in the place; empty where there is one.
    pub(super) entry: String,
    pub(super) held: Held,
    pub(super) who: Who,
    /// What was granted, where the owner noted it.
    pub(super) scopes: Option<Vec<String>>,
    /// What requests need beside the token.
    pub(super) extra: BTreeMap<String, String>,
}

/// What kind of credential it is.
pub(super) enum Held {
    Key(Secret),
    Tokens {
        access: Secret,
        refresh: Option<Secret>,
        expires: Option<Timestamp>,
    },
}

/// Whose it is, as far as the owner noted it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) subject: Option<String>,
    pub(super) label: Option<String>,
    pub(super) plan: Option<String>,
}

impl Read {
    fn tokens(access: Secret, refresh: Option<Secret>, expires: Option<Timestamp>) -> Self {
        Self {
            entry: String::new(),
            held: Held::Tokens {
                access,
                refresh,
                expires,
            },
            who: Who::default(),
            scopes: None,
            extra: BTreeMap::new(),
        }
    }

    fn key(key: Secret) -> Self {
        Self {
            entry: String::new(),
            held: Held::Key(key),
            who: Who::default(),
            scopes: None,
            extra: BTreeMap::new(),
        }
    }

    fn with(mut self, name: &str, value: Option<String>) -> Self {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.extra.insert(name.to_owned(), value);
        }
        self
    }

    /// The text that requests would carry.
    pub(super) fn secret(&self) -> &Secret {
        match &self.held {
            Held::Key(key) => key,
            Held::Tokens { access, .. } => access,
        }
    }

    pub(super) fn expires(&self) -> Option<Timestamp> {
        match &self.held {
            Held::Key(_) => None,
            Held::Tokens { expires, .. } => *expires,
        }
    }
}

/// What a piece holds for the row's `entry`. Never empty.
pub(super) fn read(
    form: Form,
    entry: Option<&str>,
    piece: &Piece,
    beside: &Beside<'_>,
) -> Result<Vec<Read>, Unread> {
    let bytes = &piece.bytes[..];
    let found = match form {
        Form::Token => vec![Read::tokens(as_text(bytes)?, None, None)],
        Form::ClaudeCode => vec![claude::read(bytes, beside)?],
        Form::Codex => codex::read(bytes)?,
        Form::GithubHosts => copilot::editors(bytes)?,
        Form::GhHosts => copilot::github_cli(bytes)?,
        Form::Opencode => vec![opencode::read(bytes, entry)?],
        Form::GeminiFile => vec![gemini::file(bytes, beside)?],
        Form::GeminiItem => vec![gemini::item(bytes)?],
        Form::KiroIde => vec![kiro::ide(bytes, entry)?],
        Form::KiroCli => vec![kiro::cli(bytes, beside)?],
        Form::AntigravityState => vec![antigravity::state(bytes, piece.key())?],
        Form::AntigravityItem => vec![antigravity::item(bytes)?],
        Form::Kimi => vec![kimi::read(bytes)?],
        Form::Qwen => vec![retired::qwen(bytes)?],
        Form::Iflow => vec![retired::iflow(bytes)?],
        Form::Byokey => vec![byokey::read(bytes)?],
        Form::CliProxyApi => vec![cli_proxy_api::read(bytes, entry)?],
    };
    for read in &found {
        whole(read)?;
    }
    if found.is_empty() {
        return Err(Unread::SignedOut);
    }
    Ok(found)
}

/// The client that an owner registered for its login and keeps beside it.
pub(super) fn registration(form: Form, piece: &Piece, beside: &Beside<'_>) -> Option<IssuedClient> {
    match form {
        Form::KiroIde => kiro::ide_client(&piece.bytes, beside),
        Form::KiroCli => kiro::cli_client(piece.key(), beside),
        _ => None,
    }
}

/// Refuses what cannot be a whole token: parts of one, as lists show them, and foreign text.
fn whole(read: &Read) -> Result<(), Unread> {
    const LONGEST: usize = 16 * 1024;
    let refresh = match &read.held {
        Held::Tokens { refresh, .. } => refresh.as_ref(),
        Held::Key(_) => None,
    };
    for secret in std::iter::once(read.secret()).chain(refresh) {
        let text = secret.expose();
        if text.is_empty() {
            return Err(Unread::SignedOut);
        }
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.contains("...") || text.len() > LONGEST || !plain {
            return Err(Unread::Truncated);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
