//! Signing out: taken back at the provider where it can be, forgotten here always.

use byokey_sim::{Mishap, Realm};
use serde_json::Value;

use super::{Scene, fixed_ports};

#[tokio::test]
async fn what_can_be_revoked_is_revoked() {
    let _alone = fixed_ports().await;
    for (provider, route, realm, revoke) in [
        (
            "openai",
            "siwc",
            Realm::Chatgpt,
            "https://auth.openai.com/api/accounts/oauth/revoke",
        ),
        (
            "openai",
            "codex-pkce",
            Realm::Codex,
            "https://auth.openai.com/oauth/revoke",
        ),
        (
            "antigravity",
            "google-oauth",
            Realm::Antigravity,
            "https://oauth2.googleapis.com/revoke",
        ),
        (
            "gemini",
            "code-assist",
            Realm::GeminiCli,
            "https://oauth2.googleapis.com/revoke",
        ),
    ] {
        let scene = Scene::of(&[provider]).await;
        scene.by_browser(provider, route, "ada").await;
        let out = scene.house.run(&["logout", provider]).await.ok();
        assert!(
            out.err.contains("has ended the login, too"),
            "{route}: {out:?}"
        );
        assert_eq!(
            (scene.issuer.posts(revoke), scene.issuer.alive(realm)),
            (1, 0),
            "{route}"
        );
        assert!(scene.accounts(provider).await.is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_revoked_is_forgotten_and_said_to_be_only_that() {
    let scene = Scene::of(&["claude", "copilot", "openrouter"]).await;
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    scene.by_browser("openrouter", "oauth-pkce", "ada").await;
    scene
        .by_code("copilot", "github-device", "ada", Value::Null)
        .await;
    for provider in ["claude", "copilot", "openrouter"] {
        let out = scene.house.run(&["logout", provider]).await.ok();
        assert!(out.err.contains("it lives on"), "{out:?}");
        assert!(scene.accounts(provider).await.is_empty());
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_keeps_nobody_signed_in_here() {
    let scene = Scene::of(&["antigravity"]).await;
    scene.by_browser("antigravity", "google-oauth", "ada").await;
    let revoke = "https://oauth2.googleapis.com/revoke";
    scene
        .issuer
        .mishap(revoke, Mishap::Error(503, "backendError"));
    let out = scene.house.run(&["logout", "antigravity"]).await.ok();
    assert!(out.err.contains("may live on"), "{out:?}");
    assert!(scene.accounts("antigravity").await.is_empty());
}
