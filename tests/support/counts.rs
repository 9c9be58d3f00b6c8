use crate::answer::Usage;

/// What one answer of the scripted model cost, in tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The model that was asked.
    pub model: String,
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
    pub(crate) fn of(model: &str, usage: &Usage) -> Self {
        Self {
            model: model.to_owned(),
            prompt: usage.prompt,
            cache_read: usage.cache.read,
            cache_written: usage.cache.written,
            output: usage.output,
            thinking: usage.thinking,
        }
    }
}
