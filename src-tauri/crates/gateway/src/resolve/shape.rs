//! The form of its dialect that an account's provider takes.

use byokey_catalog::{Provider, Quirk};
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
}

impl Shape {
    /// What the rows say of this line; the values are the account's own.
    pub(crate) fn of(provider: &Provider, seat: &Seat, line: &Line) -> Self {
        let has = |quirk| provider.has(quirk, &line.endpoint);
        match line.dialect {
            Dialect::Responses if has(Quirk::Stateless) && has(Quirk::StreamOnly) => Self::Plan,
            Dialect::Gemini if has(Quirk::ProjectEnvelope) => {
                let project = provider.field(&seat.account.fields, "project");
                Self::CodeAssist(project.unwrap_or_default().to_owned())
            }
            _ => Self::Full,
        }
    }

    /// As the translation wants it.
    pub(crate) fn form(&self) -> Form<'_> {
        match self {
            Self::Full => Form::Full,
            Self::Plan => Form::Plan,
            Self::CodeAssist(project) => Form::CodeAssist { project },
        }
    }

    /// Whether the provider streams even when nobody asks for a stream.
    pub(crate) fn always_streams(&self) -> bool {
        *self == Self::Plan
    }
}
