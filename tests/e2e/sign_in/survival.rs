//! `kill -9` while a person is at the provider's page: the sign-in goes on in the next process.

use serde_json::{Value, json};

use super::Scene;

#[tokio::test]
async fn a_code_typed_after_a_crash_still_counts() {
    for (provider, route) in [
        ("copilot", "github-device"),
        ("kimi", "kimi-device"),
        ("kiro", "builder-id-device"),
        ("openai", "codex-device"),
    ] {
        let scene = Scene::of(&[provider]).await;
        let id = scene.start(provider, route, Value::Null).await;
        let before = scene.step(&id, &["code"]).await;
        let scene = scene.killed().await;
        let after = scene.step(&id, &["code"]).await;
        assert_eq!(after["code"], before["code"], "{route}");
        let code = before["code"].as_str().unwrap();
        assert!(scene.browser("ada").types(code), "{route}");
        scene.step(&id, &["done"]).await;
        assert!(
            scene.account(provider).await["label"].is_string(),
            "{route}"
        );
    }
}

#[tokio::test]
async fn a_browser_that_comes_back_after_a_crash_is_still_awaited() {
    let scene = Scene::of(&["claude"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let scene = scene.killed().await;
    assert_eq!(
        scene.page(&id).await,
        page,
        "the page that is open stays good"
    );
    let end = scene.browser("ada").consents(&page).await;
    assert_eq!(end.status, 200, "{}", end.body);
    scene.step(&id, &["done"]).await;
    scene.answers("claude/sim-large").await;
}

#[tokio::test]
async fn a_copied_code_is_taken_after_a_crash() {
    let scene = Scene::of(&["claude"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let copied = scene.browser("ada").copies(&page).await;
    let scene = scene.killed().await;
    scene.page(&id).await;
    let path = format!("/manage/signins/{id}/paste");
    let (status, _) = scene.manage("POST", &path, json!({"text": copied})).await;
    assert_eq!(status, 204);
    scene.step(&id, &["done"]).await;
}

#[tokio::test]
async fn what_was_given_up_stays_given_up() {
    let scene = Scene::of(&["copilot"]).await;
    let id = scene.start("copilot", "github-device", Value::Null).await;
    scene.step(&id, &["code"]).await;
    let path = format!("/manage/signins/{id}");
    assert_eq!(scene.manage("DELETE", &path, Value::Null).await.0, 204);
    let scene = scene.killed().await;
    let (_, list) = scene.manage("GET", "/manage/signins", Value::Null).await;
    assert_eq!(list["signins"], json!([]));
}
