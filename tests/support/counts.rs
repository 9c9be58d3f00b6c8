use crate::answer::Usage;

/// What one answer of the scripted model cost, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The prompt, what the cache read and wrote included.
    pub prompt: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written into the cache.
    pub cache_written: u64,
    /// The answer, thinking included.
    pub output: u64,
    /// Spent on thinking.
    pub thinking: u64,
}

impl Counts {
    pub(crate) fn of(usage: &Usage) -> Self {
        Self {
            prompt: usage.prompt,
            cache_read: usage.cache.read,
            cache_written: usage.cache.written,
            output: usage.output,
            thinking: usage.thinking,
        }
    }
}
