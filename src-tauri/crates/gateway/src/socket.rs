//! Responses over a websocket: the caller sends `response.create` messages one after another and
//! gets the events of each reply as messages.
//!
//! The websocket ends here. Each message runs as an ordinary exchange, so accounts, limits and
//! translation are the same as over HTTP. What is said on one connection is remembered for its next
//! message even where nothing is stored, since that is why programs open one.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use byokey_vault::AccountId;
use byokey_wire::{
    Dialect, Fault, FaultKind, Frame, Frames, Plan, create_request, error_body, input_items,
    json_member, json_text, json_without, output_items, with_earlier,
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::chain::{last_response, nothing_in_background, response_id};
use crate::door;
use crate::engine::Shared;
use crate::relay::Exchange;
use crate::respond;
use crate::stored::{self, Known};
use crate::surface::Asked;
use crate::upload::Upload;

/// Messages that may wait while one is answered.
const WAITING: usize = 8;
/// A conversation longer than this is not remembered between two messages.
const REMEMBERED: usize = 8 << 20;

/// Whether a request asks for its connection to become a websocket.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Takes the connection over. `hold` is kept until it closes.
///
/// # Errors
/// When the request is no proper opening of a websocket.
pub(crate) fn accept(
    shared: Arc<Shared>,
    parts: Parts,
    id: &str,
    hold: impl Send + 'static,
) -> Result<Response<Body>, Fault> {
    let given = |name: &str| parts.headers.get(name);
    let key = given("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
    let version = given("sec-websocket-version").is_some_and(|version| version == "13");
    let Some(accepted) = key.filter(|_| version) else {
        return Err(Fault::new(
            FaultKind::BadRequest,
            "open the websocket with version 13 and a key",
        ));
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accepted) = HeaderValue::from_str(&accepted) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    }
    respond::set_id(headers, id);

    let mut request = Request::from_parts(parts, ());
    let upgrade = hyper::upgrade::on(&mut request);
    let (mut parts, ()) = request.into_parts();
    // The messages are JSON, whatever the opening said.
    let json = HeaderValue::from_static("application/json");
    parts.headers.insert(header::CONTENT_TYPE, json);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let limit = shared.view().config.max_body();
            let config = WebSocketConfig::default()
                .max_message_size(Some(limit))
                .max_frame_size(Some(limit));
            let io = TokioIo::new(upgraded);
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
            let session = Session {
                shared,
                parts,
                socket,
                waiting: VecDeque::new(),
                before: None,
            };
            session.run().await;
        }
        drop(hold);
    });
    Ok(response)
}

/// One connection.
struct Session {
    shared: Arc<Shared>,
    /// The opening request's head; its key and headers hold for every message.
    parts: Parts,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    waiting: VecDeque<Bytes>,
    /// The last reply and what was said before it.
    before: Option<(String, Vec<Bytes>)>,
}

/// Why a connection is over.
struct Gone;

impl From<Error> for Gone {
    fn from(_: Error) -> Self {
        Self
    }
}

impl Session {
    async fn run(mut self) {
        let mut stop = self.shared.stop.subscribe();
        loop {
            let next = async {
                let message = self.next().await?;
                self.answer(message).await
            };
            tokio::select! {
                answered = next => if answered.is_err() {
                    break;
                },
                // A sender that is gone has stopped as well.
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        // The other side may be gone already.
        let _ = self.socket.close(None).await;
    }

    async fn next(&mut self) -> Result<Bytes, Gone> {
        if let Some(waiting) = self.waiting.pop_front() {
            return Ok(waiting);
        }
        loop {
            if let Some(message) = read(self.socket.next().await)? {
                return Ok(message);
            }
        }
    }

    async fn answer(&mut self, message: Bytes) -> Result<(), Gone> {
        let id = self.shared.request_id();
        let Some(request) = create_request(&message) else {
            let fault = Fault::new(
                FaultKind::BadRequest,
                "send messages of type response.create",
            );
            return self.refuse(&fault, &id).await;
        };
        match self.exchange(&request, id.clone()) {
            Ok(Turn::Ask(exchange, request)) => self.relay(*exchange, request).await,
            Ok(Turn::Warm(request)) => self.warm(&request, &id).await,
            Err(fault) => self.refuse(&fault, &id).await,
        }
    }

    /// What is to be done for a message.
    fn exchange(&self, request: &[u8], id: String) -> Result<Turn, Fault> {
        let view = self.shared.view();
        let caller = door::check_key(&self.parts.headers, &view)?;
        let owner = caller.as_ref().map(|caller| caller.key.id);
        if json_member(request, "background") == Some(b"true") {
            nothing_in_background(&byokey_wire::Marks {
                background: true,
                ..Default::default()
            })?;
        }
        let mut request = request.to_vec();
        if let Some(previous) = json_text(&request, "previous_response_id") {
            let here = self.before.as_ref().filter(|(id, _)| *id == previous);
            let stored = self.shared.stored.get(owner, &previous);
            match (here, stored) {
                // The provider knows it, and what it knows need not be sent again.
                (_, Ok(Known::Bound(AccountId(_)))) => {}
                (Some((_, items)), _) => request = with_earlier(&request, items),
                (None, Ok(Known::Kept(_))) => {}
                (None, Err(_)) => return Err(stored::unknown()),
            }
        }
        let warms = json_member(&request, "generate") == Some(b"false");
        let request = json_without(&request, "generate");
        if warms {
            return Ok(Turn::Warm(request));
        }
        let exchange = Exchange {
            shared: self.shared.clone(),
            view,
            caller,
            asked: Asked::in_body(Dialect::Responses),
            parts: self.parts.clone(),
            id,
            lost: Default::default(),
            chain: None,
        };
        Ok(Turn::Ask(Box::new(exchange), request))
    }

    /// Runs a request and sends its events as they come. The caller may leave at any time, and may
    /// send its next message already.
    async fn relay(&mut self, exchange: Exchange, request: Vec<u8>) -> Result<(), Gone> {
        let input = input_items(&request);
        let id = exchange.id.clone();
        let asked = exchange.serve(Upload::ready(request.into()));
        let response = {
            let mut asked = std::pin::pin!(asked);
            loop {
                tokio::select! {
                    response = &mut asked => break response,
                    message = self.socket.next() => wait(&mut self.waiting, message)?,
                }
            }
        };
        let (head, mut body) = response.into_parts();
        if !head.status.is_success() {
            let body = axum::body::to_bytes(body, REMEMBERED).await;
            let error = error_event(head.status, &body.unwrap_or_default());
            return self.send(error).await;
        }
        let mut frames = Frames::new();
        let mut reply = Collected::default();
        let passed = head.extensions.get() == Some(&Plan::Pass);
        loop {
            let piece = tokio::select! {
                piece = body.frame() => piece,
                message = self.socket.next() => {
                    wait(&mut self.waiting, message)?;
                    continue;
                }
            };
            let mut events = Vec::new();
            let mut take = |frame: Frame<'_>| {
                reply.see(&frame);
                events.push(String::from_utf8_lossy(&frame.data).into_owned());
            };
            let over = match piece {
                Some(Ok(piece)) => {
                    if let Ok(data) = piece.into_data() {
                        frames.push(&data, take);
                    }
                    false
                }
                None => {
                    frames.finish(&mut take);
                    true
                }
                Some(Err(_)) => {
                    let fault = Fault::new(FaultKind::Upstream, "the provider's reply broke off");
                    return self.refuse(&fault, &id).await;
                }
            };
            for event in events {
                self.socket.feed(Message::text(event)).await?;
            }
            self.socket.flush().await?;
            if over {
                break;
            }
        }
        self.before = reply.conversation(input, passed);
        Ok(())
    }

    /// Takes a request in without asking anybody: the next one goes on from it.
    async fn warm(&mut self, request: &[u8], id: &str) -> Result<(), Gone> {
        let id = response_id(id);
        let mut response = json!({
            "id": id,
            "object": "response",
            "created_at": jiff::Timestamp::now().as_second(),
            "status": "in_progress",
            "model": json_text(request, "model"),
            "output": [],
            "error": null,
            "incomplete_details": null,
        });
        let created = json!({
            "type": "response.created", "sequence_number": 0, "response": response,
        });
        response["status"] = "completed".into();
        let completed = json!({
            "type": "response.completed", "sequence_number": 1, "response": response,
        });
        self.before = Some((id, input_items(request)));
        self.send(created.to_string()).await?;
        self.send(completed.to_string()).await
    }

    async fn refuse(&mut self, fault: &Fault, id: &str) -> Result<(), Gone> {
        let (status, body) = error_body(Dialect::Responses, fault, id);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        self.send(error_event(status, &body)).await
    }

    async fn send(&mut self, text: String) -> Result<(), Gone> {
        Ok(self.socket.send(Message::text(text)).await?)
    }
}

/// What a message asks for.
enum Turn {
    /// A reply.
    Ask(Box<Exchange>, Vec<u8>),
    /// To be remembered.
    Warm(Vec<u8>),
}

/// What was seen of a reply.
#[derive(Default)]
struct Collected {
    last: Option<Bytes>,
    /// Items as they were done: some back ends leave them out of the last event.
    done: Vec<Bytes>,
}

impl Collected {
    fn see(&mut self, frame: &Frame<'_>) {
        if frame.event == Some("response.output_item.done") {
            let item = json_member(&frame.data, "item").map(Bytes::copy_from_slice);
            self.done.extend(item);
        }
        if let Some(response) = last_response(frame) {
            self.last = Some(Bytes::copy_from_slice(response));
        }
    }

    /// The reply's id, with everything said up to it. Reasoning that the provider gave by its id
    /// alone (`passed`) is known to nobody when nothing is stored, so it is left out.
    fn conversation(self, mut items: Vec<Bytes>, passed: bool) -> Option<(String, Vec<Bytes>)> {
        let response = self.last?;
        let id = json_text(&response, "id")?;
        let output = output_items(&response);
        let output = if output.is_empty() { self.done } else { output };
        let lost = |item: &Bytes| {
            passed
                && json_text(item, "type").as_deref() == Some("reasoning")
                && json_text(item, "encrypted_content").is_none()
        };
        items.extend(output.into_iter().filter(|item| !lost(item)));
        let size: usize = items.iter().map(Bytes::len).sum();
        (size <= REMEMBERED).then_some((id, items))
    }
}

/// The text of a message; `None` for those that are answered by themselves.
fn read(message: Option<Result<Message, Error>>) -> Result<Option<Bytes>, Gone> {
    match message.ok_or(Gone)?? {
        Message::Text(text) => Ok(Some(text.into())),
        Message::Binary(_) | Message::Close(_) => Err(Gone),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
    }
}

/// Puts aside what comes while a reply is under way.
fn wait(
    waiting: &mut VecDeque<Bytes>,
    message: Option<Result<Message, Error>>,
) -> Result<(), Gone> {
    if let Some(message) = read(message)? {
        if waiting.len() == WAITING {
            return Err(Gone);
        }
        waiting.push_back(message);
    }
    Ok(())
}

/// An error reply as a message.
fn error_event(status: StatusCode, body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    json!({ "type": "error", "status": status.as_u16(), "error": body["error"] }).to_string()
}
