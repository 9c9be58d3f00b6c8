//! Pictures from text: OpenAI's `/images/generations` in the forms of Imagen and of Gemini's models.

use serde::Deserialize;
use serde_json::{Value, json};

use super::generated::Generated;
use super::members::{bad, note_others, object, odd, text, tokens, word};
use super::{Converted, MediaAnswer, MediaReply, Shape, Task};
use crate::{Action, Dialect, Fault, Ledger, Reason};

pub(super) fn translate(shape: Shape, body: &[u8]) -> Result<Converted, Fault> {
    let members = object(body)?;
    let mut losses = Ledger::default();
    let carried = ["model", "prompt", "n", "size", "response_format"];
    note_others(&members, &carried, &mut losses);
    let prompt = text(&members, "prompt")?;
    let count = match members.get("n") {
        None | Some(Value::Null) => 1,
        Some(count) => count
            .as_u64()
            .filter(|count| (1..=10).contains(count))
            .ok_or_else(|| bad("n", "`n` must be a whole number from 1 to 10"))?,
    };
    let ratio = ratio(word(&members, "size")?, &mut losses)?;
    let as_url = match word(&members, "response_format")? {
        None | Some("b64_json") => false,
        Some("url") => {
            losses.note("response_format", Action::Emulated, Reason::Dialect);
            true
        }
        Some(_) => {
            let message = "`response_format` must be `url` or `b64_json`";
            return Err(bad("response_format", message));
        }
    };
    let (method, body) = match shape {
        Shape::Imagen => {
            let mut parameters = json!({ "sampleCount": count });
            if let Some(ratio) = ratio {
                parameters["aspectRatio"] = ratio.into();
            }
            let body = json!({ "instances": [{ "prompt": prompt }], "parameters": parameters });
            ("predict", body)
        }
        Shape::Gemini => {
            if count > 1 {
                losses.note("n", Action::Clamped, Reason::Dialect);
            }
            let mut settings = json!({ "responseModalities": ["TEXT", "IMAGE"] });
            if let Some(ratio) = ratio {
                settings["imageConfig"] = json!({ "aspectRatio": ratio });
            }
            let contents = json!([{ "role": "user", "parts": [{ "text": prompt }] }]);
            let body = json!({ "contents": contents, "generationConfig": settings });
            ("generateContent", body)
        }
        _ => return Err(super::members::no_way(Task::Images, shape)),
    };
    Ok(Converted {
        body: body.to_string().into_bytes(),
        query: Vec::new(),
        voice: None,
        method,
        answer: MediaAnswer::Pictures { as_url },
        losses,
    })
}

/// The aspect ratio of a size; Google's models take no pixels.
fn ratio(size: Option<&str>, losses: &mut Ledger) -> Result<Option<&'static str>, Fault> {
    let Some(size) = size.filter(|size| *size != "auto") else {
        return Ok(None);
    };
    let sides = size.split_once('x').and_then(|(width, height)| {
        Some((width.parse::<u32>().ok()?, height.parse::<u32>().ok()?))
    });
    let Some((width @ 1.., height @ 1..)) = sides else {
        return Err(bad("size", "`size` must be WIDTHxHEIGHT or `auto`"));
    };
    let wanted = f64::from(width) / f64::from(height);
    let ratios = [
        ("1:1", 1.0),
        ("4:3", 4.0 / 3.0),
        ("3:4", 3.0 / 4.0),
        ("16:9", 16.0 / 9.0),
        ("9:16", 9.0 / 16.0),
    ];
    let far = |ratio: f64| (ratio / wanted).ln().abs();
    let nearest = ratios
        .into_iter()
        .min_by(|(_, one), (_, other)| far(*one).total_cmp(&far(*other)));
    losses.note("size", Action::Approximated, Reason::Dialect);
    Ok(nearest.map(|(name, _)| name))
}

pub(super) fn reply(body: &[u8], as_url: bool, now: i64) -> Result<MediaReply, Fault> {
    #[derive(Deserialize)]
    struct Predicted {
        predictions: Option<Vec<Picture>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Picture {
        bytes_base64_encoded: Option<String>,
        mime_type: Option<String>,
    }
    let told = |data: &str, kind: &str| match as_url {
        true => json!({ "url": format!("data:{kind};base64,{data}") }),
        false => json!({ "b64_json": data }),
    };
    let predicted: Predicted = serde_json::from_slice(body).map_err(odd)?;
    let mut usage = crate::Usage::default();
    let data: Vec<Value> = match predicted.predictions {
        Some(pictures) => pictures
            .iter()
            .filter_map(|one| {
                let data = one.bytes_base64_encoded.as_deref()?;
                Some(told(data, one.mime_type.as_deref().unwrap_or("image/png")))
            })
            .collect(),
        None => {
            let reply = Generated::read(body)?;
            usage = tokens(reply.usage_metadata, Dialect::Gemini);
            let data: Vec<_> = reply
                .files()
                .map(|file| told(&file.data, &file.mime_type))
                .collect();
            if data.is_empty() {
                return Err(reply.nothing("picture"));
            }
            data
        }
    };
    if data.is_empty() {
        return Err(odd("it holds no picture"));
    }
    let images = Some(data.len() as u64);
    let mut reply = json!({ "created": now, "data": data });
    if let (Some(input), Some(output)) = (usage.input, usage.output) {
        reply["usage"] = json!({
            "input_tokens": input,
            "output_tokens": output,
            "total_tokens": input + output,
        });
    }
    Ok(MediaReply {
        content_type: "application/json",
        body: reply.to_string().into_bytes(),
        usage,
        audio_ms: None,
        images,
    })
}
