//! Claude Code: one run of `claude -p` for a turn, told and answering in JSON by line.
//!
//! A run begins with the whole conversation. Where it stops for the caller's tools it waits, and the
//! request that brings their outputs goes on with it; a request that does not fit begins anew.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    BridgeBody, BridgeTrouble,
    bridges::Desk,
    process::Reach,
    runs::Runs,
};

mod losses;
mod options;
mod outlet;
mod request;
mod said;
mod session;
mod status;
mod tools;

pub(crate) use losses::losses;
use outlet::{Head, Outlet};
use request::{Request, Turn};
use session::{Ended, Session};
pub(crate) use status::login_state;

/// How long a run waits for the outputs of its caller's tools.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long the program may take until it listens.
const START: Duration = Duration::from_secs(60);
/// What prints the options.
pub(crate) const HELP: &[&str] = &["--help"];

/// All runs of Claude Code.
#[derive(Default)]
pub(crate) struct Claude {
    runs: Arc<Runs<Whose, Next>>,
}

/// Whose run it is, and the conversation that it knows.
#[derive(PartialEq)]
struct Whose {
    account: i64,
    program: PathBuf,
    digest: u64,
}

/// What a waiting run goes on with.
struct Next {
    /// The conversation from now on.
    whose: Whose,
    outputs: Vec<(String, Value)>,
    outlet: Outlet,
}

impl Claude {
    /// Has the program answer a request.
    ///
    /// # Errors
    /// Why there is no stream.
    pub(crate) async fn call(
        &self,
        desk: &Desk<'_>,
        account: i64,
        body: &Bytes,
    ) -> Result<BridgeBody, BridgeTrouble> {
        let request = Request::read(body)?;
        if let Some(reply) = self.resume(desk, account, &request).await {
            return reply;
        }
        let facts = desk.facts(HELP).await?;
        options::check(desk, &facts)?;
        let arguments = options::arguments(desk.bridge, &facts, &request);
        let variables = options::variables(&request);
        let running = desk.launch().start(&arguments, &variables, Reach::Group)?;
        let login = desk.signed_out(String::new());
        let session = Session::new(&desk.bridge.program, login, running, request.tools.clone());
        let session = session.ok_or_else(|| desk.no_command())?;

        let whose = whose(desk, account, &request, 0);
        let (outlet, head, body) = open();
        tokio::spawn(run(session, request, whose, outlet, Arc::clone(&self.runs)));
        begun(head, body).await.unwrap_or_else(|| Err(desk.ended()))
    }

    /// Goes on with the run that waits for what this request brings, if there is one.
    async fn resume(
        &self,
        desk: &Desk<'_>,
        account: i64,
        request: &Request,
    ) -> Option<Result<BridgeBody, BridgeTrouble>> {
        let outputs = tools::outputs(request.results()?)?;
        let known = whose(desk, account, request, 2);
        let run = self.runs.find(&known, &request.brought())?;
        let (outlet, head, body) = open();
        let next = Next {
            whose: whose(desk, account, request, 0),
            outputs,
            outlet,
        };
        run.send(next).ok()?;
        begun(head, body).await
    }
}

fn whose(desk: &Desk<'_>, account: i64, request: &Request, without: usize) -> Whose {
    Whose {
        account,
        program: desk.path.clone(),
        digest: request.digest(without),
    }
}

fn open() -> (Outlet, oneshot::Receiver<Head>, BridgeBody) {
    let (head, begins) = oneshot::channel();
    let (frames, body) = BridgeBody::stream();
    (Outlet::new(head, frames), begins, body)
}

/// Waits until the reply begins; `None` when its run was lost before.
async fn begun(
    head: oneshot::Receiver<Head>,
    body: BridgeBody,
) -> Option<Result<BridgeBody, BridgeTrouble>> {
    match head.await.ok()? {
        Head::Stream => Some(Ok(body)),
        Head::Trouble(trouble) => Some(Err(trouble)),
        Head::Lost => None,
    }
}

/// A run from its beginning to its end. The program dies with it.
async fn run(
    mut session: Session,
    request: Request,
    mut whose: Whose,
    mut outlet: Outlet,
    runs: Arc<Runs<Whose, Next>>,
) {
    let told = tokio::select! {
        () = outlet.left() => return,
        told = begin(&mut session, &request) => told,
    };
    drop(request);
    if let Err(trouble) = told {
        return outlet.fail(trouble).await;
    }
    loop {
        let calls = match session.reply(&mut outlet).await {
            Ended::Calls(calls) => calls,
            Ended::Failed(trouble) => return outlet.fail(trouble).await,
            Ended::Astray => return outlet.give_back(),
            Ended::Done | Ended::Left => return,
        };
        let next = runs.wait(whose, calls);
        drop(outlet);
        let next = tokio::select! {
            next = timeout(PATIENCE, next) => next,
            () = session.idle() => return,
        };
        // Nobody came in time, or the caller began something else.
        let Ok(Ok(next)) = next else { return };
        (whose, outlet) = (next.whose, next.outlet);
        if let Err(trouble) = session.bring(next.outputs).await {
            return outlet.fail(trouble).await;
        }
    }
}

/// Tells the program the conversation.
async fn begin(session: &mut Session, request: &Request) -> Result<(), BridgeTrouble> {
    let servers = if request.tools.is_empty() { json!([]) } else { json!([tools::SERVER]) };
    let hello = json!({
        "subtype": "initialize",
        "systemPrompt": request.system,
        "sdkMcpServers": servers,
    });
    match timeout(START, session.ask(hello)).await {
        Ok(told) => told?,
        Err(_) => return Err(session.silent(START)),
    }
    if let Some(thinking) = request.members.get("thinking") {
        let display = thinking["display"].as_str().unwrap_or("summarized");
        // A release that does not know it shows thoughts in its own way.
        let _ = session.ask(json!({"subtype": "set_max_thinking_tokens", "thinking_display": display})).await;
    }
    let Some((last, history)) = request.turns.split_last() else {
        return Ok(());
    };
    for (at, turn) in history.iter().enumerate() {
        session.tell(&line(turn, at, &request.model, false), turn.is_user).await?;
    }
    session.tell(&line(last, history.len(), &request.model, true), false).await
}

/// A turn as the program reads it. Users' turns before the last ask for no answer, and no words in
/// them are commands.
fn line(turn: &Turn, at: usize, model: &str, is_last: bool) -> Value {
    if turn.is_user {
        return json!({
            "type": "user",
            "message": {"role": "user", "content": turn.blocks},
            "parent_tool_use_id": null,
            "session_id": "",
            "text_not_typed": true,
            "shouldQuery": is_last,
        });
    }
    json!({
        "type": "assistant",
        "message": {
            // Equal ids would make one message of several.
            "id": format!("msg_{at}"), "type": "message", "role": "assistant", "model": model,
            "content": turn.blocks, "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        },
        "parent_tool_use_id": null,
        "session_id": "",
    })
}

#[cfg(all(test, unix))]
mod tests;
