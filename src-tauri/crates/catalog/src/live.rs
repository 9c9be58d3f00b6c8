//! Reads what a provider says of its models, whatever its list looks like.
//!
//! Every provider has words of its own for the same few facts. A fact that a list does not give
//! stays unknown and is taken from the rows; an entry that cannot be read is left out, since one odd
//! entry must not hide all others.

mod facts;

use std::collections::BTreeSet;

use byokey_wire::{Dialect, Effort};
use serde::Serialize;
use serde_json::Value;

use crate::{ListShape, Modality, Mode};

/// One model of a live list; what the list does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveModel {
    /// Id as the provider wants it.
    pub id: String,
    /// Name shown to people.
    pub name: Option<String>,
    /// What it is for.
    pub mode: Option<Mode>,
    /// Most tokens of prompt and reply together, or of the prompt where only that is told.
    pub context: Option<u64>,
    /// Most tokens of a reply.
    pub max_output: Option<u64>,
    /// What a prompt may hold.
    pub input: Option<BTreeSet<Modality>>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// Whether it reasons.
    pub reasoning: Option<bool>,
    /// Reasoning levels, lowest first.
    pub levels: Option<Vec<Effort>>,
    /// Smallest and largest reasoning budget in tokens.
    pub budget: Option<(u64, u64)>,
    /// Whether it takes Anthropic's `adaptive` thinking.
    pub adaptive: Option<bool>,
    /// Whether it keeps to a JSON schema.
    pub json_schema: Option<bool>,
    /// Dialects in which the account reaches it; `None` leaves that to the endpoints' rows.
    pub dialects: Option<Vec<Dialect>>,
    /// When it came out, in seconds since the epoch.
    pub created_s: Option<i64>,
}

impl ListShape {
    /// The models that a reply of this form offers; `None` when it is no such reply.
    pub fn read(self, body: &[u8]) -> Option<Vec<LiveModel>> {
        let reply: Value = serde_json::from_slice(body).ok()?;
        let read = |entries: &Value, id: &str| Some(listed(entries.as_array()?, id));
        match self {
            // OpenAI's keys and plans answer on the same path in two forms.
            Self::Data if reply.get("models").is_some() => Self::Slugs.read(body),
            Self::Slugs if reply.get("data").is_some() => Self::Data.read(body),
            Self::Data => read(reply.get("data")?, "id"),
            Self::BareArray => read(&reply, "id"),
            Self::Gemini => read(reply.get("models")?, "name"),
            Self::Slugs => read(reply.get("models")?, "slug"),
            Self::Tags => read(reply.get("models")?, "model"),
            Self::LmStudio => read(reply.get("models")?, "key"),
            Self::Copilot => read(reply.get("data")?, "id"),
            Self::Kiro => read(reply.get("models")?, "modelId"),
            Self::ElevenLabs => read(&reply, "model_id"),
            Self::Bedrock => read(reply.get("modelSummaries")?, "modelId"),
            Self::Antigravity => {
                let models = reply.get("models")?.as_object()?.iter();
                Some(
                    models
                        .filter_map(|(id, entry)| facts::of(id, entry))
                        .collect(),
                )
            }
            Self::Deepgram => {
                let kinds = [("stt", Mode::Transcription), ("tts", Mode::Speech)];
                let lists = kinds.iter().filter_map(|(name, mode)| {
                    let entries = reply.get(*name)?.as_array()?;
                    Some(
                        listed(entries, "canonical_name")
                            .into_iter()
                            .map(|model| LiveModel {
                                mode: Some(*mode),
                                ..model
                            }),
                    )
                });
                let mut all: Vec<_> = lists.flatten().collect();
                // One name stands there once for each language.
                let mut seen = BTreeSet::new();
                all.retain(|model| seen.insert(model.id.clone()));
                reply.is_object().then_some(all)
            }
        }
    }
}

fn listed(entries: &[Value], id: &str) -> Vec<LiveModel> {
    let read = |entry: &Value| {
        let id = entry.get(id)?.as_str()?;
        facts::of(id.strip_prefix("models/").unwrap_or(id), entry)
    };
    entries.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests;
