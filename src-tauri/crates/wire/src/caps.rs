use serde::{Deserialize, Serialize};

use crate::Effort;

/// What a model can do, as far as translation depends on it. Comes from the catalogue; a model that
/// no list knows has the default: everything is passed on, nothing clamped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// Which sampling settings it takes.
    pub sampling: SamplingSupport,
    /// Highest temperature, when known.
    pub temperature_max: Option<f64>,
    /// How its reasoning is steered; `None` when unknown.
    pub thinking: Option<ThinkingSupport>,
    /// Whether a trailing assistant message is continued; `None` when unknown.
    pub prefill: Option<bool>,
    /// Whether system messages may stand between the others; `None` means as the dialect has it.
    pub mid_system: Option<bool>,
    /// Whether JSON-schema replies work; `None` when unknown.
    pub json_schema: Option<bool>,
    /// Whether JSON-schema replies work while tools are offered; `None` when unknown.
    pub json_schema_with_tools: Option<bool>,
    /// Whether tools are described by JSON Schema, not by Google's older subset (Gemini); `None`
    /// when unknown.
    pub tool_json_schema: Option<bool>,
    /// Whether the provider fetches pictures and documents by their address; `None` when unknown.
    pub fetches_urls: Option<bool>,
    /// Most tokens a reply may have.
    pub max_output: Option<u64>,
    /// Whether the provider wants unsigned thinking back as `reasoning_content` (chat).
    pub wants_reasoning_content: bool,
    /// Whether its tools may take free text; `None` means as the dialect has it: Responses yes,
    /// others no.
    pub custom_tools: Option<bool>,
    /// Whether the provider wants `max_completion_tokens` instead of `max_tokens` (chat).
    pub max_completion_tokens: bool,
}

/// Which sampling settings a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SamplingSupport {
    /// All of them.
    #[default]
    Full,
    /// Temperature or top-p, not both; temperature wins.
    OneOf,
    /// None.
    None,
}

/// How a model's reasoning is steered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThinkingSupport {
    /// Smallest and largest token budget, if it takes one.
    pub budget: Option<(u64, u64)>,
    /// Levels it takes, lowest first.
    pub levels: Vec<Effort>,
    /// Whether it takes Anthropic's `adaptive`.
    pub adaptive: bool,
    /// Whether reasoning can be switched off.
    pub zero_ok: bool,
    /// Whether it can be told to decide for itself (Gemini's −1).
    pub dynamic_ok: bool,
}
