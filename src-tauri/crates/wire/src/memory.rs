//! What byokey keeps of a reply for callers whose dialect has no place for it.
//!
//! Chat's programs throw away what they do not know, reasoning proofs included; without them the
//! next request is worse or refused. The store itself is not here: this crate has no clock.

use crate::Proof;

/// What to remember of one reply, by the id of each of its tool calls. A reply without calls needs no
/// memory: providers ask for proofs in the middle of a run of tools only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// The reply's reasoning in order: its text and its tagged proof.
    pub thinking: Vec<(String, Proof<'static>)>,
    /// The tagged proof of the call itself (Gemini).
    pub call: Option<String>,
}

impl Memory {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.thinking.is_empty() && self.call.is_none()
    }

    /// About how many bytes it takes, for a store with a limit.
    pub fn bytes(&self) -> usize {
        let thought = |(text, proof): &(String, Proof<'static>)| text.len() + proof.text().len();
        let call = self.call.as_ref().map_or(0, String::len);
        self.thinking.iter().map(thought).sum::<usize>() + call
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Somebody's thoughts have no business in a log.
        write!(f, "Memory({} thoughts)", self.thinking.len())
    }
}

/// Which reasoning proofs a request may carry.
#[derive(Clone, Copy, Default)]
pub enum Proofs<'a> {
    /// Those that the caller sent itself.
    #[default]
    Given,
    /// The caller's own and, by call id, what byokey remembers.
    Recalled(&'a dyn Fn(&str) -> Option<Memory>),
    /// None at all: the second try after a provider refused them.
    Stripped,
}

impl std::fmt::Debug for Proofs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Given => "Given",
            Self::Recalled(_) => "Recalled",
            Self::Stripped => "Stripped",
        })
    }
}
