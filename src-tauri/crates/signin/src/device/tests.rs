use std::time::Duration;

use byokey_sim::{Issuer, Mishap, Poll as Told, Realm, User};
use byokey_vault::{Actor, PendingSignIn};

use super::*;
use crate::fixture::{bridges, run, scene, to, tokens, vault};
use crate::{Overrides, SignInRequest, SignIns};

const GITHUB_CODE: &str = "https://github.com/login/device/code";
const GITHUB_TOKEN: &str = "https://github.com/login/oauth/access_token";
const KIMI_TOKEN: &str = "https://auth.kimi.com/api/oauth/token";

/// The configuration of somebody with an OAuth App of their own.
fn github(issuer: &Issuer) -> Overrides {
    Overrides {
        client_id: Some(Issuer::GITHUB_CLIENT.to_owned()),
        ..to(issuer)
    }
}

/// Signs in at GitHub after the server has answered these polls.
async fn after(told: impl IntoIterator<Item = Told>) -> (Result<Grant, SigninError>, Issuer) {
    let issuer = Issuer::start().await;
    issuer.polls(Realm::Github, told);
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("copilot", "github-device", github(&issuer));
    let grant = run(&scene, |code| assert!(ada.types(&code))).await;
    (grant, issuer)
}

#[tokio::test(start_paused = true)]
async fn every_row_brings_the_tokens_of_whoever_typed_the_code() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada"));
    for (provider, route, overrides, label, refreshed) in [
        (
            "copilot",
            "github-device",
            github(&issuer),
            Some("ada"),
            false,
        ),
        (
            "kimi",
            "kimi-device",
            to(&issuer),
            Some("ada@example.org"),
            true,
        ),
        (
            "kimi",
            "kimi-device-global",
            to(&issuer),
            Some("ada@example.org"),
            true,
        ),
        ("qwen", "oauth-device", to(&issuer), None, true),
    ] {
        let scene = scene(provider, route, overrides);
        let grant = run(&scene, |code| assert!(ada.types(&code))).await;
        let grant = grant.unwrap_or_else(|error| panic!("{provider}: {error}"));
        let set = tokens(&grant);
        assert!(!set.access.expose().is_empty(), "{provider}");
        assert_eq!(set.refresh.is_some(), refreshed, "{provider}");
        assert_eq!(set.expires.is_some(), refreshed, "{provider}");
        let found = grant.identity.and_then(|identity| identity.label);
        assert_eq!(found.as_deref(), label, "{provider}");
    }
    assert_eq!(issuer.hasty(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quarter_of_an_hour_passes_before_nobody_is_given_up_on() {
    let issuer = Issuer::start().await;
    let scene = scene("copilot", "github-device", github(&issuer));
    let start = tokio::time::Instant::now();
    let grant = run(&scene, |_| {}).await;
    assert_eq!(grant.err(), Some(SigninError::TooLate));
    assert!(start.elapsed() >= Duration::from_secs(895));
    // Every 8 s: 5 of the server and 3 of the row.
    let polls = issuer.posts(GITHUB_TOKEN);
    assert!((110..=113).contains(&polls), "{polls}");
    assert_eq!((issuer.posts(GITHUB_CODE), issuer.hasty()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn authorization_pending_and_slow_down_go_on() {
    let (grant, issuer) = after([
        Told::Pending,
        Told::SlowDown(None),
        Told::SlowDown(Some(20)),
        Told::Pending,
    ])
    .await;
    assert!(grant.is_ok());
    assert_eq!((issuer.posts(GITHUB_TOKEN), issuer.hasty()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn slow_down_with_429_slows_down() {
    let issuer = Issuer::start().await;
    issuer.polls(Realm::Qwen, [Told::SlowDown(None), Told::SlowDown(None)]);
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("qwen", "oauth-device", to(&issuer));
    let start = tokio::time::Instant::now();
    let grant = run(&scene, |code| assert!(ada.types(&code))).await;
    assert!(grant.is_ok());
    assert_eq!(start.elapsed().as_secs(), 5 + 10 + 15);
    assert_eq!(issuer.hasty(), 0);
}

#[tokio::test(start_paused = true)]
async fn expired_token_says_to_start_again() {
    let (grant, issuer) = after([Told::Pending, Told::Expired]).await;
    let error = grant.err().unwrap();
    assert_eq!(error, SigninError::TooLate);
    assert!(error.to_string().contains("start again"));
    assert_eq!(issuer.posts(GITHUB_TOKEN), 2);
}

#[tokio::test(start_paused = true)]
async fn access_denied_stops() {
    let (grant, issuer) = after([Told::Denied]).await;
    let error = grant.err().unwrap();
    assert!(matches!(error, SigninError::Denied { .. }), "{error}");
    assert_eq!(issuer.posts(GITHUB_TOKEN), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_within_a_200_is_an_error() {
    for body in [
        r#"{"error":"device_flow_disabled"}"#,
        r#"{"error":"incorrect_client_credentials","error_description":"No such client."}"#,
    ] {
        let issuer = Issuer::start().await;
        let reply = byokey_sim::Reply::json(200, &serde_json::from_str(body).unwrap());
        issuer.mishap(GITHUB_TOKEN, Mishap::Reply(reply));
        let scene = scene("copilot", "github-device", github(&issuer));
        let error = run(&scene, |_| {}).await.err().unwrap();
        assert!(matches!(error, SigninError::Rejected { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("Device Flow") || text.contains("client id"),
            "{text}"
        );
        assert_eq!(issuer.posts(GITHUB_TOKEN), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_time_is_asked_again() {
    let issuer = Issuer::start().await;
    issuer.mishap(KIMI_TOKEN, Mishap::Error(503, "unavailable"));
    issuer.mishap(
        KIMI_TOKEN,
        Mishap::Limit {
            seconds: Some(90),
            milliseconds: None,
        },
    );
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("kimi", "kimi-device", to(&issuer));
    let start = tokio::time::Instant::now();
    let grant = run(&scene, |code| assert!(ada.types(&code))).await;
    assert!(grant.is_ok());
    assert_eq!(start.elapsed().as_secs(), 5 + 10 + 90);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_no_end() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada"));
    issuer.polls(Realm::Github, [Told::Pending, Told::Pending]);
    issuer.mishap(GITHUB_TOKEN, Mishap::Lost);
    issuer.mishap(GITHUB_TOKEN, Mishap::Half);
    let scene = scene("copilot", "github-device", github(&issuer));
    let grant = run(&scene, |code| assert!(ada.types(&code))).await;
    assert!(grant.is_ok(), "{:?}", grant.err());
}

#[tokio::test(start_paused = true)]
async fn oversized_and_senseless_answers_are_named_and_end_it() {
    for (url, mishap) in [
        (GITHUB_CODE, Mishap::Garbage),
        (GITHUB_CODE, Mishap::Oversized(100_000)),
        (GITHUB_TOKEN, Mishap::Garbage),
        (GITHUB_TOKEN, Mishap::Oversized(100_000)),
    ] {
        let issuer = Issuer::start().await;
        issuer.mishap(url, mishap);
        let scene = scene("copilot", "github-device", github(&issuer));
        let error = run(&scene, |_| {}).await.err().unwrap();
        assert!(
            matches!(error, SigninError::Unclear { .. }),
            "{url}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_app_of_ones_own_the_error_says_how_to_get_one() {
    let scene = scene("copilot", "github-device", Overrides::default());
    let error = run(&scene, |_| {}).await.err().unwrap();
    let text = error.to_string();
    for part in [
        "github.com/settings/applications/new",
        "Enable Device Flow",
        "BYOKEY_GITHUB_CLIENT_ID",
        "byokey add-key copilot",
        "byokey import copilot",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_same_code() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada"));
    let mut first = scene("qwen", "oauth-device", to(&issuer));
    let mut step = first.step.subscribe();
    tokio::select! {
        _ = crate::flow::run(&first) => panic!("nobody has typed the code"),
        _ = step.wait_for(|step| matches!(step, Step::Code { .. })) => {}
    }
    let pending: Vec<PendingSignIn> = first.vault.pending().unwrap();
    assert_eq!(pending.len(), 1);
    let shown = first.step.borrow().clone();
    // What is kept is sealed with the route's name; the flow gets its own part back.
    let kept: serde_json::Value = serde_json::from_str(pending[0].content.expose()).unwrap();
    first.kept = kept["content"].as_str().map(Secret::new);
    first.show(Step::Starting);
    let grant = run(&first, |code| assert!(ada.types(&code))).await;
    assert!(grant.is_ok());
    assert!(matches!(shown, Step::Code { .. }));
    assert_eq!(
        issuer.posts("https://chat.qwen.ai/api/v1/oauth2/device/code"),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn giving_up_stops_the_questions() {
    let issuer = Issuer::start().await;
    let sign_ins = SignIns::new(vault(), bridges());
    let started = sign_ins.start(SignInRequest {
        catalog: std::sync::Arc::new(byokey_catalog::Catalog::bundled().unwrap()),
        overrides: github(&issuer),
        provider: "copilot".to_owned(),
        route: "github-device".to_owned(),
        name: None,
        fields: Fields::new(),
        choice: None,
        headless: false,
        by: Actor::Cli,
    });
    let id = started.await.unwrap().id;
    let shown = sign_ins.after(&id, &Step::Starting).await.unwrap();
    assert!(matches!(shown.step, Step::Code { .. }), "{shown:?}");
    issuer.wait_for(GITHUB_TOKEN, 1).await;
    sign_ins.cancel(&id).await.unwrap();
    let asked = issuer.posts(GITHUB_TOKEN);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(issuer.posts(GITHUB_TOKEN), asked);
    assert!(sign_ins.list().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_company_of_its_own_host_is_led_there_by_the_configuration() {
    let issuer = Issuer::start().await;
    let tenant = issuer.url("https://github.com");
    let mut overrides = github(&issuer);
    overrides.device_url = Some(format!("{tenant}/login/device/code"));
    overrides.token_url = Some(format!("{tenant}/login/oauth/access_token"));
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("copilot", "github-device", overrides);
    assert!(run(&scene, |code| assert!(ada.types(&code))).await.is_ok());
}

#[test]
fn a_request_id_is_a_uuid_of_its_own() {
    let ids = [(); 2].map(|()| request_id().unwrap());
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        let parts: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_of_ones_own_takes_a_code_and_its_client_is_kept() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada"));
    let custom = byokey_catalog::CustomProvider {
        id: "mine".to_owned(),
        dialect: byokey_wire::Dialect::Chat,
        base_url: format!("{}/v1", issuer.url(Issuer::OIDC)),
        auth: None,
        models: Vec::new(),
        oauth: Some(byokey_catalog::CustomOauth {
            device_url: Some(format!("{}/device_authorization", Issuer::OIDC)),
            token_url: Some(format!("{}/token", Issuer::OIDC)),
            scopes: vec!["openid".to_owned()],
            ..byokey_catalog::CustomOauth::default()
        }),
    };
    let mut overrides = to(&issuer);
    overrides.client_id = Some(Issuer::OIDC_CLIENT.to_owned());
    let mut scene = scene("mine", "oauth-device", overrides);
    let catalog = byokey_catalog::Catalog::bundled().unwrap();
    scene.catalog = std::sync::Arc::new(catalog.with_custom(custom).unwrap());
    let grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    let set = tokens(&grant);
    assert_eq!(set.client.as_ref().unwrap().id, Issuer::OIDC_CLIENT);
    assert!(set.refresh.is_some());
}
