//! Claude Code: one run of `claude -p` for a turn, told and answering in JSON by line.
//!
//! A run begins with the whole conversation. Where it stops for the caller's tools it waits, and the
//! request that brings their outputs goes on with it; a request that does not fit begins anew. The
//! program cannot be kept from telling the model its folder, the day and its user's address.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};

use crate::{BridgeBody, BridgeTrouble, bridges::Desk, process::Reach, program::Facts, runs::Runs};

mod losses;
mod message;
mod options;
mod outlet;
mod refusal;
mod request;
mod said;
mod session;
mod status;
mod tools;

pub(crate) use losses::losses;
use message::Ended;
use outlet::{Head, Outlet};
use request::{Request, Turn};
use session::Session;
pub(crate) use status::login_state;

/// How long a run waits for the outputs of its caller's tools.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long the program may take until it listens.
const START: Duration = Duration::from_secs(60);

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
        let facts = facts(desk).await?;
        let arguments = options::arguments(desk.bridge, &facts, &request);
        let variables = options::variables(&request);
        let running = desk.launch().start(&arguments, &variables, Reach::Group)?;
        let login = desk.signed_out(String::new());
        let session = Session::new(&desk.bridge.program, login, running, request.tools.clone());
        let session = session.ok_or_else(|| desk.no_command())?;

        let whose = whose(desk, account, &request, 0);
        let (outlet, head, body) = open();
        tokio::spawn(run(session, request, whose, outlet, Arc::clone(&self.runs)));
        begun(head, body).await.unwrap_or_else(|| {
            let (program, words) = (desk.bridge.program.clone(), String::new());
            Err(BridgeTrouble::Ended { program, words })
        })
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

/// What the program says of itself.
///
/// # Errors
/// When it does not run, or cannot do what is needed.
pub(crate) async fn facts(desk: &Desk<'_>) -> Result<Arc<Facts>, BridgeTrouble> {
    let facts = desk.facts(&["--help"]).await?;
    options::check(desk, &facts)?;
    Ok(facts)
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

/// A run from its beginning to its end. The program ends with it.
async fn run(
    mut session: Session,
    request: Request,
    whose: Whose,
    outlet: Outlet,
    runs: Arc<Runs<Whose, Next>>,
) {
    serve(&mut session, request, whose, outlet, &runs).await;
    session.finish().await;
}

async fn serve(
    session: &mut Session,
    request: Request,
    mut whose: Whose,
    mut outlet: Outlet,
    runs: &Runs<Whose, Next>,
) {
    let told = tokio::select! {
        () = outlet.left() => return,
        told = begin(session, &request) => told,
    };
    drop(request);
    if let Err(trouble) = told {
        return outlet.fail(trouble).await;
    }
    let mut is_resumed = false;
    loop {
        let calls = match session.reply(&mut outlet).await {
            Ended::Calls(calls) => calls,
            // It died while it waited, which is no reason to leave the caller without an answer.
            Ended::Failed(BridgeTrouble::Ended { .. }) if is_resumed && !outlet.has_begun() => {
                return outlet.give_back();
            }
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
        (whose, outlet, is_resumed) = (next.whose, next.outlet, true);
        if session.bring(next.outputs).await.is_err() {
            return outlet.give_back();
        }
    }
}

/// Tells the program the conversation.
async fn begin(session: &mut Session, request: &Request) -> Result<(), BridgeTrouble> {
    let servers = if request.tools.is_empty() {
        json!([])
    } else {
        json!([tools::SERVER])
    };
    let hello = json!({
        "subtype": "initialize",
        "systemPrompt": request.system,
        "sdkMcpServers": servers,
    });
    session
        .within(START, async |session| session.ask(hello).await)
        .await?;
    if let Some(thinking) = request.members.get("thinking") {
        let display = thinking["display"].as_str().unwrap_or("summarized");
        let question = json!({"subtype": "set_max_thinking_tokens", "thinking_display": display});
        // A release that does not know it shows thoughts in its own way.
        let _ = session
            .within(START, async |session| session.ask(question).await)
            .await;
    }
    let last = request.turns.len().saturating_sub(1);
    for (at, turn) in request.turns.iter().enumerate() {
        session
            .tell(&line(turn, at, &request.model, at == last))
            .await?;
        if turn.is_user && at < last {
            session.within(START, Session::taken_in).await?;
        }
    }
    Ok(())
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

#[cfg(test)]
#[cfg(unix)]
mod tests;
