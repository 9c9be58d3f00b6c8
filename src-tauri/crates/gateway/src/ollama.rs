//! Ollama's own API, for tools that know no other: its chat and its text completion over Chat, and
//! the few calls by which such tools find out what there is.
//!
//! Its clients know nothing of byokey, so what only makes sense for an engine on this machine (size
//! of the context, numbers of threads) is left out and told as a loss.

mod list;
mod reply;
mod request;

use axum::body::Body;
use byokey_wire::{Dialect, Fault, FaultKind};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;

pub(crate) use self::reply::Lines;
use self::reply::whole;
use crate::feed::Feed;
use crate::reframe::{Wrapping, is_event_stream, reframe};
use crate::relay::Exchange;
use crate::respond;
use crate::upload::Upload;

/// Version of Ollama's API that this follows. Tools ask for it before they use thinking or tools.
const API: &str = "0.11.4";
/// Longest reply that is rewritten whole.
const LONGEST: usize = 64 << 20;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A conversation.
    Chat,
    /// A text to go on with.
    Generate,
    /// The models there are.
    Tags,
    /// What one model can do.
    Show,
    /// The version.
    Version,
    /// The models in memory: none, for they run elsewhere.
    Running,
}

impl Call {
    /// The call at a path behind `/api/`.
    pub(crate) fn at(rest: &str) -> Option<Self> {
        Some(match rest {
            "chat" => Self::Chat,
            "generate" => Self::Generate,
            "tags" => Self::Tags,
            "show" => Self::Show,
            "version" => Self::Version,
            "ps" => Self::Running,
            _ => return None,
        })
    }

    /// Whether it carries a body.
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Self::Chat | Self::Generate | Self::Show)
    }
}

/// Answers a call.
pub(crate) async fn serve(exchange: Exchange, call: Call, incoming: Upload) -> Response<Body> {
    let id = exchange.id.clone();
    let answered = match call {
        Call::Version => Ok(json!({ "version": API })),
        Call::Running => Ok(json!({ "models": [] })),
        Call::Tags => Ok(list::tags(&exchange).await),
        Call::Show => match body(&exchange, incoming).await {
            Ok(body) => list::show(&exchange, &body),
            Err(fault) => Err(fault),
        },
        Call::Chat | Call::Generate => return generate(exchange, call, incoming).await,
    };
    match answered {
        Ok(body) => respond::json(StatusCode::OK.as_u16(), body.to_string().into()),
        Err(refused) => fault(&refused, &id),
    }
}

/// An error in Ollama's form: one sentence.
pub(crate) fn fault(fault: &Fault, id: &str) -> Response<Body> {
    let body = json!({ "error": fault.message }).to_string();
    respond::fault(Dialect::Chat, fault, id).map(|_| Body::from(body))
}

/// A provider's error in Ollama's form.
async fn refuse(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LONGEST).await;
    let read = body
        .ok()
        .and_then(|body| serde_json::from_slice::<serde_json::Value>(&body).ok());
    let message = read.and_then(|body| Some(body["error"]["message"].as_str()?.to_owned()));
    let message = message.unwrap_or_else(|| "the provider refused the request".into());
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json!({ "error": message }).to_string()))
}

async fn body(exchange: &Exchange, incoming: Upload) -> Result<Bytes, Fault> {
    let limit = exchange.view.config.max_body();
    Feed::new(incoming, limit, false)?.whole().await
}

async fn generate(mut exchange: Exchange, call: Call, incoming: Upload) -> Response<Body> {
    let id = exchange.id.clone();
    let began = Instant::now();
    let made = match body(&exchange, incoming).await {
        Ok(body) => request::to_chat(call, &body),
        Err(fault) => Err(fault),
    };
    let made = match made {
        Ok(made) => made,
        Err(refused) => return fault(&refused, &id),
    };
    let Some(chat) = made.chat else {
        // Nothing was asked: the client wants the model loaded.
        let body = reply::loaded(call, &made.model);
        return respond::json(StatusCode::OK.as_u16(), body.to_string().into());
    };
    if let Some(lost) = made.lost.header().filter(|_| exchange.strict()) {
        let message = format!("strict mode: byokey cannot carry all of the request: {lost}");
        return fault(&Fault::new(FaultKind::Lossy, message), &id);
    }
    exchange.lost = made.lost;
    let response = exchange.serve(Upload::ready(chat)).await;
    if is_event_stream(&response) {
        let lines = Lines::new(call, made.model, began);
        return reframe(response, Wrapping::Ollama(Box::new(lines)));
    }
    if !response.status().is_success() {
        return refuse(response).await;
    }
    let (mut parts, body) = response.into_parts();
    let made = match axum::body::to_bytes(body, LONGEST).await {
        Ok(reply) => whole(call, &made.model, began, &reply),
        Err(_) => None,
    };
    let Some(made) = made else {
        let message = "the provider's reply broke off, or calls a tool with broken arguments";
        return fault(&Fault::new(FaultKind::Upstream, message), &id);
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(made.to_string()))
}
