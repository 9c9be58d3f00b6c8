//! A reply as one message, for callers who want no stream: programs always stream.

use http::{HeaderValue, Response, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{BridgeBody, BridgeTrouble};

/// Reads a stream to its end and makes the whole reply of it.
///
/// # Errors
/// When the stream ends with an error, or without an end.
pub(crate) async fn whole(
    program: &str,
    mut stream: BridgeBody,
) -> Result<Response<BridgeBody>, BridgeTrouble> {
    let mut message = Message::default();
    while let Some(Ok(frame)) = stream.frame().await {
        // Each frame of the channel is one frame of the stream.
        let data = frame.data_ref().and_then(|frame| data(frame));
        if let Some(event) = data {
            message.take(program, event)?;
        }
    }
    let Some(reply) = message.finished() else {
        return Err(BridgeTrouble::Ended {
            program: program.to_owned(),
            words: String::new(),
        });
    };
    let mut response = Response::new(BridgeBody::whole(reply.to_string()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

fn data(frame: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(frame).ok()?;
    let data = text.lines().find_map(|line| line.strip_prefix("data: "))?;
    serde_json::from_str(data).ok()
}

/// A message that is being put together.
#[derive(Default)]
struct Message {
    envelope: Value,
    blocks: Vec<Block>,
    has_ended: bool,
}

struct Block {
    content: Value,
    /// Fragments of a call's arguments.
    input: String,
}

impl Message {
    fn take(&mut self, program: &str, mut event: Value) -> Result<(), BridgeTrouble> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => self.envelope = event["message"].take(),
            "content_block_start" => self.blocks.push(Block {
                content: event["content_block"].take(),
                input: String::new(),
            }),
            "content_block_delta" => {
                if let Some(block) = self.blocks.last_mut() {
                    block.grow(event["delta"].take());
                }
            }
            "message_delta" => {
                merge(&mut self.envelope, event["delta"].take());
                merge(&mut self.envelope["usage"], event["usage"].take());
            }
            "message_stop" => self.has_ended = true,
            "error" => return Err(refusal(program, &event["error"])),
            _ => {}
        }
        Ok(())
    }

    fn finished(mut self) -> Option<Value> {
        if !self.has_ended {
            return None;
        }
        let blocks: Option<Vec<_>> = self.blocks.into_iter().map(Block::finished).collect();
        self.envelope["content"] = Value::Array(blocks?);
        Some(self.envelope)
    }
}

impl Block {
    fn grow(&mut self, mut delta: Value) {
        let (member, piece) = match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => ("text", delta["text"].take()),
            "thinking_delta" => ("thinking", delta["thinking"].take()),
            "signature_delta" => ("signature", delta["signature"].take()),
            "input_json_delta" => {
                self.input
                    .push_str(delta["partial_json"].as_str().unwrap_or_default());
                return;
            }
            "citations_delta" => {
                if !self.content["citations"].is_array() {
                    self.content["citations"] = json!([]);
                }
                if let Some(citations) = self.content["citations"].as_array_mut() {
                    citations.push(delta["citation"].take());
                }
                return;
            }
            _ => return,
        };
        let before = self.content[member].as_str().unwrap_or_default();
        self.content[member] = json!(format!("{before}{}", piece.as_str().unwrap_or_default()));
    }

    fn finished(mut self) -> Option<Value> {
        if !self.input.is_empty() {
            self.content["input"] = serde_json::from_str(&self.input).ok()?;
        }
        Some(self.content)
    }
}

/// Puts members over those of the same name; nothing is put over by null alone.
fn merge(into: &mut Value, from: Value) {
    let Value::Object(members) = from else { return };
    for (name, value) in members {
        if !value.is_null() || into.get(&name).is_none() {
            into[name] = value;
        }
    }
}

/// The error that ended a stream.
fn refusal(program: &str, error: &Value) -> BridgeTrouble {
    let status = match error["type"].as_str().unwrap_or_default() {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 502,
    };
    let words = error["message"].as_str().unwrap_or_default();
    let own = format!("{program}: ");
    BridgeTrouble::Provider {
        program: program.to_owned(),
        status,
        words: words.strip_prefix(&own).unwrap_or(words).to_owned(),
        resets_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{error_frame, frame};

    async fn folded(frames: Vec<bytes::Bytes>) -> Result<Value, BridgeTrouble> {
        let (sender, body) = BridgeBody::stream();
        tokio::spawn(async move {
            for frame in frames {
                sender.send(frame).await.unwrap();
            }
        });
        let response = whole("claude", body).await?;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Ok(serde_json::from_slice(&body).unwrap())
    }

    fn events() -> Vec<bytes::Bytes> {
        let events = [
            json!({"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "content": [], "stop_reason": null,
                "usage": {"input_tokens": 7, "cache_read_input_tokens": 3, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "S"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "ping"}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "grü"}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "ezi"}}),
            json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":"}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "[1]}"}}),
            json!({"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "u", "name": "g", "input": {}}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
            json!({"type": "message_stop"}),
        ];
        events.iter().map(frame).collect()
    }

    #[tokio::test]
    async fn a_stream_becomes_the_message_that_it_tells() {
        let message = folded(events()).await.unwrap();
        assert_eq!(
            message["content"],
            json!([
                {"type": "thinking", "thinking": "hm", "signature": "S"},
                {"type": "text", "text": "grüezi"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}},
                {"type": "tool_use", "id": "u", "name": "g", "input": {}},
            ])
        );
        assert_eq!(
            (&message["stop_reason"], &message["stop_sequence"]),
            (&json!("tool_use"), &Value::Null)
        );
        let usage = json!({"input_tokens": 7, "cache_read_input_tokens": 3, "output_tokens": 9});
        assert_eq!(message["usage"], usage);
    }

    #[tokio::test]
    async fn what_has_no_end_is_no_message() {
        let mut cut = events();
        cut.pop();
        assert!(matches!(
            folded(cut).await,
            Err(BridgeTrouble::Ended { .. })
        ));
        let mut failed = events();
        failed.truncate(3);
        failed.push(error_frame("overloaded_error", "claude: Overloaded"));
        let trouble = folded(failed).await.unwrap_err();
        assert_eq!(
            (trouble.status().as_u16(), trouble.to_string().as_str()),
            (529, "claude: Overloaded")
        );
    }
}
