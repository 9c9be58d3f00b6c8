//! Sound to text: what a caller of OpenAI's `/audio/transcriptions` wishes, in the forms of Deepgram,
//! ElevenLabs and Gemini, and what they heard in the form that the caller wishes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::form::{FormField, FormFile, field_part};
use super::members::{bad, millis, odd, tokens};
use super::speech::Generated;
use super::{MediaReply, Shape};
use crate::{Action, Dialect, Fault, Ledger, Reason, Usage};

/// Most words of one line of subtitles.
const MOST_WORDS: usize = 12;

/// What a caller wishes of a transcription.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listen {
    format: Format,
    stream: bool,
    language: Option<String>,
    temperature: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
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

/// One word and when it was said, in seconds from the beginning.
#[derive(Clone, Debug, PartialEq)]
struct Spoken {
    /// The word as it is written.
    word: String,
    /// When it begins.
    start: f64,
    /// When it ends.
    end: f64,
}

/// What was heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    text: String,
    language: Option<String>,
    seconds: Option<f64>,
    words: Vec<Spoken>,
    usage: Usage,
}

impl Transcript {
    /// Reads a provider's reply.
    ///
    /// # Errors
    /// [`FaultKind::Upstream`](crate::FaultKind::Upstream) when it is none of that form.
    pub fn read(shape: Shape, body: &[u8]) -> Result<Self, Fault> {
        match shape {
            Shape::Deepgram => deepgram(body),
            Shape::ElevenLabs => elevenlabs(body),
            Shape::Gemini => {
                let reply = Generated::read(body)?;
                let words = reply.words();
                if words.trim().is_empty() {
                    return Err(reply.nothing("text"));
                }
                Ok(Self {
                    text: words.trim().to_owned(),
                    usage: tokens(reply.usage_metadata, Dialect::Gemini),
                    ..Self::default()
                })
            }
            Shape::OpenAi | Shape::Imagen => Err(odd("it is of another form")),
        }
    }

    /// The reply that the caller wishes.
    ///
    /// # Errors
    /// When subtitles are wished and the provider told no times.
    pub fn render(&self, listen: &Listen) -> Result<MediaReply, Fault> {
        let reply = |content_type, body: String| MediaReply {
            content_type,
            body: body.into_bytes(),
            usage: self.usage,
            audio_ms: self.seconds.and_then(millis),
            images: None,
        };
        if listen.stream {
            let delta = json!({ "type": "transcript.text.delta", "delta": self.text });
            let done = json!({ "type": "transcript.text.done", "text": self.text });
            return Ok(reply(
                "text/event-stream",
                format!("data: {delta}\n\ndata: {done}\n\ndata: [DONE]\n\n"),
            ));
        }
        let plain = "text/plain; charset=utf-8";
        Ok(match listen.format {
            Format::Json => {
                let mut body = json!({ "text": self.text });
                if let Some(seconds) = self.seconds {
                    body["usage"] = json!({ "type": "duration", "seconds": seconds });
                }
                reply("application/json", body.to_string())
            }
            Format::Verbose => reply("application/json", self.verbose().to_string()),
            Format::Text => reply(plain, format!("{}\n", self.text)),
            Format::Srt => reply(plain, self.subtitles(',')?),
            Format::Vtt => reply(plain, format!("WEBVTT\n\n{}", self.subtitles('.')?)),
        })
    }

    fn verbose(&self) -> Value {
        let end = self.words.last().map(|word| word.end);
        let seconds = self.seconds.or(end).unwrap_or(0.0);
        let words: Vec<_> = self
            .words
            .iter()
            .map(|one| json!({ "word": one.word, "start": one.start, "end": one.end }))
            .collect();
        let segments: Vec<_> = self
            .lines()
            .iter()
            .enumerate()
            .map(|(id, line)| {
                let text: Vec<_> = line.iter().map(|one| one.word.as_str()).collect();
                json!({
                    "id": id,
                    "start": line.first().map_or(0.0, |one| one.start),
                    "end": line.last().map_or(0.0, |one| one.end),
                    "text": text.join(" "),
                })
            })
            .collect();
        json!({
            "task": "transcribe",
            "language": self.language.as_deref().unwrap_or("en"),
            "duration": seconds,
            "text": self.text,
            "words": words,
            "segments": segments,
        })
    }

    /// Words in lines: a sentence ends one, and so does its length.
    fn lines(&self) -> Vec<&[Spoken]> {
        let mut lines = Vec::new();
        let mut start = 0;
        for (at, one) in self.words.iter().enumerate() {
            let ends = one.word.ends_with(['.', '!', '?', '。', '！', '？']);
            if ends || at + 1 - start == MOST_WORDS || at + 1 == self.words.len() {
                lines.push(&self.words[start..=at]);
                start = at + 1;
            }
        }
        lines
    }

    fn subtitles(&self, mark: char) -> Result<String, Fault> {
        if self.words.is_empty() && !self.text.is_empty() {
            let message = "this model tells no times, so there can be no subtitles; ask for json";
            return Err(bad("response_format", message));
        }
        let mut whole = String::new();
        for (at, line) in self.lines().into_iter().enumerate() {
            if mark == ',' {
                whole.push_str(&format!("{}\n", at + 1));
            }
            let (Some(first), Some(last)) = (line.first(), line.last()) else {
                continue;
            };
            let text: Vec<_> = line.iter().map(|one| one.word.as_str()).collect();
            let (from, to) = (clock(first.start, mark), clock(last.end, mark));
            whole.push_str(&format!("{from} --> {to}\n{}\n\n", text.join(" ")));
        }
        Ok(whole)
    }
}

fn clock(seconds: f64, mark: char) -> String {
    let all = millis(seconds).unwrap_or(0);
    let (rest, ms) = (all / 1000, all % 1000);
    format!(
        "{:02}:{:02}:{:02}{mark}{ms:03}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

fn deepgram(body: &[u8]) -> Result<Transcript, Fault> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(default)]
        metadata: Metadata,
        results: Results,
    }
    #[derive(Default, Deserialize)]
    struct Metadata {
        duration: Option<f64>,
    }
    #[derive(Deserialize)]
    struct Results {
        channels: Vec<Channel>,
    }
    #[derive(Deserialize)]
    struct Channel {
        detected_language: Option<String>,
        alternatives: Vec<Alternative>,
    }
    #[derive(Deserialize)]
    struct Alternative {
        #[serde(default)]
        transcript: String,
        #[serde(default)]
        words: Vec<Word>,
    }
    #[derive(Deserialize)]
    struct Word {
        word: String,
        punctuated_word: Option<String>,
        #[serde(default)]
        start: f64,
        #[serde(default)]
        end: f64,
    }
    let reply: Reply = serde_json::from_slice(body).map_err(odd)?;
    let channel = reply.results.channels.into_iter().next();
    let channel = channel.ok_or_else(|| odd("it holds no channel"))?;
    let best = channel.alternatives.into_iter().next();
    let best = best.ok_or_else(|| odd("it holds no transcript"))?;
    Ok(Transcript {
        text: best.transcript,
        language: channel.detected_language,
        seconds: reply.metadata.duration,
        words: best
            .words
            .into_iter()
            .map(|word| Spoken {
                word: word.punctuated_word.unwrap_or(word.word),
                start: word.start,
                end: word.end,
            })
            .collect(),
        usage: Usage::default(),
    })
}

fn elevenlabs(body: &[u8]) -> Result<Transcript, Fault> {
    #[derive(Deserialize)]
    struct Reply {
        text: String,
        language_code: Option<String>,
        #[serde(default)]
        words: Vec<Word>,
    }
    #[derive(Deserialize)]
    struct Word {
        text: String,
        #[serde(rename = "type")]
        kind: Option<String>,
        start: Option<f64>,
        end: Option<f64>,
    }
    let reply: Reply = serde_json::from_slice(body).map_err(odd)?;
    let words = reply.words.into_iter();
    let words: Vec<_> = words
        .filter(|word| word.kind.as_deref().is_none_or(|kind| kind == "word"))
        .map(|word| Spoken {
            word: word.text,
            start: word.start.unwrap_or(0.0),
            end: word.end.unwrap_or(0.0),
        })
        .collect();
    Ok(Transcript {
        text: reply.text,
        language: reply.language_code,
        seconds: words.last().map(|word| word.end),
        words,
        usage: Usage::default(),
    })
}
