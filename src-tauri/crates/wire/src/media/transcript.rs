//! What was heard, from the forms of Deepgram, ElevenLabs and Gemini into the form that the caller
//! wishes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::generated::Generated;
use super::listen::{Format, Listen};
use super::members::{bad, millis, odd, tokens};
use super::{MediaReply, Shape};
use crate::{Dialect, Fault, Usage};

/// Most words of one line of subtitles.
const MOST_WORDS: usize = 12;

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
