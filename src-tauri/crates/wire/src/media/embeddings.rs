//! Vectors of text: OpenAI's `/embeddings` and Gemini's `embedContent`, both ways.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::members::{bad, note_others, object, odd, text, tokens, word};
use super::{Asks, Converted, MediaAnswer, MediaReply, Shape, Task, Vectors};
use crate::{Action, Dialect, Fault, Ledger, Reason};

pub(super) fn translate(
    asks: Asks,
    shape: Shape,
    model: &str,
    body: &[u8],
) -> Result<Converted, Fault> {
    match (asks, shape) {
        (Asks::OpenAi, Shape::Gemini) => to_gemini(model, body),
        (Asks::GeminiOne | Asks::GeminiMany, Shape::OpenAi) => to_openai(asks, model, body),
        _ => Err(super::members::no_way(Task::Embeddings, shape)),
    }
}

fn to_gemini(model: &str, body: &[u8]) -> Result<Converted, Fault> {
    let members = object(body)?;
    let mut losses = Ledger::default();
    let carried = ["model", "input", "dimensions", "encoding_format"];
    note_others(&members, &carried, &mut losses);
    let into = match word(&members, "encoding_format")? {
        None | Some("float") => Vectors::Numbers,
        Some("base64") => Vectors::Base64,
        Some(_) => {
            let message = "`encoding_format` must be `float` or `base64`";
            return Err(bad("encoding_format", message));
        }
    };
    let length = match members.get("dimensions") {
        None | Some(Value::Null) => None,
        Some(length) => Some(
            length
                .as_u64()
                .ok_or_else(|| bad("dimensions", "`dimensions` must be a whole number"))?,
        ),
    };
    let requests: Vec<Value> = inputs(&members)?
        .into_iter()
        .map(|text| {
            let mut request = json!({
                "model": format!("models/{model}"),
                "content": { "parts": [{ "text": text }] },
            });
            if let Some(length) = length {
                request["outputDimensionality"] = length.into();
            }
            request
        })
        .collect();
    Ok(Converted {
        body: json!({ "requests": requests }).to_string().into_bytes(),
        query: Vec::new(),
        voice: None,
        method: "batchEmbedContents",
        answer: MediaAnswer::GeminiVectors {
            model: word(&members, "model")?.unwrap_or(model).to_owned(),
            into,
        },
        losses,
    })
}

/// The texts of a request; token ids mean nothing to another provider's model.
fn inputs(members: &Map<String, Value>) -> Result<Vec<&str>, Fault> {
    let many = match members.get("input") {
        Some(Value::Array(many)) if !many.is_empty() => many,
        _ => return Ok(vec![text(members, "input")?]),
    };
    let one = |(at, value): (usize, &'_ Value)| match value {
        Value::String(_) => Ok(()),
        Value::Number(_) | Value::Array(_) => Err(bad(
            &format!("input[{at}]"),
            "this provider takes text, no token ids; send `input` as text",
        )),
        _ => Err(bad(&format!("input[{at}]"), "`input` must hold texts")),
    };
    many.iter().enumerate().try_for_each(one)?;
    Ok(many.iter().filter_map(Value::as_str).collect())
}

fn to_openai(asks: Asks, model: &str, body: &[u8]) -> Result<Converted, Fault> {
    let members = object(body)?;
    let mut losses = Ledger::default();
    let mut input = Vec::new();
    let mut length = None;
    if asks == Asks::GeminiOne {
        input.push(content(&members, "", &mut length, &mut losses)?);
    } else {
        note_others(&members, &["requests"], &mut losses);
        let requests = members.get("requests").and_then(Value::as_array);
        let requests = requests.filter(|requests| !requests.is_empty());
        let requests = requests.ok_or_else(|| bad("requests", "`requests` must be a list"))?;
        for (at, request) in requests.iter().enumerate() {
            let path = format!("requests[{at}].");
            let request = request
                .as_object()
                .ok_or_else(|| bad(path.trim_end_matches('.'), "a request must be an object"))?;
            input.push(content(request, &path, &mut length, &mut losses)?);
        }
    }
    let mut body = json!({ "model": model, "input": input, "encoding_format": "float" });
    if let Some(length) = length {
        body["dimensions"] = length.into();
    }
    Ok(Converted {
        body: body.to_string().into_bytes(),
        query: Vec::new(),
        voice: None,
        method: "",
        answer: MediaAnswer::OpenAiVectors {
            many: asks == Asks::GeminiMany,
        },
        losses,
    })
}

/// The text of one request of Gemini's.
fn content(
    request: &Map<String, Value>,
    path: &str,
    length: &mut Option<u64>,
    losses: &mut Ledger,
) -> Result<String, Fault> {
    for (name, value) in request {
        match name.as_str() {
            "model" | "content" => {}
            "outputDimensionality" => *length = length.or(value.as_u64()),
            _ => losses.note(format!("{path}{name}"), Action::Dropped, Reason::Dialect),
        }
    }
    let at = format!("{path}content");
    let parts = request.get("content").and_then(|it| it.get("parts"));
    let parts = parts.and_then(Value::as_array);
    let parts = parts.ok_or_else(|| bad(&at, "`content.parts` must be a list"))?;
    let mut whole = String::new();
    for (index, part) in parts.iter().enumerate() {
        let text = part.get("text").and_then(Value::as_str).ok_or_else(|| {
            let path = format!("{at}.parts[{index}]");
            bad(&path, "this provider makes vectors of text only")
        })?;
        whole.push_str(text);
    }
    Ok(whole)
}

pub(super) fn rename(asks: Asks, model: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut members = object(body)?;
    let name = Value::from(format!("models/{model}"));
    match (asks, members.get_mut("requests")) {
        (Asks::GeminiMany, Some(Value::Array(requests))) => {
            for request in requests {
                if let Value::Object(request) = request {
                    request.insert("model".into(), name.clone());
                }
            }
        }
        _ => {
            members.insert("model".into(), name);
        }
    }
    Ok(Value::Object(members).to_string().into_bytes())
}

#[derive(Deserialize)]
struct Values<'a> {
    #[serde(borrow)]
    values: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiReply<'a> {
    #[serde(borrow)]
    embeddings: Vec<Values<'a>>,
    #[serde(borrow)]
    usage_metadata: Option<&'a RawValue>,
}

pub(super) fn from_gemini(body: &[u8], model: &str, into: Vectors) -> Result<MediaReply, Fault> {
    #[derive(Serialize)]
    struct One<'a> {
        object: &'static str,
        index: usize,
        embedding: Vector<'a>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Vector<'a> {
        Numbers(&'a RawValue),
        Base64(String),
    }
    let reply: GeminiReply<'_> = serde_json::from_slice(body).map_err(odd)?;
    let mut data = Vec::with_capacity(reply.embeddings.len());
    for (index, one) in reply.embeddings.iter().enumerate() {
        let embedding = match into {
            Vectors::Numbers => Vector::Numbers(one.values),
            Vectors::Base64 => Vector::Base64(packed(one.values)?),
        };
        data.push(One {
            object: "embedding",
            index,
            embedding,
        });
    }
    let usage = tokens(reply.usage_metadata, Dialect::Gemini);
    let count = usage.input.unwrap_or(0);
    let data = serde_json::value::to_raw_value(&data).map_err(odd)?;
    let model = Value::from(model);
    // Written by hand: a value would take the numbers apart and put them together again.
    let body = format!(
        r#"{{"object":"list","data":{data},"model":{model},"usage":{{"prompt_tokens":{count},"total_tokens":{count}}}}}"#
    );
    Ok(MediaReply {
        content_type: "application/json",
        body: body.into_bytes(),
        usage,
        ..MediaReply::default()
    })
}

fn packed(values: &RawValue) -> Result<String, Fault> {
    let numbers: Vec<f32> = serde_json::from_str(values.get()).map_err(odd)?;
    let bytes: Vec<u8> = numbers.iter().flat_map(|one| one.to_le_bytes()).collect();
    Ok(STANDARD.encode(bytes))
}

pub(super) fn from_openai(body: &[u8], many: bool) -> Result<MediaReply, Fault> {
    #[derive(Deserialize)]
    struct Reply<'a> {
        #[serde(borrow)]
        data: Vec<One<'a>>,
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct One<'a> {
        #[serde(default)]
        index: usize,
        #[serde(borrow)]
        embedding: &'a RawValue,
    }
    let mut reply: Reply<'_> = serde_json::from_slice(body).map_err(odd)?;
    reply.data.sort_by_key(|one| one.index);
    let vectors: Vec<String> = reply
        .data
        .iter()
        .map(|one| format!(r#"{{"values":{}}}"#, one.embedding))
        .collect();
    let body = match (many, &vectors[..]) {
        (true, _) => format!(r#"{{"embeddings":[{}]}}"#, vectors.join(",")),
        (false, [first, ..]) => format!(r#"{{"embedding":{first}}}"#),
        (false, []) => return Err(odd("it holds no vector")),
    };
    Ok(MediaReply {
        content_type: "application/json",
        body: body.into_bytes(),
        usage: tokens(reply.usage, Dialect::Chat),
        ..MediaReply::default()
    })
}
