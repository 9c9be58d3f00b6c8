use std::collections::BTreeSet;

use byokey_wire::Capabilities;
use serde::{Deserialize, Serialize};

use crate::endpoint::matches;
use crate::{Date, Price};

/// One model of one provider. The same id at another provider is another model with another price.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Id as the provider wants it.
    pub id: Box<str>,
    /// Name shown to people.
    pub name: Option<Box<str>>,
    /// Other names the provider takes for it.
    pub aliases: Box<[Box<str>]>,
    /// What it is for.
    pub mode: Mode,
    /// Most tokens of prompt and reply together.
    pub context: Option<u64>,
    /// Most tokens of a reply.
    pub max_output: Option<u64>,
    /// What a prompt may hold.
    pub input: BTreeSet<Modality>,
    /// Whether it calls tools.
    pub tools: bool,
    /// Whether it reasons.
    pub reasoning: bool,
    /// What translation has to know.
    pub caps: Capabilities,
    /// List price.
    pub price: Option<Price>,
    /// Day on which it ends, where one is announced.
    pub deprecated: Option<Date>,
}

/// Capabilities that several models of one provider share.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// Ids, or prefixes ending in `*`.
    pub models: Vec<String>,
    /// What they can do.
    pub caps: Capabilities,
}

impl Family {
    /// Whether a model belongs to it.
    pub fn holds(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| matches(pattern, model))
    }
}

/// What a model is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Chat.
    #[default]
    Chat,
    /// Chat that only a Responses address serves.
    Responses,
    /// Plain completion of text.
    Completion,
    /// Vectors of text.
    Embedding,
    /// Text to speech.
    Speech,
    /// Speech to text.
    Transcription,
    /// Images made from text.
    Image,
    /// Live audio over a socket.
    Realtime,
}

/// One kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Modality {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// PDF documents.
    Pdf,
    /// Audio.
    Audio,
    /// Video.
    Video,
}
