//! What a caller of OpenAI's `/audio/transcriptions` wishes, in the forms of Deepgram, ElevenLabs and
//! Gemini.

use serde_json::{Value, json};

use super::form::{FormField, FormFile, field_part};
use super::members::bad;
use crate::{Action, Fault, Ledger, Reason};

/// What a caller wishes of a transcription.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listen {
    pub(super) format: Format,
    pub(super) stream: bool,
    language: Option<String>,
    temperature: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Json,
    Verbose,
    Text,
    Srt,
    Vtt,
}

impl Listen {
    /// Reads the fields that have gone by; what no other provider takes is noted.
    ///
    /// # Errors
    /// When a field's value is none of those that OpenAI knows, or no other provider can do it.
    pub fn read(fields: &[FormField], losses: &mut Ledger) -> Result<Self, Fault> {
        let mut listen = Self::default();
        for field in fields {
            let value = field.value.as_str();
            match field.name.as_str() {
                "model" | "timestamp_granularities[]" | "timestamp_granularities" => {}
                "response_format" => {
                    listen.format = match value {
                        "json" => Format::Json,
                        "verbose_json" => Format::Verbose,
                        "text" => Format::Text,
                        "srt" => Format::Srt,
                        "vtt" => Format::Vtt,
                        _ => {
                            let message = "this provider can be asked for json, verbose_json, text, \
                                           srt or vtt";
                            return Err(bad("response_format", message));
                        }
                    };
                }
                "stream" => listen.stream = value == "true",
                "language" => listen.language = Some(value.to_owned()),
                "temperature" => listen.temperature = Some(value.to_owned()),
                other => losses.note(other.to_owned(), Action::Dropped, Reason::Dialect),
            }
        }
        Ok(listen)
    }

    /// The query of Deepgram's `/v1/listen`; its body is the sound alone.
    pub fn deepgram(&self, model: &str, losses: &mut Ledger) -> Vec<(&'static str, String)> {
        if self.temperature.is_some() {
            losses.note("temperature", Action::Dropped, Reason::Dialect);
        }
        let language = match &self.language {
            Some(language) => ("language", language.clone()),
            None => ("detect_language", "true".to_owned()),
        };
        vec![
            ("model", model.to_owned()),
            ("smart_format", "true".to_owned()),
            language,
        ]
    }

    /// What stands before and behind the sound in ElevenLabs' form.
    pub fn elevenlabs(&self, model: &str, boundary: &[u8], file: &FormFile) -> (Vec<u8>, Vec<u8>) {
        let mut before = field_part(boundary, "model_id", model);
        let optional = [
            ("language_code", &self.language),
            ("temperature", &self.temperature),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                before.extend(field_part(boundary, name, value));
            }
        }
        before.extend(field_part(boundary, "timestamps_granularity", "word"));
        before.extend_from_slice(b"--");
        before.extend_from_slice(boundary);
        before.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"");
        before.extend(quoted(&file.filename).bytes());
        before.extend_from_slice(b"\"\r\nContent-Type: ");
        before.extend(sound_type(file).bytes());
        before.extend_from_slice(b"\r\n\r\n");
        let mut behind = b"\r\n--".to_vec();
        behind.extend_from_slice(boundary);
        behind.extend_from_slice(b"--\r\n");
        (before, behind)
    }

    /// What stands before and behind the sound, which is base64 there, in a request of Gemini's.
    pub fn gemini(&self, file: &FormFile, losses: &mut Ledger) -> (Vec<u8>, Vec<u8>) {
        let language = match &self.language {
            Some(language) => format!(" The language is {language}."),
            None => String::new(),
        };
        let wish = format!(
            "Write down word for word what is said in this recording, and nothing else.{language}"
        );
        let settings = match self.temperature.as_deref().map(str::parse::<f64>) {
            Some(Ok(temperature)) => json!({ "temperature": temperature }),
            Some(Err(_)) => {
                losses.note("temperature", Action::Dropped, Reason::Dialect);
                json!({})
            }
            None => json!({}),
        };
        let kind = Value::from(sound_type(file));
        let wish = Value::from(wish);
        let before = format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":{wish}}},{{"inlineData":{{"mimeType":{kind},"data":""#
        );
        let behind = format!(r#""}}}}]}}],"generationConfig":{settings}}}"#);
        (before.into_bytes(), behind.into_bytes())
    }

    /// Takes over what fields that came after the request say of the reply. What they would have
    /// changed of the request is noted.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn later(&mut self, fields: &[FormField], losses: &mut Ledger) -> Result<(), Fault> {
        let late = Self::read(fields, losses)?;
        let given = |name: &str| fields.iter().any(|field| field.name == name);
        for name in ["language", "temperature"] {
            if given(name) {
                losses.note(name, Action::Dropped, Reason::Limit);
            }
        }
        if given("response_format") {
            self.format = late.format;
        }
        if given("stream") {
            self.stream = late.stream;
        }
        Ok(())
    }
}

/// The file's type, or what its name says, or plain bytes.
pub(super) fn sound_type(file: &FormFile) -> String {
    let told = file.content_type.trim();
    let plain = |text: &str| {
        text.bytes()
            .all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"')
    };
    if !told.is_empty() && told != "application/octet-stream" && plain(told) {
        return told.to_owned();
    }
    let extension = file.filename.rsplit('.').next().unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "mp3" | "mpga" | "mpeg" => "audio/mpeg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "m4a" | "mp4" => "audio/mp4",
        "webm" => "audio/webm",
        _ => "application/octet-stream",
    }
    .to_owned()
}

impl FormFile {
    /// The type of the sound: as the caller tells it, or as the file's name does.
    pub fn sound_type(&self) -> String {
        sound_type(self)
    }
}

fn quoted(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| {
            matches!(c, '"' | '\\')
                .then_some('\\')
                .into_iter()
                .chain([c])
        })
        .collect()
}
