//! Accounts that were signed in: their tokens in requests, got anew, refused, and given up.

use std::collections::BTreeMap;

use byokey_catalog::Catalog;
use byokey_signin::Overrides;
use byokey_sim::{Issuer, Mishap, Realm, Reply, Rotation, User};
use byokey_vault::{
    AcceptedNotice, Account, Actor, Condition, Login, NewSignIn, SecondToken, Secret, TokenSet,
    Vault,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::rig::{Rig, chat_body, messages_body};

const CLAUDE: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
const CODEX: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const CLAUDE_TOKEN: &str = "https://platform.claude.com/v1/oauth/token";
const CLAUDE_API: &str = "https://api.anthropic.com/v1/messages";

/// How a test's account came in.
struct SignedIn<'a> {
    realm: Realm,
    provider: &'a str,
    route: &'a str,
    client: &'a str,
    /// Seconds that its access token still has.
    left: i64,
    extra: &'a [(&'a str, &'a str)],
    /// A token that it was exchanged for.
    second: Option<&'a str>,
}

const ADA: SignedIn<'_> = SignedIn {
    realm: Realm::Claude,
    provider: "claude",
    route: "oauth-pkce",
    client: CLAUDE,
    left: 3600,
    extra: &[],
    second: None,
};

impl SignedIn<'_> {
    fn put(&self, vault: &Vault, issuer: &Issuer, who: &str) -> Account {
        let catalog = Catalog::bundled().unwrap();
        let provider = catalog.provider(self.provider).unwrap();
        let route = provider.route(self.route).unwrap();
        if let Some(notice) = catalog.notice(route) {
            vault
                .accept_notice(&notice.id, notice.version, Actor::Cli)
                .unwrap();
        }
        let (access, refresh) = issuer.signed_in(self.realm, &User::new(who), self.client);
        let now = Timestamp::now();
        let extra = self.extra.iter();
        let extra: BTreeMap<_, _> = extra
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let set = TokenSet {
            access: Secret::new(access),
            refresh: Some(refresh).filter(|it| !it.is_empty()).map(Secret::new),
            expires: Some(now + SignedDuration::from_secs(self.left)),
            obtained: now - SignedDuration::from_secs(1),
            earliest_refresh: None,
            scope: None,
            client: None,
            second: self.second.map(|token| SecondToken {
                token: Secret::new(token),
                expires: None,
                due: Some(now + SignedDuration::from_mins(20)),
            }),
            extra: extra.clone(),
        };
        let overrides = Overrides {
            origins: issuer.origins().clone(),
            ..Overrides::default()
        };
        let bound = overrides.bound_origin(provider, route, &extra);
        let new = NewSignIn {
            provider: self.provider,
            name: Some(who),
            route: self.route,
            identity: Some(who),
            label: None,
            plan: None,
            base_origin: bound.as_deref(),
            fields: &[],
        };
        let signed_in = vault.sign_in(new, Login::Tokens(&set), Actor::Cli);
        signed_in.unwrap().account
    }
}

async fn rig(issuer: &Issuer, accounts: &[(SignedIn<'_>, &str)]) -> Rig {
    Rig::configured(&issuer.config(), |vault| {
        for (signed_in, who) in accounts {
            signed_in.put(vault, issuer, who);
        }
    })
    .await
}

fn account(rig: &Rig, name: &str) -> Account {
    let accounts = rig.engine.vault().accounts().unwrap();
    accounts.into_iter().find(|it| it.name == name).unwrap()
}

#[tokio::test]
async fn a_plan_serves_and_is_renewed_when_its_token_has_ended() {
    let issuer = Issuer::start().await;
    for left in [3600, -5] {
        let rig = rig(&issuer, &[(SignedIn { left, ..ADA }, "ada")]).await;
        for stream in [false, true] {
            let reply = rig
                .messages(messages_body("claude/sim-large", "hi", stream))
                .await;
            assert_eq!(reply.status(), 200);
        }
        let seen = issuer.requests(CLAUDE_API).pop().unwrap();
        assert!(seen.header("authorization").starts_with("Bearer "));
        assert!(seen.header("anthropic-beta").contains("oauth-2025-04-20"));
        assert_eq!(seen.header("x-api-key"), "");
        assert!(seen.header("user-agent").starts_with("byokey/"));
        // Another dialect over the same account.
        let reply = rig.chat(chat_body("claude/sim-large", "hi", false)).await;
        assert_eq!(reply.status(), 200);
    }
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_request_sent_again() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, &[(ADA, "ada")]).await;
    issuer.expire(Realm::Claude);
    let requests = (0..20).map(|_| rig.messages(messages_body("claude/sim-large", "hi", false)));
    for reply in futures_util::future::join_all(requests).await {
        assert_eq!(reply.status(), 200);
    }
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 1);
    // Lists and counts show the same token.
    issuer.expire(Realm::Claude);
    let models = rig.engine.models().await;
    assert!(
        models.iter().any(|model| model.id.contains("sim-large")),
        "{models:?}"
    );
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 2);
    let count = rig
        .post(
            "/v1/messages/count_tokens",
            messages_body("claude/sim-large", "hi", false).to_string(),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(count.status(), 200);
    assert!(!count.headers().contains_key("x-byokey-estimate"));
    // Native calls as well.
    issuer.expire(Realm::Claude);
    let native = rig
        .http
        .get(format!("{}/native/claude/v1/models", rig.url))
        .bearer_auth(&rig.key)
        .send()
        .await
        .unwrap();
    assert_eq!(native.status(), 200);
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 3);
}

#[tokio::test]
async fn an_account_whose_sign_in_has_ended_says_so_and_asks_nobody() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, &[(ADA, "ada")]).await;
    issuer.end(Realm::Claude, &User::new("ada"));
    for _ in 0..5 {
        let reply = rig
            .messages(messages_body("claude/sim-large", "hi", false))
            .await;
        assert_ne!(reply.status(), 200);
        let text = reply.text().await.unwrap();
        let login = "byokey login claude --route oauth-pkce --account ada";
        assert!(text.contains(login), "{text}");
    }
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 1);
    assert_eq!(issuer.posts(CLAUDE_API), 1);
    assert_eq!(account(&rig, "ada").condition, Condition::NeedsSignIn);
    let idle = rig.engine.idle_accounts();
    assert!(idle[0].1.contains("its sign-in has ended"), "{idle:?}");
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_is_the_last() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, &[(ADA, "ada"), (ADA, "grace")]).await;
    let no = Reply::json(401, &json!({"error": {"message": "Token revoked."}}));
    for _ in 0..2 {
        issuer.mishap(CLAUDE_API, Mishap::Reply(no.clone()));
    }
    // Another account of the same provider serves in its place.
    for _ in 0..3 {
        let reply = rig
            .messages(messages_body("claude/sim-large", "hi", false))
            .await;
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["x-byokey-route"], "claude/grace");
    }
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 1);
    let ada = account(&rig, "ada");
    assert_eq!(ada.condition, Condition::NeedsSignIn);
    assert_eq!(ada.condition_words.as_deref(), Some("Token revoked."));
    assert_eq!(account(&rig, "grace").condition, Condition::Ready);
}

#[tokio::test]
async fn an_account_that_is_locked_out_is_let_alone() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, &[(ADA, "ada")]).await;
    let words = "This credential is only authorized for use with Claude Code.";
    let no = Reply::json(
        400,
        &json!({"type": "error", "error": {
        "type": "invalid_request_error", "message": words}}),
    );
    issuer.mishap(CLAUDE_API, Mishap::Reply(no));
    for _ in 0..3 {
        let reply = rig
            .messages(messages_body("claude/sim-large", "hi", false))
            .await;
        assert_ne!(reply.status(), 200);
        let text = reply.text().await.unwrap();
        assert!(text.contains(words), "{text}");
    }
    assert_eq!(issuer.posts(CLAUDE_API), 1);
    assert_eq!(account(&rig, "ada").condition, Condition::Blocked);
}

#[tokio::test]
async fn a_failing_token_endpoint_costs_the_account_nothing() {
    let issuer = Issuer::start().await;
    let rig = rig(&issuer, &[(SignedIn { left: -5, ..ADA }, "ada")]).await;
    let limit = Mishap::Limit {
        seconds: Some(60),
        milliseconds: None,
    };
    issuer.mishap(CLAUDE_TOKEN, limit);
    let reply = rig
        .messages(messages_body("claude/sim-large", "hi", false))
        .await;
    assert_eq!(reply.status(), 529);
    assert!(reply.headers().contains_key("retry-after"));
    let text = reply.text().await.unwrap();
    assert!(text.contains("could not be renewed"), "{text}");
    assert_eq!(account(&rig, "ada").condition, Condition::Ready);
    assert_eq!(issuer.posts(CLAUDE_TOKEN), 1);
}

#[tokio::test]
async fn unaccepted_notices_and_ended_ways_stand_still() {
    let issuer = Issuer::start().await;
    let codex = SignedIn {
        realm: Realm::Codex,
        provider: "openai",
        route: "codex-pkce",
        client: CODEX,
        ..ADA
    };
    let config = issuer.provider_yaml("openai");
    let rig = Rig::configured(&format!("providers:\n{config}"), |vault| {
        codex.put(vault, &issuer, "ada");
        let accepted: Vec<AcceptedNotice> = vault.notices().unwrap();
        // The words have changed since.
        vault
            .accept_notice(&accepted[0].id, accepted[0].version - 1, Actor::Cli)
            .unwrap();
        let qwen = SignedIn {
            realm: Realm::Qwen,
            provider: "qwen",
            route: "oauth-device",
            client: "f0304373b74a44d2b584a3fb70ca9e56",
            ..ADA
        };
        qwen.put(vault, &issuer, "grace");
    })
    .await;
    let idle = rig.engine.idle_accounts();
    let why = |name: &str| &idle.iter().find(|(it, _)| it.name == name).unwrap().1;
    assert!(why("ada").contains("--accept-notice"), "{}", why("ada"));
    assert!(
        why("grace").contains("has ended this way"),
        "{}",
        why("grace")
    );
    let reply = rig.chat(chat_body("openai/sim-large", "hi", false)).await;
    assert_ne!(reply.status(), 200);
    assert!(reply.text().await.unwrap().contains("--accept-notice"));
    assert_eq!(issuer.everything().len(), 0);
}

#[tokio::test]
async fn a_chatgpt_account_names_its_workspace() {
    let issuer = Issuer::start().await;
    let codex = SignedIn {
        realm: Realm::Codex,
        provider: "openai",
        route: "codex-pkce",
        client: CODEX,
        extra: &[("account_id", "org-ada")],
        ..ADA
    };
    let rig = rig(&issuer, &[(codex, "ada")]).await;
    let reply = rig.chat(chat_body("openai/sim-large", "hi", true)).await;
    assert_eq!(reply.status(), 200, "{}", reply.text().await.unwrap());
    let seen = issuer.requests("https://chatgpt.com/backend-api/codex/responses");
    assert_eq!(seen[0].header("chatgpt-account-id"), "org-ada");
    assert_eq!(seen[0].header("originator"), "byokey");
}

#[tokio::test]
async fn a_project_or_profile_comes_with_the_token() {
    let issuer = Issuer::start().await;
    let google = SignedIn {
        realm: Realm::Antigravity,
        provider: "antigravity",
        route: "google-oauth",
        client: "1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com",
        extra: &[("project", "sim-project-ada")],
        ..ADA
    };
    let kiro = SignedIn {
        realm: Realm::KiroSocial,
        provider: "kiro",
        route: "social-device",
        client: "kiro-cli",
        extra: &[(
            "profile_arn",
            "arn:aws:codewhisperer:us-east-1:000000029281:profile/ORGGRACE",
        )],
        ..ADA
    };
    let rig = rig(&issuer, &[(google, "ada"), (kiro, "grace")]).await;
    for model in ["antigravity/sim-large", "kiro/sim-large"] {
        let reply = rig.chat(chat_body(model, "hi", true)).await;
        let status = reply.status();
        let text = reply.text().await.unwrap();
        assert_eq!(status, 200, "{model}: {text}");
    }
    let seen = issuer.requests("https://q.us-east-1.amazonaws.com/generateAssistantResponse");
    assert!(String::from_utf8_lossy(&seen[0].body).contains("profile/ORGGRACE"));
}

#[tokio::test]
async fn a_token_that_is_never_renewed_serves_until_it_is_refused() {
    let issuer = Issuer::start().await;
    issuer.rotation(Realm::Github, Rotation::Never);
    let github = SignedIn {
        realm: Realm::Github,
        provider: "copilot",
        route: "github-device",
        client: Issuer::GITHUB_CLIENT,
        left: 1 << 30,
        extra: &[("api_base", "https://api.individual.githubcopilot.com")],
        ..ADA
    };
    let rig = rig(&issuer, &[(github, "ada")]).await;
    let reply = rig.chat(chat_body("copilot/sim-large", "hi", false)).await;
    assert_eq!(reply.status(), 200, "{}", reply.text().await.unwrap());
    // At the place that came with the token.
    let place = "https://api.individual.githubcopilot.com/chat/completions";
    assert_eq!(issuer.posts(place), 1);
    issuer.expire(Realm::Github);
    for _ in 0..3 {
        let reply = rig.chat(chat_body("copilot/sim-large", "hi", false)).await;
        assert_ne!(reply.status(), 200);
    }
    assert_eq!(account(&rig, "ada").condition, Condition::NeedsSignIn);
}

#[tokio::test]
async fn a_second_token_that_is_refused_is_exchanged_for_again() {
    let issuer = Issuer::start().await;
    let github = SignedIn {
        realm: Realm::Github,
        provider: "copilot",
        route: "github-device",
        client: Issuer::GITHUB_CLIENT,
        left: 1 << 30,
        second: Some("tid=stale"),
        ..ADA
    };
    let rig = rig(&issuer, &[(github, "ada")]).await;
    for _ in 0..3 {
        let reply = rig.chat(chat_body("copilot/sim-large", "hi", false)).await;
        assert_eq!(reply.status(), 200, "{}", reply.text().await.unwrap());
    }
    let seen = issuer.requests("https://api.githubcopilot.com/chat/completions");
    let seen = seen.last().unwrap();
    assert_eq!(seen.header("x-initiator"), "user");
    assert_eq!(seen.header("copilot-vision-request"), "");
    let exchange = "https://api.github.com/copilot_internal/v2/token";
    assert_eq!(issuer.requests(exchange).len(), 1);
    assert_eq!(account(&rig, "ada").condition, Condition::Ready);
}

#[tokio::test]
async fn a_token_goes_nowhere_but_where_it_was_signed_in_for() {
    let issuer = Issuer::start().await;
    let rig = Rig::configured(
        "providers: {claude: {base_url: 'http://127.0.0.1:9'}}",
        |vault| {
            ADA.put(vault, &issuer, "ada");
        },
    )
    .await;
    let idle = rig.engine.idle_accounts();
    assert!(
        idle[0].1.contains("sign in again for the new address"),
        "{idle:?}"
    );
}

/// A proxy that wants a user and tells where it was asked to connect to.
async fn proxy() -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(caller.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            // user:secret
            assert!(head.contains("Basic dXNlcjpzZWNyZXQ="), "{head}");
            // What is not encrypted may also come as a request for the proxy itself to make.
            let target = head.split(' ').nth(1).unwrap();
            let place = target.trim_start_matches("http://").split('/').next();
            let place = place.unwrap().to_owned();
            let mut there = TcpStream::connect(&place).await.unwrap();
            tell.send(place).unwrap();
            tokio::spawn(async move {
                match head.starts_with("CONNECT ") {
                    true => caller.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap(),
                    false => there.write_all(head.as_bytes()).await.unwrap(),
                }
                let _ = tokio::io::copy_bidirectional(&mut caller, &mut there).await;
            });
        }
    });
    (port, told)
}

#[tokio::test]
async fn a_providers_proxy_carries_its_requests_and_its_renewals() {
    let issuer = Issuer::start().await;
    let (port, mut told) = proxy().await;
    let config = issuer.provider_yaml("claude");
    let config = format!("providers:\n{config}    proxy: http://user:secret@127.0.0.1:{port}\n");
    let rig = Rig::configured(&config, |vault| {
        SignedIn { left: -5, ..ADA }.put(vault, &issuer, "ada");
    })
    .await;
    let reply = rig
        .messages(messages_body("claude/sim-large", "hi", false))
        .await;
    assert_eq!(reply.status(), 200, "{}", reply.text().await.unwrap());
    let place = |url: &str| {
        let url = issuer.url(url);
        url.split('/').nth(2).unwrap().to_owned()
    };
    assert_eq!(told.recv().await.unwrap(), place(CLAUDE_TOKEN));
    assert_eq!(told.recv().await.unwrap(), place(CLAUDE_API));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_not_gone_around() {
    let issuer = Issuer::start().await;
    for proxy in ["${BYOKEY_TEST_NO_SUCH_PROXY}", "http://127.0.0.1:9"] {
        let config = issuer.provider_yaml("claude");
        let config = format!("providers:\n{config}    proxy: {proxy}\n");
        let rig = Rig::configured(&config, |vault| {
            ADA.put(vault, &issuer, "ada");
        })
        .await;
        let reply = rig
            .messages(messages_body("claude/sim-large", "hi", false))
            .await;
        assert_ne!(reply.status(), 200);
    }
    assert_eq!(issuer.everything().len(), 0);
}
