//! Whatever an issuer made or heard that opens anything, looked for in everything byokey leaves.

use std::fs;

use byokey_sim::{Mishap, Realm, User};
use serde_json::Value;

use super::Scene;
use crate::e2e::canary::{Canary, Search};

#[tokio::test]
async fn no_token_code_or_verifier_lies_anywhere_in_clear() {
    let providers = ["claude", "openai", "copilot", "kiro", "kimi", "antigravity"];
    let scene = Scene::loud(&providers).await;
    let mut pages = vec![
        scene.by_browser("claude", "oauth-pkce", "ada").await,
        scene.by_browser("openai", "siwc", "ada").await,
        scene.by_browser("antigravity", "google-oauth", "ada").await,
    ];
    scene
        .by_code("openai", "codex-device", "grace", Value::Null)
        .await;
    scene
        .by_code("copilot", "github-device", "ada", Value::Null)
        .await;
    scene
        .by_code("kiro", "builder-id-device", "ada", Value::Null)
        .await;
    scene
        .by_code("kimi", "kimi-device", "ada", Value::Null)
        .await;

    // One that fails after the code is known, one that is under way at the end.
    let token = "https://platform.claude.com/v1/oauth/token";
    scene
        .issuer
        .mishap(token, Mishap::Error(500, "server_error"));
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    pages.push(scene.browser("grace").consents(&page).await);
    scene.step(&id, &["failed"]).await;
    let waiting = scene.start("kimi", "kimi-device", Value::Null).await;
    scene.step(&waiting, &["code"]).await;

    let mut said = Vec::new();
    for (model, realm) in [
        ("claude/sim-large", Realm::Claude),
        ("copilot/sim-large", Realm::Copilot),
        ("kiro/claude-sonnet-4.6", Realm::Aws),
        ("kimi/kimi-for-coding", Realm::Kimi),
        ("antigravity/gemini-3-flash", Realm::Antigravity),
    ] {
        said.push(scene.say(model).await.1);
        scene.issuer.expire(realm);
        said.push(scene.say(model).await.1);
    }
    scene.issuer.end(Realm::Claude, &User::new("ada"));
    said.push(scene.say("claude/sim-large").await.1);

    let mut search = Search::default();
    for (at, secret) in scene.issuer.secrets().iter().enumerate() {
        search
            .canaries
            .push(Canary::of(&format!("secret {at}"), secret));
    }
    assert!(search.canaries.len() > 30, "{}", search.canaries.len());
    for page in &pages {
        let head = format!("{:?}", page.headers);
        search.look("a result page", (head + &page.body).as_bytes());
    }
    for reply in &said {
        search.look("a reply", reply.to_string().as_bytes());
    }
    for path in [
        "signins",
        "accounts",
        "status",
        "config",
        "providers",
        "audit",
        "imports",
        "usage/recent?limit=1000",
    ] {
        let path = format!("/manage/{path}");
        let (status, reply) = scene.manage("GET", &path, Value::Null).await;
        assert_eq!(status, 200, "{path}");
        search.look(&path, reply.to_string().as_bytes());
    }
    for call in [
        &["accounts", "--json"][..],
        &["accounts"],
        &["status"],
        &["status", "--json"],
        &["check", "--json"],
        &["audit", "--json"],
        &["logout", "copilot"],
    ] {
        search.look_at(&scene.house.run(call).await);
    }
    for name in ["cmdline", "environ"] {
        // Only root may look, and not on every system.
        if let Ok(bytes) = fs::read(format!("/proc/{}/{name}", scene.server.pid())) {
            search.look(name, &bytes);
        }
    }
    search.look_through(&scene.house.data());
    scene.house.run(&["stop"]).await.ok();
    let Scene { house, server, .. } = scene;
    let (_, log) = server.ended().await;
    assert!(log.contains("TRACE"), "the log is at its loudest");
    search.look("the log", log.as_bytes());
    search.look_through(&house.data());
    assert!(search.places > 30, "{}", search.places);
}
