//! Tokens that end: renewed once, stored before use, and kept when the issuer is in trouble.

use byokey_sim::{Bend, Issuer, Mishap, Realm, User};
use serde_json::{Value, json};

use super::{Scene, fixed_ports};

const CLAUDE_TOKEN: &str = "https://platform.claude.com/v1/oauth/token";

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_request_goes_through() {
    let scene = Scene::of(&["claude"]).await;
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    scene.issuer.expire(Realm::Claude);
    scene.answers("claude/sim-large").await;
    assert_eq!(
        scene.issuer.posts(CLAUDE_TOKEN),
        2,
        "the exchange and one renewal"
    );
    assert_eq!(
        scene.issuer.posts("https://api.anthropic.com/v1/messages"),
        2
    );
    scene.answers("claude/sim-large").await;
    assert_eq!(scene.issuer.posts(CLAUDE_TOKEN), 2);
}

/// Renews twice: what the first renewal brought must be good for the second.
async fn renews_twice(scene: &Scene, realm: Realm, model: &str, token: &str) {
    let before = scene.issuer.posts(token);
    for renewals in 1..=2 {
        scene.issuer.expire(realm);
        scene.answers(model).await;
        assert_eq!(scene.issuer.posts(token) - before, renewals);
    }
    assert_eq!(scene.issuer.alive(realm), 1);
}

#[tokio::test]
async fn chatgpt_renews() {
    let scene = Scene::of(&["openai"]).await;
    scene.by_browser("openai", "siwc", "ada").await;
    let token = "https://auth.openai.com/api/accounts/oauth/token";
    renews_twice(&scene, Realm::Chatgpt, "openai/sim-large", token).await;
}

#[tokio::test]
async fn codex_renews() {
    let scene = Scene::of(&["openai"]).await;
    scene
        .by_code("openai", "codex-device", "ada", Value::Null)
        .await;
    let token = "https://auth.openai.com/oauth/token";
    renews_twice(&scene, Realm::Codex, "openai/sim-large", token).await;
}

#[tokio::test]
async fn kiro_renews() {
    let scene = Scene::of(&["kiro"]).await;
    scene
        .by_code("kiro", "builder-id-device", "ada", Value::Null)
        .await;
    let token = "https://oidc.us-east-1.amazonaws.com/token";
    renews_twice(&scene, Realm::Aws, "kiro/claude-sonnet-4.6", token).await;
}

#[tokio::test]
async fn qwen_renews() {
    let scene = Scene::with(&["qwen"], "    allow_retired: true\n").await;
    scene
        .by_code("qwen", "oauth-device", "ada", Value::Null)
        .await;
    let token = "https://chat.qwen.ai/api/v1/oauth2/token";
    renews_twice(&scene, Realm::Qwen, "qwen/coder-model", token).await;
}

#[tokio::test]
async fn google_renews() {
    let scene = Scene::of(&["gemini", "antigravity"]).await;
    let token = "https://oauth2.googleapis.com/token";
    scene.by_browser("antigravity", "google-oauth", "ada").await;
    renews_twice(
        &scene,
        Realm::Antigravity,
        "antigravity/gemini-3-flash",
        token,
    )
    .await;
    scene.by_browser("gemini", "code-assist", "ada").await;
    renews_twice(&scene, Realm::GeminiCli, "gemini/gemini-3-flash", token).await;
}

#[tokio::test]
async fn social_logins_of_kiro_renew_at_their_own_address() {
    let scene = Scene::of(&["kiro"]).await;
    let choice = json!({"choice": "Google"});
    scene.by_code("kiro", "social-device", "ada", choice).await;
    let token = "https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken";
    renews_twice(&scene, Realm::KiroSocial, "kiro/claude-sonnet-4.6", token).await;
}

#[tokio::test]
async fn kimi_renews() {
    let scene = Scene::of(&["kimi"]).await;
    scene
        .by_code("kimi", "kimi-device", "ada", Value::Null)
        .await;
    let token = "https://auth.kimi.com/api/oauth/token";
    renews_twice(&scene, Realm::Kimi, "kimi/kimi-for-coding", token).await;
}

#[tokio::test]
async fn an_openid_provider_of_the_user_s_own_renews() {
    let scene = Scene::of(&["own"]).await;
    scene.by_browser("own", "oauth-pkce", "ada").await;
    let token = format!("{}/token", Issuer::OIDC);
    renews_twice(&scene, Realm::Oidc, "own/sim-large", &token).await;
}

#[tokio::test]
async fn the_token_that_copilot_gives_for_another_is_fetched_again() {
    let scene = Scene::of(&["copilot"]).await;
    scene
        .by_code("copilot", "github-device", "ada", Value::Null)
        .await;
    scene.answers("copilot/sim-large").await;
    scene.issuer.expire(Realm::Copilot);
    scene.answers("copilot/sim-large").await;
    let exchange = "https://api.github.com/copilot_internal/v2/token";
    assert_eq!(scene.issuer.requests(exchange).len(), 2);
}

#[tokio::test]
async fn the_key_that_iflow_gives_for_a_token_is_fetched_again() {
    let _alone = fixed_ports().await;
    let scene = Scene::with(&["iflow"], "    allow_retired: true\n").await;
    scene.by_browser("iflow", "oauth", "ada").await;
    scene.issuer.expire(Realm::IflowKey);
    scene.answers("iflow/sim-large").await;
}

#[tokio::test]
async fn tokens_and_renewals_survive_the_end_of_the_engine() {
    let scene = Scene::of(&["claude"]).await;
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    let scene = scene.killed().await;
    scene.answers("claude/sim-large").await;
    scene.issuer.expire(Realm::Claude);
    scene.answers("claude/sim-large").await;
    // The renewed pair was stored before it was used.
    let scene = scene.killed().await;
    scene.answers("claude/sim-large").await;
    scene.issuer.expire(Realm::Claude);
    scene.answers("claude/sim-large").await;
    assert_eq!(
        (
            scene.issuer.posts(CLAUDE_TOKEN),
            scene.issuer.alive(Realm::Claude)
        ),
        (3, 1)
    );
}

#[tokio::test]
async fn an_ended_sign_in_is_told_and_asked_for_once() {
    let scene = Scene::of(&["claude"]).await;
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    scene.issuer.end(Realm::Claude, &User::new("ada"));
    for _ in 0..5 {
        let (status, error) = scene.say("claude/sim-large").await;
        assert!(
            (400..600).contains(&status) && status != 429,
            "{status} {error}"
        );
        let told = error["error"]["message"].as_str().unwrap();
        assert!(told.contains("byokey login"), "{told}");
    }
    assert_eq!(
        scene.issuer.posts(CLAUDE_TOKEN),
        2,
        "asked once, and never again"
    );
    let account = scene.account("claude").await;
    assert_eq!(account["state"]["kind"], "needs-sign-in");
    let next = account["state"]["next"].as_str().unwrap();
    assert!(next.contains("byokey login claude"), "{next}");
    // The same identity again: the account is there, and good.
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    assert_eq!(scene.account("claude").await["id"], account["id"]);
    scene.answers("claude/sim-large").await;
}

#[tokio::test]
async fn an_issuer_in_trouble_costs_no_sign_in() {
    for mishap in [
        Mishap::Error(503, "temporarily_unavailable"),
        Mishap::Garbage,
        Mishap::Limit {
            seconds: Some(3600),
            milliseconds: None,
        },
    ] {
        let scene = Scene::of(&["claude"]).await;
        scene.by_browser("claude", "oauth-pkce", "ada").await;
        scene.issuer.expire(Realm::Claude);
        scene.issuer.mishap(CLAUDE_TOKEN, mishap.clone());
        // Either it tried again by itself or it says so.
        let (status, error) = scene.say("claude/sim-large").await;
        assert!(
            status == 200 || status >= 429,
            "{mishap:?}: {status} {error}"
        );
        let account = scene.account("claude").await;
        assert_eq!(account["state"]["kind"], "fresh", "{mishap:?}: {account}");
        // What it waits for is forgotten with the process; the tokens are not.
        let scene = scene.killed().await;
        scene.answers("claude/sim-large").await;
        assert_eq!(scene.issuer.alive(Realm::Claude), 1);
    }
}

#[tokio::test]
async fn the_tokens_of_somebody_else_are_not_taken_in() {
    let scene = Scene::of(&["claude"]).await;
    scene.by_browser("claude", "oauth-pkce", "ada").await;
    scene.issuer.expire(Realm::Claude);
    let other = Bend::AnotherAccount(User::new("mallory"));
    scene.issuer.bend(Realm::Claude, other);
    let (status, error) = scene.say("claude/sim-large").await;
    assert_ne!(status, 200, "{error}");
    let account = scene.account("claude").await;
    assert_eq!(account["label"], "ada@example.org");
}

#[tokio::test]
async fn accounts_of_one_address_live_side_by_side() {
    let scene = Scene::of(&["claude"]).await;
    let people = [
        User::new("ada").email("shared@example.org"),
        User::new("grace").email("shared@example.org"),
        User::new("ada")
            .email("shared@example.org")
            .org("another-org"),
    ];
    for (at, person) in people.iter().enumerate() {
        for _ in 0..2 {
            let id = scene.start("claude", "oauth-pkce", Value::Null).await;
            let page = scene.page(&id).await;
            scene.issuer.browser(person.clone()).consents(&page).await;
            scene.step(&id, &["done"]).await;
        }
        assert_eq!(scene.accounts("claude").await.len(), at + 1);
    }
    // One of them ends; the others do not notice.
    let accounts = scene.accounts("claude").await;
    let names: Vec<_> = accounts
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    scene.issuer.expire(Realm::Claude);
    scene.issuer.end(Realm::Claude, &people[1]);
    for (at, name) in names.iter().enumerate() {
        let (status, reply) = scene.say(&format!("claude/{name}/sim-large")).await;
        assert_eq!(status == 200, at != 1, "{name}: {reply}");
    }
    let states = scene.accounts("claude").await;
    for (at, account) in states.iter().enumerate() {
        let wanted = if at == 1 { "needs-sign-in" } else { "fresh" };
        assert_eq!(account["state"]["kind"], wanted, "{account}");
    }
}
