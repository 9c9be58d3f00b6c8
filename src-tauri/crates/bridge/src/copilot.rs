//! The user's own Copilot CLI, spoken with as GitHub's own SDK speaks with it: one server per account
//! and one session per request, with the caller's instructions in place of Copilot's and none but the
//! caller's tools.
//!
//! A session begins empty and nothing but a user's words can be put into it, so what was said before
//! is told again as text. Sessions are deleted when they end.

mod conversation;
mod prompt;

use std::time::Duration;

use byokey_catalog::Bridge;
use byokey_wire::{Action, Ledger, Reason};
use serde_json::{Value, json};

use crate::{
    BridgeModel, BridgeTrouble, LoginState, Version,
    bridges::Desk,
    process::Reach,
    request::Request,
    rpc::{Framing, Habits, Peer, RpcTrouble},
    words,
};
pub(crate) use conversation::Conversation;

/// The oldest Copilot CLI with the server that the SDK of 2026 speaks with.
const OLDEST: Version = Version(1, 0, 0);

/// The form of what is spoken.
const PROTOCOL: u64 = 3;

/// How long an answer that needs no model may take.
const PATIENCE: Duration = Duration::from_secs(30);

const HABITS: Habits = Habits {
    framing: Framing::Headers,
    conversation: |params| params["sessionId"].as_str(),
    // Calls of tools come as news; questions are for hosts with a window.
    question: "",
    kept: &[],
    decline: |_| None,
};

/// Starts the server and shakes hands.
pub(crate) async fn start(desk: &Desk<'_>) -> Result<Peer, BridgeTrouble> {
    let version = desk.facts(&[]).await?.version;
    if version < OLDEST {
        return Err(desk.too_old(version, OLDEST));
    }
    let running = desk.launch().start(&desk.bridge.run, &[], Reach::Group)?;
    let peer = Peer::new(running, HABITS);
    let hello = peer.call("connect", json!({}), PATIENCE).await;
    let hello = hello.map_err(|trouble| told(desk.bridge, trouble))?;
    if hello["protocolVersion"] != PROTOCOL {
        return Err(BridgeTrouble::Strange {
            program: desk.bridge.program.clone(),
            words: format!(
                "it speaks form {} of its protocol, byokey {PROTOCOL}",
                hello["protocolVersion"]
            ),
        });
    }
    Ok(peer)
}

/// Whether somebody is signed in there.
pub(crate) async fn login_state(desk: &Desk<'_>) -> Result<LoginState, BridgeTrouble> {
    let peer = start(desk).await?;
    let status = status(desk.bridge, &peer).await?;
    let text = |member: &str| status[member].as_str().map(str::to_owned);
    if status["isAuthenticated"] == true {
        return Ok(LoginState::SignedIn {
            label: text("login"),
            plan: text("copilotPlan"),
        });
    }
    Ok(LoginState::SignedOut)
}

/// The models that Copilot offers to this login.
pub(crate) async fn models(desk: &Desk<'_>) -> Result<Vec<BridgeModel>, BridgeTrouble> {
    let peer = start(desk).await?;
    signed_in(desk, &peer).await?;
    let list = peer.call("models.list", json!({}), PATIENCE).await;
    let list = list.map_err(|trouble| told(desk.bridge, trouble))?;
    let rows = list["models"].as_array().into_iter().flatten();
    Ok(rows
        .filter(|row| row["policy"]["state"] != "disabled")
        .filter_map(model)
        .collect())
}

fn model(row: &Value) -> Option<BridgeModel> {
    let efforts = row["supportedReasoningEfforts"]
        .as_array()
        .into_iter()
        .flatten();
    Some(BridgeModel {
        id: row["id"].as_str()?.to_owned(),
        name: row["name"].as_str().unwrap_or_default().to_owned(),
        efforts: efforts
            .filter_map(|effort| Some(effort.as_str()?.to_owned()))
            .collect(),
        takes_images: row["capabilities"]["supports"]["vision"] == true,
        is_default: false,
    })
}

/// What Copilot will not do as a Messages body asks.
pub(crate) fn losses(body: &[u8]) -> Ledger {
    let Ok(request) = Request::read(body) else {
        return Ledger::default();
    };
    let mut losses = request.losses;
    if !request.history.is_empty() {
        losses.note("messages", Action::Approximated, Reason::Dialect);
    }
    if request.schema.is_some() {
        losses.note("output_config.format", Action::Dropped, Reason::Dialect);
    }
    losses
}

/// # Errors
/// When nobody is.
async fn signed_in(desk: &Desk<'_>, peer: &Peer) -> Result<(), BridgeTrouble> {
    let status = status(desk.bridge, peer).await?;
    if status["isAuthenticated"] == true {
        return Ok(());
    }
    let said = status["statusMessage"].as_str().unwrap_or_default();
    Err(desk.signed_out(words::tidy(said)))
}

async fn status(bridge: &Bridge, peer: &Peer) -> Result<Value, BridgeTrouble> {
    let status = peer.call("auth.getStatus", json!({}), PATIENCE).await;
    status.map_err(|trouble| told(bridge, trouble))
}

/// What a failed call means to a caller.
fn told(bridge: &Bridge, trouble: RpcTrouble) -> BridgeTrouble {
    let program = bridge.program.clone();
    match trouble {
        RpcTrouble::Gone(words) => BridgeTrouble::Ended { program, words },
        RpcTrouble::Silent(seconds) => BridgeTrouble::Silent { program, seconds },
        RpcTrouble::Refused { message, .. } => BridgeTrouble::Strange {
            program,
            words: words::tidy(&message),
        },
    }
}

#[cfg(test)]
mod tests;
