use byokey_wire::Frame;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Call;

/// The reply to a request that asks nothing.
pub(super) fn loaded(call: Call, model: &str) -> Value {
    let mut line = head(call, model, &Piece::default());
    line["done"] = true.into();
    line["done_reason"] = "load".into();
    line
}

/// Part of a reply.
#[derive(Default)]
struct Piece {
    text: String,
    thinking: String,
    calls: Vec<Value>,
}

impl Piece {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.thinking.is_empty() && self.calls.is_empty()
    }
}

fn head(call: Call, model: &str, piece: &Piece) -> Value {
    let mut line = json!({ "model": model, "created_at": Timestamp::now().to_string() });
    if call == Call::Generate {
        line["response"] = piece.text.as_str().into();
        if !piece.thinking.is_empty() {
            line["thinking"] = piece.thinking.as_str().into();
        }
    } else {
        let mut message = json!({ "role": "assistant", "content": piece.text });
        if !piece.thinking.is_empty() {
            message["thinking"] = piece.thinking.as_str().into();
        }
        if !piece.calls.is_empty() {
            message["tool_calls"] = piece.calls.clone().into();
        }
        line["message"] = message;
    }
    line["done"] = false.into();
    line
}

/// When things happened, for the figures by which clients show their speed.
struct Times {
    began: Instant,
    first: Option<Instant>,
}

impl Times {
    fn end(&self, line: &mut Value, finish: &str, usage: &Value) {
        let now = Instant::now();
        let first = self.first.unwrap_or(now);
        let nanos = |from: Instant, to: Instant| {
            let elapsed = to.saturating_duration_since(from).as_nanos();
            // Speeds are shown as a quotient.
            u64::try_from(elapsed).unwrap_or(u64::MAX).max(1)
        };
        line["done"] = true.into();
        // Ollama has no word for a call.
        line["done_reason"] = match finish {
            "tool_calls" | "" => "stop",
            other => other,
        }
        .into();
        line["total_duration"] = nanos(self.began, now).into();
        line["load_duration"] = 0.into();
        line["prompt_eval_duration"] = nanos(self.began, first).into();
        line["eval_duration"] = nanos(first, now).into();
        let counts = [
            ("prompt_eval_count", "prompt_tokens"),
            ("eval_count", "completion_tokens"),
        ];
        for (ours, theirs) in counts {
            if let Some(count) = usage[theirs].as_u64() {
                line[ours] = count.into();
            }
        }
    }
}

fn thinking(message: &Value) -> &str {
    let text = |name: &str| message[name].as_str().filter(|text| !text.is_empty());
    text("reasoning_content")
        .or_else(|| text("reasoning"))
        .unwrap_or_default()
}

/// A call as Ollama says it; `None` when its arguments are no object.
fn tool_call(id: &str, name: &str, arguments: &str) -> Option<Value> {
    let arguments = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    let arguments: Map<String, Value> = serde_json::from_str(arguments).ok()?;
    Some(json!({ "id": id, "function": { "name": name, "arguments": arguments } }))
}

/// A whole reply; `None` when it is no chat completion.
pub(super) fn whole(call: Call, model: &str, began: Instant, reply: &[u8]) -> Option<Value> {
    let reply: Value = serde_json::from_slice(reply).ok()?;
    let choice = reply["choices"].as_array()?.first()?;
    let message = &choice["message"];
    let calls = message["tool_calls"].as_array().map(Vec::as_slice);
    let calls = calls.unwrap_or_default().iter().map(|call| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let function = &call["function"];
        let arguments = text(&function["arguments"]);
        tool_call(&text(&call["id"]), &text(&function["name"]), &arguments)
    });
    let piece = Piece {
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        thinking: thinking(message).to_owned(),
        calls: calls.collect::<Option<_>>()?,
    };
    let mut line = head(call, model, &piece);
    let finish = choice["finish_reason"].as_str().unwrap_or_default();
    let first = Some(Instant::now());
    Times { began, first }.end(&mut line, finish, &reply["usage"]);
    Some(line)
}

/// Chat's chunks as Ollama's lines.
pub(crate) struct Lines {
    call: Call,
    model: String,
    times: Times,
    /// Calls so far: id, name, arguments as they come.
    calls: Vec<(String, String, String)>,
    finish: Option<String>,
    usage: Value,
    /// The stream said what went wrong.
    failed: bool,
}

impl Lines {
    pub(super) fn new(call: Call, model: String, began: Instant) -> Self {
        Self {
            call,
            model,
            times: Times { began, first: None },
            calls: Vec::new(),
            finish: None,
            usage: Value::Null,
            failed: false,
        }
    }

    /// Writes what one of Chat's frames becomes.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        let Ok(chunk) = serde_json::from_slice::<Value>(&frame.data) else {
            return;
        };
        if let Some(error) = chunk.get("error") {
            let message = error["message"].as_str().or(error.as_str());
            return self.fail(message.unwrap_or("the provider's reply broke off"), out);
        }
        if chunk["usage"].is_object() {
            self.usage = chunk["usage"].clone();
        }
        let choice = &chunk["choices"][0];
        if let Some(finish) = choice["finish_reason"].as_str() {
            self.finish = Some(finish.to_owned());
        }
        let delta = &choice["delta"];
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.fragment(call);
        }
        let piece = Piece {
            text: delta["content"].as_str().unwrap_or_default().to_owned(),
            thinking: thinking(delta).to_owned(),
            calls: Vec::new(),
        };
        if !piece.is_empty() {
            self.times.first.get_or_insert_with(Instant::now);
            write(&head(self.call, &self.model, &piece), out);
        }
    }

    /// Ollama's calls come whole, so their parts are put together first.
    fn fragment(&mut self, part: &Value) {
        self.times.first.get_or_insert_with(Instant::now);
        let index = part["index"].as_u64().unwrap_or(0);
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index > self.calls.len() {
            return;
        }
        if index == self.calls.len() {
            self.calls.push(Default::default());
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, name, arguments) = &mut self.calls[index];
        id.push_str(&text(&part["id"]));
        name.push_str(&text(&part["function"]["name"]));
        arguments.push_str(&text(&part["function"]["arguments"]));
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) {
        self.failed = true;
        write(&json!({ "error": message }), out);
    }

    /// Writes the last lines.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        if self.failed {
            return;
        }
        let Some(finish) = self.finish.take() else {
            return self.fail("the provider's reply broke off", out);
        };
        let calls = std::mem::take(&mut self.calls);
        let calls = calls
            .iter()
            .map(|(id, name, arguments)| tool_call(id, name, arguments));
        let Some(calls) = calls.collect::<Option<Vec<_>>>() else {
            return self.fail("the model calls a tool with broken arguments", out);
        };
        if !calls.is_empty() {
            let piece = Piece {
                calls,
                ..Piece::default()
            };
            write(&head(self.call, &self.model, &piece), out);
        }
        let mut last = head(self.call, &self.model, &Piece::default());
        self.times.end(&mut last, &finish, &self.usage);
        write(&last, out);
    }
}

fn write(line: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(frames: &[Value]) -> Vec<Value> {
        let mut lines = Lines::new(Call::Chat, "m".into(), Instant::now());
        let mut out = Vec::new();
        for data in frames {
            let frame = Frame {
                event: None,
                data: data.to_string().into_bytes().into(),
            };
            lines.frame(&frame, &mut out);
        }
        lines.end(&mut out);
        let out = String::from_utf8(out).unwrap();
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn delta(delta: Value) -> Value {
        json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": null }] })
    }

    #[test]
    fn a_stream_of_text_thinking_and_calls() {
        let part = |index: u64, id: &str, name: &str, arguments: &str| {
            delta(json!({ "tool_calls": [{ "index": index, "id": id,
                "function": { "name": name, "arguments": arguments } }] }))
        };
        let lines = lines(&[
            delta(json!({ "role": "assistant", "content": "" })),
            delta(json!({ "reasoning_content": "hm" })),
            delta(json!({ "content": "a" })),
            part(0, "c0", "f", "{\"x\""),
            part(0, "", "", ":1}"),
            part(1, "c1", "g", ""),
            json!({ "choices": [{ "delta": {}, "finish_reason": "tool_calls" }] }),
            json!({ "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 4 } }),
        ]);
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0]["message"]["thinking"], "hm");
        assert_eq!(lines[1]["message"]["content"], "a");
        let calls = &lines[2]["message"]["tool_calls"];
        assert_eq!(
            calls[0]["function"],
            json!({ "name": "f", "arguments": { "x": 1 } })
        );
        assert_eq!(calls[1]["function"]["arguments"], json!({}));
        assert!(lines[..3].iter().all(|line| line["done"] == false));
        assert_eq!(lines[3]["done_reason"], "stop");
        assert_eq!(
            (&lines[3]["done"], &lines[3]["eval_count"]),
            (&true.into(), &4.into())
        );
        assert!(lines[3]["eval_duration"].as_u64().unwrap() > 0);
    }

    #[test]
    fn a_stream_that_fails_ends_with_the_reason() {
        let broken = delta(json!({ "tool_calls": [{ "index": 0, "id": "c",
            "function": { "name": "f", "arguments": "{" } }] }));
        let end = json!({ "choices": [{ "delta": {}, "finish_reason": "length" }] });
        for frames in [
            vec![json!({ "error": { "message": "no" } })],
            vec![delta(json!({ "content": "a" }))],
            vec![broken, end],
        ] {
            let lines = lines(&frames);
            let last = lines.last().unwrap();
            assert!(
                last["error"].is_string() && last.get("done").is_none(),
                "{last}"
            );
        }
    }

    #[test]
    fn a_whole_reply() {
        let reply = json!({
            "choices": [{ "message": { "content": "hi", "reasoning_content": "hm" },
                          "finish_reason": "length" }],
            "usage": { "prompt_tokens": 1, "completion_tokens": 2 },
        });
        let reply = reply.to_string();
        let line = whole(Call::Generate, "m", Instant::now(), reply.as_bytes()).unwrap();
        assert_eq!(
            (&line["response"], &line["thinking"]),
            (&"hi".into(), &"hm".into())
        );
        assert_eq!(line["done_reason"], "length");
        assert_eq!(line["prompt_eval_count"], 1);
        assert!(whole(Call::Chat, "m", Instant::now(), b"{}").is_none());
    }
}
