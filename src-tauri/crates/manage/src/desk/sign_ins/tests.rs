use byokey_vault::Secret;

use crate::fixture::client;
use crate::{
    Client, ClientError, Code, KeyInput, ManageError, PasteParams, StartSignInParams, StepInfo,
};

fn asked(provider: &str, route: Option<&str>) -> StartSignInParams {
    StartSignInParams {
        provider: provider.to_owned(),
        route: route.map(ToOwned::to_owned),
        ..StartSignInParams::default()
    }
}

async fn refused(client: &Client, params: &StartSignInParams) -> ManageError {
    match client.start_sign_in(params).await {
        Err(ClientError::Refused(refused)) => refused,
        Err(other) => panic!("{other}"),
        Ok(started) => panic!("started {}", started.route),
    }
}

#[tokio::test]
async fn a_notice_is_shown_before_its_way_opens() {
    let (_dir, client) = client("").await;
    let mut params = asked("claude", Some("oauth-pkce"));
    let told = refused(&client, &params).await;
    let notice = told.notice.unwrap();
    assert_eq!(told.code, Code::NeedsNotice);
    assert_eq!(
        (&*notice.id, notice.accepted_at.is_some()),
        ("claude-oauth", false)
    );
    // Words that the person has not read are not accepted.
    let wrong = client.accept_notice(&notice.id, notice.version + 1).await;
    assert!(matches!(wrong, Err(ClientError::Refused(e)) if e.code == Code::BadValue));
    assert_eq!(refused(&client, &params).await.code, Code::NeedsNotice);

    client
        .accept_notice(&notice.id, notice.version)
        .await
        .unwrap();
    let started = client.start_sign_in(&params).await.unwrap();
    assert_eq!(
        (&*started.provider, &*started.route),
        ("claude", &*params.route.take().unwrap())
    );
    let providers = client.providers().await.unwrap().providers;
    let claude = providers.iter().find(|it| it.id == "claude").unwrap();
    let route = claude
        .routes
        .iter()
        .find(|it| it.id == started.route)
        .unwrap();
    assert!(route.notice.as_ref().unwrap().accepted_at.is_some());
    assert!(route.login);
}

#[tokio::test]
async fn a_route_that_ended_says_when_why_and_what_instead() {
    let (_dir, closed) = client("").await;
    let told = refused(&closed, &asked("qwen", None)).await;
    let retired = told.retired.unwrap();
    assert_eq!((told.code, &*retired.since), (Code::Retired, "2026-04-15"));
    assert!(!retired.reason.is_empty() && !retired.replacement.is_empty());

    let (_dir, open) = client(
        "providers: {qwen: {allow_retired: true, origins: {'https://chat.qwen.ai': 'http://127.0.0.1:1'}}}",
    )
    .await;
    let started = open.start_sign_in(&asked("qwen", None)).await.unwrap();
    assert_eq!(started.provider, "qwen");
    let providers = open.providers().await.unwrap().providers;
    let qwen = providers.iter().find(|it| it.id == "qwen").unwrap();
    let greyed = byokey_catalog::Offer::Greyed;
    assert!(qwen.allow_retired && qwen.routes.iter().all(|it| it.offer != greyed));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_with_what_can() {
    let (_dir, client) = client("").await;
    let mut field = asked("claude", Some("oauth-pkce"));
    field.fields = [("region".to_owned(), "x".to_owned())].into();
    let mut choice = asked("kiro", Some("social-device"));
    choice.choice = Some("facebook".to_owned());
    for (params, code, hint) in [
        (asked("opnai", None), Code::UnknownProvider, "openai"),
        (asked("claude", Some("none")), Code::Unknown, "oauth"),
        (asked("groq", None), Code::KeysOnly, "add-key"),
        (field, Code::BadValue, "region"),
        (choice, Code::BadValue, "Google"),
    ] {
        let told = refused(&client, &params).await;
        assert_eq!(told.code, code, "{}", told.message);
        assert!(told.message.contains(hint), "{}", told.message);
    }
    assert!(client.sign_ins().await.unwrap().signins.is_empty());
}

#[tokio::test]
async fn a_choice_may_be_written_in_any_case() {
    let nowhere = "https://prod.us-east-1.auth.desktop.kiro.dev: 'http://127.0.0.1:1'";
    let nowhere = format!("providers: {{kiro: {{origins: {{{nowhere}}}}}}}");
    let (_dir, client) = client(&nowhere).await;
    let params = StartSignInParams {
        choice: Some("github".to_owned()),
        headless: false,
        accept_notice: true,
        ..asked("kiro", Some("social-device"))
    };
    assert!(client.start_sign_in(&params).await.is_ok());
}

#[tokio::test]
async fn a_sign_in_that_is_gone_takes_nothing() {
    let (_dir, client) = client("").await;
    let text = PasteParams {
        text: KeyInput(Secret::new("code")),
    };
    for gone in [
        client.paste("none", &text).await.err(),
        client.cancel_sign_in("none").await.err(),
        client.sign_in("none", None).await.err(),
    ] {
        assert!(matches!(gone, Some(ClientError::Refused(e)) if e.code == Code::NotFound));
    }
}

#[tokio::test]
async fn the_next_step_is_waited_for() {
    let (_dir, client) = client("").await;
    let params = StartSignInParams {
        headless: false,
        accept_notice: true,
        ..asked("claude", Some("oauth-pkce"))
    };
    let mut seen = client.start_sign_in(&params).await.unwrap();
    // Two steps at most: begun, and whatever the flow shows first.
    seen = client.sign_in(&seen.id, Some(&seen.mark)).await.unwrap();
    assert_ne!(seen.step, StepInfo::Starting);
    client.cancel_sign_in(&seen.id).await.unwrap();
    assert!(client.sign_ins().await.unwrap().signins.is_empty());
}
