//! What all tests with real programs need: where the programs are, and how a reply is read.

use std::{path::PathBuf, time::Duration};

use byokey_bridge::{BridgeBody, BridgeTrouble};
use http::Response;
use http_body_util::BodyExt;
use serde_json::{Value, json};

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(90);

/// The folder whose `node_modules` holds the programs.
pub(crate) fn packages() -> PathBuf {
    let folder = std::env::var_os("BYOKEY_TEST_PROGRAMS").expect(
        "these tests need the real programs; `cargo xtask test clients` installs them and names \
         their folder in BYOKEY_TEST_PROGRAMS",
    );
    PathBuf::from(folder).join("node_modules")
}

/// Waits, but not for ever.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// A Messages request with these messages.
pub(crate) fn request(model: &str, messages: &Value) -> Value {
    json!({"model": model, "max_tokens": 1000, "stream": true, "messages": messages})
}

/// One message of the user.
pub(crate) fn user(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

/// A whole reply, read from its stream.
#[derive(Debug)]
pub(crate) struct Said {
    /// The content blocks, as the Messages API would reply them.
    pub(crate) content: Vec<Value>,
    /// Why it ended; null when it did not.
    pub(crate) stop_reason: Value,
    /// The counts at the end.
    pub(crate) usage: Value,
    /// How many pieces of text came.
    pub(crate) pieces: usize,
    /// The error that ended it.
    pub(crate) error: Value,
}

impl Said {
    pub(crate) async fn of(response: Response<BridgeBody>) -> Self {
        let trouble = response.extensions().get::<BridgeTrouble>().cloned();
        assert_eq!(response.status(), 200, "{trouble:?}");
        let body = soon("the end of the reply", response.into_body().collect()).await;
        let body = body.unwrap().to_bytes();
        let text = std::str::from_utf8(&body).unwrap();
        let mut said = Self {
            content: Vec::new(),
            stop_reason: Value::Null,
            usage: Value::Null,
            pieces: 0,
            error: Value::Null,
        };
        for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            said.event(serde_json::from_str(data).unwrap());
        }
        said
    }

    fn event(&mut self, mut event: Value) {
        let kind = event["type"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "content_block_start" => self.content.push(event["content_block"].take()),
            "content_block_delta" => {
                let block = self.content.last_mut().unwrap();
                let delta = &event["delta"];
                let (from, to) = match delta["type"].as_str().unwrap() {
                    "text_delta" => {
                        self.pieces += 1;
                        ("text", "text")
                    }
                    "thinking_delta" => ("thinking", "thinking"),
                    "input_json_delta" => ("partial_json", "json"),
                    _ => return,
                };
                let sofar = block[to].as_str().unwrap_or_default();
                block[to] = (sofar.to_owned() + delta[from].as_str().unwrap()).into();
            }
            "content_block_stop" => {
                let block = self.content.last_mut().unwrap();
                if let Some(json) = block["json"].as_str() {
                    block["input"] = serde_json::from_str(json).unwrap();
                    block.as_object_mut().unwrap().remove("json");
                }
            }
            "message_delta" => {
                self.stop_reason = event["delta"]["stop_reason"].take();
                self.usage = event["usage"].take();
            }
            "error" => self.error = event["error"].take(),
            _ => {}
        }
    }

    /// All of its visible text.
    pub(crate) fn text(&self) -> String {
        let texts = self
            .content
            .iter()
            .filter_map(|block| block["text"].as_str());
        texts.collect()
    }

    /// The tool calls in it.
    pub(crate) fn calls(&self) -> Vec<&Value> {
        let calls = self.content.iter();
        calls.filter(|block| block["type"] == "tool_use").collect()
    }
}
