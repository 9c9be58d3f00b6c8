use serde::{Deserialize, Serialize};

/// Tokens of one request, in one convention for all providers: `input` is the whole prompt, cached
/// parts included. A count that the provider did not report is `None`, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// All prompt tokens, cache reads and writes included.
    pub input: Option<u64>,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Reply tokens, reasoning included.
    pub output: Option<u64>,
    /// Reasoning tokens within `output`.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// Takes over every count that `later` knows.
    pub fn update(&mut self, later: &Self) {
        for (mine, theirs) in [
            (&mut self.input, later.input),
            (&mut self.cache_read, later.cache_read),
            (&mut self.cache_write, later.cache_write),
            (&mut self.output, later.output),
            (&mut self.reasoning, later.reasoning),
        ] {
            if theirs.is_some() {
                *mine = theirs;
            }
        }
    }

    /// Whether the provider reported nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Prompt and reply together, when both are known.
    pub fn total(&self) -> Option<u64> {
        Some(self.input? + self.output?)
    }
}
