//! Websockets.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::*;

async fn open(sim: &Sim, path: &str, key: &str) -> Option<WebSocketStream<TcpStream>> {
    let mut request = sim
        .url(path)
        .replace("http", "ws")
        .into_client_request()
        .unwrap();
    let bearer = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let socket = TcpStream::connect(sim.address()).await.unwrap();
    client_async(request, socket)
        .await
        .ok()
        .map(|opened| opened.0)
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await;
    message.expect("a message").unwrap().unwrap()
}

#[tokio::test]
async fn messages_are_echoed_and_keys_looked_at() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    assert!(open(&sim, "/v1/realtime?model=m", "wrong").await.is_none());
    let mut socket = open(&sim, "/v1/realtime?model=m", Script::KEY)
        .await
        .unwrap();
    for message in [Message::text("hello"), Message::binary(vec![0_u8, 255])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(next(&mut socket).await, message);
    }
    assert_eq!(sim.requests().last().unwrap().body, vec![0_u8, 255]);
    drop(socket);
    sim.wait_until(|sim| sim.open_streams() == 0).await;
}

#[tokio::test]
async fn responses_are_made_over_a_socket_too() {
    let sim = Sim::start(Kind::Responses, Script::default()).await;
    let mut socket = open(&sim, "/v1/responses", Script::KEY).await.unwrap();
    let create = json!({"type": "response.create", "model": "m", "input": "a b"});
    for _ in 0..2 {
        socket
            .send(Message::text(create.to_string()))
            .await
            .unwrap();
        let mut text = String::new();
        loop {
            let event: Value =
                serde_json::from_str(next(&mut socket).await.to_text().unwrap()).unwrap();
            match event["type"].as_str().unwrap() {
                "response.output_text.delta" => text.push_str(event["delta"].as_str().unwrap()),
                "response.completed" => break,
                _ => {}
            }
        }
        assert_eq!(text, "You said: a b");
    }
    socket
        .send(Message::text("{\"type\":\"other\"}"))
        .await
        .unwrap();
    let error: Value = serde_json::from_str(next(&mut socket).await.to_text().unwrap()).unwrap();
    assert_eq!(
        (&error["type"], &error["status"]),
        (&json!("error"), &json!(400))
    );
}
