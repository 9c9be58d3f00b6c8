use std::{collections::BTreeSet, sync::Arc, time::Duration};

use byokey_wire::Usage;
use serde_json::Value;
use tokio::time::sleep;

use super::{Conversation, Next, Whose};
use crate::{
    BridgeTrouble,
    request::Request,
    rpc::Listener,
    runs::Runs,
    voice::{Voice, random_id},
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
    conversation: Conversation,
    heard: Listener,
    whose: Whose,
    runs: Arc<Runs<Whose, Next>>,
    voice: Voice,
    /// Calls that were told to the caller in this reply.
    calls: Vec<Call>,
    /// Whether the model's present answer is complete.
    is_answered: bool,
    counted: Counted,
}

/// A tool call that the program waits for.
struct Call {
    /// The id that the caller knows.
    id: String,
    /// What the program calls it.
    question: Value,
}

/// What a piece of news means for a reply.
pub(crate) enum Step {
    /// Nothing, or a piece of the model's answer.
    On,
    /// The model's answer is complete; the turn goes on if there were calls in it.
    Answered,
    /// The model calls one of the caller's tools.
    Call {
        /// What the program calls it.
        question: Value,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// The turn has ended, well or not.
    Ended(Result<(), BridgeTrouble>),
}

/// How a reply ends.
enum End {
    /// The model waits for tools.
    Calls,
    /// So does the turn.
    Turn(Result<(), BridgeTrouble>),
    /// The caller has left, or has heard enough.
    Enough,
}

impl Turn {
    pub(super) fn new(
        conversation: Conversation,
        heard: Listener,
        whose: Whose,
        runs: Arc<Runs<Whose, Next>>,
        voice: Voice,
    ) -> Self {
        Self {
            conversation,
            heard,
            whose,
            runs,
            voice,
            calls: Vec::new(),
            is_answered: false,
            counted: Counted::default(),
        }
    }

    /// Speaks until the end of the turn, or until nobody listens any more.
    pub(super) async fn run(mut self) {
        loop {
            match self.reply().await {
                End::Calls => match self.pause().await {
                    Some(turn) => self = turn,
                    None => return,
                },
                End::Turn(Ok(())) => {
                    let usage = self.counted.untold();
                    self.voice.end(&usage).await;
                    break;
                }
                End::Turn(Err(trouble)) => {
                    self.voice.fail(trouble).await;
                    break;
                }
                End::Enough => {
                    self.conversation.stop();
                    let usage = self.counted.untold();
                    self.voice.end(&usage).await;
                    break;
                }
            }
        }
    }

    /// Speaks until the reply ends.
    async fn reply(&mut self) -> End {
        loop {
            let patience = if self.is_answered {
                MORE_CALLS
            } else {
                MORE_ANSWER
            };
            let heard = tokio::select! {
                heard = self.heard.next() => heard,
                () = self.voice.left() => return End::Enough,
                () = sleep(patience), if !self.calls.is_empty() => return End::Calls,
            };
            let Some(heard) = heard else {
                return End::Turn(Err(self.conversation.ended()));
            };
            let Self {
                conversation,
                voice,
                counted,
                ..
            } = self;
            match conversation.hear(heard, voice, counted).await {
                Step::On => {}
                Step::Answered => self.is_answered = true,
                Step::Call {
                    question,
                    name,
                    arguments,
                } => {
                    self.call(question, &name, &arguments).await;
                }
                Step::Ended(how) => return End::Turn(how),
            }
            if self.voice.is_done() {
                return End::Enough;
            }
        }
    }

    async fn call(&mut self, question: Value, name: &str, arguments: &Value) {
        let id = format!("call_{}", random_id());
        self.voice.call(&id, name, arguments).await;
        self.calls.push(Call { id, question });
    }

    /// Ends the reply with the calls and waits for what comes out of them; `None` when nobody brings
    /// it, which ends the turn.
    async fn pause(mut self) -> Option<Self> {
        let calls = std::mem::take(&mut self.calls);
        let ids: BTreeSet<_> = calls.iter().map(|call| call.id.clone()).collect();
        // Before the reply ends, because its caller may be quick.
        let next = self.runs.wait(self.whose.clone(), ids);
        self.voice.end(&self.counted.untold()).await;
        let mut late = Vec::new();
        let next = tokio::select! {
            next = next => next.ok(),
            () = sleep(CALLER) => None,
            () = self.while_paused(&mut late) => None,
        };
        let Some(Next { request, voice }) = next else {
            self.conversation.stop();
            return None;
        };
        self.voice = voice;
        self.is_answered = false;
        if let Err(trouble) = self.go_on(&request, &calls).await {
            self.voice.fail(trouble).await;
            self.conversation.stop();
            return None;
        }
        for (question, name, arguments) in late {
            self.call(question, &name, &arguments).await;
        }
        Some(self)
    }

    /// Looks after a conversation that waits for its caller: calls that come late wait with it, counts
    /// are kept. Returns when the turn or the program has ended.
    async fn while_paused(&mut self, late: &mut Vec<(Value, String, Value)>) {
        while let Some(heard) = self.heard.next().await {
            let Self {
                conversation,
                voice,
                counted,
                ..
            } = self;
            match conversation.hear(heard, voice, counted).await {
                Step::Call {
                    question,
                    name,
                    arguments,
                } => late.push((question, name, arguments)),
                Step::Ended(_) => return,
                Step::On | Step::Answered => {}
            }
        }
    }

    async fn go_on(&self, request: &Request, calls: &[Call]) -> Result<(), BridgeTrouble> {
        let said: Vec<_> = request.said().collect();
        if !said.is_empty() {
            // Before the answers: with them the model goes on.
            self.conversation.add(&said).await?;
        }
        for call in calls {
            let output = request.results().find(|(id, _)| *id == call.id);
            let output = output.map_or(&Value::Null, |(_, output)| output);
            self.conversation.answer(&call.question, output);
        }
        Ok(())
    }
}

/// Tokens of a conversation so far, and how many of them earlier replies have told.
#[derive(Default)]
pub(crate) struct Counted {
    total: [u64; 5],
    told: [u64; 5],
}

impl Counted {
    /// Adds what one answer took: input with all of the cache, read from it, written to it, output
    /// with all reasoning, reasoning.
    pub(crate) fn add(&mut self, counts: [u64; 5]) {
        for (sum, more) in self.total.iter_mut().zip(counts) {
            *sum += more;
        }
    }

    /// Sets the sum of all answers.
    pub(crate) fn set(&mut self, counts: [u64; 5]) {
        self.total = counts;
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
