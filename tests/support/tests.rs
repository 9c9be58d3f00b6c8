//! The simulators over real sockets.

mod gemini;
mod issuer;
mod kiro;
mod media;
mod responses;
mod sockets;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, Error},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{Chaos, End, Kind, Part, Reply, Script, Sim, Trouble};

const PATHS: [(Kind, &str); 2] = [
    (Kind::Chat, "/chat/completions"),
    (Kind::Messages, "/v1/messages"),
];

async fn post(sim: &Sim, path: &str, body: &Value) -> http::Response<Incoming> {
    send(&sim.base_url(), Script::KEY, path, body)
        .await
        .unwrap()
}

async fn send(
    base_url: &str,
    key: &str,
    path: &str,
    body: &Value,
) -> Result<http::Response<Incoming>, Error> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{base_url}{path}"))
        .header("authorization", format!("Bearer {key}"))
        .header("x-goog-api-key", key)
        .header("anthropic-version", "2023-06-01")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    client.request(request).await
}

async fn whole(response: http::Response<Incoming>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

/// The data of every frame, and whether the stream ended in good order.
async fn frames(response: http::Response<Incoming>) -> (Vec<String>, bool) {
    let mut body = response.into_body();
    let mut text = String::new();
    let mut clean = true;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()),
            Err(_) => {
                clean = false;
                break;
            }
        }
    }
    let data = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(str::to_owned);
    (data.collect(), clean)
}

fn ask(text: &str) -> Value {
    json!({"model": "m", "max_tokens": 500, "messages": [{"role": "user", "content": text}]})
}

fn streamed(text: &str) -> Value {
    let mut body = ask(text);
    body["stream"] = json!(true);
    body
}

#[tokio::test]
async fn chat_answers_whole_and_in_pieces_alike() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let reply = whole(post(&sim, "/chat/completions", &ask("a b")).await).await;
    assert_eq!(reply["choices"][0]["message"]["content"], "You said: a b");
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");
    let (data, clean) = frames(post(&sim, "/chat/completions", &streamed("a b")).await).await;
    assert!(clean);
    assert_eq!(data.last().unwrap(), "[DONE]");
    let chunks = data[..data.len() - 1]
        .iter()
        .map(|data| serde_json::from_str(data).unwrap());
    let text: String = chunks
        .filter_map(|chunk: Value| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(text, "You said: a b");
}

#[tokio::test]
async fn messages_stream_builds_the_same_blocks() {
    let sim = Sim::start(Kind::Messages, Script::default()).await;
    let mut body = streamed("x [[sim think parallel]]");
    body["tools"] = json!([{"name": "f", "input_schema": {"type": "object",
        "properties": {"city": {"type": "string"}}}}]);
    let (data, clean) = frames(post(&sim, "/v1/messages", &body).await).await;
    assert!(clean);
    let events: Vec<Value> = data
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let of = |kind: &'static str| events.iter().filter(move |event| event["type"] == kind);
    let blocks: Vec<_> = of("content_block_start")
        .map(|event| event["content_block"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(blocks, ["thinking", "text", "tool_use", "tool_use"]);
    let arguments: String = of("content_block_delta")
        .filter(|event| event["index"] == 2)
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert!(serde_json::from_str::<Value>(&arguments).unwrap()["city"].is_string());
    assert_eq!(
        of("message_delta").next().unwrap()["delta"]["stop_reason"],
        "tool_use"
    );
    assert_eq!(events.last().unwrap()["type"], "message_stop");
}

#[tokio::test]
async fn a_wrong_key_gets_the_providers_own_refusal() {
    for (kind, path) in PATHS {
        let sim = Sim::start(kind, Script::default()).await;
        let response = send(&sim.base_url(), "wrong", path, &ask("x"))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let body = whole(response).await;
        match kind {
            Kind::Chat => assert_eq!(body["error"]["code"], "invalid_api_key"),
            Kind::Messages => assert_eq!(body["error"]["type"], "authentication_error"),
            other => panic!("{other:?} has no path above"),
        }
    }
}

#[tokio::test]
async fn errors_come_with_status_header_and_body() {
    for (kind, path) in PATHS {
        let sim = Sim::start(kind, Script::default()).await;
        let response = post(&sim, path, &ask("[[sim status=429 retry_after=7]]")).await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        assert!(whole(response).await["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn a_cut_breaks_the_stream_and_an_end_does_not() {
    for (kind, path) in PATHS {
        let sim = Sim::start(kind, Script::default()).await;
        let (data, clean) = frames(post(&sim, path, &streamed("[[sim cut=3]]")).await).await;
        assert!(data.len() == 3 && !clean);
        let (data, clean) = frames(post(&sim, path, &streamed("[[sim end=3]]")).await).await;
        assert!(data.len() == 3 && clean);
    }
}

#[tokio::test]
async fn an_error_in_the_stream_ends_it() {
    for (kind, path) in PATHS {
        let sim = Sim::start(kind, Script::default()).await;
        let (data, _) = frames(post(&sim, path, &streamed("[[sim error_in_stream]]")).await).await;
        let last: Value = serde_json::from_str(data.last().unwrap()).unwrap();
        assert!(last["error"]["message"].is_string());
        assert!(data[data.len() - 2].contains("You "), "{data:?}");
    }
}

#[tokio::test]
async fn a_caller_that_leaves_closes_its_stream() {
    for (kind, path) in PATHS {
        let sim = Sim::start(kind, Script::default()).await;
        let mut response = post(&sim, path, &streamed("[[sim stall]]")).await;
        assert!(response.body_mut().frame().await.unwrap().is_ok());
        assert_eq!(sim.open_streams(), 1);
        drop(response);
        sim.wait_until(|sim| sim.open_streams() == 0).await;
    }
}

#[tokio::test]
async fn silence_answers_nothing_and_notices_the_caller_leaving() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    {
        let body = ask("[[sim silent]]");
        let request = post(&sim, "/chat/completions", &body);
        tokio::select! {
            _ = request => panic!("silence was broken"),
            () = sim.wait_until(|sim| sim.open_streams() == 1) => {}
        }
    }
    sim.wait_until(|sim| sim.open_streams() == 0).await;
}

#[tokio::test]
async fn queued_replies_go_first_and_wait_for_the_test() {
    let gate = Arc::new(Notify::new());
    let exact = Reply::new(200)
        .header("content-type", "text/event-stream")
        .part(Part::Bytes(Bytes::from_static(b"data: 1\n\n")))
        .part(Part::Wait(Arc::clone(&gate)))
        .part(Part::Bytes(Bytes::from_static(b"data: 2\n\n")));
    let sim = Sim::start(Kind::Chat, Script::default().reply(exact)).await;
    let mut response = post(&sim, "/chat/completions", &ask("x")).await;
    let first = response
        .body_mut()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    assert_eq!(first, "data: 1\n\n");
    assert!(
        !response.headers().contains_key("x-request-id"),
        "an exact reply is left alone"
    );
    gate.notify_one();
    let rest = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(rest, "data: 2\n\n");
    let reply = whole(post(&sim, "/chat/completions", &ask("y")).await).await;
    assert_eq!(reply["choices"][0]["message"]["content"], "You said: y");
    assert_eq!(sim.requests()[1].json()["messages"][0]["content"], "y");
}

#[tokio::test]
async fn tool_results_are_told_back_and_images_measured() {
    let sim = Sim::start(Kind::Messages, Script::default()).await;
    let image = json!({"type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}});
    let body = json!({"model": "m", "max_tokens": 500,
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t",
                 "content": [{"type": "text", "text": "21 °C"}, image]}]}]});
    let reply = whole(post(&sim, "/v1/messages", &body).await).await;
    let text = "The tool said: 21 °C [image image/png of 5 bytes]";
    assert_eq!(reply["content"][0]["text"], text);
    assert_eq!(reply["stop_reason"], "end_turn");
}

#[tokio::test]
async fn the_cache_is_written_first_and_read_later() {
    let sim = Sim::start(Kind::Messages, Script::default()).await;
    let mut body = ask("x");
    body["system"] =
        json!([{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}]);
    let first = whole(post(&sim, "/v1/messages", &body).await).await;
    let second = whole(post(&sim, "/v1/messages", &body).await).await;
    let count = |reply: &Value, name: &str| reply["usage"][name].as_u64().unwrap();
    assert!(count(&first, "cache_creation_input_tokens") > 0);
    assert_eq!(count(&first, "cache_read_input_tokens"), 0);
    assert!(count(&second, "cache_read_input_tokens") > 0);
    assert_eq!(
        count(&first, "input_tokens"),
        count(&second, "input_tokens")
    );
}

#[tokio::test]
async fn models_are_listed_in_the_providers_shape() {
    for kind in [Kind::Chat, Kind::Messages] {
        let sim = Sim::start(kind, Script::default().models(["one", "two"])).await;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let request = Request::builder()
            .uri(format!("http://{}/v1/models", sim.address()))
            .header("authorization", format!("Bearer {}", Script::KEY))
            .header("anthropic-version", "2023-06-01")
            .body(Full::<Bytes>::default())
            .unwrap();
        let list = whole(client.request(request).await.unwrap()).await;
        assert_eq!(list["data"][1]["id"], "two");
    }
}

#[tokio::test]
async fn a_dropped_simulator_takes_its_connections_along() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let mut response = post(&sim, "/chat/completions", &streamed("[[sim stall]]")).await;
    assert!(response.body_mut().frame().await.unwrap().is_ok());
    drop(sim);
    let ended = tokio::time::timeout(Duration::from_secs(20), frames(response)).await;
    let (_, clean) = ended.expect("the connection is closed");
    assert!(!clean);
}

#[tokio::test]
async fn chaos_by_single_bytes_changes_nothing() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let trouble = Trouble {
        single_bytes: true,
        ..Trouble::default()
    };
    let chaos = Chaos::start(&sim, trouble).await;
    let path = "/chat/completions";
    let reply = send(chaos.base_url(), Script::KEY, path, &streamed("a"))
        .await
        .unwrap();
    let (data, clean) = frames(reply).await;
    assert!(clean);
    assert_eq!(data.last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn chaos_ends_replies_where_it_is_told() {
    let sim = Sim::start(Kind::Chat, Script::default()).await;
    let chaos = Chaos::start(&sim, Trouble::default()).await;
    let path = "/chat/completions";
    for end in [End::Reset(900), End::HalfClose(900)] {
        chaos.set(Trouble {
            end: Some(end),
            ..Trouble::default()
        });
        let reply = send(chaos.base_url(), Script::KEY, path, &streamed("a b c"))
            .await
            .unwrap();
        let (data, clean) = frames(reply).await;
        assert!(!clean, "{end:?} after {data:?}");
    }
    chaos.set(Trouble {
        end: Some(End::Reset(0)),
        ..Trouble::default()
    });
    assert!(
        send(chaos.base_url(), Script::KEY, path, &ask("x"))
            .await
            .is_err()
    );
    assert_eq!(sim.requests().len(), 3);
}
