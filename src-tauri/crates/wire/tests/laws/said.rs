//! Replies made up for the laws, written as a provider of each dialect would, and read back as a
//! caller of each dialect does.

#[path = "said/gemini.rs"]
mod gemini;
#[path = "said/hear.rs"]
mod hear;
#[path = "said/responses.rs"]
mod responses;

pub(crate) use hear::{hear_reply, hear_stream};

use byokey_wire::{Answer, Ask, Capabilities, Dialect, Frame, Frames, Target, translate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A made-up block of a reply.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Vec<String>),
    Thinking(Vec<String>),
    Call {
        name: String,
        arguments: Vec<String>,
    },
}

/// A made-up reply.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) finish: usize,
    pub(crate) usage: Option<(u64, u64, u64, u64)>,
}

/// What a caller got out of a reply.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) content: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<(String, String, String)>,
    pub(crate) finish: String,
    pub(crate) usage: Value,
}

/// How a reply ends, in the words of Messages, Chat and Gemini.
const FINISHES: [(&str, &str, &str); 4] = [
    ("end_turn", "stop", "STOP"),
    ("tool_use", "tool_calls", "STOP"),
    ("max_tokens", "length", "MAX_TOKENS"),
    ("refusal", "content_filter", "SAFETY"),
];

/// Every caller with every provider whose replies must be translated for it.
pub(crate) fn pairs() -> impl Iterator<Item = (Dialect, Dialect)> {
    let callers = CALLERS.into_iter();
    let all = callers.flat_map(|caller| CALLERS.map(|upstream| (caller, upstream)));
    all.filter(|(caller, upstream)| caller != upstream)
}

const CALLERS: [Dialect; 4] = [
    Dialect::Chat,
    Dialect::Responses,
    Dialect::Messages,
    Dialect::Gemini,
];

pub(crate) fn said() -> impl Strategy<Value = Said> {
    let words = || proptest::collection::vec("[a-zé😀\"\\\\\n ]{1,6}", 1..4);
    let piece = prop_oneof![
        words().prop_map(Piece::Text),
        words().prop_map(Piece::Thinking),
        ("[a-z_]{1,8}", words()).prop_map(|(name, values)| {
            let whole = json!({ "a": values.concat() }).to_string();
            let middle = whole
                .char_indices()
                .nth(whole.chars().count() / 2)
                .unwrap()
                .0;
            let (head, tail) = whole.split_at(middle);
            Piece::Call {
                name,
                arguments: vec![head.to_owned(), tail.to_owned()],
            }
        }),
    ];
    let usage = proptest::option::of((0u64..1000, 0u64..1000, 0u64..1000, 0u64..1000));
    (
        proptest::collection::vec(piece, 0..5),
        0..FINISHES.len(),
        usage,
    )
        .prop_map(|(pieces, finish, usage)| Said {
            pieces,
            finish,
            usage,
        })
}

impl Said {
    fn messages_usage(&self) -> Option<Value> {
        self.usage.map(|(fresh, read, written, output)| {
            json!({
                "input_tokens": fresh, "cache_read_input_tokens": read,
                "cache_creation_input_tokens": written, "output_tokens": output
            })
        })
    }

    fn chat_usage(&self) -> Option<Value> {
        self.usage.map(|(fresh, read, written, output)| {
            let prompt = fresh + read + written;
            json!({
                "prompt_tokens": prompt, "completion_tokens": output,
                "total_tokens": prompt + output,
                "prompt_tokens_details": { "cached_tokens": read, "cache_write_tokens": written }
            })
        })
    }

    /// The stream of a provider.
    pub(crate) fn stream(&self, dialect: Dialect) -> Vec<u8> {
        match dialect {
            Dialect::Messages => self.messages_stream(),
            Dialect::Responses => self.responses_stream(),
            Dialect::Gemini => self.gemini_stream(),
            _ => self.chat_stream(),
        }
    }

    /// The whole reply of a provider.
    pub(crate) fn reply(&self, dialect: Dialect) -> Vec<u8> {
        match dialect {
            Dialect::Messages => self.messages_reply(),
            Dialect::Responses => self.responses_reply(),
            Dialect::Gemini => self.gemini_reply(),
            _ => self.chat_reply(),
        }
    }

    fn messages_stream(&self) -> Vec<u8> {
        let mut frames =
            vec![json!({ "type": "message_start", "message": { "id": "msg_1", "model": "m" } })];
        for (index, piece) in self.pieces.iter().enumerate() {
            let (block, deltas): (Value, Vec<Value>) = match piece {
                Piece::Text(parts) => (
                    json!({ "type": "text", "text": "" }),
                    parts
                        .iter()
                        .map(|t| json!({ "type": "text_delta", "text": t }))
                        .collect(),
                ),
                Piece::Thinking(parts) => (
                    json!({ "type": "thinking", "thinking": "", "signature": "" }),
                    parts
                        .iter()
                        .map(|t| json!({ "type": "thinking_delta", "thinking": t }))
                        .collect(),
                ),
                Piece::Call { name, arguments } => (
                    json!({ "type": "tool_use", "id": format!("c{index}"), "name": name, "input": {} }),
                    arguments
                        .iter()
                        .map(|t| json!({ "type": "input_json_delta", "partial_json": t }))
                        .collect(),
                ),
            };
            frames.push(
                json!({ "type": "content_block_start", "index": index, "content_block": block }),
            );
            for delta in deltas {
                frames
                    .push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
            }
            frames.push(json!({ "type": "content_block_stop", "index": index }));
        }
        let mut end =
            json!({ "type": "message_delta", "delta": { "stop_reason": FINISHES[self.finish].0 } });
        if let Some(usage) = self.messages_usage() {
            end["usage"] = usage;
        }
        frames.push(end);
        frames.push(json!({ "type": "message_stop" }));
        let frame = |frame: Value| {
            format!(
                "event: {}\ndata: {frame}\n\n",
                frame["type"].as_str().unwrap()
            )
        };
        frames
            .into_iter()
            .map(frame)
            .collect::<String>()
            .into_bytes()
    }

    fn messages_reply(&self) -> Vec<u8> {
        let content: Vec<Value> = self
            .pieces
            .iter()
            .enumerate()
            .map(|(index, piece)| match piece {
                Piece::Text(parts) => json!({ "type": "text", "text": parts.concat() }),
                Piece::Thinking(parts) => {
                    json!({ "type": "thinking", "thinking": parts.concat(), "signature": "" })
                }
                Piece::Call { name, arguments } => {
                    let input: Value = serde_json::from_str(&arguments.concat()).unwrap();
                    json!({ "type": "tool_use", "id": format!("c{index}"), "name": name, "input": input })
                }
            })
            .collect();
        let mut reply = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": content, "stop_reason": FINISHES[self.finish].0
        });
        if let Some(usage) = self.messages_usage() {
            reply["usage"] = usage;
        }
        reply.to_string().into_bytes()
    }

    fn chat_stream(&self) -> Vec<u8> {
        let mut out = String::new();
        let mut chunk = |delta: Value, finish: Value| {
            let chunk = json!({
                "id": "chatcmpl-1", "model": "m",
                "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }]
            });
            out.push_str(&format!("data: {chunk}\n\n"));
        };
        chunk(json!({ "role": "assistant", "content": "" }), Value::Null);
        for (index, piece) in self.in_chat_order().into_iter().enumerate() {
            match piece {
                Piece::Text(parts) => {
                    parts
                        .iter()
                        .for_each(|t| chunk(json!({ "content": t }), Value::Null));
                }
                Piece::Thinking(parts) => {
                    parts
                        .iter()
                        .for_each(|t| chunk(json!({ "reasoning_content": t }), Value::Null));
                }
                Piece::Call { name, arguments } => {
                    let head = json!({ "tool_calls": [{
                        "index": index, "id": format!("c{index}"), "type": "function",
                        "function": { "name": name, "arguments": "" }
                    }] });
                    chunk(head, Value::Null);
                    for part in arguments {
                        let delta = json!({ "tool_calls": [{ "index": index, "function": { "arguments": part } }] });
                        chunk(delta, Value::Null);
                    }
                }
            }
        }
        chunk(json!({}), json!(FINISHES[self.finish].1));
        if let Some(usage) = self.chat_usage() {
            let chunk = json!({ "id": "chatcmpl-1", "model": "m", "choices": [], "usage": usage });
            out.push_str(&format!("data: {chunk}\n\n"));
        }
        out.push_str("data: [DONE]\n\n");
        out.into_bytes()
    }

    fn chat_reply(&self) -> Vec<u8> {
        let join = |pick: fn(&Piece) -> Option<&Vec<String>>| -> String {
            self.pieces
                .iter()
                .filter_map(pick)
                .map(|parts| parts.concat())
                .collect()
        };
        let calls: Vec<Value> = self
            .in_chat_order()
            .into_iter()
            .enumerate()
            .filter_map(|(index, piece)| match piece {
                Piece::Call { name, arguments } => Some(json!({
                    "id": format!("c{index}"), "type": "function",
                    "function": { "name": name, "arguments": arguments.concat() }
                })),
                _ => None,
            })
            .collect();
        let content = join(|piece| match piece {
            Piece::Text(parts) => Some(parts),
            _ => None,
        });
        let reasoning = join(|piece| match piece {
            Piece::Thinking(parts) => Some(parts),
            _ => None,
        });
        let mut message = json!({ "role": "assistant", "content": content });
        if !reasoning.is_empty() {
            message["reasoning_content"] = json!(reasoning);
        }
        if !calls.is_empty() {
            message["tool_calls"] = json!(calls);
        }
        let mut reply = json!({
            "id": "chatcmpl-1", "model": "m",
            "choices": [{ "index": 0, "message": message, "finish_reason": FINISHES[self.finish].1 }]
        });
        if let Some(usage) = self.chat_usage() {
            reply["usage"] = usage;
        }
        reply.to_string().into_bytes()
    }

    /// A chat reply cannot say in which order its kinds came: reasoning, text, calls.
    fn in_chat_order(&self) -> Vec<&Piece> {
        let rank = |piece: &&Piece| match piece {
            Piece::Thinking(_) => 0,
            Piece::Text(_) => 1,
            Piece::Call { .. } => 2,
        };
        let mut pieces: Vec<&Piece> = self.pieces.iter().collect();
        pieces.sort_by_key(rank);
        pieces
    }
}

/// The way back to a caller that asked for a stream with counts.
pub(crate) fn answer(caller: Dialect, upstream: Dialect) -> Answer {
    let body: &[u8] = match caller {
        Dialect::Responses => br#"{"model":"m","stream":true,"store":false,"input":"hi"}"#,
        Dialect::Gemini => br#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
        _ => br#"{"model":"m","max_tokens":9,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}"#,
    };
    let caps = Capabilities::default();
    let target = Target::new("m", &caps, "o");
    let ask = Ask {
        model: Some("m"),
        stream: Some(true),
        ..Ask::new(caller, body)
    };
    translate(&ask, upstream, &target).unwrap().answer
}

/// What the caller's stream is for these pieces of the provider's.
pub(crate) fn translated<'b>(
    answer: &Answer,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Vec<u8> {
    let mut translation = answer.stream(0);
    let mut out = Vec::new();
    for piece in pieces {
        translation.push(piece, &mut out);
    }
    translation.finish(&mut out);
    out
}

/// The data of a stream's frames.
pub(crate) fn frames(stream: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    let mut frames = Frames::new();
    let mut each = |frame: Frame<'_>| all.push(String::from_utf8(frame.data.to_vec()).unwrap());
    frames.push(stream, &mut each);
    frames.finish(&mut each);
    all
}
