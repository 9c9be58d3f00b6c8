//! One running Claude Code and what passes between it and its callers.
//!
//! The program answers a turn as a whole, with as many requests to its provider as its tools need.
//! A caller of the Messages dialect sees one of these requests per reply. So a reply ends with the
//! provider's message, and while the caller's tools run the program waits for their outputs.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    process::{ChildStdin, ChildStdout},
    time::timeout,
};

use super::{
    message::{Ended, Message},
    outlet::{Gone, Outlet},
    said::{self, Limits, Said},
    tools::{self, Reply},
};
use crate::{
    BridgeTrouble, frames,
    process::{Lines, Running},
};

/// A running program.
pub(super) struct Session {
    pub(super) name: String,
    /// What is said when nobody is signed in.
    pub(super) login: BridgeTrouble,
    pub(super) running: Running,
    input: ChildStdin,
    lines: Lines<ChildStdout>,
    tools: Vec<Value>,
    /// Questions of the program that wait for a tool's output, by call.
    asked: BTreeMap<String, Question>,
    /// Outputs that the program has not asked for yet, by call.
    outputs: BTreeMap<String, Value>,
    pub(super) limits: Limits,
}

struct Question {
    request: String,
    id: Value,
}

impl Session {
    /// Takes over a program that has just been started. `login` is what is said when nobody is
    /// signed in there.
    pub(super) fn new(
        name: &str,
        login: BridgeTrouble,
        mut running: Running,
        tools: Vec<Value>,
    ) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            login,
            input: running.input()?,
            lines: running.lines()?,
            running,
            tools,
            asked: BTreeMap::new(),
            outputs: BTreeMap::new(),
            limits: Limits::default(),
        })
    }

    /// Asks the program something and waits for its answer.
    ///
    /// # Errors
    /// When it refuses or ends.
    pub(super) async fn ask(&mut self, question: Value) -> Result<(), BridgeTrouble> {
        let id = question["subtype"].as_str().unwrap_or_default().to_owned();
        let line = json!({"type": "control_request", "request_id": id, "request": question});
        self.write(&line).await?;
        loop {
            match self.next().await? {
                Said::ControlResponse { response } if response.request_id == id => {
                    return match response.error {
                        None => Ok(()),
                        Some(words) => Err(self.strange(&words)),
                    };
                }
                Said::ControlRequest {
                    request_id,
                    request,
                } => self.answer(request_id, &request).await?,
                _ => {}
            }
        }
    }

    /// Tells the program a line of the conversation.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) async fn tell(&mut self, line: &Value) -> Result<(), BridgeTrouble> {
        self.write(line).await
    }

    /// Waits until the program has taken in a line that asks for no answer: it tells the end of a
    /// turn without any work. What follows too early would change places with it.
    ///
    /// # Errors
    /// When it refuses the line, or has ended.
    pub(super) async fn taken_in(&mut self) -> Result<(), BridgeTrouble> {
        loop {
            match self.next().await? {
                Said::Result(end) if end.is_error => {
                    return Err(self.provider(end.api_error_status, &end.words()));
                }
                Said::Result(_) => return Ok(()),
                Said::ControlRequest {
                    request_id,
                    request,
                } => {
                    self.answer(request_id, &request).await?;
                }
                _ => {}
            }
        }
    }

    /// Gives the program the outputs of the caller's tools.
    pub(super) async fn bring(
        &mut self,
        outputs: Vec<(String, Value)>,
    ) -> Result<(), BridgeTrouble> {
        for (call, output) in outputs {
            match self.asked.remove(&call) {
                Some(question) => self.put_out(question, &output).await?,
                None => drop(self.outputs.insert(call, output)),
            }
        }
        Ok(())
    }

    /// Passes the provider's next message on.
    pub(super) async fn reply(&mut self, outlet: &mut Outlet) -> Ended {
        let mut message = Message::default();
        loop {
            let said = tokio::select! {
                () = outlet.left() => return Ended::Left,
                said = self.next() => said,
            };
            let step = match said {
                Err(trouble) => Err(trouble),
                Ok(Said::StreamEvent {
                    event,
                    parent_tool_use_id: None,
                }) => match self.event(event, &mut message, outlet).await {
                    Ok(ended) => Ok(ended),
                    Err(Gone) => return Ended::Left,
                },
                Ok(said) => self.aside(said, outlet).await,
            };
            match step {
                Ok(None) => {}
                Ok(Some(ended)) => return ended,
                Err(trouble) => return Ended::Failed(trouble),
            }
        }
    }

    /// Goes on answering the program while nobody listens to it. It ends when the program does.
    pub(super) async fn idle(&mut self) {
        while let Ok(said) = self.next().await {
            if let Said::ControlRequest {
                request_id,
                request,
            } = said
                && self.answer(request_id, &request).await.is_err()
            {
                return;
            }
        }
    }

    /// Lets the program end in good order: it may be writing down a login that it has renewed.
    pub(super) async fn finish(self) {
        drop(self.input);
        self.running.finish(self.lines).await;
    }

    /// Does something with the program that must not take longer than `limit`.
    ///
    /// # Errors
    /// [`BridgeTrouble::Silent`] when it does, or its own.
    pub(super) async fn within(
        &mut self,
        limit: Duration,
        act: impl AsyncFnOnce(&mut Self) -> Result<(), BridgeTrouble>,
    ) -> Result<(), BridgeTrouble> {
        match timeout(limit, act(self)).await {
            Ok(done) => done,
            Err(_) => Err(BridgeTrouble::Silent {
                program: self.name.clone(),
                seconds: limit.as_secs(),
            }),
        }
    }

    async fn event(
        &mut self,
        mut event: Value,
        message: &mut Message,
        outlet: &mut Outlet,
    ) -> Result<Option<Ended>, Gone> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" if message.has_begun => {
                let words = "the provider's stream broke, and the program begins its answer anew";
                return Ok(Some(Ended::Failed(self.provider(None, words))));
            }
            // An output that was never asked for: the program has gone its own way.
            "message_start" if !self.outputs.is_empty() => return Ok(Some(Ended::Astray)),
            "message_start" => message.has_begun = true,
            "content_block_start" => message.block(&mut event["content_block"]),
            "message_delta" => {
                let stop = event["delta"]["stop_reason"].as_str();
                message.stop = stop.map(str::to_owned).or(message.stop.take());
            }
            "error" => {
                let words = event["error"]["message"].as_str().unwrap_or_default();
                return Ok(Some(Ended::Failed(self.provider(None, words))));
            }
            _ => {}
        }
        let is_last = event["type"] == "message_stop";
        outlet.frame(frames::frame(&event)).await?;
        Ok(is_last.then(|| message.end()))
    }

    /// What the program says beside the provider's message.
    async fn aside(&mut self, said: Said, outlet: &Outlet) -> Result<Option<Ended>, BridgeTrouble> {
        match said {
            Said::ControlRequest {
                request_id,
                request,
            } => {
                self.answer(request_id, &request).await?;
                Ok(None)
            }
            Said::RateLimitEvent { rate_limit_info } => {
                self.limits = rate_limit_info;
                Ok(None)
            }
            Said::Assistant(whole) if whole.is_api_error_message => Err(self.refusal(&whole)),
            Said::Result(end) if end.is_error => {
                Err(self.provider(end.api_error_status, &end.words()))
            }
            // The turn is over and the provider was not asked, or its message had no end.
            Said::Result(end) if outlet.has_begun() => Err(self.provider(None, &end.words())),
            Said::Result(end) => Err(self.strange(&end.words())),
            _ => Ok(None),
        }
    }

    /// Answers a question of the program.
    async fn answer(&mut self, request_id: String, request: &Value) -> Result<(), BridgeTrouble> {
        if request["subtype"] != "mcp_message" {
            let words = "byokey does not answer this";
            let response = json!({"subtype": "error", "request_id": request_id, "error": words});
            return self
                .write(&json!({"type": "control_response", "response": response}))
                .await;
        }
        match tools::answer(&request["message"], &self.tools) {
            Reply::Message(message) => self.respond(&request_id, &message).await,
            Reply::Later { call, id } => {
                let question = Question {
                    request: request_id,
                    id,
                };
                match self.outputs.remove(&call) {
                    Some(output) => self.put_out(question, &output).await,
                    None => {
                        self.asked.insert(call, question);
                        Ok(())
                    }
                }
            }
        }
    }

    async fn put_out(&mut self, question: Question, output: &Value) -> Result<(), BridgeTrouble> {
        let message = tools::reply(&question.id, output);
        self.respond(&question.request, &message).await
    }

    async fn respond(&mut self, request_id: &str, message: &Value) -> Result<(), BridgeTrouble> {
        let response = json!({"subtype": "success", "request_id": request_id, "response": {"mcp_response": message}});
        self.write(&json!({"type": "control_response", "response": response}))
            .await
    }

    async fn write(&mut self, line: &Value) -> Result<(), BridgeTrouble> {
        let line = format!("{line}\n");
        let written = async {
            self.input.write_all(line.as_bytes()).await?;
            self.input.flush().await
        };
        match written.await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.ended().await),
        }
    }

    /// The next line that says something.
    async fn next(&mut self) -> Result<Said, BridgeTrouble> {
        loop {
            match self.lines.next().await {
                Ok(Some(line)) => {
                    if let Some(said) = said::read(line) {
                        return Ok(said);
                    }
                }
                Ok(None) => return Err(self.ended().await),
                Err(error) => return Err(self.strange(&error.to_string())),
            }
        }
    }
}
