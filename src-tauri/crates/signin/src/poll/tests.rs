use std::time::Duration;

use byokey_sim::{Issuer, Mishap, Poll as Told, Realm, User};

use super::*;
use crate::fixture::{run, scene, to, tokens};

const USERCODE: &str = "https://auth.openai.com/api/accounts/deviceauth/usercode";
const CODEX_POLL: &str = "https://auth.openai.com/api/accounts/deviceauth/token";

#[tokio::test(start_paused = true)]
async fn codex_exchanges_the_servers_code_with_its_verifier() {
    let issuer = Issuer::start().await;
    issuer.polls(Realm::Codex, [Told::Pending, Told::Pending]);
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("openai", "codex-device", to(&issuer));
    let grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    assert!(tokens(&grant).refresh.is_some());
    let label = grant.identity.and_then(|identity| identity.label);
    assert_eq!(label.as_deref(), Some("ada@example.org"));
    assert_eq!(issuer.posts(CODEX_POLL), 3);
}

#[tokio::test(start_paused = true)]
async fn codex_says_where_device_codes_are_switched_on() {
    let issuer = Issuer::start().await;
    issuer.mishap(USERCODE, Mishap::Error(404, "not_found"));
    let scene = scene("openai", "codex-device", to(&issuer));
    let error = run(&scene, |_| {}).await.err().unwrap();
    assert!(matches!(error, SigninError::Missing(_)), "{error}");
    assert!(error.to_string().contains("security"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn codex_waits_for_a_quarter_of_an_hour() {
    let issuer = Issuer::start().await;
    let scene = scene("openai", "codex-device", to(&issuer));
    let start = tokio::time::Instant::now();
    let grant = run(&scene, |_| {}).await;
    assert_eq!(grant.err(), Some(SigninError::TooLate));
    assert!(start.elapsed() >= Duration::from_secs(895));
    assert!(issuer.posts(CODEX_POLL) <= 181);
}

#[test]
fn every_answer_of_codex_has_its_meaning() {
    let answer = |status: u16, body: &str| Answer {
        host: "auth.openai.com".to_owned(),
        status,
        retry_after: None,
        body: Some(body.as_bytes().to_vec().into()),
    };
    for status in [403, 404] {
        let round = codex_round(&answer(status, "<html>"));
        assert!(matches!(round, Ok(Round::Pending)), "{status}");
    }
    for status in [429, 500, 503] {
        let round = codex_round(&answer(status, ""));
        assert!(matches!(round, Ok(Round::Busy { .. })), "{status}");
    }
    let granted = codex_round(&answer(
        200,
        r#"{"authorization_code":"c","code_challenge":"x","code_verifier":"v"}"#,
    ));
    assert!(matches!(granted, Ok(Round::Granted(code)) if code.authorization_code == "c"));
    for (status, body) in [(200, "{}"), (200, "<html>"), (400, "{}"), (302, "")] {
        let round = codex_round(&answer(status, body));
        assert!(
            matches!(round, Err(SigninError::Unclear { .. })),
            "{status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn kiro_brings_tokens_a_profile_and_no_lifetime() {
    let issuer = Issuer::start().await;
    issuer.polls(Realm::KiroSocial, [Told::Pending, Told::SlowDown(None)]);
    let ada = issuer.browser(User::new("ada").region("eu-central-1"));
    let mut scene = scene("kiro", "social-device", to(&issuer));
    scene.choice = Some("google".to_owned());
    let grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    let set = tokens(&grant);
    let lives = set.expires.unwrap().duration_since(set.obtained);
    assert_eq!(lives.as_secs(), 3600);
    assert!(set.extra[stage::PROFILE_ARN].starts_with("arn:aws:codewhisperer:eu-central-1:"));
    assert_eq!(grant.fields["api_region"], "eu-central-1");
    let label = grant.identity.and_then(|identity| identity.label);
    assert_eq!(label.as_deref(), Some("ada@example.org"));
    assert_eq!(issuer.hasty(), 0);
}

#[tokio::test(start_paused = true)]
async fn kiro_asks_with_which_account() {
    for choice in [None, Some("apple")] {
        let issuer = Issuer::start().await;
        let mut scene = scene("kiro", "social-device", to(&issuer));
        scene.choice = choice.map(str::to_owned);
        let error = run(&scene, |_| {}).await.err().unwrap();
        assert_eq!(
            error,
            SigninError::Missing("with which account? Choose Google or Github".to_owned())
        );
        assert!(issuer.everything().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn kiros_no_is_a_no() {
    for (told, code) in [(Told::Denied, "denied"), (Told::Expired, "too-late")] {
        let issuer = Issuer::start().await;
        issuer.polls(Realm::KiroSocial, [told]);
        let mut scene = scene("kiro", "social-device", to(&issuer));
        scene.choice = Some("Github".to_owned());
        let error = run(&scene, |_| {}).await.err().unwrap();
        assert_eq!(error.code(), code);
    }
}
