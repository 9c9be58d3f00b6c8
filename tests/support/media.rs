//! What OpenAI serves besides conversations: embeddings, speech, transcriptions and images. Every
//! reply says what was asked, so that a test sees whether all of it arrived.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    Part, Reply, Seen,
    ask::{items, tokens},
    chat::{CREATED, data_frame},
    fault::Fault,
};

mod form;

use form::Form;

/// One red pixel.
const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// Length of every embedding that is not asked for in another.
const DIMENSIONS: u64 = 8;

/// `/v1/embeddings`.
pub(crate) fn embeddings(body: &Value) -> Result<Reply, Fault> {
    let model = model(body)?;
    let input = match &body["input"] {
        Value::String(text) => vec![json!(text)],
        Value::Array(many) if many.first().is_some_and(Value::is_number) => vec![json!(many)],
        many => items(many).to_vec(),
    };
    if input.is_empty() || input.iter().any(|one| one == "") {
        return Err(Fault::bad("'$.input' is invalid.").param("input"));
    }
    let length = body["dimensions"].as_u64().unwrap_or(DIMENSIONS);
    let data = input.iter().enumerate().map(|(index, one)| {
        let vector = vector(one, length);
        let embedding = match body["encoding_format"].as_str() {
            Some("base64") => json!(packed(&vector)),
            _ => json!(vector),
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let data: Vec<_> = data.collect();
    let count = tokens(body["input"].to_string().len());
    let usage = json!({"prompt_tokens": count, "total_tokens": count});
    let list = json!({"object": "list", "data": data, "model": model, "usage": usage});
    Ok(Reply::json(200, &list))
}

/// A vector that another input does not have.
pub(crate) fn vector(input: &Value, length: u64) -> Vec<f32> {
    let text = input.to_string();
    let sum: u64 = text.bytes().map(u64::from).sum();
    (0..length)
        .map(|at| ((sum + at * 37) % 128) as f32 / 128.0)
        .collect()
}

fn packed(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    BASE64_STANDARD.encode(bytes)
}

/// `/v1/audio/speech`: as many bytes as the text has, behind a head that tells the format.
pub(crate) fn speech(body: &Value) -> Result<Reply, Fault> {
    model(body)?;
    let input = text(body, "input")?;
    text(body, "voice")?;
    if input.chars().count() > 4096 {
        return Err(Fault::bad(
            "[{'type': 'string_too_long', 'loc': ('body', 'input')}]",
        ));
    }
    let (content_type, head): (_, &[u8]) = match body["response_format"].as_str().unwrap_or("mp3") {
        "mp3" => ("audio/mpeg", b"ID3\x04"),
        "opus" => ("audio/ogg", b"OggS"),
        "aac" => ("audio/aac", b"\xff\xf1"),
        "flac" => ("audio/flac", b"fLaC"),
        "wav" => ("audio/wav", b"RIFF"),
        "pcm" => ("audio/pcm", b""),
        other => return Err(Fault::bad(format!("response_format: {other} is not known"))),
    };
    if body["stream_format"] == "sse" {
        let sound = json!({"type": "speech.audio.delta", "audio": BASE64_STANDARD.encode(input)});
        let done = json!({"type": "speech.audio.done", "usage": {"input_tokens": 1,
            "output_tokens": 1, "total_tokens": 2}});
        return Ok(Reply::events([data_frame(&sound), data_frame(&done)]));
    }
    let mut reply = Reply::new(200)
        .header("content-type", content_type)
        .part(Part::Bytes(Bytes::copy_from_slice(head)));
    for piece in input.as_bytes().chunks(1000) {
        reply = reply.part(Part::Bytes(Bytes::copy_from_slice(piece)));
    }
    Ok(reply)
}

/// `/v1/audio/transcriptions` and `/v1/audio/translations`: tells what arrived.
pub(crate) fn transcription(seen: &Seen) -> Result<Reply, Fault> {
    let form = Form::read(seen.header("content-type"), &seen.body)?;
    let file = form.file("file")?;
    form.text("model").ok_or_else(|| missing("model"))?;
    let text = format!(
        "heard {} bytes of {} named {}",
        file.bytes, file.content_type, file.name
    );
    let seconds = (file.bytes as f64 / 1000.0).ceil();
    if form.text("stream") == Some("true") {
        let pieces = text.split_inclusive(' ');
        let deltas = pieces.map(|piece| json!({"type": "transcript.text.delta", "delta": piece}));
        let done = json!({"type": "transcript.text.done", "text": text});
        let frames: Vec<_> = deltas
            .chain([done])
            .map(|event| data_frame(&event))
            .collect();
        return Ok(Reply::events(frames));
    }
    let plain = |body: String| {
        let reply = Reply::new(200).header("content-type", "text/plain; charset=utf-8");
        Ok(reply.part(Part::Bytes(body.into())))
    };
    match form.text("response_format").unwrap_or("json") {
        "text" => plain(format!("{text}\n")),
        "srt" => plain(format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n")),
        "vtt" => plain(format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{text}\n\n")),
        "verbose_json" => Ok(Reply::json(
            200,
            &json!({"task": "transcribe", "duration": seconds,
            "language": form.text("language").unwrap_or("english"), "text": text,
            "segments": [{"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text,
                "tokens": [1], "temperature": 0.0, "avg_logprob": -0.1, "compression_ratio": 1.0,
                "no_speech_prob": 0.0}],
            "usage": {"type": "duration", "seconds": seconds}}),
        )),
        "json" => Ok(Reply::json(
            200,
            &json!({"text": text,
            "usage": {"type": "duration", "seconds": seconds}}),
        )),
        other => Err(Fault::bad(format!("response_format: {other} is not known"))),
    }
}

/// `/v1/images/generations`: as many pixels as asked for.
pub(crate) fn images(body: &Value) -> Result<Reply, Fault> {
    text(body, "prompt")?;
    let count = body["n"].as_u64().unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(Fault::bad("Invalid 'n': expected 1 to 10.").param("n"));
    }
    let one = json!({"b64_json": PNG, "revised_prompt": body["prompt"]});
    let prompt = tokens(body["prompt"].to_string().len());
    let size = body["size"]
        .as_str()
        .filter(|size| *size != "auto")
        .unwrap_or("1024x1024");
    Ok(Reply::json(
        200,
        &json!({"created": CREATED, "data": vec![one; count as usize],
        "background": "opaque", "output_format": "png", "quality": "low", "size": size,
        "usage": {"input_tokens": prompt,
            "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0},
            "output_tokens": 10 * count, "total_tokens": prompt + 10 * count}}),
    ))
}

/// The picture and the sound that Gemini's models make, as parts of an answer.
pub(crate) fn gemini_part(modality: &str, text: &str) -> Option<Value> {
    let (media_type, data) = match modality {
        "IMAGE" => ("image/png", PNG.to_owned()),
        "AUDIO" => (
            "audio/L16;codec=pcm;rate=24000",
            BASE64_STANDARD.encode(text),
        ),
        _ => return None,
    };
    Some(json!({"inlineData": {"mimeType": media_type, "data": data}}))
}

/// Imagen's `:predict`.
pub(crate) fn predictions(body: &Value) -> Result<Reply, Fault> {
    let prompts = items(&body["instances"]);
    if prompts.is_empty() || prompts.iter().any(|one| !one["prompt"].is_string()) {
        return Err(Fault::bad("instances: a prompt is required"));
    }
    let count = body["parameters"]["sampleCount"].as_u64().unwrap_or(1);
    let one = json!({"mimeType": "image/png", "bytesBase64Encoded": PNG});
    Ok(Reply::json(
        200,
        &json!({"predictions": vec![one; count as usize]}),
    ))
}

fn model(body: &Value) -> Result<&str, Fault> {
    text(body, "model")
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Fault> {
    let text = body[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Fault {
    Fault::bad(format!("Missing required parameter: '{name}'."))
        .param(name)
        .code("missing_required_parameter")
}
