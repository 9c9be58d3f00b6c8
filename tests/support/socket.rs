//! Websockets: Responses over one, and a plain echo for every other path.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::Method;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use crate::{Part, Reply, Seen};

/// Talks until the other side leaves. `answer` gets every message as the request it stands for;
/// where it has nothing to say, the message goes back as it came.
pub(crate) async fn talk(
    upgraded: Upgraded,
    opened: &Seen,
    answer: impl Fn(&Seen) -> Option<Reply>,
) {
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        let said = match &message {
            Message::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            Message::Binary(bytes) => bytes.clone(),
            _ => continue,
        };
        let seen = Seen {
            method: Method::GET,
            body: said,
            ..opened.clone()
        };
        let sent = match answer(&seen) {
            Some(reply) => play(&mut socket, reply).await,
            None => socket.send(message).await,
        };
        if sent.is_err() {
            break;
        }
    }
}

/// Sends the data of every event of a reply as one message.
async fn play(
    socket: &mut WebSocketStream<TokioIo<Upgraded>>,
    reply: Reply,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let failed = !reply.status.is_success();
    for part in reply.body {
        match part {
            Part::Bytes(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let text = match failed {
                    true => error(&text, reply.status.as_u16()),
                    false => data(&text),
                };
                socket.send(Message::text(text)).await?;
            }
            Part::Pause(time) => tokio::time::sleep(time).await,
            Part::Wait(notify) => notify.notified().await,
            Part::Hang => std::future::pending().await,
            Part::Cut => return Err(tokio_tungstenite::tungstenite::Error::ConnectionClosed),
        }
    }
    Ok(())
}

fn data(frame: &str) -> String {
    let data = frame.lines().filter_map(|line| line.strip_prefix("data: "));
    data.collect()
}

fn error(body: &str, status: u16) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    json!({"type": "error", "status": status, "error": body["error"]}).to_string()
}
