use byokey_sim::{Issuer, Mishap, Realm, User};
use byokey_vault::{HomeChoice, IssuedClient, Login, NewSignIn, Secret};
use jiff::Timestamp;

use super::*;

const CODEX: &str = "https://auth.openai.com/oauth/revoke";
const GOOGLE: &str = "https://oauth2.googleapis.com/revoke";

struct Scene {
    issuer: Issuer,
    vault: Vault,
    catalog: Catalog,
}

impl Scene {
    async fn new() -> Self {
        Self {
            issuer: Issuer::start().await,
            vault: Vault::open(std::path::Path::new("unused"), HomeChoice::Memory).unwrap(),
            catalog: Catalog::bundled().unwrap(),
        }
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            origins: self.issuer.origins().clone(),
            ..Overrides::default()
        }
    }

    /// An account with a login that the simulated provider knows.
    fn account(&self, provider: &str, route: &str, realm: Realm, client: &str) -> AccountId {
        let (access, refresh) = self.issuer.signed_in(realm, &User::new("ada"), client);
        let set = TokenSet {
            access: Secret::new(access),
            refresh: Some(Secret::new(refresh)),
            expires: None,
            obtained: Timestamp::UNIX_EPOCH,
            earliest_refresh: None,
            scope: None,
            client: (realm == Realm::Chatgpt).then(|| IssuedClient {
                id: client.to_owned(),
                secret: None,
                expires: None,
            }),
            second: None,
            extra: [].into(),
        };
        self.sign_in(provider, route, Login::Tokens(&set))
    }

    fn sign_in(&self, provider: &str, route: &str, login: Login<'_>) -> AccountId {
        let new = NewSignIn {
            provider,
            name: None,
            route,
            identity: None,
            label: None,
            plan: None,
            base_origin: None,
            fields: &[],
        };
        self.vault
            .sign_in(new, login, Actor::Cli)
            .unwrap()
            .account
            .id
    }

    async fn log_out(&self, id: AccountId) -> LogoutReport {
        let overrides = self.overrides();
        let report = log_out(&self.vault, &self.catalog, &overrides, id, Actor::Cli).await;
        assert_eq!(
            self.vault.accounts().unwrap(),
            [],
            "it is forgotten in any case"
        );
        report.unwrap()
    }
}

#[tokio::test]
async fn a_login_is_ended_where_the_provider_can() {
    let scene = Scene::new().await;
    for (provider, route, realm, client, words) in [
        (
            "openai",
            "codex-pkce",
            Realm::Codex,
            "app_EMoamEEZ73f0CkXaXp7hrann",
            "OpenAI has ended",
        ),
        (
            "openai",
            "siwc",
            Realm::Chatgpt,
            "oaiapp_1",
            "OpenAI has ended",
        ),
        (
            "gemini",
            "code-assist",
            Realm::GeminiCli,
            "client",
            "has ended the login",
        ),
        (
            "antigravity",
            "google-oauth",
            Realm::Antigravity,
            "client",
            "has ended the login",
        ),
    ] {
        let id = scene.account(provider, route, realm, client);
        assert_eq!(scene.issuer.alive(realm), 1, "{route}");
        let report = scene.log_out(id).await;
        assert_eq!(report.revoked, Revoked::Yes, "{route}");
        assert!(report.to_string().contains(words), "{report}");
        assert_eq!(scene.issuer.alive(realm), 0, "{route}");
    }
}

#[tokio::test]
async fn where_it_cannot_be_ended_the_page_is_named() {
    let scene = Scene::new().await;
    let claude = scene.account("claude", "oauth-pkce", Realm::Claude, "client");
    let report = scene.log_out(claude).await.to_string();
    assert!(report.contains("https://claude.ai/settings"), "{report}");
    let key = Secret::new("sk-or-v1-0123456789");
    let key = scene.sign_in("openrouter", "api-key", Login::Key(&key));
    let report = scene.log_out(key).await.to_string();
    assert!(
        report.contains("https://openrouter.ai/settings/keys"),
        "{report}"
    );
    assert_eq!(scene.issuer.alive(Realm::Claude), 1);
}

#[tokio::test]
async fn a_followed_login_is_left_alone() {
    let scene = Scene::new().await;
    let (owner, source) = ("Codex CLI", "codex:file:/home/ada/.codex/auth.json#");
    let followed = Login::Followed { owner, source };
    let id = scene.sign_in("openai", "codex-pkce", followed);
    let report = scene.log_out(id).await;
    let owner = owner.to_owned();
    assert_eq!(report.revoked, Revoked::Followed { owner });
    assert!(
        report.to_string().contains("Codex CLI stays signed in"),
        "{report}"
    );
    assert_eq!(scene.issuer.posts(CODEX), 0);
}

#[tokio::test]
async fn a_failing_provider_keeps_no_account() {
    let scene = Scene::new().await;
    for (mishap, why) in [
        (Mishap::Error(400, "invalid_request"), "400"),
        (Mishap::Error(503, "down"), "503"),
        (Mishap::Lost, ""),
    ] {
        let id = scene.account("gemini", "code-assist", Realm::GeminiCli, "client");
        scene.issuer.mishap(GOOGLE, mishap);
        let report = scene.log_out(id).await;
        let Revoked::No { why: said, page } = &report.revoked else {
            panic!("{report:?}");
        };
        assert!(said.contains(why), "{said}");
        assert_eq!(
            page.as_deref(),
            Some("https://myaccount.google.com/connections")
        );
        for secret in scene.issuer.secrets() {
            assert!(!report.to_string().contains(&secret));
        }
    }
}

#[tokio::test]
async fn a_silent_provider_is_not_waited_for() {
    let scene = Scene::new().await;
    let id = scene.account("gemini", "code-assist", Realm::GeminiCli, "client");
    scene.issuer.mishap(GOOGLE, Mishap::Hang);
    tokio::time::pause();
    let report = scene.log_out(id).await;
    assert!(matches!(report.revoked, Revoked::No { .. }), "{report:?}");
}

#[tokio::test]
async fn the_vaults_failure_ends_nothing() {
    let scene = Scene::new().await;
    let id = AccountId(77);
    let overrides = scene.overrides();
    let report = log_out(&scene.vault, &scene.catalog, &overrides, id, Actor::Cli).await;
    assert!(matches!(report, Err(SigninError::Store(_))), "{report:?}");
}

#[tokio::test]
async fn a_renewal_under_way_ends_before_its_account_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let master = Secret::new("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let vault = Vault::open(dir.path(), HomeChoice::MasterKey(master)).unwrap();
    let set = |refresh: &str| TokenSet {
        access: Secret::new("access"),
        refresh: Some(Secret::new(refresh)),
        expires: None,
        obtained: Timestamp::UNIX_EPOCH,
        earliest_refresh: None,
        scope: None,
        client: None,
        second: None,
        extra: [].into(),
    };
    let new = NewSignIn {
        provider: "openai",
        name: None,
        route: "codex-pkce",
        identity: None,
        label: None,
        plan: None,
        base_origin: None,
        fields: &[],
    };
    let signed_in = vault.sign_in(new, Login::Tokens(&set("old")), Actor::Cli);
    let account = signed_in.unwrap().account;
    let renewing = vault.try_lock_account(account.id).unwrap();
    assert!(renewing.is_some());
    let (theirs, id) = (vault.clone(), account.id);
    let forgetting = tokio::spawn(async move { take_out(&theirs, id, Actor::Cli).await });
    tokio::task::yield_now().await;
    vault.renew(id, account.generation, &set("new")).unwrap();
    drop(renewing);
    let (_, tokens) = forgetting.await.unwrap().unwrap();
    // What is ended at the provider is the pair that lives.
    assert_eq!(tokens.unwrap().refresh.unwrap().expose(), "new");
}
