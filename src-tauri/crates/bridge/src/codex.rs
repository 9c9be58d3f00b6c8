//! The user's own Codex CLI, spoken with through its app server: one process per account, one
//! short-lived conversation per request, and the caller's tools as tools of that conversation.
//!
//! Codex is an agent with a shell, plug-ins and helpers of its own, and a caller wants none of them:
//! each conversation is told to do without, in an empty folder and without an environment to act in.
//! What remains of Codex beside its login are the instructions that its user keeps for all work.

mod conversation;
mod items;
mod login;
mod refusal;

use std::time::Duration;

use byokey_catalog::Bridge;
use serde_json::{Value, json};

use crate::{
    BridgeModel, BridgeTrouble, LoginState, Version,
    bridges::Desk,
    process::Reach,
    rpc::{Framing, Habits, Peer, RpcTrouble},
    words,
};
pub(crate) use conversation::Conversation;
pub(crate) use login::login;

/// The oldest Codex that can be told to work without helpers of its own.
const OLDEST: Version = Version(0, 145, 0);

/// How long an answer that needs no model may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most pages of models that are asked for.
const MOST_PAGES: usize = 20;

const HABITS: Habits = Habits {
    framing: Framing::Lines,
    conversation: |params| params["threadId"].as_str().or(params["loginId"].as_str()),
    question: "item/tool/call",
    kept: &["account/rateLimits/updated", login::COMPLETED],
    decline,
};

/// Whether somebody is signed in there.
pub(crate) async fn login_state(desk: &Desk<'_>) -> Result<LoginState, BridgeTrouble> {
    let peer = start(desk).await?;
    let told = account_of(desk.bridge, &peer).await?;
    let text = |member: &str| told["account"][member].as_str().map(str::to_owned);
    Ok(match told["account"]["type"].as_str() {
        Some("apiKey") => LoginState::SignedIn {
            label: Some("API key".to_owned()),
            plan: None,
        },
        Some(_) => LoginState::SignedIn {
            label: text("email"),
            plan: text("planType"),
        },
        None if told["requiresOpenaiAuth"] == false => LoginState::SignedIn {
            label: Some("a provider of its own".to_owned()),
            plan: None,
        },
        None => LoginState::SignedOut,
    })
}

/// The models that Codex offers to this login.
pub(crate) async fn models(desk: &Desk<'_>) -> Result<Vec<BridgeModel>, BridgeTrouble> {
    let peer = start(desk).await?;
    list(desk.bridge, &peer, false).await
}

/// The models, with those that Codex offers to nobody if they are wanted, too.
async fn list(
    bridge: &Bridge,
    peer: &Peer,
    includes_hidden: bool,
) -> Result<Vec<BridgeModel>, BridgeTrouble> {
    let mut models = Vec::new();
    let mut cursor = Value::Null;
    for _ in 0..MOST_PAGES {
        let params = json!({"cursor": cursor, "includeHidden": includes_hidden});
        let page = peer.call("model/list", params, PATIENCE).await;
        let page = page.map_err(|trouble| told(bridge, trouble))?;
        let rows = page["data"].as_array().into_iter().flatten();
        models.extend(rows.filter_map(model));
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    Ok(models)
}

fn model(row: &Value) -> Option<BridgeModel> {
    let efforts = row["supportedReasoningEfforts"].as_array();
    Some(BridgeModel {
        id: row["model"].as_str()?.to_owned(),
        name: row["displayName"].as_str().unwrap_or_default().to_owned(),
        efforts: efforts
            .into_iter()
            .flatten()
            .filter_map(|effort| Some(effort["reasoningEffort"].as_str()?.to_owned()))
            .collect(),
        takes_images: row["inputModalities"]
            .as_array()
            .is_none_or(|kinds| kinds.contains(&"image".into())),
        is_default: row["isDefault"] == true,
    })
}

/// Starts the app server and shakes hands.
pub(crate) async fn start(desk: &Desk<'_>) -> Result<Peer, BridgeTrouble> {
    let version = desk.facts(&[]).await?.version;
    if version < OLDEST {
        return Err(desk.too_old(version, OLDEST));
    }
    let running = desk.launch().start(&desk.bridge.run, &[], Reach::Group)?;
    let peer = Peer::new(running, HABITS);
    let own = json!({
        "clientInfo": {"name": "byokey", "title": "byokey", "version": env!("CARGO_PKG_VERSION")},
        // Without it a conversation takes no tools of its caller.
        "capabilities": {"experimentalApi": true, "optOutNotificationMethods": UNHEARD},
    });
    let hello = peer.call("initialize", own, PATIENCE).await;
    hello.map_err(|trouble| told(desk.bridge, trouble))?;
    peer.notify("initialized");
    Ok(peer)
}

/// News that no run looks at and that may be long.
const UNHEARD: [&str; 6] = [
    "rawResponseItem/completed",
    "thread/started",
    "thread/settings/updated",
    "item/commandExecution/outputDelta",
    "item/reasoning/textDelta",
    "turn/diff/updated",
];

/// What Codex says about its login.
async fn account_of(bridge: &Bridge, peer: &Peer) -> Result<Value, BridgeTrouble> {
    let told_account = peer
        .call("account/read", json!({"refreshToken": false}), PATIENCE)
        .await;
    told_account.map_err(|trouble| told(bridge, trouble))
}

fn signed_in(desk: &Desk<'_>, told: &Value) -> Result<(), BridgeTrouble> {
    // A user may have given Codex a provider that wants no login at OpenAI.
    let is_out = told["account"].is_null() && told["requiresOpenaiAuth"] != false;
    if is_out {
        return Err(desk.signed_out(String::new()));
    }
    Ok(())
}

/// Codex asks for leave to run commands, change files and more, or wants a person's answer. Nobody
/// is there to give it.
fn decline(method: &str) -> Option<Value> {
    Some(match method {
        "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => {
            json!({"decision": "decline"})
        }
        "item/permissions/requestApproval" => json!({"permissions": {}, "scope": "turn"}),
        "item/tool/requestUserInput" => json!({"answers": {}}),
        "mcpServer/elicitation/request" => {
            json!({"action": "decline", "content": null, "_meta": null})
        }
        "applyPatchApproval" | "execCommandApproval" => json!({"decision": "denied"}),
        // A tool call of a run that has ended.
        "item/tool/call" => json!({"success": false, "contentItems":
            [{"type": "inputText", "text": "the caller has left"}]}),
        _ => return None,
    })
}

/// The saturated app server's code.
const SATURATED: i64 = -32001;

/// What a failed call means to a caller.
fn told(bridge: &Bridge, trouble: RpcTrouble) -> BridgeTrouble {
    let program = bridge.program.clone();
    match trouble {
        RpcTrouble::Gone(words) => BridgeTrouble::Ended { program, words },
        RpcTrouble::Silent(seconds) => BridgeTrouble::Silent { program, seconds },
        RpcTrouble::Refused {
            code: SATURATED,
            message,
        } => BridgeTrouble::Provider {
            program,
            status: 529,
            words: words::tidy(&message),
            resets_at: None,
        },
        RpcTrouble::Refused { message, .. } => BridgeTrouble::Strange {
            program,
            words: words::tidy(&message),
        },
    }
}

#[cfg(test)]
mod tests;
