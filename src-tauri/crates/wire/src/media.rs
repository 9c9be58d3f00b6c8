//! Embeddings, speech, transcription and images between the forms of their providers.
//!
//! OpenAI's form is the common one and passes untouched wherever a provider has it. The others are
//! reached by one small translation per task: the request here becomes theirs, their reply becomes
//! the caller's. Sound flows as it comes; everything else is small enough to be read whole.

mod embeddings;
mod fault;
mod form;
mod generated;
mod images;
mod listen;
mod members;
mod speech;
mod transcript;

use serde::{Deserialize, Serialize};

pub use self::fault::read_media_error;
pub use self::form::{FormError, FormField, FormFile, FormScan};
pub use self::listen::Listen;
pub use self::transcript::Transcript;
use crate::{Fault, Ledger, Usage};

/// What is asked of a model beside conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Vectors of text.
    Embeddings,
    /// Text to sound.
    Speech,
    /// Sound to text.
    Transcriptions,
    /// Sound of any language to English text.
    Translations,
    /// Pictures from text.
    Images,
}

impl Task {
    /// The name used in rows and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::Translations => "translations",
            Self::Images => "images",
        }
    }
}

/// The form in which a provider takes a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// As OpenAI has it.
    #[default]
    OpenAi,
    /// Gemini's `embedContent` and `generateContent`.
    Gemini,
    /// Imagen's `predict`.
    Imagen,
    /// ElevenLabs' own paths.
    ElevenLabs,
    /// Deepgram's own paths.
    Deepgram,
}

/// In which form the caller asks. Only embeddings have two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asks {
    /// As OpenAI has it.
    OpenAi,
    /// Gemini's `embedContent`.
    GeminiOne,
    /// Gemini's `batchEmbedContents`.
    GeminiMany,
}

/// A request in a provider's form, and the way back.
#[derive(Debug)]
pub struct Converted {
    /// JSON.
    pub body: Vec<u8>,
    /// What stands in the query, not yet escaped.
    pub query: Vec<(&'static str, String)>,
    /// The voice, where the path names it.
    pub voice: Option<String>,
    /// The method, where the path names it.
    pub method: &'static str,
    /// The way back.
    pub answer: MediaAnswer,
    /// What could not be carried.
    pub losses: Ledger,
}

/// How a provider's reply becomes the caller's.
#[derive(Debug)]
pub enum MediaAnswer {
    /// The reply is the sound itself, of this type.
    Sound(&'static str),
    /// Vectors in Gemini's form.
    GeminiVectors {
        /// The name that the caller knows the model by.
        model: String,
        /// What the caller wants.
        into: Vectors,
    },
    /// Vectors in OpenAI's form.
    OpenAiVectors {
        /// Whether the caller asked for many at once.
        many: bool,
    },
    /// Sound in Gemini's form, base64 within JSON.
    GeminiSound {
        /// Whether the caller wants it behind a WAV head.
        wav: bool,
    },
    /// Pictures of Imagen or of a Gemini model.
    Pictures {
        /// Whether the caller reads `url` rather than `b64_json`.
        as_url: bool,
    },
}

/// How the caller wants vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// Lists of numbers.
    Numbers,
    /// Little-endian 32-bit floats in base64.
    Base64,
}

/// A reply in the caller's form.
#[derive(Debug, Default, PartialEq)]
pub struct MediaReply {
    /// Its type.
    pub content_type: &'static str,
    /// All of it.
    pub body: Vec<u8>,
    /// Tokens that the provider reported.
    pub usage: Usage,
    /// Length of the audio that was heard, in milliseconds.
    pub audio_ms: Option<u64>,
    /// Images that were made.
    pub images: Option<u64>,
}

/// Turns a caller's JSON request into the form of another provider, which calls the model `model`.
///
/// # Errors
/// [`FaultKind::BadRequest`](crate::FaultKind::BadRequest) with the path of the member that is wrong
/// or that the provider has nothing for.
pub fn translate_media(
    task: Task,
    asks: Asks,
    shape: Shape,
    model: &str,
    body: &[u8],
) -> Result<Converted, Fault> {
    match task {
        Task::Embeddings => embeddings::translate(asks, shape, model, body),
        Task::Speech => speech::translate(shape, model, body),
        Task::Images => images::translate(shape, body),
        Task::Transcriptions | Task::Translations => Err(members::no_way(task, shape)),
    }
}

/// A request in Gemini's form for another model of Gemini's: the name in the body must be that of
/// the path.
///
/// # Errors
/// As [`translate_media`].
pub fn rename_gemini_embedding(asks: Asks, model: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
    embeddings::rename(asks, model, body)
}

impl MediaAnswer {
    /// Turns a whole reply into the caller's; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`FaultKind::Upstream`](crate::FaultKind::Upstream) when it is no reply of the provider's form.
    pub fn reply(&self, body: &[u8], now: i64) -> Result<MediaReply, Fault> {
        match self {
            Self::Sound(content_type) => Ok(MediaReply {
                content_type,
                body: body.to_vec(),
                ..MediaReply::default()
            }),
            Self::GeminiVectors { model, into } => embeddings::from_gemini(body, model, *into),
            Self::OpenAiVectors { many } => embeddings::from_openai(body, *many),
            Self::GeminiSound { wav } => speech::from_gemini(body, *wav),
            Self::Pictures { as_url } => images::reply(body, *as_url, now),
        }
    }
}

/// What a whole JSON reply in OpenAI's form says was used: tokens, seconds heard, images made. What
/// it does not say stays unknown.
pub fn media_use(body: &[u8]) -> MediaReply {
    members::counted(body)
}

#[cfg(test)]
mod tests;
