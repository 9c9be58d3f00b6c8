//! A response as a stream: every item opened, filled and closed, and the whole object at the end.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Form, ending, output, response, whole};
use crate::{answer::Answer, ask::Ask, chat::fragments, messages::event};

/// The reply as frames.
pub(crate) fn frames(ask: &Ask, answer: &Answer, body: &Value, form: Form, id: &str) -> Vec<Bytes> {
    let mut stream = Stream::default();
    let begun = response(ask, body, id);
    stream.send(json!({"type": "response.created", "response": begun}));
    stream.send(json!({"type": "response.in_progress", "response": begun}));
    for (index, item) in output(ask, answer, id).into_iter().enumerate() {
        match item["type"].as_str() {
            Some("reasoning") => stream.reasoning(index, &item),
            Some("message") => stream.message(index, &item, &answer.text),
            _ => stream.call(index, &item),
        }
    }
    let mut last = whole(ask, answer, body, id);
    if form == Form::Plan {
        last["output"] = json!([]);
    }
    let name = format!("response.{}", ending(&answer.stop).0);
    stream.send(json!({"type": name, "response": last}));
    stream.frames
}

/// The frames that tell of an error after the stream began; `error` is what an error body holds.
pub(crate) fn failure(ask: &Ask, body: &Value, error: &Value, sent: usize, id: &str) -> Vec<Bytes> {
    let mut stream = Stream {
        sent: sent as u64,
        ..Stream::default()
    };
    stream.send(
        json!({"type": "error", "code": error["code"], "message": error["message"],
        "param": error["param"]}),
    );
    let mut failed = response(ask, body, id);
    failed["status"] = json!("failed");
    failed["error"] = json!({"code": "server_error", "message": error["message"]});
    stream.send(json!({"type": "response.failed", "response": failed}));
    stream.frames
}

#[derive(Default)]
struct Stream {
    frames: Vec<Bytes>,
    sent: u64,
}

impl Stream {
    fn send(&mut self, mut data: Value) {
        data["sequence_number"] = json!(self.sent);
        self.sent += 1;
        self.frames.push(event(&data));
    }

    fn item(&mut self, state: &str, index: usize, item: &Value) {
        let name = format!("response.output_item.{state}");
        self.send(json!({"type": name, "output_index": index, "item": item}));
    }

    /// The early seal is another one than the last, as with the real provider.
    fn reasoning(&mut self, index: usize, item: &Value) {
        let mut opened = item.clone();
        opened["summary"] = json!([]);
        opened["encrypted_content"] = json!("ZWFybHk=");
        self.item("added", index, &opened);
        if let Some(text) = item["summary"][0]["text"].as_str() {
            let place = json!({"item_id": item["id"], "output_index": index, "summary_index": 0});
            let part = |text: &str| json!({"type": "summary_text", "text": text});
            let name = "response.reasoning_summary";
            self.at(
                &place,
                &format!("{name}_part.added"),
                json!({"part": part("")}),
            );
            for piece in text.split_inclusive(". ") {
                self.at(
                    &place,
                    &format!("{name}_text.delta"),
                    json!({"delta": piece}),
                );
            }
            self.at(&place, &format!("{name}_text.done"), json!({"text": text}));
            self.at(
                &place,
                &format!("{name}_part.done"),
                json!({"part": part(text)}),
            );
        }
        self.item("done", index, item);
    }

    fn message(&mut self, index: usize, item: &Value, pieces: &[String]) {
        let mut opened = item.clone();
        opened["content"] = json!([]);
        opened["status"] = json!("in_progress");
        self.item("added", index, &opened);
        let part = &item["content"][0];
        let place = json!({"item_id": item["id"], "output_index": index, "content_index": 0});
        // A refusal's growing member is named as its kind, a text's is not.
        let (name, member) = match part["type"].as_str() {
            Some("refusal") => ("response.refusal", "refusal"),
            _ => ("response.output_text", "text"),
        };
        let mut empty = part.clone();
        empty[member] = json!("");
        self.at(
            &place,
            "response.content_part.added",
            json!({"part": empty}),
        );
        let mut more = json!({});
        if member == "text" {
            more["logprobs"] = json!([]);
        }
        for piece in pieces {
            more["delta"] = json!(piece);
            self.at(&place, &format!("{name}.delta"), more.clone());
        }
        more = json!({member: part[member]});
        if member == "text" {
            more["logprobs"] = json!([]);
        }
        self.at(&place, &format!("{name}.done"), more);
        self.at(&place, "response.content_part.done", json!({"part": part}));
        self.item("done", index, item);
    }

    fn call(&mut self, index: usize, item: &Value) {
        let (name, member) = match item["type"].as_str() {
            Some("custom_tool_call") => ("response.custom_tool_call_input", "input"),
            _ => ("response.function_call_arguments", "arguments"),
        };
        let mut opened = item.clone();
        opened[member] = json!("");
        opened["status"] = json!("in_progress");
        self.item("added", index, &opened);
        let place = json!({"item_id": item["id"], "output_index": index});
        for piece in fragments(item[member].as_str().unwrap_or_default()) {
            self.at(&place, &format!("{name}.delta"), json!({"delta": piece}));
        }
        let mut done = json!({member: item[member]});
        if member == "arguments" {
            done["name"] = item["name"].clone();
        }
        self.at(&place, &format!("{name}.done"), done);
        self.item("done", index, item);
    }

    fn at(&mut self, place: &Value, name: &str, more: Value) {
        let mut data = place.clone();
        data["type"] = json!(name);
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        self.send(data);
    }
}
