//! Replies as a provider of Responses writes them.

use serde_json::{Value, json};

use super::{Piece, Said};

impl Said {
    fn responses_usage(&self) -> Option<Value> {
        self.usage.map(|(fresh, read, written, output)| {
            let input = fresh + read + written;
            json!({
                "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
                "input_tokens_details": { "cached_tokens": read, "cache_write_tokens": written }
            })
        })
    }

    pub(super) fn responses_stream(&self) -> Vec<u8> {
        let mut events = vec![json!({
            "type": "response.created",
            "response": { "id": "resp_1", "model": "m", "status": "in_progress", "output": [] }
        })];
        for (place, piece) in self.pieces.iter().enumerate() {
            let (whole, id) = (item(place, piece), format!("i{place}"));
            events.push(json!({
                "type": "response.output_item.added", "output_index": place, "item": begun(&whole)
            }));
            let (kind, parts) = match piece {
                Piece::Text(parts) => ("response.output_text", parts),
                Piece::Thinking(parts) => ("response.reasoning_summary_text", parts),
                Piece::Call { arguments, .. } => ("response.function_call_arguments", arguments),
            };
            for part in parts {
                events.push(json!({
                    "type": format!("{kind}.delta"), "item_id": id, "output_index": place,
                    "content_index": 0, "summary_index": 0, "delta": part
                }));
            }
            let member = match piece {
                Piece::Call { .. } => "arguments",
                _ => "text",
            };
            events.push(json!({
                "type": format!("{kind}.done"), "item_id": id, "output_index": place,
                "content_index": 0, "summary_index": 0, member: parts.concat()
            }));
            events.push(json!({
                "type": "response.output_item.done", "output_index": place, "item": whole
            }));
        }
        let reply = self.responses_end();
        let kind = format!("response.{}", reply["status"].as_str().unwrap());
        events.push(json!({ "type": kind, "response": reply }));
        let frame = |(number, mut event): (usize, Value)| {
            event["sequence_number"] = json!(number);
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        };
        let frames: String = events.into_iter().enumerate().map(frame).collect();
        frames.into_bytes()
    }

    pub(super) fn responses_reply(&self) -> Vec<u8> {
        self.responses_end().to_string().into_bytes()
    }

    fn responses_end(&self) -> Value {
        let output: Vec<Value> = self
            .pieces
            .iter()
            .enumerate()
            .map(|(place, piece)| item(place, piece))
            .collect();
        let mut reply = json!({
            "id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": output
        });
        let reason = match self.finish {
            2 => "max_output_tokens",
            3 => "content_filter",
            _ => "",
        };
        if !reason.is_empty() {
            reply["status"] = json!("incomplete");
            reply["incomplete_details"] = json!({ "reason": reason });
        }
        if let Some(usage) = self.responses_usage() {
            reply["usage"] = usage;
        }
        reply
    }
}

fn item(place: usize, piece: &Piece) -> Value {
    let id = format!("i{place}");
    match piece {
        Piece::Text(parts) => json!({
            "type": "message", "id": id, "role": "assistant", "status": "completed",
            "content": [{ "type": "output_text", "text": parts.concat(), "annotations": [] }]
        }),
        Piece::Thinking(parts) => json!({
            "type": "reasoning", "id": id,
            "summary": [{ "type": "summary_text", "text": parts.concat() }]
        }),
        Piece::Call { name, arguments } => json!({
            "type": "function_call", "id": id, "call_id": format!("c{place}"), "name": name,
            "arguments": arguments.concat(), "status": "completed"
        }),
    }
}

/// An item before anything of it has come.
fn begun(item: &Value) -> Value {
    let mut item = item.clone();
    for (member, nothing) in [
        ("content", json!([])),
        ("summary", json!([])),
        ("arguments", json!("")),
    ] {
        if item.get(member).is_some() {
            item[member] = nothing;
        }
    }
    item
}
