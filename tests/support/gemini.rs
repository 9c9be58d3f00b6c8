//! Gemini: a request read, an answer written, whole, as server-sent events or as one growing array.
//!
//! The provider takes every member in camel case and in snake case, so requests are brought to one
//! of them first ([`plain`]).

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::{
    Control,
    answer::{Answer, Call, Stop, Usage},
    ask::{Ask, Image, Tool, ToolChoice, items, strings, text_of, tokens},
    media::gemini_part,
    proof,
};

/// Who makes the thought signatures here.
pub(crate) const MAKER: &str = "google";

/// What stands in place of a signature in a history that another model made.
pub(crate) const PLACEHOLDER: &str = "skip_thought_signature_validator";

/// How many frames a stream has sent when the first piece of content is out.
pub(crate) const OPENING: usize = 1;

/// Members whose content is the caller's own and keeps its names.
const OPAQUE: &[&str] = &[
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "labels",
];

/// The request with every member in camel case.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => {
            let renamed = members.iter().map(|(name, value)| {
                let name = camel(name);
                let value = match OPAQUE.contains(&name.as_str()) {
                    true => value.clone(),
                    false => plain(value),
                };
                (name, value)
            });
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// Reads a request that [`crate::check::gemini`] has accepted.
pub(crate) fn read(body: &Value, model: &str, stream: bool) -> Ask {
    let contents = items(&body["contents"]);
    let users = || {
        contents
            .iter()
            .rev()
            .filter(|content| content["role"] != "model")
    };
    let said = users().map(text).find(|text| !text.is_empty());
    let (control, text) = Control::take(&said.unwrap_or_default());
    let last = contents
        .last()
        .map(|content| items(&content["parts"]))
        .unwrap_or_default();
    let responses: Vec<_> = last
        .iter()
        .filter(|part| part.get("functionResponse").is_some())
        .collect();
    let config = &body["generationConfig"];
    let thinking = &config["thinkingConfig"];
    let schema = match &config["responseJsonSchema"] {
        Value::Null => &config["responseSchema"],
        schema => schema,
    };
    Ask {
        model: model.to_owned(),
        stream,
        choices: 1,
        modalities: strings(&config["responseModalities"]),
        thinks: control.think || thinking["includeThoughts"] == true,
        summary: control.think || thinking["includeThoughts"] == true,
        images: images(last),
        tools: tools(body),
        tool_choice: tool_choice(&body["toolConfig"]["functionCallingConfig"]),
        parallel: true,
        results: (!responses.is_empty()).then(|| responses.into_iter().map(result).collect()),
        max_tokens: config["maxOutputTokens"].as_u64(),
        stops: strings(&config["stopSequences"]),
        schema: (!schema.is_null()).then(|| schema.clone()),
        prompt_tokens: prompt_tokens(body),
        control,
        text,
        ..Ask::default()
    }
}

/// What `countTokens` answers, and what a request costs.
pub(crate) fn prompt_tokens(body: &Value) -> u64 {
    let parts = ["contents", "systemInstruction", "tools"];
    tokens(parts.iter().map(|part| body[part].to_string().len()).sum())
}

fn text(content: &Value) -> String {
    text_of(&content["parts"])
}

/// The text of a function's response: its one text member, or else all of it.
fn result(part: &Value) -> String {
    let response = &part["functionResponse"]["response"];
    let one = ["result", "output", "error"]
        .iter()
        .find_map(|name| match &response[name] {
            Value::String(text) if *name == "error" => Some(format!("error: {text}")),
            Value::String(text) => Some(text.clone()),
            _ => None,
        });
    one.unwrap_or_else(|| response.to_string())
}

fn images(parts: &[Value]) -> Vec<Image> {
    let mut found = Vec::new();
    for part in parts {
        found.extend(image(part));
        found.extend(images(items(&part["functionResponse"]["parts"])));
    }
    found
}

/// The image of a part; `None` when it has none, or one whose data is not what its type says.
pub(crate) fn image(part: &Value) -> Option<Image> {
    let (inline, file) = (&part["inlineData"], &part["fileData"]);
    match file["fileUri"].as_str() {
        Some(uri) => Some(Image::Url(uri.to_owned())),
        None => Image::inline(
            inline["mimeType"].as_str()?,
            &ordinary(inline["data"].as_str()?),
        ),
    }
}

/// Base64 in the ordinary alphabet; Google takes that of URLs as well, and its own SDK sends it.
pub(crate) fn ordinary(base64: &str) -> String {
    base64.replace('-', "+").replace('_', "/")
}

fn tools(body: &Value) -> Vec<Tool> {
    let offered = items(&body["tools"]).iter();
    let functions = offered.flat_map(|tool| items(&tool["functionDeclarations"]));
    functions
        .filter_map(|function| {
            let schema = match &function["parametersJsonSchema"] {
                Value::Null => match &function["parameters"] {
                    Value::Null => json!({"type": "object"}),
                    parameters => parameters.clone(),
                },
                schema => schema.clone(),
            };
            Some(Tool {
                name: function["name"].as_str()?.to_owned(),
                schema,
                ..Tool::default()
            })
        })
        .collect()
}

fn tool_choice(config: &Value) -> ToolChoice {
    let allowed = strings(&config["allowedFunctionNames"]);
    match (config["mode"].as_str(), allowed.first()) {
        (Some("NONE"), _) => ToolChoice::None,
        (Some("ANY"), Some(name)) => ToolChoice::Named(name.clone()),
        (Some("ANY"), None) => ToolChoice::Any,
        _ => ToolChoice::Auto,
    }
}

/// The signature of a function call. It fits this call and no other.
pub(crate) fn call_signature(name: &str, args: &Value) -> String {
    proof::of_text(MAKER, &format!("{name} {args}"))
}

/// The whole reply.
pub(crate) fn whole(ask: &Ask, answer: &Answer, id: &str) -> Value {
    let mut parts = thoughts(ask, answer);
    if has_text(ask, answer) && !answer.text.is_empty() {
        let mut part = json!({"text": answer.text.concat()});
        if answer.thinking.is_some() && answer.calls.is_empty() {
            part["thoughtSignature"] = json!(proof::of_id(MAKER, id));
        }
        parts.push(part);
    }
    parts.extend(made(ask, answer));
    parts.extend(calls(ask, answer, id));
    let candidate = candidate(parts, Some(&answer.stop));
    chunk(ask, id, candidate, &answer.usage)
}

fn thoughts(ask: &Ask, answer: &Answer) -> Vec<Value> {
    let shown = answer.thinking.iter().filter(|_| ask.summary);
    shown
        .map(|thoughts| json!({"text": thoughts, "thought": true}))
        .collect()
}

/// Whether the answer is, among other things, text. What was refused has none.
fn has_text(ask: &Ask, answer: &Answer) -> bool {
    let wanted = ask.modalities.is_empty() || ask.modalities.iter().any(|it| it == "TEXT");
    wanted && answer.stop != Stop::Refusal
}

/// Pictures and sounds.
fn made(ask: &Ask, answer: &Answer) -> Vec<Value> {
    let wanted = ask.modalities.iter();
    wanted
        .filter_map(|modality| gemini_part(modality, &answer.text.concat()))
        .collect()
}

/// The calls as parts; of several only the first is signed.
fn calls(ask: &Ask, answer: &Answer, id: &str) -> Vec<Value> {
    let part = |(index, call): (usize, &Call)| {
        let mut function = json!({"name": call.name, "args": call.arguments});
        if ask.control.ids {
            function["id"] = json!(format!("{id}-{index}"));
        }
        let mut part = json!({"functionCall": function});
        if index == 0 {
            part["thoughtSignature"] = json!(call_signature(&call.name, &call.arguments));
        }
        part
    };
    answer.calls.iter().enumerate().map(part).collect()
}

fn candidate(parts: Vec<Value>, stop: Option<&Stop>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    match stop {
        // What was refused has no content at all.
        Some(Stop::Refusal) => json!({"finishReason": "SAFETY", "index": 0}),
        Some(Stop::Length) => {
            candidate["finishReason"] = json!("MAX_TOKENS");
            candidate
        }
        Some(Stop::End | Stop::Sequence(_) | Stop::Tools) => {
            candidate["finishReason"] = json!("STOP");
            candidate
        }
        None => candidate,
    }
}

fn chunk(ask: &Ask, id: &str, candidate: Value, counts: &Usage) -> Value {
    json!({"candidates": [candidate], "usageMetadata": usage(counts),
           "modelVersion": ask.model, "responseId": id})
}

fn usage(usage: &Usage) -> Value {
    let mut counts = json!({
        "promptTokenCount": usage.prompt,
        "candidatesTokenCount": usage.output - usage.thinking,
        "totalTokenCount": usage.prompt + usage.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.prompt}],
    });
    for (name, count) in [
        ("thoughtsTokenCount", usage.thinking),
        ("cachedContentTokenCount", usage.cache.read),
    ] {
        if count > 0 {
            counts[name] = json!(count);
        }
    }
    counts
}

/// The chunks of a stream. Counts grow; the last chunk alone says why it ended.
pub(crate) fn chunks(ask: &Ask, answer: &Answer, id: &str) -> Vec<Value> {
    let mut parts = Vec::new();
    for thoughts in thoughts(ask, answer) {
        let pieces = thoughts["text"]
            .as_str()
            .unwrap_or_default()
            .split_inclusive(". ");
        parts.extend(pieces.map(|piece| json!({"text": piece, "thought": true})));
    }
    if has_text(ask, answer) {
        parts.extend(answer.text.iter().map(|piece| json!({"text": piece})));
    }
    parts.extend(made(ask, answer));
    parts.extend(calls(ask, answer, id));
    if answer.thinking.is_some() && answer.calls.is_empty() {
        parts.push(json!({"text": "", "thoughtSignature": proof::of_id(MAKER, id)}));
    }
    let early = Usage {
        output: 0,
        thinking: 0,
        ..answer.usage
    };
    let last = parts.pop().into_iter().collect();
    let mut chunks: Vec<_> = parts
        .into_iter()
        .map(|part| chunk(ask, id, candidate(vec![part], None), &early))
        .collect();
    chunks.push(chunk(
        ask,
        id,
        candidate(last, Some(&answer.stop)),
        &answer.usage,
    ));
    chunks
}

/// Chunks as the bytes of one JSON array, piece by piece.
pub(crate) fn array(chunks: &[Value]) -> Vec<Bytes> {
    let before = |index| if index == 0 { "[" } else { ",\r\n" };
    let pieces = chunks.iter().enumerate();
    let mut frames: Vec<_> = pieces
        .map(|(index, chunk)| Bytes::from(format!("{}{chunk}", before(index))))
        .collect();
    frames.push(Bytes::from_static(b"]"));
    frames
}

/// One model of the list.
pub(crate) fn model(id: &str) -> Value {
    json!({"name": format!("models/{id}"), "version": "001", "displayName": id,
           "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
           "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
           "temperature": 1, "topP": 0.95, "topK": 64, "thinking": true})
}

/// `/v1beta/models`.
pub(crate) fn models(ids: &[String]) -> Value {
    json!({"models": ids.iter().map(|id| model(id)).collect::<Vec<_>>()})
}
