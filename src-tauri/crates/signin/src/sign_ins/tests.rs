use super::*;
use crate::fixture::{bridges, vault};

fn catalog() -> Arc<Catalog> {
    Arc::new(Catalog::bundled().unwrap())
}

fn request(provider: &str, route: &str) -> SignInRequest {
    SignInRequest {
        catalog: catalog(),
        overrides: Overrides::default(),
        provider: provider.to_owned(),
        route: route.to_owned(),
        name: None,
        fields: Fields::new(),
        choice: None,
        headless: false,
        by: Actor::Cli,
    }
}

#[test]
fn a_name_means_the_best_route_that_is_open() {
    let catalog = catalog();
    for (name, programs, route) in [
        ("claude", true, "claude-cli"),
        ("claude", false, "oauth-pkce"),
        ("codex", true, "codex-app-server"),
        ("codex", false, "codex-pkce"),
        ("chatgpt", false, "siwc"),
        ("openai", false, "siwc"),
        ("copilot", false, "github-device"),
        ("gemini", false, "code-assist"),
        ("kiro", false, "builder-id-device"),
        ("antigravity", false, "google-oauth"),
        ("kimi", false, "kimi-device"),
        ("openrouter", false, "oauth-pkce"),
        ("qwen", false, "oauth-device"),
        ("iflow", false, "oauth"),
    ] {
        let provider = catalog.provider(name).unwrap();
        let found = route_for(provider, name, None, |_| programs).unwrap();
        assert_eq!(found.id, route, "{name}");
    }
    let groq = catalog.provider("groq").unwrap();
    assert!(matches!(
        route_for(groq, "groq", None, |_| true),
        Err(SigninError::KeysOnly(_))
    ));
}

#[tokio::test]
async fn an_unofficial_route_waits_for_its_notice() {
    let vault = vault();
    let sign_ins = SignIns::new(vault.clone(), bridges());
    let refused = sign_ins.start(request("kimi", "kimi-device")).await;
    let Err(SigninError::NeedsNotice { notice, .. }) = refused else {
        panic!("it must be refused");
    };
    assert!(sign_ins.list().is_empty());
    let version = catalog()
        .notices()
        .iter()
        .find(|it| it.id == notice)
        .unwrap()
        .version;
    // An older text does not count.
    vault
        .accept_notice(&notice, version - 1, Actor::Cli)
        .unwrap();
    assert!(
        sign_ins
            .start(request("kimi", "kimi-device"))
            .await
            .is_err()
    );
    vault.accept_notice(&notice, version, Actor::Cli).unwrap();
    let started = sign_ins
        .start(request("kimi", "kimi-device"))
        .await
        .unwrap();
    sign_ins.cancel(&started.id).await.unwrap();
    assert!(sign_ins.list().is_empty());
}

#[tokio::test]
async fn a_retired_route_names_day_reason_and_replacement() {
    let sign_ins = SignIns::new(vault(), bridges());
    let refused = sign_ins.start(request("qwen", "oauth-device")).await;
    let Err(error @ SigninError::Retired { .. }) = refused else {
        panic!("it must be refused");
    };
    let text = error.to_string();
    for part in ["2026-04-15", "free tier", "alibaba", "allow_retired"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn nothing_can_be_said_to_a_sign_in_that_is_not_there() {
    let sign_ins = SignIns::new(vault(), bridges());
    let pasted = sign_ins.paste("gone", Secret::new("code")).await;
    assert_eq!(pasted, Err(SigninError::NoSignIn));
    assert!(!sign_ins.link("claude", &Secret::new("byokey://signin/claude?code=a")));
    assert_eq!(sign_ins.cancel("gone").await, Err(SigninError::NoSignIn));
}
