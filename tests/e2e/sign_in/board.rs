//! The status board: what may be signed in to at once, what wants a notice read, and what has ended.

use serde_json::{Value, json};

use super::Scene;

/// Unofficial ways, and the notice of each.
const UNOFFICIAL: &[(&str, &str, &str)] = &[
    ("claude", "oauth-pkce", "claude-oauth"),
    ("openai", "codex-pkce", "codex-oauth"),
    ("openai", "codex-device", "codex-oauth"),
    ("gemini", "code-assist", "gemini-code-assist"),
    ("kiro", "builder-id-device", "kiro-oauth"),
    ("kiro", "idc-device", "kiro-oauth"),
    ("kiro", "idc-pkce", "kiro-oauth"),
    ("kiro", "social-device", "kiro-oauth"),
    ("antigravity", "google-oauth", "antigravity"),
    ("kimi", "kimi-device", "kimi-oauth"),
    ("kimi", "kimi-device-global", "kimi-oauth"),
];

/// Ended ways: the day, a word of the reason, a word of what to use instead.
const RETIRED: &[(&str, &str, [&str; 3])] = &[
    (
        "gemini",
        "code-assist-individual",
        ["2026-06-18", "private accounts", "api-key"],
    ),
    (
        "qwen",
        "oauth-device",
        ["2026-04-15", "free tier", "alibaba"],
    ),
    ("iflow", "oauth", ["2026-04-17", "closed", "zai"]),
];

const ALL: &[&str] = &[
    "claude",
    "openai",
    "copilot",
    "gemini",
    "antigravity",
    "kiro",
    "kimi",
    "qwen",
    "iflow",
    "openrouter",
];

#[tokio::test]
async fn unofficial_ways_refuse_until_their_notice_is_accepted() {
    let scene = Scene::of(ALL).await;
    for (provider, route, notice) in UNOFFICIAL {
        let body = json!({"provider": provider, "route": route});
        let (status, refused) = scene.manage("POST", "/manage/signins", body).await;
        assert!(
            (400..500).contains(&status),
            "{provider}/{route}: {refused}"
        );
        assert_eq!(refused["error"]["code"], "needs-notice", "{refused}");
        assert_eq!(refused["error"]["notice"]["id"], *notice, "{refused}");
    }
    let (_, none) = scene.manage("GET", "/manage/signins", Value::Null).await;
    assert_eq!(none["signins"], json!([]));
    assert!(scene.issuer.everything().is_empty(), "nobody was called");
}

#[tokio::test]
async fn an_accepted_notice_is_remembered_for_every_way_that_has_it() {
    let scene = Scene::of(&["kiro"]).await;
    let id = scene.start("kiro", "builder-id-device", Value::Null).await;
    scene.step(&id, &["code"]).await;
    let body = json!({"provider": "kiro", "route": "social-device", "choice": "Google"});
    let (status, started) = scene.manage("POST", "/manage/signins", body).await;
    assert_eq!(status, 201, "{started}");
    let (_, trail) = scene.manage("GET", "/manage/audit", Value::Null).await;
    assert!(trail.to_string().contains("kiro-oauth"), "{trail}");
}

#[tokio::test]
async fn ended_ways_say_when_why_and_what_instead() {
    let scene = Scene::of(ALL).await;
    for (provider, route, words) in RETIRED {
        for accept in [false, true] {
            let body = json!({"provider": provider, "route": route, "accept_notice": accept});
            let (status, refused) = scene.manage("POST", "/manage/signins", body).await;
            assert!((400..500).contains(&status), "{refused}");
            assert_eq!(refused["error"]["code"], "retired", "{refused}");
            let told = refused["error"]["message"].as_str().unwrap();
            for word in words {
                assert!(told.contains(word), "no {word:?} in {told}");
            }
        }
    }
    assert!(scene.issuer.everything().is_empty(), "nobody was called");
}

#[tokio::test]
async fn official_ways_start_at_once() {
    let scene = Scene::of(ALL).await;
    for (provider, route, kind) in [
        ("openai", "siwc", "browser"),
        ("copilot", "github-device", "code"),
        ("openrouter", "oauth-pkce", "browser"),
    ] {
        let body = json!({"provider": provider, "route": route, "accept_notice": route == "siwc"});
        let (status, started) = scene.manage("POST", "/manage/signins", body).await;
        assert_eq!(status, 201, "{started}");
        scene.step(started["id"].as_str().unwrap(), &[kind]).await;
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_where_to_get_it() {
    let scene = Scene::of(ALL).await;
    for (provider, route, program) in [
        ("claude", "claude-cli", "claude"),
        ("openai", "codex-app-server", "codex"),
        ("copilot", "copilot-cli", "copilot"),
    ] {
        let body = json!({"provider": provider, "route": route, "accept_notice": true});
        let (status, started) = scene.manage("POST", "/manage/signins", body).await;
        let told = match status {
            201 => {
                let id = started["id"].as_str().unwrap();
                scene.step(id, &["failed"]).await["message"].clone()
            }
            _ => started["error"]["message"].clone(),
        };
        let told = told.as_str().unwrap();
        assert!(told.contains(program) && told.contains("http"), "{told}");
    }
    assert!(scene.issuer.everything().is_empty(), "nobody was called");
}

#[tokio::test]
async fn keys_are_taken_at_the_same_providers() {
    let scene = Scene::of(&["claude", "openai", "gemini", "kiro", "kimi", "openrouter"]).await;
    for (provider, key, model) in [
        ("claude", "sk-ant-api03-simulated", "sim-large"),
        ("openai", "sk-proj-simulated", "sim-large"),
        ("kiro", "ksk_simulated", "claude-sonnet-4.6"),
        ("kimi", "sk-kimi-simulated", "kimi-for-coding"),
        ("openrouter", "sk-or-v1-simulated", "sim-large"),
    ] {
        scene.issuer.know(key);
        scene.house.add_key(provider, key).await.ok();
        scene.answers(&format!("{provider}/{model}")).await;
    }
}
