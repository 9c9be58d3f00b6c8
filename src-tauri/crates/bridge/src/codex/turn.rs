use std::{collections::BTreeSet, sync::Arc, time::Duration};

use byokey_catalog::Bridge;
use byokey_wire::Usage;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Next, PATIENCE, Whose, refusal, thread, told};
use crate::{
    BridgeTrouble,
    rpc::{Heard, Listener, Peer},
    runs::Runs,
    voice::{Voice, random_id},
    words,
};

/// How long to wait for another call once the model's answer is complete.
const MORE_CALLS: Duration = Duration::from_millis(100);
/// The same while the answer may still go on.
const MORE_ANSWER: Duration = Duration::from_secs(2);
/// How long a turn waits for a caller to bring what came out of the tools.
const CALLER: Duration = Duration::from_mins(15);

/// A turn of a conversation, from its first word to its end. Tool calls end one reply and the next
/// request goes on with another; the turn stays the same.
pub(super) struct Turn {
    bridge: Bridge,
    peer: Arc<Peer>,
    heard: Listener,
    thread: String,
    turn: String,
    whose: Whose,
    runs: Arc<Runs<Whose, Next>>,
    voice: Voice,
    shows_reasoning: bool,
    /// Calls that were told to the caller in this reply.
    calls: Vec<Call>,
    usage: Counted,
    /// Whether the answer that is being given has told anything.
    has_told: bool,
    /// The text that came in pieces last.
    streamed: String,
}

/// A tool call that Codex waits for.
struct Call {
    /// The id that the caller knows.
    id: String,
    /// The question that wants an answer.
    question: Value,
}

/// Tokens of a conversation so far, and how many of them earlier replies have told.
#[derive(Default)]
struct Counted {
    total: [u64; 5],
    told: [u64; 5],
}

/// How a reply goes on.
enum Step {
    On,
    /// The model waits for tools.
    Calls,
    /// The turn has ended, well or not.
    Ended(Result<(), BridgeTrouble>),
    /// The caller has left, or wants no more.
    Left,
}

impl Turn {
    /// Starts the turn.
    ///
    /// # Errors
    /// When Codex refuses.
    pub(super) async fn begin(
        bridge: &Bridge,
        peer: Arc<Peer>,
        thread: String,
        whose: Whose,
        runs: Arc<Runs<Whose, Next>>,
        next: Next,
    ) -> Result<Self, BridgeTrouble> {
        let Next { request, voice } = next;
        let heard = peer.listen(&thread);
        let mut params = json!({
            "threadId": thread,
            "input": thread::input(&request),
            "summary": if request.shows_reasoning { "auto" } else { "none" },
        });
        if let Some(effort) = &request.effort {
            params["effort"] = effort.as_str().into();
        }
        if let Some(schema) = &request.schema {
            params["outputSchema"] = schema.clone();
        }
        let answer = peer.call("turn/start", params, PATIENCE).await;
        let answer = answer.map_err(|trouble| told(bridge, trouble))?;
        Ok(Self {
            bridge: bridge.clone(),
            turn: answer["turn"]["id"].as_str().unwrap_or_default().to_owned(),
            peer,
            heard,
            thread,
            whose,
            runs,
            voice,
            shows_reasoning: request.shows_reasoning,
            calls: Vec::new(),
            usage: Counted::default(),
            has_told: false,
            streamed: String::new(),
        })
    }

    /// Speaks until the end of the turn, or until nobody listens any more.
    pub(super) async fn run(mut self) {
        loop {
            match self.reply().await {
                Step::Calls => match self.pause().await {
                    Some(turn) => self = turn,
                    None => return,
                },
                Step::Ended(Ok(())) => {
                    let usage = self.usage.untold();
                    self.voice.end(&usage).await;
                    break;
                }
                Step::Ended(Err(trouble)) => {
                    self.voice.fail(trouble).await;
                    break;
                }
                Step::On | Step::Left => {
                    interrupt(&self.peer, &self.thread, &self.turn);
                    let usage = self.usage.untold();
                    self.voice.end(&usage).await;
                    break;
                }
            }
        }
        close(&self.peer, &self.thread);
    }

    /// Speaks until the reply ends.
    async fn reply(&mut self) -> Step {
        loop {
            // A complete answer has all its calls out at once; otherwise more of it may come.
            let patience = if self.has_told {
                MORE_ANSWER
            } else {
                MORE_CALLS
            };
            let heard = tokio::select! {
                heard = self.heard.next() => heard,
                () = self.voice.left() => return Step::Left,
                () = sleep(patience), if !self.calls.is_empty() => return Step::Calls,
            };
            let step = match heard {
                Some(Heard::Notice { method, params }) => self.notice(&method, &params).await,
                Some(Heard::Question { id, params }) => {
                    self.call(id, &params).await;
                    Step::On
                }
                None => Step::Ended(Err(BridgeTrouble::Ended {
                    program: self.bridge.program.clone(),
                    words: words::tidy(&self.peer.last_words()),
                })),
            };
            match step {
                Step::On if self.voice.is_done() => return Step::Left,
                Step::On => {}
                end => return end,
            }
        }
    }

    async fn call(&mut self, question: Value, params: &Value) {
        let id = format!("call_{}", random_id());
        let name = params["tool"].as_str().unwrap_or_default();
        self.voice.call(&id, name, &params["arguments"]).await;
        self.calls.push(Call { id, question });
    }

    async fn notice(&mut self, method: &str, params: &Value) -> Step {
        let text = |member: &str| params[member].as_str().unwrap_or_default();
        match method {
            "item/started" => {
                let kind = params["item"]["type"].as_str();
                if matches!(kind, Some("agentMessage" | "reasoning" | "dynamicToolCall")) {
                    self.voice.begin().await;
                }
            }
            "item/agentMessage/delta" => {
                self.has_told = true;
                text("itemId").clone_into(&mut self.streamed);
                self.voice.text(text("itemId"), text("delta")).await;
            }
            "item/reasoning/summaryTextDelta" if self.shows_reasoning => {
                self.has_told = true;
                let part = params["summaryIndex"].as_u64().unwrap_or(0);
                self.voice
                    .thought(text("itemId"), part, text("delta"))
                    .await;
            }
            "item/completed" => self.completed(&params["item"]).await,
            "rawResponse/completed" => {
                self.has_told = false;
                self.usage.add(&params["usage"]);
            }
            "thread/tokenUsage/updated" => {
                self.has_told = false;
                self.usage.set(&params["tokenUsage"]["total"]);
            }
            // Codex asks its provider once more and will say it all again, which cannot be taken back
            // from a caller who has heard the half of it.
            "error"
                if params["willRetry"] == true
                    && (self.has_told || refusal::is_final(&params["error"])) =>
            {
                interrupt(&self.peer, &self.thread, &self.turn);
                return Step::Ended(Err(self.refusal(&params["error"])));
            }
            "turn/completed" => return self.ended(&params["turn"]),
            _ => {}
        }
        Step::On
    }

    /// An item as a whole: its text counts if none of it came in pieces.
    async fn completed(&mut self, item: &Value) {
        let id = item["id"].as_str().unwrap_or_default();
        let text = item["text"].as_str().unwrap_or_default();
        if item["type"] == "agentMessage" && !text.is_empty() && self.streamed != id {
            self.has_told = true;
            self.voice.text(id, text).await;
        }
    }

    fn ended(&self, turn: &Value) -> Step {
        Step::Ended(match turn["status"].as_str() {
            Some("completed") => Ok(()),
            Some("interrupted") => Err(BridgeTrouble::Ended {
                program: self.bridge.program.clone(),
                words: "the turn was interrupted".to_owned(),
            }),
            _ => Err(self.refusal(&turn["error"])),
        })
    }

    fn refusal(&self, error: &Value) -> BridgeTrouble {
        refusal::read(&self.bridge, &self.peer, error)
    }

    /// Ends the reply with the calls and waits for what comes out of them; `None` when nobody brings
    /// it, which ends the turn.
    async fn pause(self) -> Option<Self> {
        let Self {
            bridge,
            peer,
            mut heard,
            thread,
            turn,
            whose,
            runs,
            voice,
            calls,
            mut usage,
            ..
        } = self;
        let ids: BTreeSet<_> = calls.iter().map(|call| call.id.clone()).collect();
        // Before the reply ends, because its caller may be quick.
        let next = runs.wait(whose.clone(), ids);
        voice.end(&usage.untold()).await;
        let mut late = Vec::new();
        let next = tokio::select! {
            next = next => next.ok(),
            () = sleep(CALLER) => None,
            () = while_paused(&mut heard, &mut usage, &mut late) => None,
        };
        let Some(Next { request, voice }) = next else {
            interrupt(&peer, &thread, &turn);
            close(&peer, &thread);
            return None;
        };
        let said: Vec<_> = request.said().filter_map(thread::user_input).collect();
        if !said.is_empty() {
            let words = json!({"threadId": thread, "expectedTurnId": turn, "input": said});
            // Before the answers: with them the model goes on.
            let steered = peer.call("turn/steer", words, PATIENCE).await;
            if let Err(trouble) = steered {
                voice.fail(told(&bridge, trouble)).await;
                interrupt(&peer, &thread, &turn);
                close(&peer, &thread);
                return None;
            }
        }
        for call in &calls {
            let output = request.results().find(|(id, _)| *id == call.id);
            let output = output.map_or(Value::Null, |(_, output)| thread::output(output));
            peer.answer(&call.question, &output);
        }
        let shows_reasoning = request.shows_reasoning;
        let mut turn = Self {
            bridge,
            peer,
            heard,
            thread,
            turn,
            whose,
            runs,
            voice,
            shows_reasoning,
            calls: Vec::new(),
            usage,
            has_told: false,
            streamed: String::new(),
        };
        for (question, params) in late {
            turn.call(question, &params).await;
        }
        Some(turn)
    }
}

/// Looks after a conversation that waits for its caller: calls that come late wait with it, counts
/// are kept. Returns when the turn or the program has ended.
async fn while_paused(heard: &mut Listener, usage: &mut Counted, late: &mut Vec<(Value, Value)>) {
    while let Some(heard) = heard.next().await {
        match heard {
            Heard::Question { id, params } => late.push((id, params)),
            Heard::Notice { method, params } => match method.as_str() {
                "rawResponse/completed" => usage.add(&params["usage"]),
                "thread/tokenUsage/updated" => usage.set(&params["tokenUsage"]["total"]),
                "turn/completed" => return,
                _ => {}
            },
        }
    }
}

fn interrupt(peer: &Peer, thread: &str, turn: &str) {
    peer.ask_in_passing(
        "turn/interrupt",
        json!({"threadId": thread, "turnId": turn}),
    );
}

fn close(peer: &Peer, thread: &str) {
    peer.ask_in_passing("thread/unsubscribe", json!({"threadId": thread}));
}

impl Counted {
    /// What Codex calls the counts, in the order in which they are kept.
    const NAMES: [&str; 5] = [
        "inputTokens",
        "cachedInputTokens",
        "cacheWriteInputTokens",
        "outputTokens",
        "reasoningOutputTokens",
    ];

    fn read(counts: &Value) -> [u64; 5] {
        Self::NAMES.map(|name| counts[name].as_u64().unwrap_or(0))
    }

    fn add(&mut self, counts: &Value) {
        for (sum, more) in self.total.iter_mut().zip(Self::read(counts)) {
            *sum += more;
        }
    }

    fn set(&mut self, counts: &Value) {
        if counts.is_object() {
            self.total = Self::read(counts);
        }
    }

    /// What no reply has told yet; nothing when nothing was counted.
    fn untold(&mut self) -> Usage {
        let mut counts = self.total;
        for (count, told) in counts.iter_mut().zip(self.told) {
            *count = count.saturating_sub(told);
        }
        self.told = self.total;
        if counts == [0; 5] {
            return Usage::default();
        }
        let [input, cache_read, cache_write, output, reasoning] = counts.map(Some);
        Usage {
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
        }
    }
}
