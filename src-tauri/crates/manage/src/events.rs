use std::convert::Infallible;
use std::pin::pin;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use byokey_gateway::Notice;
use futures_util::Stream;
use futures_util::future::{Either, select};
use futures_util::stream::unfold;
use tokio::sync::broadcast::error::RecvError;

use crate::Desk;

#[utoipa::path(get, path = "/manage/events", tag = "engine",
    responses((status = 200, content_type = "text/event-stream",
        description = "`accounts`, `signin`, `link`, `config`, `request`; `missed` when the viewer was too slow and \
                       should read everything again")))]
/// News, as server-sent events
pub(crate) async fn stream(
    State(desk): State<Desk>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let state = (desk.engine().notices(), desk.engine().clone());
    let news = unfold(state, async |(mut notices, engine)| {
        // An open stream must not keep a stopping engine waiting.
        let next = {
            let (notice, stopping) = (pin!(notices.recv()), pin!(engine.stopping()));
            match select(notice, stopping).await {
                Either::Left((notice, _)) => notice,
                Either::Right(((), _)) => return None,
            }
        };
        let event = match next {
            Ok(notice) => event(&notice),
            Err(RecvError::Lagged(_)) => Event::default().event("missed").data("{}"),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(event), (notices, engine)))
    });
    Sse::new(news).keep_alive(KeepAlive::default())
}

fn event(notice: &Notice) -> Event {
    let name = match notice {
        Notice::Accounts => "accounts",
        Notice::Signin => "signin",
        Notice::Link => "link",
        Notice::Config { .. } => "config",
        Notice::Request { .. } => "request",
    };
    let named = Event::default().event(name);
    // Strings and an enum always become JSON; without its data the name still says what changed.
    named
        .clone()
        .json_data(notice)
        .unwrap_or_else(|_| named.data("{}"))
}
