//! How a program's run speaks to its caller: its words become the events of a Responses stream, and
//! the translator makes Messages frames of those. So stop texts are cut, names are given back and
//! tokens are counted as for every other provider.

use std::future::pending;

use byokey_wire::{Translation, Usage};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::{BridgeBody, BridgeTrouble, frames, request::Request};

/// One reply on its way. It ends by [`Voice::end`] or [`Voice::fail`], after which nothing is heard;
/// dropped before that it was cut.
pub(crate) struct Voice {
    translation: Translation,
    frames: Option<mpsc::Sender<Bytes>>,
    model: String,
    /// Told at the first word, or why there will be none: until then a status can say it.
    opening: Option<oneshot::Sender<Result<(), BridgeTrouble>>>,
    /// The open item: what it is, its name in the program, and the part within.
    open: Option<(Kind, String, u64)>,
    index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
}

/// The caller's end of a [`Voice`].
pub(crate) struct Ear {
    opening: oneshot::Receiver<Result<(), BridgeTrouble>>,
    body: BridgeBody,
}

impl Ear {
    /// Waits for the first word; what follows it is the body.
    ///
    /// # Errors
    /// What kept the run from saying anything.
    pub(crate) async fn body(self, program: &str) -> Result<BridgeBody, BridgeTrouble> {
        let silent = || BridgeTrouble::Ended {
            program: program.to_owned(),
            words: String::new(),
        };
        self.opening.await.unwrap_or_else(|_| Err(silent()))?;
        Ok(self.body)
    }
}

impl Voice {
    /// The voice that answers a request, and where it is heard.
    pub(crate) fn of(request: &Request) -> (Self, Ear) {
        let (frames, body) = BridgeBody::stream();
        let (told, opening) = oneshot::channel();
        let voice = Self {
            // The time would only show in dialects that name it.
            translation: request.answer.stream(0),
            frames: Some(frames),
            model: request.model.clone(),
            opening: Some(told),
            open: None,
            index: 0,
        };
        (voice, Ear { opening, body })
    }

    /// Waits until the caller has left.
    pub(crate) async fn left(&self) {
        match &self.frames {
            Some(frames) => frames.closed().await,
            None => pending().await,
        }
    }

    /// Whether the reply is complete for the caller: a stop text was reached.
    pub(crate) fn is_done(&self) -> bool {
        self.translation.done()
    }

    /// Tells that the model has begun to answer.
    pub(crate) async fn begin(&mut self) {
        let Some(opening) = self.opening.take() else {
            return;
        };
        // Who does not wait for it has left.
        let _ = opening.send(Ok(()));
        let id = random_id();
        let response = json!({"id": id, "model": self.model, "status": "in_progress"});
        self.say(&json!({"type": "response.created", "response": response}))
            .await;
    }

    /// A piece of the visible answer; `item` tells one text from the next.
    pub(crate) async fn text(&mut self, item: &str, piece: &str) {
        self.enter(Kind::Text, item, 0).await;
        let at = self.index;
        self.say(
            &json!({"type": "response.output_text.delta", "output_index": at,
            "content_index": 0, "delta": piece}),
        )
        .await;
    }

    /// A piece of what is shown of the reasoning; `part` counts the parts of one item.
    pub(crate) async fn thought(&mut self, item: &str, part: u64, piece: &str) {
        self.enter(Kind::Thought, item, part).await;
        let at = self.index;
        self.say(
            &json!({"type": "response.reasoning_summary_text.delta", "output_index": at,
            "summary_index": part, "delta": piece}),
        )
        .await;
    }

    /// A call of one of the caller's tools.
    pub(crate) async fn call(&mut self, id: &str, name: &str, arguments: &Value) {
        self.begin().await;
        self.leave().await;
        let (at, arguments) = (self.index, arguments.to_string());
        let item = |arguments: &str| json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments});
        for event in [
            json!({"type": "response.output_item.added", "output_index": at, "item": item("")}),
            json!({"type": "response.function_call_arguments.done", "output_index": at,
                "arguments": arguments}),
            json!({"type": "response.output_item.done", "output_index": at,
                "item": item(&arguments)}),
        ] {
            self.say(&event).await;
        }
        self.index += 1;
    }

    /// The end of a reply that went well.
    pub(crate) async fn end(&mut self, usage: &Usage) {
        self.begin().await;
        self.leave().await;
        let mut response =
            json!({"id": "", "model": self.model, "status": "completed", "output": []});
        if !usage.is_empty() {
            response["usage"] = told(usage);
        }
        self.say(&json!({"type": "response.completed", "response": response}))
            .await;
        let mut out = Vec::new();
        self.translation.finish(&mut out);
        self.send(out).await;
        self.frames = None;
    }

    /// The end of a reply that went wrong.
    pub(crate) async fn fail(&mut self, trouble: BridgeTrouble) {
        if let Some(opening) = self.opening.take() {
            let _ = opening.send(Err(trouble));
        } else if !self.translation.done() {
            let frame = frames::error_frame(trouble.kind(), &trouble.to_string());
            self.send(frame).await;
        }
        self.frames = None;
    }

    async fn enter(&mut self, kind: Kind, item: &str, part: u64) {
        self.begin().await;
        if let Some((open, name, within)) = &self.open
            && (*open, name.as_str()) == (kind, item)
        {
            if *within != part {
                self.part("response.reasoning_summary_part.added", part)
                    .await;
                self.open = Some((kind, item.to_owned(), part));
            }
            return;
        }
        self.leave().await;
        let at = self.index;
        let added = match kind {
            Kind::Text => json!({"type": "message", "role": "assistant", "content": []}),
            Kind::Thought => json!({"type": "reasoning", "summary": []}),
        };
        self.say(&json!({"type": "response.output_item.added", "output_index": at, "item": added}))
            .await;
        if kind == Kind::Thought {
            self.part("response.reasoning_summary_part.added", part)
                .await;
        }
        self.open = Some((kind, item.to_owned(), part));
    }

    async fn part(&mut self, event: &str, part: u64) {
        let at = self.index;
        self.say(
            &json!({"type": event, "output_index": at, "summary_index": part,
            "part": {"type": "summary_text", "text": ""}}),
        )
        .await;
    }

    async fn leave(&mut self) {
        let Some((kind, ..)) = self.open.take() else {
            return;
        };
        let item = match kind {
            Kind::Text => json!({"type": "message", "role": "assistant"}),
            Kind::Thought => json!({"type": "reasoning"}),
        };
        let at = self.index;
        self.say(&json!({"type": "response.output_item.done", "output_index": at, "item": item}))
            .await;
        self.index += 1;
    }

    async fn say(&mut self, event: &Value) {
        let mut out = Vec::new();
        let frame = format!("data: {event}\n\n");
        self.translation.push(frame.as_bytes(), &mut out);
        self.send(out).await;
    }

    async fn send(&self, out: impl Into<Bytes>) {
        let out = out.into();
        if let Some(frames) = self.frames.as_ref().filter(|_| !out.is_empty()) {
            // Whoever speaks asks `left` as well.
            let _ = frames.send(out).await;
        }
    }
}

/// The counts as Responses names them.
fn told(usage: &Usage) -> Value {
    let (input, output) = (usage.input.unwrap_or(0), usage.output.unwrap_or(0));
    json!({
        "input_tokens": input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read.unwrap_or(0),
            "cache_write_tokens": usage.cache_write.unwrap_or(0),
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or(0)},
        "total_tokens": input + output,
    })
}

/// A fresh id: what programs call their things need not be unique between runs.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 12];
    // Without randomness the id is only less unique.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn voice(stop: &str) -> (Voice, Ear) {
        let body = json!({"model": "m", "max_tokens": 9, "stop_sequences": [stop],
            "messages": [{"role": "user", "content": "hi"}]});
        let request = Request::read(body.to_string().as_bytes()).unwrap();
        Voice::of(&request)
    }

    async fn heard(ear: Ear) -> Vec<Value> {
        let body = ear.body("it").await.unwrap();
        let all = body.collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&all).unwrap();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn words_thoughts_and_calls_become_blocks() {
        let (mut voice, ear) = voice("STOP");
        voice.thought("r", 0, "first").await;
        voice.thought("r", 1, "second").await;
        voice.text("m", "he").await;
        voice.text("m", "llo").await;
        voice.call("call_1", "look", &json!({"at": 1.5})).await;
        let usage = Usage {
            input: Some(10),
            cache_read: Some(4),
            output: Some(3),
            ..Usage::default()
        };
        voice.end(&usage).await;
        let heard = heard(ear).await;
        let starts: Vec<_> = heard
            .iter()
            .filter(|event| event["type"] == "content_block_start")
            .collect();
        let kinds: Vec<_> = starts
            .iter()
            .map(|start| &start["content_block"]["type"])
            .collect();
        assert_eq!(kinds, ["thinking", "text", "tool_use"], "{heard:#?}");
        let end = heard
            .iter()
            .find(|event| event["type"] == "message_delta")
            .unwrap();
        assert_eq!(end["delta"]["stop_reason"], "tool_use");
        assert_eq!(
            (
                &end["usage"]["input_tokens"],
                &end["usage"]["cache_read_input_tokens"]
            ),
            (&json!(6), &json!(4))
        );
        assert_eq!(heard.last().unwrap()["type"], "message_stop");
        assert_eq!(
            heard
                .iter()
                .filter(|event| event["type"] == "message_start")
                .count(),
            1
        );
    }

    #[tokio::test]
    async fn a_stop_text_ends_the_reply() {
        let (mut voice, ear) = voice("END");
        voice.text("m", "one EN").await;
        assert!(!voice.is_done());
        voice.text("m", "D two").await;
        assert!(voice.is_done());
        voice.end(&Usage::default()).await;
        let heard = heard(ear).await;
        let end = heard
            .iter()
            .find(|event| event["type"] == "message_delta")
            .unwrap();
        assert_eq!(end["delta"]["stop_sequence"], "END");
    }

    #[tokio::test]
    async fn a_failure_is_an_error_frame() {
        let (mut voice, ear) = voice("END");
        voice.text("m", "half").await;
        let trouble = BridgeTrouble::Request("no".to_owned());
        voice.fail(trouble).await;
        let heard = heard(ear).await;
        assert_eq!(
            heard.last().unwrap()["error"]["type"],
            "invalid_request_error"
        );
    }

    #[tokio::test]
    async fn trouble_before_the_first_word_is_no_stream() {
        let (mut voice, ear) = voice("END");
        voice.fail(BridgeTrouble::Request("no".to_owned())).await;
        let told = ear.body("it").await;
        assert_eq!(told.err(), Some(BridgeTrouble::Request("no".to_owned())));
    }

    #[tokio::test]
    async fn a_run_that_vanishes_is_told() {
        let (lost, ear) = voice("END");
        drop(lost);
        assert!(matches!(
            ear.body("it").await,
            Err(BridgeTrouble::Ended { .. })
        ));
    }
}
