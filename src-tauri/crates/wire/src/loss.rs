//! The loss ledger: what a translation could not carry, named by path, never by value.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Everything one translation changed that the caller might care about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger(Vec<Loss>);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Member path in the caller's own body, such as `messages[3].name`.
    pub path: String,
    /// What was done to it.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

/// What was done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Left out.
    Dropped,
    /// Moved into the allowed range.
    Clamped,
    /// Replaced by the nearest thing the provider has.
    Approximated,
    /// Put elsewhere.
    Moved,
    /// Done by byokey in the provider's place.
    Emulated,
    /// Added because the provider insists on it.
    Synthesised,
}

/// Why a member was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The model cannot do it.
    ModelCapability,
    /// The provider's dialect has no word for it.
    Dialect,
    /// The reasoning proof belongs to another provider.
    ForeignSignature,
    /// The conversation broke the provider's rules.
    InvalidHistory,
    /// A limit of the provider.
    Limit,
    /// The provider takes only part of JSON Schema.
    SchemaSubset,
    /// byokey's own rule.
    Policy,
}

impl Ledger {
    /// Records a change.
    pub fn note(&mut self, path: impl Into<Cow<'static, str>>, action: Action, reason: Reason) {
        self.0.push(Loss {
            path: path.into().into_owned(),
            action,
            reason,
        });
    }

    /// The changes, in the order they were made.
    pub fn entries(&self) -> &[Loss] {
        &self.0
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
