use byokey_sim::{Kind, Script, Sim};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::rig::{Rig, chat_sim};

struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    async fn open(rig: &Rig) -> Self {
        let address = rig.url.strip_prefix("http://").unwrap();
        let url = format!("ws://{address}/v1/responses");
        let mut request = url.into_client_request().unwrap();
        let headers = request.headers_mut();
        let key = format!("Bearer {}", rig.key);
        headers.insert("authorization", key.parse().unwrap());
        headers.insert(
            "openai-beta",
            "responses_websockets=2026-02-06".parse().unwrap(),
        );
        let stream = TcpStream::connect(address).await.unwrap();
        Self(client_async(request, stream).await.unwrap().0)
    }

    async fn send(&mut self, mut message: Value) {
        message["type"] = "response.create".into();
        let message = Message::text(message.to_string());
        self.0.send(message).await.unwrap();
    }

    /// Events up to the last of a reply.
    async fn reply(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let message = self.0.next().await.unwrap().unwrap();
            let event: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            let kind = event["type"].as_str().unwrap().to_owned();
            events.push(event);
            if matches!(kind.as_str(), "response.completed" | "error") {
                return events;
            }
        }
    }
}

fn id(events: &[Value]) -> &Value {
    &events.last().unwrap()["response"]["id"]
}

#[tokio::test]
async fn one_connection_holds_a_conversation_that_nobody_stores() {
    let responses = Sim::start(Kind::Responses, Script::default()).await;
    let chat = chat_sim().await;
    let rig = Rig::start(&[("r", &responses), ("c", &chat)], "").await;
    for (model, sim) in [("r/m", &responses), ("c/m", &chat)] {
        let mut socket = Socket::open(&rig).await;
        let ask = |input: &str, previous: &Value| {
            json!({
                "model": model, "store": false, "previous_response_id": previous,
                "input": [{ "type": "message", "role": "user", "content": input }],
            })
        };
        // Taken in without asking anybody.
        let mut warm = ask("zero", &Value::Null);
        warm["generate"] = false.into();
        socket.send(warm).await;
        let warmed = socket.reply().await;
        assert_eq!(warmed[0]["type"], "response.created");
        assert!(sim.requests().iter().all(|seen| seen.path == "/v1/models"));

        socket.send(ask("one", id(&warmed))).await;
        let first = socket.reply().await;
        assert_eq!(first[0]["type"], "response.created");
        // Two at once are answered one after the other.
        socket.send(ask("two", id(&first))).await;
        let second = socket.reply().await;
        assert_eq!(
            second.last().unwrap()["type"],
            "response.completed",
            "{second:?}"
        );
        let seen = sim.requests().pop().unwrap().json();
        let said = seen["messages"].as_array().or(seen["input"].as_array());
        assert_eq!(said.unwrap().len(), 4, "{seen}");
        assert!(seen.get("previous_response_id").is_none());

        socket.send(ask("three", &json!("resp_unknown"))).await;
        let refused = socket.reply().await;
        assert_eq!(refused[0]["status"], 400);
        assert_eq!(refused[0]["error"]["code"], "previous_response_not_found");

        // The connection goes on after an error.
        socket
            .send(json!({ "model": "nobody/has", "input": "x" }))
            .await;
        assert_eq!(socket.reply().await[0]["status"], 404);
        socket.send(ask("a", &Value::Null)).await;
        socket.send(ask("b", &Value::Null)).await;
        for _ in 0..2 {
            let reply = socket.reply().await;
            assert_eq!(reply.last().unwrap()["type"], "response.completed");
        }
    }
}

#[tokio::test]
async fn a_caller_that_leaves_frees_the_provider() {
    let sim = Sim::start(Kind::Responses, Script::default()).await;
    let rig = Rig::start(&[("r", &sim)], "").await;
    let mut socket = Socket::open(&rig).await;
    socket
        .send(json!({ "model": "r/m", "input": "[[sim chunks=100000 delay_ms=5]]" }))
        .await;
    socket.0.next().await.unwrap().unwrap();
    assert_eq!(sim.open_streams(), 1);
    drop(socket);
    sim.wait_until(|sim| sim.open_streams() == 0).await;
}

#[tokio::test]
async fn a_websocket_needs_a_key_and_a_proper_opening() {
    let rig = Rig::start(&[], "").await;
    let url = format!("{}/v1/responses", rig.url);
    let open = |key: &str| {
        rig.http
            .get(&url)
            .bearer_auth(key)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
    };
    assert_eq!(open("byk_wrong").send().await.unwrap().status(), 401);
    assert_eq!(open(&rig.key).send().await.unwrap().status(), 400);
    let plain = rig
        .http
        .get(&url)
        .bearer_auth(&rig.key)
        .send()
        .await
        .unwrap();
    assert_eq!(plain.status(), 405);
    assert_eq!(plain.headers()["allow"], "POST");
}
