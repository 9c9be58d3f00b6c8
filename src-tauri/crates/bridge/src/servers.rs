//! Programs that run as servers: kept for reuse, one conversation per request, and turns that go on
//! when their callers bring what came out of their tools.

mod turn;

use std::{collections::BTreeSet, sync::Arc};

use byokey_catalog::BridgeProtocol;
use serde_json::Value;

use crate::{
    BridgeBody, BridgeTrouble,
    bridges::Desk,
    codex, copilot,
    pool::{Place, Pool},
    request::{Offer, Request},
    rpc::{Heard, Listener, Peer},
    runs::Runs,
    voice::Voice,
};
use turn::Turn;
pub(crate) use turn::{Counted, Step};

/// What is kept of such programs between requests.
#[derive(Default)]
pub(crate) struct Servers {
    pool: Pool,
    runs: Arc<Runs<Whose, Next>>,
}

/// Who may go on with a turn: another model or other tools mean another conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Whose {
    account: i64,
    model: String,
    tools: Vec<Offer>,
}

/// What a turn gets when it goes on, or begins.
struct Next {
    request: Request,
    voice: Voice,
}

impl Servers {
    /// Answers a request of the Messages dialect.
    ///
    /// # Errors
    /// Whatever keeps the program from saying a first word.
    pub(crate) async fn call(
        &self,
        desk: &Desk<'_>,
        account: i64,
        body: &[u8],
    ) -> Result<BridgeBody, BridgeTrouble> {
        let request = Request::read(body)?;
        let program = &desk.bridge.program;
        let whose = Whose {
            account,
            model: request.model.clone(),
            tools: request.tools.clone(),
        };
        let (voice, ear) = Voice::of(&request);
        let brought: BTreeSet<_> = request.results().map(|(id, _)| id).collect();
        let run = self.runs.find(&whose, &brought);
        let next = match run {
            Some(run) => match run.send(Next { request, voice }) {
                Ok(()) => return ear.body(program).await,
                // The run has given up this very moment.
                Err(next) => next,
            },
            None => Next { request, voice },
        };
        let place = Place {
            account,
            path: desk.path.clone(),
            env: desk.settings.env.clone(),
        };
        let peer = self.pool.peer(place, start(desk)).await?;
        let (conversation, heard) = Conversation::open(desk, peer, &next.request).await?;
        let turn = Turn::new(
            conversation,
            heard,
            whose,
            Arc::clone(&self.runs),
            next.voice,
        );
        tokio::spawn(turn.run());
        ear.body(program).await
    }
}

async fn start(desk: &Desk<'_>) -> Result<Peer, BridgeTrouble> {
    match desk.bridge.protocol {
        BridgeProtocol::CodexAppServer => codex::start(desk).await,
        BridgeProtocol::CopilotSdk => copilot::start(desk).await,
        BridgeProtocol::ClaudeStreamJson => Err(desk.no_command()),
    }
}

/// A conversation with a program, in its own words. The program forgets it when this is dropped.
enum Conversation {
    Codex(codex::Conversation),
    Copilot(copilot::Conversation),
}

impl Conversation {
    /// Tells the program all that was said before and lets the model begin.
    async fn open(
        desk: &Desk<'_>,
        peer: Arc<Peer>,
        request: &Request,
    ) -> Result<(Self, Listener), BridgeTrouble> {
        if desk.bridge.protocol == BridgeProtocol::CopilotSdk {
            let (conversation, heard) = copilot::Conversation::open(desk, peer, request).await?;
            return Ok((Self::Copilot(conversation), heard));
        }
        let (conversation, heard) = codex::Conversation::open(desk, peer, request).await?;
        Ok((Self::Codex(conversation), heard))
    }

    /// What happened means this for the reply; the voice has told it.
    async fn hear(&mut self, heard: Heard, voice: &mut Voice, counted: &mut Counted) -> Step {
        match self {
            Self::Codex(codex) => codex.hear(heard, voice, counted).await,
            Self::Copilot(copilot) => copilot.hear(heard, voice, counted).await,
        }
    }

    /// Tells what came out of a tool.
    fn answer(&self, question: &Value, output: &Value) {
        match self {
            Self::Codex(codex) => codex.answer(question, output),
            Self::Copilot(copilot) => copilot.answer(question, output),
        }
    }

    /// Adds the user's words to the turn.
    async fn add(&self, said: &[&Value]) -> Result<(), BridgeTrouble> {
        match self {
            Self::Codex(codex) => codex.add(said).await,
            Self::Copilot(copilot) => copilot.add(said).await,
        }
    }

    /// What the program's end means.
    fn ended(&self) -> BridgeTrouble {
        let (bridge, peer) = match self {
            Self::Codex(codex) => (&codex.bridge, &codex.peer),
            Self::Copilot(copilot) => (&copilot.bridge, &copilot.peer),
        };
        BridgeTrouble::Ended {
            program: bridge.program.clone(),
            words: peer.last_words(),
        }
    }

    /// Stops the model.
    fn stop(&self) {
        match self {
            Self::Codex(codex) => codex.stop(),
            Self::Copilot(copilot) => copilot.stop(),
        }
    }
}
