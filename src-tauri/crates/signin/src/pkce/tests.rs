use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::{Catalog, CustomOauth, CustomProvider, Offer, StateRule};
use byokey_sim::{Bend, Browser, Issuer, Mishap, Realm, Reply, User};
use byokey_vault::{Account, Actor, Fields, HomeChoice, Secret, Vault};
use byokey_wire::Dialect;

use crate::*;

/// A vault, the issuers, and whoever signs in.
struct World {
    issuer: Issuer,
    catalog: Arc<Catalog>,
    vault: Vault,
    sign_ins: SignIns,
}

const CODEX_TOKENS: &str = "https://auth.openai.com/oauth/token";
const CLAUDE_TOKENS: &str = "https://platform.claude.com/v1/oauth/token";

impl World {
    async fn new() -> Self {
        let issuer = Issuer::start().await;
        let nowhere = std::path::Path::new("nowhere");
        let vault = Vault::open(nowhere, HomeChoice::Memory).unwrap();
        let custom = CustomProvider {
            id: "mine".to_owned(),
            dialect: Dialect::Chat,
            base_url: format!("{}/v1", issuer.url(Issuer::OIDC)),
            auth: None,
            models: Vec::new(),
            oauth: Some(CustomOauth {
                issuer: Some(Issuer::OIDC.to_owned()),
                client_id: Some(Issuer::OIDC_CLIENT.to_owned()),
                ..CustomOauth::default()
            }),
        };
        let catalog = Catalog::bundled().unwrap().with_custom(custom).unwrap();
        for notice in catalog.notices() {
            vault
                .accept_notice(&notice.id, notice.version, Actor::Cli)
                .unwrap();
        }
        Self {
            issuer,
            catalog: Arc::new(catalog),
            sign_ins: SignIns::new(vault.clone(), crate::fixture::bridges()),
            vault,
        }
    }

    fn overrides(&self, provider: &str) -> Overrides {
        let secret = match provider {
            "gemini" | "antigravity" => Some(Issuer::GOOGLE_SECRET),
            "iflow" => Some(Issuer::IFLOW_SECRET),
            _ => None,
        };
        Overrides {
            origins: self.issuer.origins().clone(),
            client_secret: secret.map(|secret| Arc::new(Secret::new(secret))),
            allow_retired: true,
            ..Overrides::default()
        }
    }

    async fn start(&self, provider: &str, route: &str) -> SignIn {
        self.start_with(provider, route, self.overrides(provider))
            .await
    }

    async fn start_with(&self, provider: &str, route: &str, overrides: Overrides) -> SignIn {
        let request = self.request(provider, route, overrides);
        self.sign_ins.start(request).await.unwrap()
    }

    fn request(&self, provider: &str, route: &str, overrides: Overrides) -> SignInRequest {
        SignInRequest {
            catalog: self.catalog.clone(),
            overrides,
            provider: provider.to_owned(),
            route: route.to_owned(),
            name: None,
            fields: Fields::new(),
            choice: None,
            headless: false,
            by: Actor::Cli,
        }
    }

    /// The page, once it is shown.
    async fn page(&self, sign_in: &SignIn) -> String {
        let mut step = sign_in.step.clone();
        loop {
            match &step {
                Step::Browser { url, .. } => return url.clone(),
                Step::Failed { message, .. } => panic!("{message}"),
                _ => step = self.sign_ins.after(&sign_in.id, &step).await.unwrap().step,
            }
        }
    }

    /// How it ended.
    async fn end(&self, sign_in: &SignIn) -> Step {
        let mut step = sign_in.step.clone();
        while !step.is_over() {
            step = self.sign_ins.after(&sign_in.id, &step).await.unwrap().step;
        }
        step
    }

    async fn done(&self, sign_in: &SignIn) -> Account {
        match self.end(sign_in).await {
            Step::Done { account, .. } => self
                .vault
                .accounts()
                .unwrap()
                .into_iter()
                .find(|it| it.id == account)
                .unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn failed(&self, sign_in: &SignIn) -> (&'static str, String) {
        match self.end(sign_in).await {
            Step::Failed { code, message } => {
                assert!(
                    self.vault.accounts().unwrap().is_empty(),
                    "nothing may be stored"
                );
                (code, message)
            }
            other => panic!("{other:?}"),
        }
    }

    fn ada(&self) -> Browser {
        self.issuer.browser(User::new("ada"))
    }

    async fn signed_in(&self, provider: &str, route: &str) -> Account {
        let sign_in = self.start(provider, route).await;
        let page = self.page(&sign_in).await;
        self.ada().consents(&page).await;
        self.done(&sign_in).await
    }

    /// A sign-in whose issuer is bent fails with this code.
    async fn bent(
        &self,
        provider: &str,
        route: &str,
        realm: Realm,
        bend: Bend,
    ) -> (&'static str, String) {
        self.issuer.bend(realm, bend);
        let sign_in = self.start(provider, route).await;
        let page = self.page(&sign_in).await;
        self.ada().consents(&page).await;
        let failed = self.failed(&sign_in).await;
        self.issuer.straighten(realm);
        failed
    }
}

fn query(url: &str) -> std::collections::BTreeMap<String, String> {
    let url: reqwest::Url = url.parse().unwrap();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let map: std::collections::BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "no parameter stands twice");
    map
}

#[tokio::test]
async fn every_row_ends_in_an_account() {
    let world = World::new().await;
    for (provider, route) in [
        ("claude", "oauth-pkce"),
        ("openai", "siwc"),
        ("gemini", "code-assist"),
        ("gemini", "code-assist-individual"),
        ("antigravity", "google-oauth"),
        ("openrouter", "oauth-pkce"),
        ("mine", "oauth-pkce"),
    ] {
        let account = world.signed_in(provider, route).await;
        assert_eq!((&*account.provider, &*account.route), (provider, route));
        assert!(account.identity.is_some(), "{provider}");
    }
}

#[tokio::test]
async fn rfc7636_s256_and_state_are_sent_by_every_row() {
    let world = World::new().await;
    for provider in world.catalog.providers() {
        for route in &provider.routes {
            let byokey_catalog::Flow::Pkce(row) = &route.flow else {
                continue;
            };
            // The fixed ports may be taken on this machine; any other is as good for this.
            let mut overrides = world.overrides(&provider.id);
            overrides.redirect = Some("http://127.0.0.1/cb".to_owned());
            let sign_in = world.start_with(&provider.id, &route.id, overrides).await;
            let asked = query(&world.page(&sign_in).await);
            assert_eq!(asked["code_challenge_method"], "S256", "{}", provider.id);
            assert_eq!(asked["code_challenge"].len(), 43);
            match row.state {
                StateRule::State => assert!(asked["state"].len() >= 43),
                StateRule::NonceInPath => {
                    let back = &asked[&row.redirect.parameter];
                    assert!(back.rsplit('/').next().unwrap().len() >= 43, "{back}");
                }
            }
            assert!(!asked.contains_key("code_verifier"));
            world.sign_ins.cancel(&sign_in.id).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_wrong_verifier_buys_nothing() {
    let world = World::new().await;
    // The code belongs to another attempt at the same provider, so its verifier is another one.
    let first = world.start("claude", "oauth-pkce").await;
    let second = world.start("claude", "oauth-pkce").await;
    let (one, two) = (world.page(&first).await, world.page(&second).await);
    let stolen = query(&world.ada().redirect(&one).await.unwrap())["code"].clone();
    let back = query(&two);
    let target = format!(
        "{}?code={stolen}&state={}",
        back["redirect_uri"], back["state"]
    );
    world.ada().open(&target).await;
    let (code, _) = world.failed(&second).await;
    assert_eq!(code, "rejected");
}

#[tokio::test]
async fn a_code_that_was_used_buys_nothing_again() {
    let world = World::new().await;
    let sign_in = world.start("claude", "oauth-pkce").await;
    let page = world.page(&sign_in).await;
    let back = world.ada().redirect(&page).await.unwrap();
    world.ada().open(&back).await;
    world.done(&sign_in).await;
    let posts = world.issuer.posts(CLAUDE_TOKENS);
    // The port is closed or about to be; the sign-in is over in any case.
    let pasted = world.sign_ins.paste(&sign_in.id, Secret::new(back)).await;
    assert_eq!(pasted, Err(SigninError::NoSignIn));
    assert_eq!(world.issuer.posts(CLAUDE_TOKENS), posts);
}

#[tokio::test]
async fn a_person_who_declines_is_told_so() {
    let world = World::new().await;
    let sign_in = world.start("claude", "oauth-pkce").await;
    let page = world.page(&sign_in).await;
    world.ada().declines(&page).await;
    let (code, message) = world.failed(&sign_in).await;
    assert_eq!(code, "denied");
    assert!(message.contains("Claude"), "{message}");
    assert_eq!(world.issuer.posts(CLAUDE_TOKENS), 0);
}

#[tokio::test]
async fn whatever_is_pasted_is_either_taken_or_explained() {
    let world = World::new().await;
    let sign_in = world.start("claude", "oauth-pkce").await;
    let page = world.page(&sign_in).await;
    let paste = async |text: &str| world.sign_ins.paste(&sign_in.id, Secret::new(text)).await;
    assert_eq!(paste("what is this?").await, Err(SigninError::NotACode));
    assert_eq!(
        paste("abcdef#not-the-state").await,
        Err(SigninError::Foreign)
    );
    let foreign = "http://localhost:1/callback?code=abcdef&state=other";
    assert_eq!(paste(foreign).await, Err(SigninError::Foreign));
    assert_eq!(world.issuer.posts(CLAUDE_TOKENS), 0);
    let copied = world.ada().copies(&page).await;
    assert!(copied.contains('#'), "{copied}");
    assert_eq!(paste(&copied).await, Ok(()));
    world.done(&sign_in).await;
}

#[tokio::test]
async fn a_person_without_a_browser_copies_what_the_page_shows() {
    let world = World::new().await;
    let mut request = world.request("gemini", "code-assist", world.overrides("gemini"));
    request.headless = true;
    let sign_in = world.sign_ins.start(request).await.unwrap();
    let page = world.page(&sign_in).await;
    assert_eq!(
        query(&page)["redirect_uri"],
        "https://codeassist.google.com/authcode"
    );
    let step = world.sign_ins.get(&sign_in.id).unwrap().step;
    assert!(matches!(step, Step::Browser { listens: false, .. }));
    let code = world.ada().copies(&page).await;
    let pasted = world.sign_ins.paste(&sign_in.id, Secret::new(code)).await;
    assert_eq!(pasted, Ok(()));
    world.done(&sign_in).await;
}

#[tokio::test]
async fn rfc8252_8_10_swapped_callbacks_are_both_refused() {
    let world = World::new().await;
    let claude = world.start("claude", "oauth-pkce").await;
    let other = world.start("openai", "siwc").await;
    let (one, two) = (world.page(&claude).await, world.page(&other).await);
    let (to_claude, to_other) = (
        world.ada().redirect(&one).await.unwrap(),
        world.ada().redirect(&two).await.unwrap(),
    );
    let swap = |of: &str, place: &str| {
        let place = place.split_once('?').unwrap().0;
        format!("{place}?{}", of.split_once('?').unwrap().1)
    };
    for target in [swap(&to_claude, &to_other), swap(&to_other, &to_claude)] {
        assert_eq!(world.ada().open(&target).await.status.as_u16(), 400);
    }
    for (id, text) in [(&claude.id, &to_other), (&other.id, &to_claude)] {
        let pasted = world.sign_ins.paste(id, Secret::new(text.as_str())).await;
        assert_eq!(pasted, Err(SigninError::Foreign));
    }
    // Neither is ended by it.
    world.ada().open(&to_claude).await;
    world.ada().open(&to_other).await;
    world.done(&claude).await;
    world.done(&other).await;
}

#[tokio::test]
async fn a_second_sign_in_renews_the_account_under_its_own_client() {
    let world = World::new().await;
    let first = world.signed_in("openai", "siwc").await;
    let client = world.vault.tokens(first.id).unwrap().tokens.client.unwrap();
    assert!(client.id.starts_with("oaiapp_"), "{}", client.id);
    let again = world.start("openai", "siwc").await;
    let page = world.page(&again).await;
    let asked = query(&page);
    assert_eq!(asked["client_id"], client.id);
    assert!(!asked.contains_key("agent_name_hint"));
    assert!(asked["ext_agent_host_id"].starts_with("urn:uuid:"));
    world.ada().consents(&page).await;
    let Step::Done {
        account, renewed, ..
    } = world.end(&again).await
    else {
        panic!("it ends well");
    };
    assert_eq!((account, renewed), (first.id, true));
}

#[tokio::test]
async fn a_credential_that_cannot_be_used_is_not_stored() {
    let world = World::new().await;
    let bend = Bend::Scope("openid profile".to_owned());
    let (code, message) = world.bent("openai", "siwc", Realm::Chatgpt, bend).await;
    assert_eq!(code, "scope");
    assert!(message.contains("chatgpt.tokens.use.direct"), "{message}");
}

#[tokio::test]
async fn rfc9700_4_4_an_answer_of_another_issuer_is_refused() {
    let world = World::new().await;
    let bend = Bend::CallbackIssuer("https://evil.example".to_owned());
    let (code, _) = world.bent("openai", "siwc", Realm::Chatgpt, bend).await;
    assert_eq!(code, "foreign");
}

#[tokio::test]
async fn an_id_token_that_is_not_sound_is_refused() {
    let world = World::new().await;
    for bend in [
        Bend::Unsigned,
        Bend::BadSignature,
        Bend::UnknownKey,
        Bend::Issuer("https://evil.example".to_owned()),
        Bend::Audience(vec!["another".to_owned()]),
        Bend::Nonce("another".to_owned()),
        Bend::Stale,
        Bend::NoIdToken,
    ] {
        let name = format!("{bend:?}");
        let (code, message) = world.bent("openai", "siwc", Realm::Chatgpt, bend).await;
        assert_eq!(code, "unclear", "{name}: {message}");
    }
    world.issuer.bend(Realm::Chatgpt, Bend::AudienceList);
    world.signed_in("openai", "siwc").await;
}

/// Row 24 of the security promises: codes and tokens go to hosts of the rows, and only to these.
#[test]
fn rfc9700_the_hosts_of_every_row_are_pinned() {
    let catalog = Catalog::bundled().unwrap();
    let mut hosts = Vec::new();
    for provider in catalog.providers() {
        for route in &provider.routes {
            let byokey_catalog::Flow::Pkce(row) = &route.flow else {
                continue;
            };
            let pages = [&row.authorize_url, &row.token_url].map(|url| {
                let url: reqwest::Url = url.parse().unwrap();
                assert_eq!(url.scheme(), "https", "{}", provider.id);
                url.host_str().unwrap().to_owned()
            });
            hosts.push((format!("{}/{}", provider.id, route.id), pages.join(" ")));
        }
    }
    let pinned = [
        (
            "antigravity/google-oauth",
            "accounts.google.com oauth2.googleapis.com",
        ),
        ("claude/oauth-pkce", "claude.ai platform.claude.com"),
        (
            "gemini/code-assist",
            "accounts.google.com oauth2.googleapis.com",
        ),
        (
            "gemini/code-assist-individual",
            "accounts.google.com oauth2.googleapis.com",
        ),
        ("iflow/oauth", "iflow.cn iflow.cn"),
        ("openai/siwc", "auth.openai.com auth.openai.com"),
        ("openai/codex-pkce", "auth.openai.com auth.openai.com"),
        ("openrouter/oauth-pkce", "openrouter.ai openrouter.ai"),
    ];
    let pinned = pinned.map(|(route, hosts)| (route.to_owned(), hosts.to_owned()));
    assert_eq!(hosts, pinned);
}

#[tokio::test]
async fn rfc9700_a_discovery_moves_no_endpoint_of_a_row() {
    const DISCOVERY: &str = "https://auth.openai.com/.well-known/openid-configuration";
    let world = World::new().await;
    let named = |keys: &str| {
        let evil = "https://evil.example/x";
        Mishap::Reply(Reply::json(
            200,
            &serde_json::json!({
                "issuer": "https://auth.openai.com", "jwks_uri": keys, "token_endpoint": evil,
                "authorization_endpoint": evil, "revocation_endpoint": evil,
            }),
        ))
    };
    world
        .issuer
        .mishap(DISCOVERY, named("https://evil.example/keys"));
    let sign_in = world.start("openai", "siwc").await;
    let page = world.page(&sign_in).await;
    world.ada().consents(&page).await;
    let (code, message) = world.failed(&sign_in).await;
    assert_eq!(code, "unclear", "{message}");
    let keys = "https://auth.openai.com/.well-known/jwks.json";
    world.issuer.mishap(DISCOVERY, named(keys));
    let account = world.signed_in("openai", "siwc").await;
    let tokens = world.vault.tokens(account.id).unwrap().tokens;
    let text = format!("{:?}", tokens.extra);
    assert!(!text.contains("evil"), "{text}");
    assert_eq!(
        world
            .issuer
            .posts("https://auth.openai.com/api/accounts/oauth/token"),
        2
    );
}

#[tokio::test]
async fn a_clock_that_is_off_by_a_day_is_named() {
    let world = World::new().await;
    for skew in [86_400, -86_400] {
        world.issuer.skew(skew);
        let sign_in = world.start("openai", "siwc").await;
        let page = world.page(&sign_in).await;
        world.ada().consents(&page).await;
        let (_, message) = world.failed(&sign_in).await;
        assert!(message.contains("is the clock right?"), "{message}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_stores_nothing() {
    let world = World::new().await;
    for mishap in [
        Mishap::Garbage,
        Mishap::Half,
        Mishap::Oversized(1 << 20),
        Mishap::Error(400, "invalid_grant"),
    ] {
        world.issuer.mishap(CLAUDE_TOKENS, mishap);
        let sign_in = world.start("claude", "oauth-pkce").await;
        let page = world.page(&sign_in).await;
        world.ada().consents(&page).await;
        world.failed(&sign_in).await;
    }
    world.signed_in("claude", "oauth-pkce").await;
}

#[tokio::test]
async fn a_sign_in_goes_on_after_a_restart() {
    let world = World::new().await;
    let request = world.request("claude", "oauth-pkce", world.overrides("claude"));
    let first = SignIns::new(world.vault.clone(), crate::fixture::bridges());
    // A runtime of its own ends like a process does: with everything that ran in it.
    let process = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let sign_in = first.start(request).await.unwrap();
            let mut step = sign_in.step;
            while !matches!(step, Step::Browser { .. }) {
                step = first.after(&sign_in.id, &step).await.unwrap().step;
            }
            let Step::Browser { url, .. } = step else {
                panic!("the page is shown");
            };
            (sign_in.id, url)
        })
    });
    let (before, page) = process.await.unwrap();
    let later = &world.sign_ins;
    later
        .resume(&world.catalog, |provider| world.overrides(&provider.id))
        .await
        .unwrap();
    let mut step = later.get(&before).unwrap().step;
    while !matches!(step, Step::Browser { .. }) {
        step = later.after(&before, &step).await.unwrap().step;
    }
    assert_eq!(
        step,
        Step::Browser {
            url: page.clone(),
            listens: true
        }
    );
    world.ada().consents(&page).await;
    while !step.is_over() {
        step = later.after(&before, &step).await.unwrap().step;
    }
    assert!(matches!(step, Step::Done { .. }), "{step:?}");
    assert!(world.vault.pending().unwrap().is_empty());
}

#[tokio::test]
async fn a_link_finishes_the_sign_in_that_has_its_state_and_no_other() {
    let world = World::new().await;
    let mut overrides = world.overrides("mine");
    overrides.redirect = Some("byokey://signin/mine".to_owned());
    let sign_in = world.start_with("mine", "oauth-pkce", overrides).await;
    let page = world.page(&sign_in).await;
    let back = world.ada().redirect(&page).await.unwrap();
    assert!(back.starts_with("byokey://signin/mine?"), "{back}");
    assert_eq!(
        Link::parse(&back).unwrap(),
        Link::SignIn {
            provider: "mine".to_owned()
        }
    );
    // Row 22: a link that fits nobody changes nothing.
    let before = world.sign_ins.get(&sign_in.id).unwrap().step;
    let state = &query(&page)["state"];
    for hostile in [
        "byokey://signin/mine?code=a&state=guess".to_owned(),
        format!("byokey://signin/mine?code=a&state={state}&state={state}"),
        format!("byokey://signin/mine#code=a&state={state}"),
        format!("byokey://signin/claude?code=a&state={state}"),
    ] {
        world.sign_ins.link("mine", &Secret::new(hostile));
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(world.sign_ins.get(&sign_in.id).unwrap().step, before);
    assert!(!world.sign_ins.link("claude", &Secret::new(back.as_str())));
    assert!(world.sign_ins.link("mine", &Secret::new(back)));
    world.done(&sign_in).await;
}

#[tokio::test]
async fn a_provider_of_the_users_own_keeps_what_its_issuer_named() {
    let world = World::new().await;
    let account = world.signed_in("mine", "oauth-pkce").await;
    let tokens = world.vault.tokens(account.id).unwrap().tokens;
    assert!(
        tokens.extra["token_url"].ends_with("/token"),
        "{:?}",
        tokens.extra
    );
    assert!(tokens.refresh.is_some());
    let provider = world.catalog.provider("mine").unwrap();
    assert_eq!(provider.route("oauth-pkce").unwrap().offer(), Offer::On);
}

#[tokio::test]
async fn codex_ports_that_are_taken_lead_to_the_code() {
    let world = World::new().await;
    // Held by this test or by whoever has them already.
    let held: Vec<_> = [1455, 1457]
        .map(|port| std::net::TcpListener::bind(("127.0.0.1", port)))
        .into_iter()
        .collect();
    let sign_in = world.start("openai", "codex-pkce").await;
    let (code, message) = world.failed(&sign_in).await;
    assert_eq!(code, "port");
    for part in ["1455", "1457", "codex-device", "held by"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(world.issuer.posts(CODEX_TOKENS), 0);
    drop(held);
}
