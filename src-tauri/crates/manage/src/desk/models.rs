use byokey_catalog::{Modality, Price};
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
    /// What a prompt may hold.
    #[schema(value_type = Vec<String>)]
    pub input: Vec<Modality>,
    /// Whether it calls tools, if that is known.
    pub tools: Option<bool>,
    /// Whether it reasons, if that is known.
    pub reasoning: Option<bool>,
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
    /// The models that the accounts serve now, and the aliases.
    pub fn models(&self) -> ModelsResponse {
        let catalog = self.engine.catalog();
        let listed = self.engine.models().into_iter();
        let models = listed.map(|(id, provider)| {
            let of_provider = provider.as_deref().and_then(|id| catalog.provider(id));
            let row = of_provider.and_then(|provider| provider.model(&id));
            ModelInfo {
                name: row.and_then(|row| row.name.as_deref().map(ToOwned::to_owned)),
                context: row.and_then(|row| row.context),
                max_output: row.and_then(|row| row.max_output),
                input: row.map_or_else(Vec::new, |row| row.input.iter().copied().collect()),
                tools: row.map(|row| row.tools),
                reasoning: row.map(|row| row.reasoning),
                price: row.and_then(|row| row.price.as_ref()).map(PriceInfo::of),
                id,
                provider,
            }
        });
        ModelsResponse {
            models: models.collect(),
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
