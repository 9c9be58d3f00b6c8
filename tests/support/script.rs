//! What a simulated provider is told before it starts: which dialect, which key and models, and
//! the exact replies that go before the scripted model.

use std::{collections::VecDeque, fmt};

use crate::Reply;

/// The dialect a simulated provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI chat completions.
    Chat,
    /// Anthropic messages.
    Messages,
    /// OpenAI Responses; below `/backend-api/codex` as ChatGPT's plans have it.
    Responses,
    /// Gemini; at `/v1internal:…` in the envelope of Code Assist.
    Gemini,
    /// Kiro, whose replies are AWS event streams.
    Kiro,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 5] = [
        Self::Chat,
        Self::Messages,
        Self::Responses,
        Self::Gemini,
        Self::Kiro,
    ];

    /// The dialect's name in byokey's configuration.
    #[must_use]
    pub fn dialect(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Messages => "messages",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
            Self::Kiro => "kiro",
        }
    }
}

/// The settings of one simulated provider.
#[derive(Debug)]
pub struct Script {
    pub(crate) keys: Keys,
    pub(crate) models: Vec<String>,
    pub(crate) strict: bool,
    pub(crate) queue: VecDeque<Reply>,
}

impl Script {
    /// The only key a simulator accepts unless told otherwise.
    pub const KEY: &str = "sk-sim-key";

    /// Accepts only this key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.keys(move |given| given == key)
    }

    /// Accepts the keys of which this holds.
    #[must_use]
    pub fn keys(mut self, good: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.keys = Keys(Box::new(good));
        self
    }

    /// The models that `/v1/models` lists. Requests may name any other model as well.
    #[must_use]
    pub fn models<S: Into<String>>(mut self, models: impl IntoIterator<Item = S>) -> Self {
        self.models = models.into_iter().map(Into::into).collect();
        self
    }

    /// Refuses top-level members that the dialect does not know, as the real providers do.
    /// Off by default, since byte-true forwarding of unknown members has to be testable.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Adds an exact reply: the next request that reaches a model endpoint gets it unexamined.
    /// Replies are used once, in order; afterwards the scripted model answers.
    #[must_use]
    pub fn reply(mut self, reply: Reply) -> Self {
        self.queue.push_back(reply);
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            keys: Keys(Box::new(|given| given == Self::KEY)),
            models: vec!["sim-large".to_owned(), "sim-small".to_owned()],
            strict: false,
            queue: VecDeque::new(),
        }
    }
}

/// Which keys are good.
pub(crate) struct Keys(pub(crate) Box<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keys")
    }
}
