//! The loss ledger: what a translation could not carry, named by path, never by value.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Most changes kept: a body with a million members that nobody knows shall not fill the memory.
const MAX_LOSSES: usize = 4096;

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
        // The last one stands for all that are not kept.
        let path = match self.0.len() {
            ..MAX_LOSSES => path.into().into_owned(),
            MAX_LOSSES => "...".to_owned(),
            _ => return,
        };
        self.0.push(Loss {
            path,
            action,
            reason,
        });
    }

    /// Takes over the changes of another ledger.
    pub fn append(&mut self, other: Self) {
        let room = (MAX_LOSSES + 1).saturating_sub(self.0.len());
        self.0.extend(other.0.into_iter().take(room));
    }

    /// The changes, in the order they were made.
    pub fn entries(&self) -> &[Loss] {
        &self.0
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the header that tells the caller: the number of changes, then `path=action`
    /// for as many as fit into 1 KB; `None` when nothing was changed. Printable ASCII only.
    pub fn header(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut header = self.0.len().to_string();
        for line in self.lines() {
            if header.len() + "; ".len() + line.len() > MAX_HEADER {
                break;
            }
            header.push_str("; ");
            header.push_str(&line);
        }
        Some(header)
    }

    /// Each change as `path=action`, in printable ASCII without `;`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|loss| {
            let plain = |c| match c {
                // These two would look like the line's own marks.
                ';' | '=' => '_',
                ' '..='~' => c,
                _ => '?',
            };
            let path: String = loss.path.chars().map(plain).collect();
            format!("{path}={}", loss.action.name())
        })
    }
}

/// Longest header value, in bytes; beyond that servers and clients begin to refuse.
const MAX_HEADER: usize = 1024;

impl Action {
    /// The word used in headers and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Clamped => "clamped",
            Self::Approximated => "approximated",
            Self::Moved => "moved",
            Self::Emulated => "emulated",
            Self::Synthesised => "synthesised",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_short_and_plain() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.header(), None);
        ledger.note("messages[3].name", Action::Dropped, Reason::Dialect);
        ledger.note("tämp;a=b\r\n", Action::Clamped, Reason::Limit);
        assert_eq!(
            ledger.header().unwrap(),
            "2; messages[3].name=dropped; t?mp_a_b??=clamped"
        );
        for n in 0..1000 {
            ledger.note(
                format!("tools[{n}].strict"),
                Action::Dropped,
                Reason::Dialect,
            );
        }
        let header = ledger.header().unwrap();
        assert!(header.len() <= MAX_HEADER);
        assert!(header.starts_with("1002; "));
        assert!(header.ends_with("=dropped"));
        for _ in 0..2 * MAX_LOSSES {
            ledger.note("x", Action::Dropped, Reason::Dialect);
        }
        assert_eq!(ledger.entries().len(), MAX_LOSSES + 1);
        let mut joined = ledger.clone();
        joined.append(ledger);
        assert_eq!(joined.entries().len(), MAX_LOSSES + 1);
        let mut long = Ledger::default();
        long.note("x".repeat(5000), Action::Dropped, Reason::Dialect);
        assert_eq!(long.header().unwrap(), "1");
    }
}
