use serde_json::Value;

use super::rig::{Rig, chat_body, chat_sim, messages_body, messages_sim};

fn sent(sim: &byokey_sim::Sim) -> Value {
    serde_json::from_slice(&sim.requests().pop().unwrap().body).unwrap()
}

#[tokio::test]
async fn the_names_suffix_reaches_the_provider_on_every_way() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let settings = "models: { aliases: { deep: ['c/x(low)'] } }";
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], settings).await;

    let body = r#"{"model":"c/x(high)","n":1e0,"messages":[{"role":"user","content":"hi"}]}"#;
    let reply = rig.post("/v1/chat/completions", body).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let seen = chat.requests().pop().unwrap();
    assert_eq!(
        std::str::from_utf8(&seen.body).unwrap(),
        r#"{"model":"x","n":1e0,"messages":[{"role":"user","content":"hi"}],"reasoning_effort":"high"}"#
    );

    assert_eq!(
        rig.messages(messages_body("c/x(8192)", "hi", true))
            .await
            .status(),
        200
    );
    assert_eq!(sent(&chat)["reasoning_effort"], "medium");
    assert_eq!(rig.chat(chat_body("deep", "hi", false)).await.status(), 200);
    assert_eq!(sent(&chat)["reasoning_effort"], "low");
    assert_eq!(
        rig.chat(chat_body("deep(high)", "hi", false))
            .await
            .status(),
        200
    );
    assert_eq!(sent(&chat)["reasoning_effort"], "high");

    assert_eq!(
        rig.messages(messages_body("m/x(8192)", "hi", false))
            .await
            .status(),
        200
    );
    let body = sent(&messages);
    assert_eq!(
        (&body["model"], &body["thinking"]["budget_tokens"]),
        (&"x".into(), &8192.into())
    );
    assert_eq!(
        rig.chat(chat_body("m/x(high)", "hi", false)).await.status(),
        200
    );
    assert_eq!(sent(&messages)["output_config"]["effort"], "high");

    let rows = rig.usage(6).await;
    assert_eq!(
        (&*rows[0].asked_model, rows[0].model.as_deref()),
        ("c/x(high)", Some("x"))
    );
}

#[tokio::test]
async fn brackets_that_are_no_wish_belong_to_the_name() {
    let sim = chat_sim().await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    assert_eq!(
        rig.chat(chat_body("c/x(free)", "hi", false)).await.status(),
        200
    );
    assert_eq!(sent(&sim)["model"], "x(free)");
    let reply = rig.chat(chat_body("c/x(-7)", "hi", false)).await;
    assert_eq!(reply.status(), 400);
    let error: Value = reply.json().await.unwrap();
    assert_eq!(error["error"]["code"], "unsupported_reasoning_level");
}
