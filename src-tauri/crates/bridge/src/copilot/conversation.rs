use std::{collections::BTreeMap, path::Path, sync::Arc};

use byokey_catalog::Bridge;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use super::{
    PATIENCE,
    prompt::{Prompt, output},
    signed_in, told,
};
use crate::{
    BridgeTrouble,
    bridges::Desk,
    program::login_command,
    request::{Offer, Request},
    rpc::{Heard, Listener, Peer, RpcTrouble},
    servers::{Counted, Step},
    voice::Voice,
    words,
};

/// A session of Copilot with one turn in it.
pub(crate) struct Conversation {
    pub(crate) bridge: Bridge,
    pub(crate) peer: Arc<Peer>,
    session: String,
    shows_reasoning: bool,
    /// Whether the answer that is being given has told anything.
    has_told: bool,
    /// The text that came in pieces last.
    streamed: String,
}

impl Conversation {
    /// Makes a session and lets the model begin.
    ///
    /// # Errors
    /// When nobody is signed in, or Copilot refuses.
    pub(crate) async fn open(
        desk: &Desk<'_>,
        peer: Arc<Peer>,
        request: &Request,
    ) -> Result<(Self, Listener), BridgeTrouble> {
        let prompt = Prompt::of(request)?;
        let provider = provider(&desk.settings.env);
        if provider.is_null() {
            signed_in(desk, &peer).await?;
        }
        let told = |trouble| told(desk.bridge, trouble);
        let mut params = params(desk.folder, request, &provider);
        let create =
            async |params: &Value| peer.call("session.create", params.clone(), PATIENCE).await;
        let mut answer = create(&params).await;
        let refused = matches!(answer, Err(RpcTrouble::Refused { .. }));
        if refused
            && params
                .as_object_mut()
                .is_some_and(|all| all.remove("reasoningEffort").is_some())
        {
            // Models that know no such effort refuse to be told one; if it was something else the
            // second answer says so.
            answer = create(&params).await;
        }
        let answer = answer.map_err(told)?;
        let Some(session) = answer["sessionId"].as_str().map(str::to_owned) else {
            return Err(BridgeTrouble::Strange {
                program: desk.bridge.program.clone(),
                words: "a session without an id".to_owned(),
            });
        };
        let heard = peer.listen(&session);
        let conversation = Self {
            bridge: desk.bridge.clone(),
            peer,
            session,
            shows_reasoning: request.shows_reasoning,
            has_told: false,
            streamed: String::new(),
        };
        conversation.send(prompt, "enqueue").await?;
        Ok((conversation, heard))
    }

    pub(crate) async fn hear(
        &mut self,
        heard: Heard,
        voice: &mut Voice,
        counted: &mut Counted,
    ) -> Step {
        let Heard::Notice { mut params, .. } = heard else {
            return Step::On;
        };
        let event = params["event"].take();
        // Helpers of Copilot speak in the same session.
        if event["agentId"].is_string() {
            return Step::On;
        }
        let data = &event["data"];
        let text = |member: &str| data[member].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "assistant.message_start" => voice.begin().await,
            "assistant.message_delta" => {
                self.has_told = true;
                text("messageId").clone_into(&mut self.streamed);
                voice.text(text("messageId"), text("deltaContent")).await;
            }
            "assistant.reasoning_delta" if self.shows_reasoning => {
                self.has_told = true;
                voice
                    .thought(text("reasoningId"), 0, text("deltaContent"))
                    .await;
            }
            "assistant.usage" => counted.add(counts(data)),
            "assistant.message" => {
                self.has_told = false;
                let (id, whole) = (text("messageId"), text("content"));
                if !whole.is_empty() && self.streamed != id {
                    voice.text(id, whole).await;
                }
                return Step::Answered;
            }
            "external_tool.requested" => {
                return Step::Call {
                    question: data["requestId"].clone(),
                    name: text("toolName").to_owned(),
                    arguments: data["arguments"].clone(),
                };
            }
            "permission.requested" => self.decline(&data["requestId"]),
            // Copilot asks its provider once more and will say it all again, which cannot be taken
            // back from a caller who has heard the half of it.
            "assistant.turn_retry" if self.has_told => {
                self.stop();
                return Step::Ended(Err(self.provider_said(502, text("reason"))));
            }
            // Copilot would try these again for a minute, which is the caller's to decide.
            "model.call_failure"
                if matches!(data["statusCode"].as_u64(), Some(401 | 403 | 429)) =>
            {
                self.stop();
                return Step::Ended(Err(self.refusal(data)));
            }
            "session.error" => return Step::Ended(Err(self.refusal(data))),
            "session.idle" => return Step::Ended(Ok(())),
            _ => {}
        }
        Step::On
    }

    /// What an error of the session means to a caller.
    fn refusal(&self, data: &Value) -> BridgeTrouble {
        let said = ["message", "errorMessage"]
            .iter()
            .find_map(|name| data[name].as_str());
        let said = &plain(said.unwrap_or_default());
        let status = data["statusCode"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (400..600).contains(status));
        match (data["errorType"].as_str().unwrap_or_default(), status) {
            ("authentication", _) | (_, Some(401)) => BridgeTrouble::SignedOut {
                program: self.bridge.program.clone(),
                login: login_command(&self.bridge),
                words: words::tidy(said),
            },
            (_, Some(400)) => BridgeTrouble::Request(words::tidy(said)),
            (_, Some(status)) => self.provider_said(status, said),
            ("authorization", None) => self.provider_said(403, said),
            ("quota" | "rate_limit", None) => self.provider_said(429, said),
            ("context_limit", None) => BridgeTrouble::Request(words::tidy(said)),
            _ => self.provider_said(502, said),
        }
    }

    fn provider_said(&self, status: u16, said: &str) -> BridgeTrouble {
        BridgeTrouble::Provider {
            program: self.bridge.program.clone(),
            status,
            words: words::tidy(said),
            resets_at: None,
        }
    }

    /// Nobody is there to give leave.
    fn decline(&self, request: &Value) {
        let params = json!({"sessionId": self.session, "requestId": request,
            "result": {"kind": "reject"}});
        let method = "session.permissions.handlePendingPermissionRequest";
        self.peer.ask_in_passing(method, params);
    }

    pub(crate) fn answer(&self, question: &Value, told: &Value) {
        let mut params = json!({"sessionId": self.session, "requestId": question});
        match output(told) {
            Ok(result) => params["result"] = result,
            Err(trouble) => params["error"] = trouble.to_string().into(),
        }
        self.peer
            .ask_in_passing("session.tools.handlePendingToolCall", params);
    }

    pub(crate) async fn add(&self, said: &[&Value]) -> Result<(), BridgeTrouble> {
        self.send(Prompt::said(said)?, "immediate").await
    }

    async fn send(&self, prompt: Prompt, mode: &str) -> Result<(), BridgeTrouble> {
        let params = json!({"sessionId": self.session, "prompt": prompt.text, "mode": mode,
            "attachments": prompt.pictures});
        let sent = self.peer.call("session.send", params, PATIENCE).await;
        sent.map_err(|trouble| told(&self.bridge, trouble))?;
        Ok(())
    }

    pub(crate) fn stop(&self) {
        self.peer
            .ask_in_passing("session.abort", json!({"sessionId": self.session}));
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (peer, params) = (Arc::clone(&self.peer), json!({"sessionId": self.session}));
        runtime.spawn(async move {
            // A session that is in use is not deleted. What fails here leaves a file of Copilot's own
            // behind, which Copilot clears away with its other old sessions.
            for method in ["session.destroy", "sessions.delete"] {
                let _ = peer.call(method, params.clone(), PATIENCE).await;
            }
        });
    }
}

/// The words of an error, which Copilot passes on as its provider wrote it in some places.
fn plain(said: &str) -> String {
    #[derive(Deserialize)]
    struct Error {
        message: String,
    }
    serde_json::from_str(said).map_or_else(|_| said.to_owned(), |error: Error| error.message)
}

/// The parameters of a session.
fn params(folder: &Path, request: &Request, provider: &Value) -> Value {
    let tool = |offer: &Offer| {
        // A caller may have a tool of the same name as Copilot; and it has asked its user already.
        json!({"name": offer.name, "description": offer.description, "parameters": offer.parameters,
            "overridesBuiltInTool": true, "skipPermission": true})
    };
    let tools: Vec<_> = request.tools.iter().map(tool).collect();
    let mut params = json!({
        "clientName": "byokey",
        "model": request.model,
        "streaming": true,
        "systemMessage": {"mode": "replace", "content": request.system},
        "tools": tools,
        // None of its own.
        "availableTools": ["custom:*"],
        "toolFilterPrecedence": "excluded",
        "workingDirectory": folder,
        "envValueMode": "direct",
        "hooks": false,
        "requestPermission": true,
        "requestUserInput": false,
        "requestElicitation": false,
        "requestExitPlanMode": false,
        "requestAutoModeSwitch": false,
        "requestMcpApps": false,
        "enableConfigDiscovery": false,
        "enableFileHooks": false,
        "enableHostGitOperations": false,
        "enableSessionStore": false,
        "enableSkills": false,
        "infiniteSessions": {"enabled": false},
        "memory": {"enabled": false},
        "skipCustomInstructions": true,
        "skipEmbeddingRetrieval": true,
    });
    if let Some(effort) = &request.effort {
        params["reasoningEffort"] = effort.as_str().into();
    }
    if !provider.is_null() {
        params["provider"] = provider.clone();
    }
    params
}

/// A provider of the user's own, from the variables by which Copilot CLI takes one in its other modes;
/// null when there is none.
fn provider(env: &BTreeMap<String, String>) -> Value {
    let named = |name: &str| env.get(&format!("COPILOT_PROVIDER_{name}"));
    if named("BASE_URL").is_none() {
        return Value::Null;
    }
    let members = [
        ("baseUrl", "BASE_URL"),
        ("type", "TYPE"),
        ("wireApi", "WIRE_API"),
        ("apiKey", "API_KEY"),
        ("bearerToken", "BEARER_TOKEN"),
    ];
    let given = members
        .iter()
        .filter_map(|(member, name)| Some(((*member).to_owned(), named(name)?.as_str().into())));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Counts of one answer, in the order in which byokey keeps them.
fn counts(told: &Value) -> [u64; 5] {
    [
        "inputTokens",
        "cacheReadTokens",
        "cacheWriteTokens",
        "outputTokens",
        "reasoningTokens",
    ]
    .map(|name| told[name].as_u64().unwrap_or(0))
}
