use byokey_sim::{Kind, Script, Sim};
use serde_json::Value;

use super::rig::{Rig, chat_body, chat_sim, messages_sim};

async fn get(rig: &Rig, path: &str) -> Value {
    let request = rig
        .http
        .get(format!("{}{path}", rig.url))
        .bearer_auth(&rig.key);
    request.send().await.unwrap().json().await.unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    let rows = list["data"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn live_lists_and_aliases_are_told_in_each_dialect() {
    let (chat, messages) = (chat_sim().await, messages_sim().await);
    let settings = "models: { aliases: { fast: [c/sim-small, m/x], gone: [openai/gpt-5] } }";
    let rig = Rig::start(&[("c", &chat), ("m", &messages)], settings).await;
    let list = get(&rig, "/v1/models").await;
    assert_eq!(
        ids(&list),
        ["fast", "c-model", "sim-large", "sim-small", "m-model"]
    );
    let small = &list["data"][3];
    assert_eq!(
        (&small["owned_by"], &small["dialects"][0]),
        (&"c".into(), &"chat".into())
    );
    assert_eq!(list["data"][0]["owned_by"], "byokey");

    let asked = rig
        .http
        .get(format!("{}/v1/models", rig.url))
        .header("x-api-key", &rig.key)
        .header("anthropic-version", "2023-06-01");
    let list: Value = asked.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&list["first_id"], &list["has_more"]),
        (&"fast".into(), &false.into())
    );
    assert_eq!(list["data"][1]["type"], "model");

    let list = get(&rig, "/v1beta/models").await;
    assert_eq!(list["models"][0]["name"], "models/fast");
    let one = get(&rig, "/v1beta/models/c/sim-small").await;
    assert_eq!(one["name"], "models/c/sim-small");

    let lists = chat
        .requests()
        .iter()
        .filter(|seen| seen.path == "/v1/models")
        .count();
    assert_eq!(lists, 1, "read once, then remembered");
}

#[tokio::test]
async fn a_model_that_only_the_live_list_knows_is_served() {
    let sim = Sim::start(
        Kind::Chat,
        Script::default().models(["of-today", "vendor/of-today"]),
    )
    .await;
    let rig = Rig::start(&[("c", &sim)], "").await;
    for name in ["of-today", "vendor/of-today"] {
        let reply = rig.chat(chat_body(name, "hi", false)).await;
        assert_eq!(reply.status(), 200, "{name}");
        assert_eq!(reply.headers()["x-byokey-route"], "c/default");
    }
    let reply = rig.chat(chat_body("of-todai", "hi", false)).await;
    assert_eq!(reply.status(), 404);
    let error: Value = reply.json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("of-today"), "{message}");
}

#[tokio::test]
async fn where_one_account_lists_the_model_those_that_lack_it_are_not_asked() {
    let without = Sim::start(Kind::Chat, Script::default().models(["other"])).await;
    let with = Sim::start(Kind::Chat, Script::default().models(["shared"])).await;
    let rig = Rig::start(&[("a", &without), ("b", &with)], "").await;
    get(&rig, "/v1/models").await;
    let reply = rig.chat(chat_body("shared", "hi", false)).await;
    assert_eq!(reply.headers()["x-byokey-route"], "b/default");
    assert!(
        without
            .requests()
            .iter()
            .all(|seen| seen.path == "/v1/models")
    );
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_has_the_users_own_names() {
    let dead = chat_sim().await;
    let address = dead.base_url();
    drop(dead);
    let rig = Rig::with(&[("c", "chat", address)], "").await;
    assert_eq!(ids(&get(&rig, "/v1/models").await), ["c-model"]);
}
