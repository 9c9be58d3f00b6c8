use byokey_sim::{Kind, Script, Sim};
use serde_json::json;

use super::plain::Plain;
use super::rig::{Rig, add_account, messages_body};

#[tokio::test]
async fn what_amp_asks_of_models_goes_to_any_account() {
    let sim = Sim::start(Kind::Messages, Script::default()).await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    let body = messages_body("m/m-model", "hi", false).to_string();
    let sent = rig
        .post("/api/provider/anthropic/v1/messages", body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(sent.headers()["x-byokey-route"], "m/default");
}

#[tokio::test]
async fn without_an_amp_key_amp_is_told_what_to_do() {
    let sim = Sim::start(Kind::Messages, Script::default()).await;
    let rig = Rig::start(&[("m", &sim)], "").await;
    for path in [
        "/api/internal?getUserInfo",
        "/threads/x",
        "/amp/v0/management/x",
    ] {
        let sent = rig.post(path, "{}").send().await.unwrap();
        assert_eq!(sent.status(), 403, "{path}");
        let told: serde_json::Value = sent.json().await.unwrap();
        assert_eq!(told["ok"], false);
        let message = told["error"]["message"].as_str().unwrap();
        assert!(message.contains("byokey add-key amp"), "{message}");
    }
    let unkeyed = rig.http.post(format!("{}/api/internal", rig.url));
    assert_eq!(unkeyed.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn with_an_amp_key_its_server_is_asked() {
    let server = Plain::json(json!({"ok": true, "result": {}})).await;
    let config = format!("providers: {{amp: {{base_url: {}}}}}", server.url);
    let rig = Rig::configured(&config, |vault| add_account(vault, "amp", None, "amp-key")).await;
    let sent = rig
        .post("/api/internal?getUserInfo", r#"{"a":1}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    let asked = server.last();
    assert_eq!(asked.target, "/api/internal?getUserInfo");
    assert_eq!(asked.header("authorization"), "Bearer amp-key");
    assert_eq!(asked.body, br#"{"a":1}"#);
    let managed = rig
        .post("/amp/v0/management/a/b", "{}")
        .send()
        .await
        .unwrap();
    assert_eq!(managed.status(), 200);
    assert_eq!(server.last().target, "/v0/management/a/b");
}

#[tokio::test]
async fn a_browser_is_sent_on_to_amp() {
    let config = "providers: {amp: {base_url: http://127.0.0.1:9}}";
    let rig = Rig::configured(config, |_| {}).await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (path, to) in [
        (
            "/auth/cli-login?a=b",
            "http://127.0.0.1:9/auth/cli-login?a=b",
        ),
        ("/amp/v1/login", "http://127.0.0.1:9/login"),
    ] {
        let sent = http.get(format!("{}{path}", rig.url)).send().await.unwrap();
        assert_eq!(
            (
                sent.status().as_u16(),
                sent.headers()["location"].to_str().unwrap()
            ),
            (302, to)
        );
    }
}
