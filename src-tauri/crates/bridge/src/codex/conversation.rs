use std::sync::Arc;

use byokey_catalog::Bridge;
use serde_json::{Value, json};

use super::{PATIENCE, account_of, items, list, refusal, signed_in, told};
use crate::{
    BridgeTrouble,
    bridges::Desk,
    request::Request,
    rpc::{Heard, Listener, Peer},
    servers::{Counted, Step},
    voice::Voice,
};

/// A conversation with Codex: a thread that it forgets afterwards, and the one turn in it.
pub(crate) struct Conversation {
    pub(crate) bridge: Bridge,
    pub(crate) peer: Arc<Peer>,
    thread: String,
    turn: String,
    shows_reasoning: bool,
    /// Whether the answer that is being given has told anything.
    has_told: bool,
    /// The text that came in pieces last.
    streamed: String,
}

impl Conversation {
    /// Tells Codex all that was said before and starts the turn.
    ///
    /// # Errors
    /// When nobody is signed in, or Codex refuses.
    pub(crate) async fn open(
        desk: &Desk<'_>,
        peer: Arc<Peer>,
        request: &Request,
    ) -> Result<(Self, Listener), BridgeTrouble> {
        let call = async |method, params| {
            let answer = peer.call(method, params, PATIENCE).await;
            answer.map_err(|trouble| told(desk.bridge, trouble))
        };
        signed_in(desk, &account_of(desk.bridge, &peer).await?)?;
        let config = call("config/read", json!({"includeLayers": false})).await?;
        let params = items::start(desk, request, &config["config"]["mcp_servers"]);
        let answer = call("thread/start", params).await?;
        let Some(thread) = answer["thread"]["id"].as_str().map(str::to_owned) else {
            return Err(BridgeTrouble::Strange {
                program: desk.bridge.program.clone(),
                words: "a conversation without an id".to_owned(),
            });
        };
        let heard = peer.listen(&thread);
        // From here on Codex forgets the thread even if nobody waits for the turn any more.
        let mut conversation = Self {
            bridge: desk.bridge.clone(),
            peer: Arc::clone(&peer),
            thread,
            turn: String::new(),
            shows_reasoning: request.shows_reasoning,
            has_told: false,
            streamed: String::new(),
        };
        let thread = &conversation.thread;
        let earlier = items::before_turn(request);
        if !earlier.is_empty() {
            let params = json!({"threadId": thread, "items": earlier});
            call("thread/inject_items", params).await?;
        }
        let efforts = match &request.effort {
            Some(_) => efforts(desk.bridge, &peer, &request.model).await,
            None => Vec::new(),
        };
        let effort = request.effort.as_deref();
        let effort = effort.map(|wanted| items::nearest(wanted, &efforts));
        let answer = call("turn/start", items::turn(request, thread, effort)).await?;
        let turn = answer["turn"]["id"].as_str().unwrap_or_default();
        turn.clone_into(&mut conversation.turn);
        Ok((conversation, heard))
    }

    pub(crate) async fn hear(
        &mut self,
        heard: Heard,
        voice: &mut Voice,
        counted: &mut Counted,
    ) -> Step {
        let (method, params) = match heard {
            Heard::Notice { method, params } => (method, params),
            Heard::Question { id, mut params } => {
                return Step::Call {
                    question: id,
                    name: params["tool"].as_str().unwrap_or_default().to_owned(),
                    arguments: params["arguments"].take(),
                };
            }
        };
        let text = |member: &str| params[member].as_str().unwrap_or_default();
        match method.as_str() {
            "item/started" => {
                let kind = params["item"]["type"].as_str();
                if matches!(kind, Some("agentMessage" | "reasoning" | "dynamicToolCall")) {
                    voice.begin().await;
                }
            }
            "item/agentMessage/delta" => {
                self.has_told = true;
                text("itemId").clone_into(&mut self.streamed);
                voice.text(text("itemId"), text("delta")).await;
            }
            "item/reasoning/summaryTextDelta" if self.shows_reasoning => {
                self.has_told = true;
                let part = params["summaryIndex"].as_u64().unwrap_or(0);
                voice.thought(text("itemId"), part, text("delta")).await;
            }
            "item/completed" => self.completed(&params["item"], voice).await,
            "rawResponse/completed" => {
                self.has_told = false;
                counted.add(items::counts(&params["usage"]));
                return Step::Answered;
            }
            "thread/tokenUsage/updated" => {
                self.has_told = false;
                let total = &params["tokenUsage"]["total"];
                if total.is_object() {
                    counted.set(items::counts(total));
                }
            }
            // Codex asks its provider once more and will say it all again, which cannot be taken back
            // from a caller who has heard the half of it.
            "error"
                if params["willRetry"] == true
                    && (self.has_told || refusal::is_final(&params["error"])) =>
            {
                self.stop();
                return Step::Ended(Err(self.refusal(&params["error"])));
            }
            "turn/completed" => return self.ended(&params["turn"]),
            _ => {}
        }
        Step::On
    }

    /// An item as a whole: its text counts if none of it came in pieces.
    async fn completed(&mut self, item: &Value, voice: &mut Voice) {
        let id = item["id"].as_str().unwrap_or_default();
        let text = item["text"].as_str().unwrap_or_default();
        if item["type"] == "agentMessage" && !text.is_empty() && self.streamed != id {
            self.has_told = true;
            voice.text(id, text).await;
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

    pub(crate) fn answer(&self, question: &Value, output: &Value) {
        self.peer.answer(question, &items::output(output));
    }

    pub(crate) async fn add(&self, said: &[&Value]) -> Result<(), BridgeTrouble> {
        let input: Vec<_> = said
            .iter()
            .filter_map(|part| items::user_input(part))
            .collect();
        let params = json!({"threadId": self.thread, "expectedTurnId": self.turn, "input": input});
        let steered = self.peer.call("turn/steer", params, PATIENCE).await;
        steered.map_err(|trouble| told(&self.bridge, trouble))?;
        Ok(())
    }

    pub(crate) fn stop(&self) {
        let params = json!({"threadId": self.thread, "turnId": self.turn});
        self.peer.ask_in_passing("turn/interrupt", params);
    }
}

/// How hard the model can be told to think; nothing when Codex does not know it.
async fn efforts(bridge: &Bridge, peer: &Peer, model: &str) -> Vec<String> {
    let models = list(bridge, peer, true).await.unwrap_or_default();
    let known = models.into_iter().find(|known| known.id == model);
    known.map(|known| known.efforts).unwrap_or_default()
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let params = json!({"threadId": self.thread});
        self.peer.ask_in_passing("thread/unsubscribe", params);
    }
}
