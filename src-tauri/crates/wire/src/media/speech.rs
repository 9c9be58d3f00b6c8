//! Text to sound: OpenAI's `/audio/speech` in the forms of ElevenLabs, Deepgram and Gemini.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::generated::Generated;
use super::members::{bad, note_others, object, odd, text, tokens, word};
use super::{Converted, MediaAnswer, MediaReply, Shape, Task};
use crate::{Action, Dialect, Fault, Ledger, Reason};

/// OpenAI's voices that ElevenLabs has a like of.
const ELEVENLABS_VOICES: [(&str, &str); 6] = [
    ("alloy", "21m00Tcm4TlvDq8ikWAM"),
    ("ash", "AZnzlk1XvdvUeBnXmlld"),
    ("coral", "9BWtsMINqrJLrRacOk9x"),
    ("onyx", "29vD33N1CtxCmqQRPOHJ"),
    ("sage", "CwhRBWXzGAHq8TQ4Fs17"),
    ("verse", "CYw3kZ02Hs0563khs1Fj"),
];

/// OpenAI's voices; none of them is a voice of Gemini's.
const OPENAI_VOICES: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
    "shimmer", "verse",
];
/// Gemini's first voice.
const GEMINI_VOICE: &str = "Kore";
/// Gemini's sound, in hertz, one channel of 16 bits.
const GEMINI_RATE: u32 = 24_000;

struct Asked<'a> {
    input: &'a str,
    voice: &'a str,
    format: Option<&'a str>,
    speed: Option<f64>,
}

pub(super) fn translate(shape: Shape, model: &str, body: &[u8]) -> Result<Converted, Fault> {
    let members = object(body)?;
    let mut losses = Ledger::default();
    let carried = ["model", "input", "voice", "response_format", "speed"];
    note_others(&members, &carried, &mut losses);
    let speed = match members.get("speed") {
        None | Some(Value::Null) => None,
        Some(speed) => Some(
            speed
                .as_f64()
                .ok_or_else(|| bad("speed", "`speed` must be a number"))?,
        ),
    };
    let asked = Asked {
        input: text(&members, "input")?,
        voice: voice(&members)?,
        format: word(&members, "response_format")?,
        speed,
    };
    match shape {
        Shape::ElevenLabs => elevenlabs(&asked, model, losses),
        Shape::Deepgram => deepgram(&asked, model, losses),
        Shape::Gemini => gemini(&asked, losses),
        Shape::OpenAi | Shape::Imagen => Err(super::members::no_way(Task::Speech, shape)),
    }
}

/// A name, or an object with the id of a voice of one's own.
fn voice(members: &Map<String, Value>) -> Result<&str, Fault> {
    match members.get("voice") {
        Some(Value::Object(own)) => text(own, "id").map_err(|fault| Fault {
            param: Some("voice.id".into()),
            ..fault
        }),
        _ => text(members, "voice"),
    }
}

fn elevenlabs(asked: &Asked<'_>, model: &str, mut losses: Ledger) -> Result<Converted, Fault> {
    let (format, content_type) = match asked.format.unwrap_or("mp3") {
        "mp3" => ("mp3_44100_128", "audio/mpeg"),
        "opus" => ("opus_48000_128", "audio/ogg"),
        "pcm" => ("pcm_24000", "audio/pcm"),
        "wav" => ("wav_24000", "audio/wav"),
        own if own.starts_with("mp3_") => (own, "audio/mpeg"),
        own if own.starts_with("opus_") => (own, "audio/ogg"),
        own if ["pcm_", "ulaw_", "alaw_"]
            .iter()
            .any(|it| own.starts_with(it)) =>
        {
            (own, "audio/basic")
        }
        other => return Err(no_format(other, "mp3, opus, pcm or wav")),
    };
    let known = ELEVENLABS_VOICES
        .iter()
        .find(|(name, _)| *name == asked.voice);
    if known.is_some() {
        losses.note("voice", Action::Approximated, Reason::Dialect);
    }
    let voice = known.map_or(asked.voice, |(_, id)| id);
    let mut body = json!({ "text": asked.input, "model_id": model });
    if let Some(speed) = asked.speed {
        body["voice_settings"] = json!({ "speed": speed });
    }
    Ok(Converted {
        body: body.to_string().into_bytes(),
        query: vec![("output_format", format.to_owned())],
        voice: Some(voice.to_owned()),
        method: "",
        answer: MediaAnswer::Sound(content_type),
        losses,
    })
}

fn deepgram(asked: &Asked<'_>, model: &str, mut losses: Ledger) -> Result<Converted, Fault> {
    let (parts, content_type): (&[(&str, &str)], _) = match asked.format.unwrap_or("mp3") {
        "mp3" => (&[("encoding", "mp3")], "audio/mpeg"),
        "opus" => (&[("encoding", "opus"), ("container", "ogg")], "audio/ogg"),
        "flac" => (&[("encoding", "flac")], "audio/flac"),
        "aac" => (&[("encoding", "aac")], "audio/aac"),
        "wav" => (
            &[("encoding", "linear16"), ("container", "wav")],
            "audio/wav",
        ),
        "pcm" => (
            &[
                ("encoding", "linear16"),
                ("container", "none"),
                ("sample_rate", "24000"),
            ],
            "audio/pcm",
        ),
        other => return Err(no_format(other, "mp3, opus, flac, aac, wav or pcm")),
    };
    // The voice is part of a model's name; only a family without one leaves room for it.
    let model = if matches!(model, "aura" | "aura-2") {
        format!("{model}-{}-en", asked.voice)
    } else {
        if !model.contains(asked.voice) {
            losses.note("voice", Action::Dropped, Reason::Dialect);
        }
        model.to_owned()
    };
    if asked.speed.is_some_and(|speed| speed != 1.0) {
        losses.note("speed", Action::Dropped, Reason::Dialect);
    }
    let mut query = vec![("model", model)];
    query.extend(
        parts
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    Ok(Converted {
        body: json!({ "text": asked.input }).to_string().into_bytes(),
        query,
        voice: None,
        method: "",
        answer: MediaAnswer::Sound(content_type),
        losses,
    })
}

fn gemini(asked: &Asked<'_>, mut losses: Ledger) -> Result<Converted, Fault> {
    let wav = match asked.format {
        Some("pcm") => false,
        Some("wav") => true,
        None => {
            losses.note("response_format", Action::Approximated, Reason::Dialect);
            true
        }
        Some(other) => return Err(no_format(other, "wav or pcm")),
    };
    let voice = if OPENAI_VOICES.contains(&asked.voice) {
        losses.note("voice", Action::Approximated, Reason::Dialect);
        GEMINI_VOICE
    } else {
        asked.voice
    };
    if asked.speed.is_some_and(|speed| speed != 1.0) {
        losses.note("speed", Action::Dropped, Reason::Dialect);
    }
    let body = json!({
        "contents": [{ "role": "user", "parts": [{ "text": asked.input }] }],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {
                "voiceConfig": { "prebuiltVoiceConfig": { "voiceName": voice } },
            },
        },
    });
    Ok(Converted {
        body: body.to_string().into_bytes(),
        query: Vec::new(),
        voice: None,
        method: "generateContent",
        answer: MediaAnswer::GeminiSound { wav },
        losses,
    })
}

fn no_format(given: &str, has: &str) -> Fault {
    let given: String = given.chars().take(40).collect();
    bad(
        "response_format",
        format!("this provider makes no `{given}`; ask for {has}"),
    )
}

pub(super) fn from_gemini(body: &[u8], wav: bool) -> Result<MediaReply, Fault> {
    let reply = Generated::read(body)?;
    let mut sound = Vec::new();
    let mut rate = GEMINI_RATE;
    for file in reply.files() {
        let told = file
            .mime_type
            .split(';')
            .find_map(|part| part.trim().strip_prefix("rate="));
        rate = told.and_then(|told| told.parse().ok()).unwrap_or(rate);
        STANDARD
            .decode_vec(file.data.as_bytes(), &mut sound)
            .map_err(odd)?;
    }
    if sound.is_empty() {
        return Err(reply.nothing("sound"));
    }
    let usage = tokens(reply.usage_metadata, Dialect::Gemini);
    let (content_type, body) = match wav {
        true => (
            "audio/wav",
            [&wav_head(sound.len(), rate)[..], &sound].concat(),
        ),
        false => ("audio/pcm", sound),
    };
    Ok(MediaReply {
        content_type,
        body,
        usage,
        ..MediaReply::default()
    })
}

/// The 44 bytes in front of 16-bit sound of one channel.
fn wav_head(length: usize, rate: u32) -> [u8; 44] {
    let length = u32::try_from(length).unwrap_or(u32::MAX - 36);
    let mut head = [0; 44];
    let parts: [(usize, &[u8]); 11] = [
        (0, b"RIFF"),
        (4, &(length + 36).to_le_bytes()),
        (8, b"WAVEfmt "),
        (16, &16u32.to_le_bytes()),
        (20, &1u16.to_le_bytes()),
        (22, &1u16.to_le_bytes()),
        (24, &rate.to_le_bytes()),
        (28, &rate.saturating_mul(2).to_le_bytes()),
        (32, &2u16.to_le_bytes()),
        (34, &16u16.to_le_bytes()),
        (36, b"data"),
    ];
    for (at, bytes) in parts {
        head[at..at + bytes.len()].copy_from_slice(bytes);
    }
    head[40..].copy_from_slice(&length.to_le_bytes());
    head
}
