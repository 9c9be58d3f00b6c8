//! The old text completions, `/v1/completions`, over Chat.
//!
//! Hardly a provider has this surface any more, but editors and evaluation tools still call it. The
//! prompt becomes one user message. What chat has no way to do is refused rather than ignored: a
//! caller that wants probabilities of its own prompt would be misled by anything else.

use axum::body::Body;
use byokey_wire::{Dialect, Fault, FaultKind, Frame};
use bytes::Bytes;
use http::{Response, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::feed::Feed;
use crate::reframe::{Wrapping, is_event_stream, reframe};
use crate::relay::Exchange;
use crate::respond;
use crate::upload::Upload;

/// Longest reply that is rewritten whole.
const LONGEST: usize = 64 << 20;

/// Answers a request for a text completion.
pub(crate) async fn serve(exchange: Exchange, incoming: Upload) -> Response<Body> {
    let id = exchange.id.clone();
    let asked = match read(&exchange, incoming).await {
        Ok(asked) => asked,
        Err(fault) => return respond::fault(Dialect::Chat, &fault, &id),
    };
    let (chat, echo) = (asked.chat, asked.echo);
    let response = exchange.serve(Upload::ready(chat)).await;
    if is_event_stream(&response) {
        return reframe(response, Wrapping::Completions(Chunks::new(echo)));
    }
    if !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let made = match axum::body::to_bytes(body, LONGEST).await {
        Ok(reply) => completion(&reply, &echo),
        Err(_) => None,
    };
    let Some(made) = made else {
        let fault = Fault::new(FaultKind::Upstream, "the provider's reply broke off");
        return respond::fault(Dialect::Chat, &fault, &id);
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(made))
}

/// What was asked, as a request of Chat.
#[derive(Debug)]
struct Asked {
    chat: Bytes,
    /// What stands in front of each reply.
    echo: String,
}

async fn read(exchange: &Exchange, incoming: Upload) -> Result<Asked, Fault> {
    let wants_model = exchange.asked.model.is_none();
    let feed = Feed::new(incoming, exchange.view.config.max_body(), wants_model)?;
    to_chat(&feed.whole().await?)
}

/// Members that mean the same in Chat.
const SAME: [&str; 14] = [
    "frequency_penalty",
    "logit_bias",
    "max_tokens",
    "model",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "user",
    "service_tier",
];

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    One(String),
    Many(Vec<String>),
    /// Numbers of tokens, or lists of them.
    Tokens(#[expect(dead_code, reason = "only its form counts")] Vec<Value>),
}

fn to_chat(body: &[u8]) -> Result<Asked, Fault> {
    let refuse = |param: &str, message: &str| {
        let mut fault = Fault::new(FaultKind::BadRequest, format!("`{param}`: {message}"));
        fault.param = Some(param.to_owned());
        fault
    };
    let mut given: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        Fault::new(
            FaultKind::BadRequest,
            format!("the body cannot be read: {error}"),
        )
    })?;
    let mut take = |name: &str| given.remove(name).filter(|value| !value.is_null());
    let prompt = match serde_json::from_value(take("prompt").unwrap_or(Value::Null)) {
        Ok(Prompt::One(prompt)) => prompt,
        Ok(Prompt::Many(mut prompts)) if prompts.len() == 1 => prompts.remove(0),
        Ok(Prompt::Many(_)) => {
            return Err(refuse("prompt", "send one prompt at a time"));
        }
        Ok(Prompt::Tokens(_)) => {
            return Err(refuse("prompt", "send text; providers' tokens differ"));
        }
        Err(_) => return Err(refuse("prompt", "send a text to complete")),
    };
    if take("suffix").is_some_and(|suffix| suffix != "") {
        return Err(refuse("suffix", "a chat model cannot fill in the middle"));
    }
    if take("logprobs").is_some() {
        return Err(refuse(
            "logprobs",
            "a chat model does not tell them in this form; use /v1/chat/completions",
        ));
    }
    let wanted = given.get("n").and_then(Value::as_u64).unwrap_or(1);
    let mut take = |name: &str| given.remove(name).filter(|value| !value.is_null());
    if take("best_of").is_some_and(|best_of| best_of.as_u64() != Some(wanted)) {
        return Err(refuse(
            "best_of",
            "leave it out, or make it as large as `n`",
        ));
    }
    let echo = match take("echo") {
        None | Some(Value::Bool(false)) => String::new(),
        Some(Value::Bool(true)) => prompt.clone(),
        Some(_) => return Err(refuse("echo", "must be true or false")),
    };
    let mut chat: Map<String, Value> = Map::new();
    for name in SAME {
        if let Some(value) = given.remove(name) {
            chat.insert(name.to_owned(), value);
        }
    }
    if let Some(name) = given.keys().next() {
        return Err(refuse(name, "text completions have no such member"));
    }
    chat.insert(
        "messages".into(),
        json!([{ "role": "user", "content": prompt }]),
    );
    Ok(Asked {
        chat: Value::Object(chat).to_string().into(),
        echo,
    })
}

/// The text completion that a chat completion says; `None` when it is none.
fn completion(reply: &[u8], echo: &str) -> Option<Vec<u8>> {
    let mut reply: Map<String, Value> = serde_json::from_slice(reply).ok()?;
    let Some(Value::Array(choices)) = reply.remove("choices") else {
        return None;
    };
    let choices: Vec<_> = choices
        .iter()
        .map(|choice| {
            let text = choice["message"]["content"].as_str().unwrap_or_default();
            one_choice(choice, format!("{echo}{text}"))
        })
        .collect();
    serde_json::to_vec(&envelope(reply, choices)).ok()
}

fn one_choice(chat: &Value, text: String) -> Value {
    json!({
        "index": chat["index"].as_u64().unwrap_or(0),
        "text": text,
        "logprobs": null,
        "finish_reason": chat["finish_reason"],
    })
}

fn envelope(mut chat: Map<String, Value>, choices: Vec<Value>) -> Value {
    let mut made = Map::new();
    let id = chat.remove("id");
    let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
    let id = id.strip_prefix("chatcmpl-").unwrap_or(id);
    made.insert("id".into(), format!("cmpl-{id}").into());
    made.insert("object".into(), "text_completion".into());
    for name in ["created", "model", "system_fingerprint", "usage"] {
        if let Some(value) = chat.remove(name) {
            made.insert(name.into(), value);
        }
    }
    made.insert("choices".into(), choices.into());
    Value::Object(made)
}

/// Chat's chunks as those of a text completion.
pub(crate) struct Chunks {
    echo: String,
    /// Choices that have begun.
    begun: Vec<u64>,
}

impl Chunks {
    fn new(echo: String) -> Self {
        Self {
            echo,
            begun: Vec::new(),
        }
    }

    /// Writes what one of Chat's frames becomes.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let Ok(mut chunk) = serde_json::from_slice::<Map<String, Value>>(&frame.data) else {
            // The end marker.
            write(out, &frame.data);
            return;
        };
        if chunk.contains_key("error") {
            write(out, &frame.data);
            return;
        }
        let given = match chunk.remove("choices") {
            Some(Value::Array(choices)) => choices,
            _ => Vec::new(),
        };
        let choices: Vec<_> = given
            .iter()
            .filter_map(|given| self.choice(given))
            .collect();
        // A frame with the counts alone has no choices to begin with.
        if !choices.is_empty() || given.is_empty() {
            write(out, envelope(chunk, choices).to_string().as_bytes());
        }
    }

    fn choice(&mut self, chat: &Value) -> Option<Value> {
        let text = chat["delta"]["content"].as_str().unwrap_or_default();
        let index = chat["index"].as_u64().unwrap_or(0);
        let mut text = text.to_owned();
        if !self.begun.contains(&index) {
            self.begun.push(index);
            text.insert_str(0, &self.echo);
        }
        (!text.is_empty() || !chat["finish_reason"].is_null()).then(|| one_choice(chat, text))
    }
}

fn write(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data.trim_ascii());
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_becomes_a_message() {
        let asked = to_chat(br#"{"model":"m","prompt":["hi"],"n":2,"best_of":2,"echo":true}"#);
        let asked = asked.unwrap();
        let chat: Value = serde_json::from_slice(&asked.chat).unwrap();
        assert_eq!(asked.echo, "hi");
        assert_eq!(
            chat,
            json!({
                "model": "m", "n": 2,
                "messages": [{ "role": "user", "content": "hi" }],
            })
        );
    }

    #[test]
    fn what_chat_cannot_do_is_refused_by_name() {
        for (body, param) in [
            (json!({}), "prompt"),
            (json!({ "prompt": ["a", "b"] }), "prompt"),
            (json!({ "prompt": [1, 2] }), "prompt"),
            (json!({ "prompt": [[1]] }), "prompt"),
            (json!({ "prompt": "a", "suffix": "b" }), "suffix"),
            (json!({ "prompt": "a", "logprobs": 1 }), "logprobs"),
            (json!({ "prompt": "a", "best_of": 3 }), "best_of"),
            (json!({ "prompt": "a", "echo": 1 }), "echo"),
            (json!({ "prompt": "a", "tools": [] }), "tools"),
        ] {
            let fault = to_chat(body.to_string().as_bytes()).unwrap_err();
            assert_eq!(fault.param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn chunks_say_the_same_in_the_old_form() {
        let mut chunks = Chunks::new("p".into());
        let mut out = Vec::new();
        for data in [
            r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-1","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
            r#"{"id":"chatcmpl-1","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"id":"chatcmpl-1","created":1,"model":"m","choices":[],"usage":{"total_tokens":3}}"#,
            "[DONE]",
        ] {
            let frame = Frame {
                event: None,
                data: data.as_bytes().into(),
            };
            chunks.frame(&frame, &mut out);
        }
        let out = String::from_utf8(out).unwrap();
        let frames: Vec<_> = out.split_terminator("\n\n").collect();
        let read = |nth: usize| -> Value {
            serde_json::from_str(frames[nth].strip_prefix("data: ").unwrap()).unwrap()
        };
        assert_eq!(frames.len(), 5);
        assert_eq!(read(0)["choices"][0]["text"], "p");
        assert_eq!(read(0)["object"], "text_completion");
        assert_eq!(read(0)["id"], "cmpl-1");
        assert_eq!(read(1)["choices"][0]["text"], "a");
        assert_eq!(read(2)["choices"][0]["finish_reason"], "stop");
        assert_eq!(read(3)["usage"]["total_tokens"], 3);
        assert_eq!(frames[4], "data: [DONE]");
    }
}
