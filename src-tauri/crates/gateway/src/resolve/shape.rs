//! The form of its dialect that an account's provider takes.

use byokey_catalog::{Provider, Quirk};
use byokey_signin::Token;
use byokey_wire::{Dialect, Form};

use crate::roster::{Line, Seat};

/// A [`Form`] with what it needs of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As published.
    Full,
    /// A ChatGPT plan's.
    Plan,
    /// In Google's envelope, with the account's project.
    CodeAssist(String),
    /// Kiro's, with the account's profile.
    Kiro(String),
}

impl Shape {
    /// What the rows say of this line; the values are the account's own.
    pub(crate) fn of(provider: &Provider, seat: &Seat, line: &Line) -> Self {
        let has = |quirk| provider.has(quirk, &line.endpoint);
        let given = |name| {
            let value = provider.field(&seat.account.fields, name);
            value.unwrap_or_default().to_owned()
        };
        match line.dialect {
            Dialect::Responses if has(Quirk::Stateless) && has(Quirk::StreamOnly) => Self::Plan,
            Dialect::Gemini if has(Quirk::ProjectEnvelope) => Self::CodeAssist(given("project")),
            Dialect::Kiro if has(Quirk::ProfileArn) => Self::Kiro(given("profile_arn")),
            _ => Self::Full,
        }
    }

    /// With what came with the account's token, where the account itself says nothing.
    pub(super) fn with(&self, token: &Token) -> Self {
        let known = |own: &String, name| match own.as_str() {
            "" => token.extra(name).unwrap_or_default().to_owned(),
            own => own.to_owned(),
        };
        match self {
            Self::Full => Self::Full,
            Self::Plan => Self::Plan,
            Self::CodeAssist(project) => Self::CodeAssist(known(project, "project")),
            Self::Kiro(profile) => Self::Kiro(known(profile, "profile_arn")),
        }
    }

    /// As the translation wants it.
    pub(crate) fn form(&self) -> Form<'_> {
        match self {
            Self::Full => Form::Full,
            Self::Plan => Form::Plan,
            Self::CodeAssist(project) => Form::CodeAssist { project },
            Self::Kiro(profile) => Form::Kiro { profile },
        }
    }

    /// Whether the provider streams even when nobody asks for a stream.
    pub(crate) fn always_streams(&self) -> bool {
        *self == Self::Plan
    }
}
