use byokey_sim::{Kind, Script, Sim};
use serde_json::{Value, json};

use super::rig::{Rig, chat_sim, messages_sim};

async fn ask(rig: &Rig, path: &str, body: Value) -> (u16, bool, Value) {
    let reply = rig.post(path, body.to_string()).send().await.unwrap();
    let estimated = reply.headers().contains_key("x-byokey-estimate");
    (
        reply.status().as_u16(),
        estimated,
        reply.json().await.unwrap(),
    )
}

fn turns() -> Value {
    json!([{ "role": "user", "content": "How many words are in this sentence?" }])
}

#[tokio::test]
async fn the_providers_own_count_is_told() {
    let (messages, gemini) = (
        messages_sim().await,
        Sim::start(Kind::Gemini, Script::default()).await,
    );
    let rig = Rig::start(&[("m", &messages), ("g", &gemini)], "").await;
    let body = json!({ "model": "m/x", "messages": turns() });
    let (status, estimated, counted) = ask(&rig, "/v1/messages/count_tokens", body).await;
    assert_eq!((status, estimated), (200, false), "{counted}");
    assert!(counted["input_tokens"].as_u64().unwrap() > 0);
    let sent: Value = serde_json::from_slice(&messages.requests().pop().unwrap().body).unwrap();
    assert_eq!(sent, json!({ "model": "x", "messages": turns() }));

    let contents = json!([{ "role": "user", "parts": [{ "text": "hi there" }] }]);
    for body in [
        json!({ "contents": contents }),
        json!({ "generateContentRequest": { "model": "models/m/x", "contents": contents } }),
    ] {
        for model in ["m/x", "g/x"] {
            let path = format!("/v1beta/models/{model}:countTokens");
            let (status, estimated, counted) = ask(&rig, &path, body.clone()).await;
            assert_eq!((status, estimated), (200, false), "{model}: {counted}");
            assert!(counted["totalTokens"].as_u64().unwrap() > 0);
        }
    }
    let body = json!({ "model": "g/x", "system": "be kind", "messages": turns() });
    let (status, estimated, counted) = ask(&rig, "/v1/messages/count_tokens", body).await;
    assert_eq!((status, estimated), (200, false), "{counted}");
}

#[tokio::test]
async fn where_no_provider_counts_there_is_an_estimate_that_says_so() {
    let chat = chat_sim().await;
    let rig = Rig::start(&[("c", &chat)], "").await;
    let body = json!({ "model": "c/x", "messages": turns() });
    let (status, estimated, counted) = ask(&rig, "/v1/messages/count_tokens", body).await;
    assert_eq!((status, estimated), (200, true));
    let tokens = counted["input_tokens"].as_u64().unwrap();
    assert!((8..=20).contains(&tokens), "{tokens}");
    let body = json!({ "model": "c/x", "input": "How many words?" });
    let (status, estimated, counted) = ask(&rig, "/v1/responses/input_tokens", body).await;
    assert_eq!((status, estimated), (200, true));
    assert_eq!(counted["object"], "response.input_tokens");
    assert!(chat.requests().is_empty());

    let (status, _, error) = ask(
        &rig,
        "/v1/messages/count_tokens",
        json!({ "messages": turns() }),
    )
    .await;
    assert_eq!((status, &error["type"]), (400, &"error".into()));
}
