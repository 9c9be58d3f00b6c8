use byokey_vault::Outcome;
use byokey_wire::Plan;
use serde_json::{Value, json};

use super::rig::{Rig, chat_body, chat_sim, messages_body, messages_sim};

fn data(stream: &str) -> Vec<Value> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

#[tokio::test]
async fn chat_callers_reach_a_messages_provider() {
    let sim = messages_sim().await;
    let rig = Rig::start(&[("m", &sim)], "").await;

    let reply: Value = rig
        .chat(chat_body("m/x", "hi", false))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["model"], "m/x");
    assert!(
        !reply["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");

    let stream = rig.chat(chat_body("m/x", "hi", true)).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let stream = stream.text().await.unwrap();
    assert!(stream.trim_end().ends_with("data: [DONE]"), "{stream}");
    let text: String = data(&stream)
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, reply["choices"][0]["message"]["content"]);

    for row in rig.usage(2).await {
        assert_eq!((row.outcome, row.plan), (Outcome::Ok, Some(Plan::Via)));
        assert!(row.usage.input.unwrap() > 0 && row.usage.output.unwrap() > 0);
    }
}

#[tokio::test]
async fn messages_callers_reach_a_chat_provider() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("c", &sim)], "").await;

    let reply: Value = rig
        .messages(messages_body("c/x", "hi", false))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply["type"], "message");
    assert_eq!(reply["stop_reason"], "end_turn");
    let expected = reply["content"][0]["text"].as_str().unwrap();

    let stream = rig
        .messages(messages_body("c/x", "hi", true))
        .await
        .text()
        .await
        .unwrap();
    let events = data(&stream);
    assert_eq!(events.first().unwrap()["type"], "message_start");
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    let text: String = events
        .iter()
        .filter_map(|event| event["delta"]["text"].as_str())
        .collect();
    assert_eq!(text, expected);

    for row in rig.usage(2).await {
        assert!(row.usage.output.unwrap() > 0, "{row:?}");
    }
}

#[tokio::test]
async fn losses_are_named_and_strict_mode_refuses_them() {
    let sim = messages_sim().await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let mut body = chat_body("m/x", "hi", false);
    body["logit_bias"] = json!({ "1": 2 });
    let reply = rig.chat(body.clone()).await;
    assert_eq!(reply.status(), 200);
    let dropped = reply.headers()["x-byokey-dropped"].to_str().unwrap();
    assert!(dropped.starts_with("1; logit_bias=dropped"), "{dropped}");
    let row = &rig.usage(1).await[0];
    assert_eq!(row.losses, 1);
    assert_eq!(row.lost, ["logit_bias=dropped"]);

    let strict = rig
        .post("/v1/chat/completions", body.to_string())
        .header("x-byokey-strict", "1")
        .send()
        .await
        .unwrap();
    assert_eq!(strict.status(), 400);
    let error: Value = strict.json().await.unwrap();
    assert_eq!(error["error"]["code"], "lossy_translation");
    assert_eq!(sim.requests().len(), 1);
}

#[tokio::test]
async fn a_tool_round_trip_works_both_ways() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], "").await;
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });

    let mut body = chat_body("m/x", "weather?", false);
    body["tools"] =
        json!([{ "type": "function", "function": { "name": "weather", "parameters": schema } }]);
    let reply: Value = rig.chat(body.clone()).await.json().await.unwrap();
    assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls");
    let call = reply["choices"][0]["message"].clone();
    let id = call["tool_calls"][0]["id"].clone();
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(call);
    turns.push(json!({ "role": "tool", "tool_call_id": id, "content": "sunny, 21" }));
    let reply: Value = rig.chat(body).await.json().await.unwrap();
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("sunny, 21"), "{text}");

    let mut body = messages_body("c/x", "weather?", false);
    body["tools"] = json!([{ "name": "weather", "input_schema": schema }]);
    let reply: Value = rig.messages(body.clone()).await.json().await.unwrap();
    assert_eq!(reply["stop_reason"], "tool_use");
    let blocks = reply["content"].as_array().unwrap();
    let call = blocks
        .iter()
        .find(|block| block["type"] == "tool_use")
        .unwrap();
    assert_eq!(call["name"], "weather");
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(json!({ "role": "assistant", "content": blocks }));
    turns.push(json!({ "role": "user", "content": [
        { "type": "tool_result", "tool_use_id": call["id"], "content": "rain, 9" }
    ] }));
    let reply: Value = rig.messages(body).await.json().await.unwrap();
    assert!(
        reply["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("rain, 9")
    );
}
