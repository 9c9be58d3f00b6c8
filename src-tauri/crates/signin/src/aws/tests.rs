use byokey_sim::{Issuer, Mishap, Poll as Told, Realm, User};
use byokey_vault::{Actor, Login, NewSignIn, TokenSet};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::fixture::{run, scene, to, tokens};
use crate::{Granted, SignIns, Step};

const REGISTER: &str = "https://oidc.us-east-1.amazonaws.com/client/register";
const TOKEN: &str = "https://oidc.us-east-1.amazonaws.com/token";
const DEVICE: &str = "https://oidc.us-east-1.amazonaws.com/device_authorization";

/// Stores what a sign-in brought, as the end of every sign-in does.
fn store(scene: &Scene, set: &TokenSet) {
    let fields: Vec<_> = scene
        .fields
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let new = NewSignIn {
        provider: &scene.provider,
        name: None,
        route: &scene.route,
        identity: Some("ada"),
        label: None,
        plan: None,
        base_origin: None,
        fields: &fields,
    };
    scene
        .vault
        .sign_in(new, Login::Tokens(set), Actor::Cli)
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_builder_id_brings_tokens_with_the_client_that_renews_them() {
    let issuer = Issuer::start().await;
    issuer.polls(
        Realm::Aws,
        [Told::Pending, Told::SlowDown(None), Told::ErrorIn200],
    );
    let ada = issuer.browser(User::new("ada").plan("builder"));
    let scene = scene("kiro", "builder-id-device", to(&issuer));
    let grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    let set = tokens(&grant);
    let client = set.client.as_ref().unwrap();
    assert!(client.secret.is_some() && set.refresh.is_some());
    let lives = client.expires.unwrap().duration_since(Timestamp::now());
    assert!(lives > SignedDuration::from_hours(24 * 80));
    // A Builder ID has no profile; nothing is made up for it.
    assert!(!set.extra.contains_key(stage::PROFILE_ARN));
    assert_eq!(issuer.hasty(), 0);
    let registered = issuer.requests(REGISTER)[0].json();
    assert_eq!(registered["clientName"], "byokey");
}

#[tokio::test(start_paused = true)]
async fn an_organisation_names_its_portal_and_region() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada").region("eu-central-1"));
    let mut scene = scene("kiro", "idc-device", to(&issuer));
    let error = run(&scene, |_| {}).await.err().unwrap();
    assert!(matches!(error, SigninError::Missing(_)), "{error}");
    assert!(error.to_string().contains("awsapps.com/start"));
    let portal = "https://d-0123456789.awsapps.com/start";
    scene
        .fields
        .insert("start_url".to_owned(), portal.to_owned());
    let grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    let arn = &tokens(&grant).extra[stage::PROFILE_ARN];
    assert!(arn.starts_with("arn:aws:codewhisperer:eu-central-1:"));
    assert_eq!(grant.fields["api_region"], "eu-central-1");
    assert_eq!(grant.identity.unwrap().plan.as_deref(), Some("KIRO PRO"));
    for hostile in [
        "http://d-1.awsapps.com/start",
        "javascript:1",
        "d-1.awsapps.com",
    ] {
        scene
            .fields
            .insert("start_url".to_owned(), hostile.to_owned());
        let error = run(&scene, |_| {}).await.err().unwrap();
        assert!(
            matches!(error, SigninError::Address(_)),
            "{hostile}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_used_again_until_it_ends() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("kiro", "builder-id-device", to(&issuer));
    let mut grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    store(&scene, tokens(&grant));
    scene.show(Step::Starting);
    run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    assert_eq!(issuer.posts(REGISTER), 1);
    // One that ends within a day is not begun with.
    if let Granted::Tokens(set) = &mut grant.credential {
        let soon = Timestamp::now() + SignedDuration::from_hours(23);
        set.client.as_mut().unwrap().expires = Some(soon);
    }
    store(&scene, tokens(&grant));
    scene.show(Step::Starting);
    run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    assert_eq!(issuer.posts(REGISTER), 2);
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_aws_forgot_is_made_again() {
    let issuer = Issuer::start().await;
    let ada = issuer.browser(User::new("ada"));
    let scene = scene("kiro", "builder-id-device", to(&issuer));
    let grant = run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    store(&scene, tokens(&grant));
    scene.show(Step::Starting);
    issuer.mishap(DEVICE, Mishap::Error(401, "invalid_client"));
    run(&scene, |code| assert!(ada.types(&code))).await.unwrap();
    assert_eq!(issuer.posts(REGISTER), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_final_ends_it() {
    for (mishap, code) in [
        (Mishap::Error(401, "invalid_client"), "rejected"),
        (Mishap::Error(400, "invalid_grant"), "rejected"),
        (Mishap::Error(400, "access_denied"), "denied"),
        (Mishap::Error(400, "expired_token"), "too-late"),
        (Mishap::Garbage, "unclear"),
    ] {
        let issuer = Issuer::start().await;
        issuer.mishap(TOKEN, mishap.clone());
        let scene = scene("kiro", "builder-id-device", to(&issuer));
        let error = run(&scene, |_| {}).await.err().unwrap();
        assert_eq!(error.code(), code, "{mishap:?}: {error}");
        assert_eq!(issuer.posts(TOKEN), 1);
    }
}

/// A sign-in at the portal of an organisation, up to the page that its person opens.
async fn at_the_portal(issuer: &Issuer) -> (SignIns, String, String) {
    let vault = crate::fixture::vault();
    let catalog = byokey_catalog::Catalog::bundled().unwrap();
    for notice in catalog.notices() {
        let accepted = vault.accept_notice(&notice.id, notice.version, Actor::Cli);
        accepted.unwrap();
    }
    let sign_ins = SignIns::new(vault, crate::fixture::bridges());
    let fields = [
        ("start_url", "https://d-0123456789.awsapps.com/start"),
        ("auth_region", "eu-central-1"),
    ];
    let started = sign_ins.start(crate::SignInRequest {
        catalog: catalog.into(),
        overrides: to(issuer),
        provider: "kiro".to_owned(),
        route: "idc-pkce".to_owned(),
        name: None,
        fields: fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        choice: None,
        headless: false,
        by: Actor::Cli,
    });
    let started = started.await.unwrap();
    let shown = sign_ins.after(&started.id, &Step::Starting).await.unwrap();
    match shown.step {
        Step::Browser { url, .. } => (sign_ins, started.id, url),
        other => panic!("{other:?}"),
    }
}

async fn end(sign_ins: &SignIns, id: &str) -> Step {
    let mut step = sign_ins.get(id).unwrap().step;
    while !step.is_over() {
        step = sign_ins.after(id, &step).await.unwrap().step;
    }
    step
}

#[tokio::test]
async fn a_portal_is_signed_in_at_in_the_browser_with_a_client_of_its_own() {
    let issuer = Issuer::start().await;
    let (sign_ins, id, page) = at_the_portal(&issuer).await;
    assert!(page.contains("&scopes=codewhisperer") && page.contains("code_challenge_method=S256"));
    let ada = issuer.browser(User::new("ada").region("eu-central-1"));
    let visit = ada.consents(&page).await;
    assert!(visit.status.is_success() || visit.status.is_redirection());
    let Step::Done { label, .. } = end(&sign_ins, &id).await else {
        panic!("{:?}", end(&sign_ins, &id).await);
    };
    assert_eq!(label.as_deref(), Some("ada@example.org"));
    let registered = issuer.requests("https://oidc.eu-central-1.amazonaws.com/client/register");
    let redirect = registered[0].json()["redirectUris"][0].clone();
    assert!(redirect.as_str().unwrap().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn a_portal_that_says_no_is_believed() {
    let issuer = Issuer::start().await;
    let (sign_ins, id, page) = at_the_portal(&issuer).await;
    let ada = issuer.browser(User::new("ada").region("eu-central-1"));
    ada.declines(&page).await;
    let Step::Failed { code, .. } = end(&sign_ins, &id).await else {
        panic!("it must fail");
    };
    assert_eq!(code, "denied");
}

#[tokio::test]
async fn what_a_person_pastes_is_taken_where_no_browser_comes_back() {
    let issuer = Issuer::start().await;
    let (sign_ins, id, page) = at_the_portal(&issuer).await;
    let ada = issuer.browser(User::new("ada").region("eu-central-1"));
    let back = ada.redirect(&page).await.unwrap();
    let foreign = back.replace("state=", "state=x");
    let refused = sign_ins
        .paste(&id, byokey_vault::Secret::new(foreign))
        .await;
    assert_eq!(refused, Err(SigninError::Foreign));
    sign_ins
        .paste(&id, byokey_vault::Secret::new(back))
        .await
        .unwrap();
    assert!(matches!(end(&sign_ins, &id).await, Step::Done { .. }));
}
