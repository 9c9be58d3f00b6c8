//! Tokens that end: renewed once, stored before use, and kept when the issuer is in trouble.

use byokey_sim::{Bend, Mishap, Realm, User};
use serde_json::{Value, json};

use super::{Scene, fixed_ports};

const CLAUDE_TOKEN: &str = "https://platform.claude.com/v1/oauth/token";

/// What ends a token, and where it is renewed.
struct Ending {
    provider: &'static str,
    realm: Realm,
    model: &'static str,
    token: &'static str,
    /// POSTs to that address before any renewal, the sign-in's own among them.
    before: Option<usize>,
}

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

#[tokio::test]
async fn every_way_renews_what_it_signed_in() {
    let scene = Scene::with(
        &["openai", "kimi", "kiro", "antigravity", "qwen"],
        "    allow_retired: true\n",
    )
    .await;
    scene
        .by_code("openai", "codex-device", "ada", Value::Null)
        .await;
    scene
        .by_code("kimi", "kimi-device", "ada", Value::Null)
        .await;
    scene
        .by_code("kiro", "builder-id-device", "ada", Value::Null)
        .await;
    scene
        .by_code("qwen", "oauth-device", "ada", Value::Null)
        .await;
    scene.by_browser("antigravity", "google-oauth", "ada").await;
    for ending in [
        Ending {
            provider: "openai",
            realm: Realm::Codex,
            model: "openai/sim-large",
            token: "https://auth.openai.com/oauth/token",
            before: Some(1),
        },
        Ending {
            provider: "kimi",
            realm: Realm::Kimi,
            model: "kimi/kimi-for-coding",
            token: "https://auth.kimi.com/api/oauth/token",
            before: None,
        },
        Ending {
            provider: "kiro",
            realm: Realm::Aws,
            model: "kiro/claude-sonnet-4.6",
            token: "https://oidc.us-east-1.amazonaws.com/token",
            before: None,
        },
        Ending {
            provider: "qwen",
            realm: Realm::Qwen,
            model: "qwen/coder-model",
            token: "https://chat.qwen.ai/api/v1/oauth2/token",
            before: None,
        },
        Ending {
            provider: "antigravity",
            realm: Realm::Antigravity,
            model: "antigravity/gemini-3-flash",
            token: "https://oauth2.googleapis.com/token",
            before: Some(1),
        },
    ] {
        let before = scene.issuer.posts(ending.token);
        assert!(ending.before.is_none_or(|expected| expected == before));
        // Twice: what the first renewal brought must be good for the second.
        for renewals in 1..=2 {
            scene.issuer.expire(ending.realm);
            scene.answers(ending.model).await;
            let posts = scene.issuer.posts(ending.token) - before;
            assert_eq!(posts, renewals, "{}", ending.provider);
        }
        assert_eq!(scene.issuer.alive(ending.realm), 1, "{}", ending.provider);
    }
}

#[tokio::test]
async fn social_logins_of_kiro_renew_at_their_own_address() {
    let scene = Scene::of(&["kiro"]).await;
    scene
        .by_code("kiro", "social-device", "ada", json!({"choice": "Google"}))
        .await;
    scene.issuer.expire(Realm::KiroSocial);
    scene.answers("kiro/claude-sonnet-4.6").await;
    let renewed = "https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken";
    assert_eq!(scene.issuer.posts(renewed), 1);
}

#[tokio::test]
async fn second_tokens_are_fetched_again() {
    let _alone = fixed_ports().await;
    let scene = Scene::with(&["copilot", "iflow"], "    allow_retired: true\n").await;
    scene
        .by_code("copilot", "github-device", "ada", Value::Null)
        .await;
    scene.answers("copilot/sim-large").await;
    scene.issuer.expire(Realm::Copilot);
    scene.answers("copilot/sim-large").await;
    let exchange = "https://api.github.com/copilot_internal/v2/token";
    assert_eq!(scene.issuer.requests(exchange).len(), 2);
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
