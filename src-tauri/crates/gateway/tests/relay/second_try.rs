use byokey_sim::{Kind, Reply, Script, Sim};
use byokey_vault::Outcome;
use serde_json::{Value, json};

use super::rig::{Rig, chat_body, events, messages_body, messages_sim};

fn refused(kind: Kind, message: &str, more: &Value) -> Reply {
    let mut error = json!({ "message": message, "type": "invalid_request_error" });
    if let (Some(error), Some(more)) = (error.as_object_mut(), more.as_object()) {
        error.extend(more.clone());
    }
    match kind {
        Kind::Messages => Reply::json(400, &json!({ "type": "error", "error": error })),
        _ => Reply::json(400, &json!({ "error": error })),
    }
}

fn bodies(sim: &Sim) -> Vec<Value> {
    let requests = sim.requests().into_iter();
    requests
        .map(|seen| serde_json::from_slice(&seen.body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_refused_setting_of_an_unknown_model_is_left_out_and_remembered() {
    let more = json!({ "code": "unsupported_parameter", "param": "seed" });
    let script =
        Script::default().reply(refused(Kind::Chat, "Unsupported parameter: 'seed'", &more));
    let sim = Sim::start(Kind::Chat, script).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let mut body = chat_body("c/new", "hi", false);
    body["seed"] = json!(7);
    for _ in 0..2 {
        let reply = rig.chat(body.clone()).await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["x-byokey-dropped"], "1; seed=dropped");
    }
    let seeds: Vec<_> = bodies(&sim)
        .iter()
        .map(|body| body.get("seed").is_some())
        .collect();
    assert_eq!(
        seeds,
        [true, false, false],
        "asked twice the first time only"
    );
    assert_eq!(rig.usage(2).await[0].losses, 1);
}

#[tokio::test]
async fn a_refusal_of_what_matters_is_told() {
    let more = json!({ "code": "unsupported_parameter", "param": "messages" });
    let script = Script::default().reply(refused(Kind::Chat, "no", &more));
    let sim = Sim::start(Kind::Chat, script).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    assert_eq!(
        rig.chat(chat_body("c/new", "hi", false)).await.status(),
        400
    );
    assert_eq!(sim.requests().len(), 1);
}

#[tokio::test]
async fn a_refused_member_of_a_described_model_is_the_callers_to_know() {
    let more = json!({ "code": "unsupported_parameter", "param": "seed" });
    let script =
        Script::default().reply(refused(Kind::Chat, "Unsupported parameter: 'seed'", &more));
    let sim = Sim::start(Kind::Chat, script).await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    let mut body = chat_body("c/c-model", "hi", false);
    body["seed"] = json!(7);
    assert_eq!(rig.chat(body).await.status(), 400);
}

#[tokio::test]
async fn refused_thinking_is_stripped_once() {
    let message = "messages.1.content.0: Invalid `signature` in `thinking` block";
    let script = Script::default().reply(refused(Kind::Messages, message, &Value::Null));
    let sim = Sim::start(Kind::Messages, script).await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let conversation = |signature: &str| {
        let mut body = messages_body("m/x", "hi", true);
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(json!({ "role": "assistant", "content": [
            { "type": "thinking", "thinking": "hm", "signature": signature },
            { "type": "text", "text": "yes?" },
        ] }));
        turns.push(json!({ "role": "user", "content": "and now" }));
        body
    };
    let reply = rig.messages(conversation("foreign")).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(
        reply.headers()["x-byokey-dropped"],
        "1; messages[1]=dropped"
    );
    assert!(reply.text().await.unwrap().contains("message_stop"));
    let sent = bodies(&sim);
    assert_eq!(sent.len(), 2);
    let blocks = |body: &Value| body["messages"][1]["content"].as_array().unwrap().len();
    assert_eq!((blocks(&sent[0]), blocks(&sent[1])), (2, 1));

    // What byokey tagged itself cannot be genuine here and goes at once.
    let reply = rig.messages(conversation("byok1:6:openai:sig")).await;
    assert_eq!(reply.status(), 200);
    assert_eq!(sim.requests().len(), 3);

    for row in rig.usage(2).await {
        assert_eq!((row.outcome, row.losses), (Outcome::Ok, 1));
    }
}

#[tokio::test]
async fn strict_mode_takes_no_second_try_that_loses_something() {
    let more = json!({ "code": "unsupported_parameter", "param": "seed" });
    let script =
        Script::default().reply(refused(Kind::Chat, "Unsupported parameter: 'seed'", &more));
    let sim = Sim::start(Kind::Chat, script).await;
    let rig = Rig::start(&[("c", &sim)], "strict: true").await;
    let mut body = chat_body("c/new", "hi", false);
    body["seed"] = json!(7);
    let reply = rig.chat(body).await;
    assert_eq!(reply.status(), 400);
    let error: Value = reply.json().await.unwrap();
    assert_eq!(error["error"]["code"], "lossy_translation");
    assert_eq!(sim.requests().len(), 1);
}

const OVERLOADED: &str = r#"{"type":"error","error":{"type":"overloaded_error","message":"busy"}}"#;

/// A stream that fails after these frames.
fn failing(before: &[&str]) -> Script {
    let error = format!("event: error\ndata: {OVERLOADED}\n\n");
    let frames: Vec<_> = before
        .iter()
        .map(|frame| (*frame).to_owned())
        .chain([error])
        .collect();
    // For a caller of each dialect.
    Script::default()
        .reply(Reply::events(frames.clone()))
        .reply(Reply::events(frames))
}

const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n";
const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
const BLOCK: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";

#[tokio::test]
async fn a_stream_that_fails_before_it_says_anything_goes_to_the_next_account() {
    for before in [&[][..], &[START], &[START, PING]] {
        let bad = Sim::start(Kind::Messages, failing(before)).await;
        let good = Sim::start(Kind::Messages, Script::default()).await;
        let settings = "models: { aliases: { fast: [bad/x, good/x] } }";
        let rig = Rig::start(&[("bad", &bad), ("good", &good)], settings).await;
        let replies = [
            rig.messages(messages_body("fast", "hi", true)).await,
            rig.chat(chat_body("fast", "hi", true)).await,
        ];
        for reply in replies {
            assert_eq!(reply.status(), 200);
            assert_eq!(reply.headers()["x-byokey-route"], "good/default");
            assert!(!reply.text().await.unwrap().contains("overloaded"));
        }
        assert_eq!(bad.requests().len(), 2);
    }
}

#[tokio::test]
async fn the_last_accounts_failure_is_an_error_with_a_status() {
    let sim = Sim::start(Kind::Messages, failing(&[START])).await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let reply = rig.messages(messages_body("m/x", "hi", true)).await;
    assert_eq!(reply.status(), 529);
    let error: Value = reply.json().await.unwrap();
    assert_eq!(error["error"]["type"], "overloaded_error");
    assert_eq!(rig.usage(1).await[0].outcome, Outcome::UpstreamError);
}

#[tokio::test]
async fn a_stream_that_has_begun_fails_where_it_is() {
    let sim = Sim::start(Kind::Messages, failing(&[START, BLOCK])).await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let reply = rig.messages(messages_body("m/x", "hi", true)).await;
    assert_eq!(reply.status(), 200);
    assert!(reply.text().await.unwrap().contains("overloaded_error"));
}

#[tokio::test]
async fn a_stream_that_ends_before_it_says_anything_is_a_failure() {
    let script = Script::default().reply(Reply::events([START]));
    let sim = Sim::start(Kind::Messages, script).await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let reply = rig.messages(messages_body("m/x", "hi", true)).await;
    assert_eq!(reply.status(), 500);
    assert_eq!(rig.usage(1).await[0].outcome, Outcome::UpstreamCut);
}

#[tokio::test]
async fn reasoning_that_chat_throws_away_is_there_again_with_the_tools_answer() {
    let sim = messages_sim().await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let mut body = chat_body("m/x", "[[sim think]] work", true);
    body["reasoning_effort"] = json!("low");
    body["tools"] = json!([{ "type": "function", "function": {
        "name": "work", "parameters": { "type": "object", "properties": {} } } }]);

    let stream = rig.chat(body.clone()).await.text().await.unwrap();
    let calls = events(&stream);
    let call = calls
        .iter()
        .find_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["id"].as_str())
        .unwrap();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(
        json!({ "role": "assistant", "content": null, "tool_calls": [{
        "id": call, "type": "function", "function": { "name": "work", "arguments": "{}" } }] }),
    );
    messages.push(json!({ "role": "tool", "tool_call_id": call, "content": "done" }));
    assert_eq!(rig.chat(body).await.status(), 200);

    let asked = sim.requests();
    let asked: Value = serde_json::from_slice(&asked.last().unwrap().body).unwrap();
    let first = &asked["messages"][1]["content"][0];
    assert_eq!(first["type"], "thinking", "{asked}");
    assert!(!first["signature"].as_str().unwrap().is_empty());
}
