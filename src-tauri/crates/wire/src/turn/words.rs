/// A caller's names for members that dialects name differently, so that a loss names what the caller
/// wrote. Members that are missing here have one name in all dialects that have them. The default is
/// Chat's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The list of messages.
    pub messages: &'static str,
    /// System text before them.
    pub system: &'static str,
    /// The list of tools that the caller runs.
    pub tools: &'static str,
    /// Whether and which tool must be called.
    pub tool_choice: &'static str,
    /// Whether several tools may be called at once.
    pub parallel_tools: &'static str,
    /// Most tokens of the reply.
    pub max_output: &'static str,
    /// How hard to think.
    pub reasoning: &'static str,
    /// Shape of the reply.
    pub format: &'static str,
    /// Texts that end the reply.
    pub stop: &'static str,
    /// Sampling temperature.
    pub temperature: &'static str,
    /// Nucleus sampling.
    pub top_p: &'static str,
    /// Top-k sampling.
    pub top_k: &'static str,
    /// Frequency penalty.
    pub frequency_penalty: &'static str,
    /// Presence penalty.
    pub presence_penalty: &'static str,
    /// Seed.
    pub seed: &'static str,
    /// Probabilities of tokens.
    pub logprobs: &'static str,
    /// How wordy the reply should be.
    pub verbosity: &'static str,
    /// The caller's id of its user.
    pub user: &'static str,
    /// The caller's labels.
    pub metadata: &'static str,
}

impl Words {
    /// Chat's words.
    pub const CHAT: Self = Self {
        messages: "messages",
        system: "messages",
        tools: "tools",
        tool_choice: "tool_choice",
        parallel_tools: "parallel_tool_calls",
        max_output: "max_tokens",
        reasoning: "reasoning_effort",
        format: "response_format",
        stop: "stop",
        temperature: "temperature",
        top_p: "top_p",
        top_k: "top_k",
        frequency_penalty: "frequency_penalty",
        presence_penalty: "presence_penalty",
        seed: "seed",
        logprobs: "logprobs",
        verbosity: "verbosity",
        user: "user",
        metadata: "metadata",
    };

    /// Messages' words.
    pub const MESSAGES: Self = Self {
        messages: "messages",
        system: "system",
        tools: "tools",
        tool_choice: "tool_choice",
        parallel_tools: "tool_choice.disable_parallel_tool_use",
        max_output: "max_tokens",
        reasoning: "thinking",
        format: "output_config.format",
        stop: "stop_sequences",
        temperature: "temperature",
        top_p: "top_p",
        top_k: "top_k",
        frequency_penalty: "frequency_penalty",
        presence_penalty: "presence_penalty",
        seed: "seed",
        logprobs: "logprobs",
        verbosity: "verbosity",
        user: "metadata.user_id",
        metadata: "metadata",
    };

    /// Responses' words.
    pub const RESPONSES: Self = Self {
        messages: "input",
        system: "instructions",
        tools: "tools",
        tool_choice: "tool_choice",
        parallel_tools: "parallel_tool_calls",
        max_output: "max_output_tokens",
        reasoning: "reasoning",
        format: "text.format",
        stop: "stop",
        temperature: "temperature",
        top_p: "top_p",
        top_k: "top_k",
        frequency_penalty: "frequency_penalty",
        presence_penalty: "presence_penalty",
        seed: "seed",
        logprobs: "top_logprobs",
        verbosity: "text.verbosity",
        user: "safety_identifier",
        metadata: "metadata",
    };

    /// Gemini's words.
    pub const GEMINI: Self = Self {
        messages: "contents",
        system: "systemInstruction",
        tools: "tools[0].functionDeclarations",
        tool_choice: "toolConfig.functionCallingConfig",
        parallel_tools: "toolConfig",
        max_output: "generationConfig.maxOutputTokens",
        reasoning: "generationConfig.thinkingConfig",
        format: "generationConfig.responseMimeType",
        stop: "generationConfig.stopSequences",
        temperature: "generationConfig.temperature",
        top_p: "generationConfig.topP",
        top_k: "generationConfig.topK",
        frequency_penalty: "generationConfig.frequencyPenalty",
        presence_penalty: "generationConfig.presencePenalty",
        seed: "generationConfig.seed",
        logprobs: "generationConfig.responseLogprobs",
        verbosity: "verbosity",
        user: "labels",
        metadata: "labels",
    };

    /// The path of the message with this index in the caller's own list.
    pub fn message(&self, at: usize) -> String {
        format!("{}[{at}]", self.messages)
    }

    /// The path of the tool with this index.
    pub fn tool(&self, at: usize) -> String {
        format!("{}[{at}]", self.tools)
    }
}

impl Default for Words {
    fn default() -> Self {
        Self::CHAT
    }
}
