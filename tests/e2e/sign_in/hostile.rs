//! Callbacks, links and replies of people with bad intentions, and of machines in a bad state.

use byokey_sim::{Bend, Mishap, Realm, User};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::Scene;

/// Where the browser is to come back to.
fn way_back(page: &str) -> String {
    let page = reqwest::Url::parse(page).unwrap();
    let mut pairs = page.query_pairs();
    let found = pairs.find(|(name, _)| name == "redirect_uri");
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn a_stray_answer_is_refused_and_the_true_one_still_counts() {
    let scene = Scene::of(&["claude"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let back = way_back(&page);
    let browser = scene.browser("ada");
    let right = browser.redirect(&page).await.unwrap();
    let state = right.split_once("state=").unwrap().1.to_owned();
    for stray in [
        format!("{back}?code=stolen"),
        format!("{back}?code=stolen&state="),
        format!("{back}?code=stolen&state=another-state-of-nobody"),
        format!("{back}?code=stolen&state={}", state.to_uppercase() + "x"),
        format!("{back}?error=access_denied&state=another"),
        format!("{back}/more?code=stolen&state={state}"),
        back.replace("/callback", "/favicon.ico"),
        back.replace("/callback", "/"),
    ] {
        let refused = browser.open(&stray).await;
        assert!(refused.status.is_client_error(), "{stray}: {refused:?}");
        assert!(!refused.body.contains("stolen"), "{}", refused.body);
    }
    let end = browser.goes(&right).await;
    assert_eq!(end.status, 200, "{}", end.body);
    assert_eq!(end.headers["cache-control"], "no-store");
    assert_eq!(end.headers["referrer-policy"], "no-referrer");
    let policy = end.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    scene.step(&id, &["done"]).await;
    let told = scene
        .issuer
        .posts("https://platform.claude.com/v1/oauth/token");
    assert_eq!(told, 1, "no stray answer was exchanged");
}

#[tokio::test]
async fn ten_thousand_junk_connections_do_not_end_it() {
    let scene = Scene::of(&["claude"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let back = way_back(&page).replace("localhost", "127.0.0.1");
    let address = back.split('/').nth(2).unwrap().to_owned();
    let junk: [&[u8]; 5] = [
        b"",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /callback?code=a&state=b HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n",
        b"GET /callback?code=a&state=b HTTP/1.1\r\nhost: evil.example.org\r\n\r\n",
    ];
    let mut slow = Vec::new();
    for number in 0..10_000 {
        let Ok(mut socket) = TcpStream::connect(&address).await else {
            continue;
        };
        // One that has been closed already is as good.
        let _ = socket.write_all(junk[number % junk.len()]).await;
        if number % 100 == 0 {
            slow.push(socket);
        }
    }
    scene.browser("ada").consents(&page).await;
    scene.step(&id, &["done"]).await;
    drop(slow);
    scene.answers("claude/sim-large").await;
}

#[tokio::test]
async fn a_person_who_declines_is_told_so() {
    let scene = Scene::of(&["claude", "copilot"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let end = scene.browser("ada").declines(&page).await;
    let failed = scene.step(&id, &["failed"]).await;
    assert_eq!(failed["code"], "denied", "{failed}");
    assert!(!end.body.contains("<script"), "{}", end.body);
    let id = scene.start("copilot", "github-device", Value::Null).await;
    let step = scene.step(&id, &["code"]).await;
    assert!(scene.browser("ada").refuses(step["code"].as_str().unwrap()));
    assert_eq!(scene.step(&id, &["failed"]).await["code"], "denied");
    assert!(
        scene.accounts("claude").await.is_empty() && scene.accounts("copilot").await.is_empty()
    );
}

#[tokio::test]
async fn two_sign_ins_whose_answers_are_swapped_are_both_refused() {
    let scene = Scene::of(&["claude", "antigravity"]).await;
    let one = scene.start("claude", "oauth-pkce", Value::Null).await;
    let two = scene
        .start("antigravity", "google-oauth", Value::Null)
        .await;
    let (first, second) = (scene.page(&one).await, scene.page(&two).await);
    let browser = scene.browser("ada");
    let right = browser.redirect(&first).await.unwrap();
    let other = browser.redirect(&second).await.unwrap();
    let query = |url: &str| url.split_once('?').unwrap().1.to_owned();
    for (back, query) in [
        (way_back(&first), query(&other)),
        (way_back(&second), query(&right)),
    ] {
        let refused = browser.open(&format!("{back}?{query}")).await;
        assert!(refused.status.is_client_error(), "{refused:?}");
    }
    assert_eq!(
        scene
            .issuer
            .posts("https://platform.claude.com/v1/oauth/token"),
        0
    );
    assert_eq!(scene.issuer.posts("https://oauth2.googleapis.com/token"), 0);
}

#[tokio::test]
async fn a_false_id_token_or_issuer_signs_nobody_in() {
    for bend in [
        Bend::Unsigned,
        Bend::BadSignature,
        Bend::UnknownKey,
        Bend::Issuer("https://evil.example.org".to_owned()),
        Bend::CallbackIssuer("https://evil.example.org".to_owned()),
        Bend::Audience(vec!["another-app".to_owned()]),
        Bend::Nonce("another".to_owned()),
        Bend::Nonce(String::new()),
        Bend::Stale,
        Bend::NoIdToken,
        Bend::NoIssuedClient,
        Bend::Scope("openid profile email offline_access".to_owned()),
        Bend::EmptyToken,
    ] {
        let scene = Scene::of(&["openai"]).await;
        scene.issuer.bend(Realm::Chatgpt, bend.clone());
        let id = scene.start("openai", "siwc", Value::Null).await;
        let page = scene.page(&id).await;
        scene.browser("ada").consents(&page).await;
        let end = scene.step(&id, &["failed", "done"]).await;
        assert_eq!(end["kind"], "failed", "{bend:?}");
        assert!(scene.accounts("openai").await.is_empty(), "{bend:?}");
    }
}

#[tokio::test]
async fn an_audience_may_be_a_list_and_a_scope_unsaid() {
    let scene = Scene::of(&["openai"]).await;
    scene.issuer.bend(Realm::Chatgpt, Bend::AudienceList);
    scene.issuer.bend(Realm::Chatgpt, Bend::NoScope);
    scene.by_browser("openai", "siwc", "ada").await;
    scene.answers("openai/sim-large").await;
}

#[tokio::test]
async fn a_clock_off_by_a_day_hurts_nobody_who_counts_seconds() {
    for skew in [-86_400, 86_400] {
        let scene = Scene::of(&["copilot", "kiro"]).await;
        scene.issuer.skew(skew);
        scene
            .by_code("copilot", "github-device", "ada", Value::Null)
            .await;
        scene.answers("copilot/sim-large").await;
        scene
            .by_code("kiro", "builder-id-device", "ada", Value::Null)
            .await;
        scene.answers("kiro/claude-sonnet-4.6").await;
    }
}

#[tokio::test]
async fn a_bad_token_reply_stores_nothing() {
    let token = "https://platform.claude.com/v1/oauth/token";
    for mishap in [
        Mishap::Garbage,
        Mishap::Half,
        Mishap::Lost,
        Mishap::Oversized(2 << 20),
        Mishap::Error(500, "server_error"),
    ] {
        let scene = Scene::of(&["claude"]).await;
        scene.issuer.mishap(token, mishap.clone());
        let id = scene.start("claude", "oauth-pkce", Value::Null).await;
        let page = scene.page(&id).await;
        let end = scene.browser("ada").consents(&page).await;
        let failed = scene.step(&id, &["failed"]).await;
        let told = failed["message"].as_str().unwrap();
        assert!(
            told.len() < 600 && !told.contains("xxxx"),
            "{mishap:?}: {told}"
        );
        assert!(
            !end.body.contains("go back to byokey"),
            "{mishap:?}: {}",
            end.body
        );
        assert!(scene.accounts("claude").await.is_empty(), "{mishap:?}");
    }
}

#[tokio::test]
async fn a_pasted_text_that_is_no_code_is_told_and_can_be_corrected() {
    let scene = Scene::of(&["claude"]).await;
    let id = scene.start("claude", "oauth-pkce", Value::Null).await;
    let page = scene.page(&id).await;
    let path = format!("/manage/signins/{id}/paste");
    let copied = scene.browser("ada").copies(&page).await;
    let (code, _) = copied.split_once('#').unwrap();
    for wrong in [format!("{code}#another-state"), "x".repeat(100_000)] {
        let (status, _) = scene.manage("POST", &path, json!({"text": wrong})).await;
        assert!(status < 500, "{status}");
    }
    assert_eq!(
        scene
            .issuer
            .posts("https://platform.claude.com/v1/oauth/token"),
        0
    );
    let step = scene.step(&id, &["browser", "failed"]).await;
    if step["kind"] == "browser" {
        scene.manage("POST", &path, json!({"text": copied})).await;
        scene.step(&id, &["done"]).await;
    }
}

#[tokio::test]
async fn a_code_of_another_person_s_sign_in_does_not_help() {
    // The same provider twice at once: each state finishes its own sign-in alone.
    let scene = Scene::of(&["claude"]).await;
    let one = scene.start("claude", "oauth-pkce", Value::Null).await;
    let two = scene.start("claude", "oauth-pkce", Value::Null).await;
    let (first, second) = (scene.page(&one).await, scene.page(&two).await);
    assert_ne!(first, second);
    scene
        .issuer
        .browser(User::new("grace"))
        .consents(&second)
        .await;
    scene.step(&two, &["done"]).await;
    scene.browser("ada").consents(&first).await;
    scene.step(&one, &["done"]).await;
    assert_eq!(scene.accounts("claude").await.len(), 2);
}
