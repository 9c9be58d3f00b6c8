use byokey_catalog::{Modality, Price};
use byokey_gateway::ModelFacts;
use byokey_wire::{Dialect, Effort};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;

/// A model that the accounts serve now, or an alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// The name that programs ask for.
    pub id: String,
    /// The provider that serves it; absent for an alias.
    pub provider: Option<String>,
    /// Name shown to people.
    pub name: Option<String>,
    /// Most tokens of prompt and reply together.
    pub context: Option<u64>,
    /// Most tokens of a reply.
    pub max_output: Option<u64>,
    /// What a prompt may hold; empty when nobody tells.
    #[schema(value_type = Vec<String>)]
    pub input: Vec<Modality>,
    /// Whether it calls tools, if that is known.
    pub tools: Option<bool>,
    /// Whether it reasons, if that is known.
    pub reasoning: Option<bool>,
    /// The levels of reasoning that it takes, lowest first.
    #[schema(value_type = Vec<String>)]
    pub levels: Vec<Effort>,
    /// The dialects in which its provider takes requests; programs that speak another are translated.
    #[schema(value_type = Vec<String>)]
    pub dialects: Vec<Dialect>,
    /// Whether the provider's own live list has it; else the catalogue says so.
    pub live: bool,
    /// List price.
    pub price: Option<PriceInfo>,
}

/// List prices in USD per million tokens; a price that no source has is absent, never zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PriceInfo {
    /// Prompt tokens.
    pub input: Option<f64>,
    /// Reply tokens.
    pub output: Option<f64>,
    /// Prompt tokens read from the cache.
    pub cache_read: Option<f64>,
    /// Prompt tokens written to the cache.
    pub cache_write: Option<f64>,
    /// Where the figures come from.
    pub source: String,
    /// Day on which the source was read, `YYYY-MM-DD`.
    pub as_of: String,
}

/// The models that the accounts serve now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelsResponse {
    /// The models.
    pub models: Vec<ModelInfo>,
}

impl Desk {
    /// The models that the accounts serve now, and the aliases. Live lists that are missing or old are
    /// asked for; what does not come within a few seconds has the catalogue's word.
    pub async fn models(&self) -> ModelsResponse {
        let models = self.engine.models().await;
        ModelsResponse {
            models: models.into_iter().map(ModelInfo::of).collect(),
        }
    }
}

impl ModelInfo {
    fn of(facts: ModelFacts) -> Self {
        Self {
            id: facts.id,
            provider: facts.provider,
            name: facts.name,
            context: facts.context,
            max_output: facts.max_output,
            input: facts.input.into_iter().flatten().collect(),
            tools: facts.tools,
            reasoning: facts.reasoning,
            levels: facts.levels,
            dialects: facts.dialects,
            live: facts.live,
            price: facts.price.as_ref().map(PriceInfo::of),
        }
    }
}

impl PriceInfo {
    fn of(price: &Price) -> Self {
        Self {
            input: price.input,
            output: price.output,
            cache_read: price.cache_read,
            cache_write: price.cache_write,
            source: price.source.to_string(),
            as_of: price.as_of.to_string(),
        }
    }
}
