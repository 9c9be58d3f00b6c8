//! Authorization codes: each provider's sign-in as a right client does it, with renewal and the API.

use http::Method;
use serde_json::json;

use super::{STATE, VERIFIER, call, form, form_with, get, json, page, parameter};
use crate::{Bend, Issuer, Mishap, Realm, User};

const CLAUDE: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
const CLAUDE_TOKEN: &str = "https://platform.claude.com/v1/oauth/token";
const CODEX: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const CODEX_TOKEN: &str = "https://auth.openai.com/oauth/token";
const SIWC_TOKEN: &str = "https://auth.openai.com/api/accounts/oauth/token";
const RESOURCE: &str = "https://api.openai.com/v1";
const GEMINI: &str = "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com";

fn claude_page() -> String {
    page(
        "https://claude.ai/oauth/authorize",
        &[
            ("client_id", CLAUDE),
            ("redirect_uri", "http://localhost:54545/callback"),
            ("scope", "user:profile user:inference"),
            ("code", "true"),
        ],
    )
}

#[tokio::test]
async fn claude_signs_in_renews_and_ends_a_family_whose_old_token_comes_again() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada"));
    let copied = browser.copies(&claude_page()).await;
    let (code, state) = copied.split_once('#').unwrap();
    assert_eq!(state, STATE);
    let exchange = json!({"grant_type": "authorization_code", "code": code, "state": state,
        "redirect_uri": "http://localhost:54545/callback", "client_id": CLAUDE,
        "code_verifier": VERIFIER});
    let came = json(&issuer, CLAUDE_TOKEN, &exchange).await;
    assert_eq!(came.json()["account"]["email_address"], "ada@example.org");
    assert_eq!(came.json()["expires_in"], 28_800);
    let (access, first) = (came.text("access_token"), came.text("refresh_token"));

    let profile = "https://api.anthropic.com/api/oauth/profile";
    let shown = get(&issuer, profile, &access).await.json();
    assert_eq!(shown["account"]["uuid"], "ada");
    let models = "https://api.anthropic.com/v1/models";
    assert_eq!(get(&issuer, models, &access).await.status, 200);
    issuer.expire(Realm::Claude);
    get(&issuer, models, &access)
        .await
        .refused(401, "authentication_error");

    let renew = |token: &str| {
        json!({"grant_type": "refresh_token", "client_id": CLAUDE,
        "refresh_token": token})
    };
    let second = json(&issuer, CLAUDE_TOKEN, &renew(&first)).await;
    let access = second.text("access_token");
    assert_eq!(get(&issuer, models, &access).await.status, 200);
    assert_ne!(second.text("refresh_token"), first);
    // The old one again: everything that came of this sign-in ends.
    json(&issuer, CLAUDE_TOKEN, &renew(&first))
        .await
        .refused(400, "invalid_grant");
    get(&issuer, models, &access)
        .await
        .refused(401, "authentication_error");
    let last = renew(&second.text("refresh_token"));
    json(&issuer, CLAUDE_TOKEN, &last)
        .await
        .refused(400, "invalid_grant");
    assert_eq!(
        (issuer.alive(Realm::Claude), issuer.posts(CLAUDE_TOKEN)),
        (0, 4)
    );
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_came_of_it() {
    let issuer = Issuer::start().await;
    let copied = issuer
        .browser(User::new("ada"))
        .copies(&claude_page())
        .await;
    let (code, state) = copied.split_once('#').unwrap();
    let exchange = json!({"grant_type": "authorization_code", "code": code, "state": state,
        "redirect_uri": "http://localhost:54545/callback", "client_id": CLAUDE,
        "code_verifier": VERIFIER});
    assert_eq!(json(&issuer, CLAUDE_TOKEN, &exchange).await.status, 200);
    json(&issuer, CLAUDE_TOKEN, &exchange)
        .await
        .refused(400, "invalid_grant");
    assert_eq!(issuer.alive(Realm::Claude), 0);
}

#[tokio::test]
async fn chatgpt_makes_the_client_in_the_first_authorization() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada").plan("plus"));
    let host = "urn:uuid:0f0e0d0c-0b0a-4009-8807-060504030201";
    let redirect_uri = "http://127.0.0.1:40001/auth/callback";
    let scope = "openid profile email offline_access resource.invoke chatgpt.tokens.use.direct";
    let ask = |client: &str, hint: &str| {
        page(
            "https://auth.openai.com/api/accounts/authorize",
            &[
                ("client_id", client),
                ("agent_name_hint", hint),
                ("ext_agent_host_id", host),
                ("redirect_uri", redirect_uri),
                ("scope", scope),
                ("resource", RESOURCE),
                ("nonce", "a-nonce"),
            ],
        )
    };
    let redirect = browser
        .redirect(&ask("dynamic_agent_client", "byokey"))
        .await
        .unwrap();
    let (code, client) = (
        parameter(&redirect, "code"),
        parameter(&redirect, "client_id"),
    );
    assert!(client.starts_with("oaiapp_"), "{redirect}");
    assert_eq!(parameter(&redirect, "iss"), "https://auth.openai.com");
    let came = form(
        &issuer,
        SIWC_TOKEN,
        &[
            ("grant_type", "authorization_code"),
            ("client_id", &client),
            ("code", &code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", redirect_uri),
            ("resource", RESOURCE),
        ],
    )
    .await;
    let access = came.text("access_token");
    assert_eq!(came.text("id_token").split('.').count(), 3);
    let listed = get(&issuer, "https://api.openai.com/v1/models", &access)
        .await
        .json();
    assert_eq!(listed["models"][0]["slug"], "sim-large");
    let renewal = |resource| {
        [
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", client.clone()),
            ("refresh_token", came.text("refresh_token")),
            ("resource", resource),
        ]
    };
    let elsewhere = renewal("https://example.org".to_owned());
    let elsewhere = elsewhere
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    form(&issuer, SIWC_TOKEN, &elsewhere)
        .await
        .refused(400, "invalid_target");
    let right = renewal(RESOURCE.to_owned());
    let right = right
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(form(&issuer, SIWC_TOKEN, &right).await.status, 200);
    form(&issuer, SIWC_TOKEN, &right)
        .await
        .refused(400, "refresh_token_reused");
    // The id is good for the next sign-in, and only without the hint.
    assert!(browser.redirect(&ask(&client, "")).await.is_ok());
    assert!(browser.redirect(&ask(&client, "byokey")).await.is_err());
    assert!(browser.redirect(&ask("oaiapp_nobodys", "")).await.is_err());
}

#[tokio::test]
async fn codex_knows_two_redirects_and_its_account_header() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada").org("acct-1"));
    let ask = |redirect: &str| {
        page(
            "https://auth.openai.com/oauth/authorize",
            &[
                ("client_id", CODEX),
                ("redirect_uri", redirect),
                ("scope", "openid profile email offline_access"),
                ("id_token_add_organizations", "true"),
                ("codex_cli_simplified_flow", "true"),
                ("originator", "byokey"),
            ],
        )
    };
    for wrong in [
        "http://localhost:1456/auth/callback",
        "http://127.0.0.1:1455/auth/callback",
        "http://localhost:1455/auth/callback/",
        "http://localhost:1455/callback",
    ] {
        let refused = browser.redirect(&ask(wrong)).await.unwrap_err();
        assert_eq!(refused.status, 400, "{wrong}");
    }
    let redirect_uri = "http://localhost:1457/auth/callback";
    let redirect = browser.redirect(&ask(redirect_uri)).await.unwrap();
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", CODEX),
        ("code", &parameter(&redirect, "code")),
        ("code_verifier", VERIFIER),
        ("redirect_uri", redirect_uri),
    ];
    let came = form(&issuer, CODEX_TOKEN, &exchange).await;
    let (access, refresh) = (came.text("access_token"), came.text("refresh_token"));
    let bearer = format!("Bearer {access}");
    let models = "https://chatgpt.com/backend-api/codex/models";
    for (account, status) in [("acct-1", 200), ("acct-2", 403)] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("chatgpt-account-id", account),
        ];
        let came = call(&issuer, Method::GET, models, &headers, String::new()).await;
        assert_eq!(came.unwrap().status, status, "{account}");
    }
    let renew = json!({"grant_type": "refresh_token", "client_id": CODEX,
        "refresh_token": refresh});
    assert_eq!(json(&issuer, CODEX_TOKEN, &renew).await.status, 200);
    json(&issuer, CODEX_TOKEN, &renew)
        .await
        .refused(401, "refresh_token_reused");
}

#[tokio::test]
async fn google_wants_the_secret_and_keeps_the_refresh_token() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada").plan("standard"));
    let redirect_uri = "http://127.0.0.1:40002/oauth2callback";
    let scopes = ["cloud-platform", "userinfo.email", "userinfo.profile"]
        .map(|scope| format!("https://www.googleapis.com/auth/{scope}"));
    let ask = page(
        "https://accounts.google.com/o/oauth2/v2/auth",
        &[
            ("client_id", GEMINI),
            ("redirect_uri", redirect_uri),
            ("scope", &scopes.join(" ")),
            ("access_type", "offline"),
            ("prompt", "consent"),
        ],
    );
    let token = "https://oauth2.googleapis.com/token";
    let mut came = None;
    for (secret, status) in [("wrong", 401), (Issuer::GOOGLE_SECRET, 200)] {
        let redirect = browser.redirect(&ask).await.unwrap();
        let exchange = [
            ("grant_type", "authorization_code"),
            ("client_id", GEMINI),
            ("client_secret", secret),
            ("code", &parameter(&redirect, "code")),
            ("code_verifier", VERIFIER),
            ("redirect_uri", redirect_uri),
        ];
        let reply = form(&issuer, token, &exchange).await;
        assert_eq!(reply.status, status);
        came = Some(reply);
    }
    let came = came.unwrap();
    let (access, refresh) = (came.text("access_token"), came.text("refresh_token"));
    let renew = [
        ("grant_type", "refresh_token"),
        ("client_id", GEMINI),
        ("client_secret", Issuer::GOOGLE_SECRET),
        ("refresh_token", &refresh),
    ];
    for _ in 0..2 {
        let renewed = form(&issuer, token, &renew).await.json();
        assert!(renewed["refresh_token"].is_null() && renewed["access_token"].is_string());
    }
    let userinfo = "https://www.googleapis.com/oauth2/v2/userinfo";
    assert_eq!(
        get(&issuer, userinfo, &access).await.text("email"),
        "ada@example.org"
    );
    // The project: not there, made step by step, there.
    let assist = |method: &str| format!("https://cloudcode-pa.googleapis.com/v1internal:{method}");
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str())];
    let honest = json!({"metadata": {"ideType": "IDE_UNSPECIFIED",
        "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}, "tierId": "standard-tier"});
    let ask = async |method: &str| {
        let url = assist(method);
        let came = call(&issuer, Method::POST, &url, &headers, honest.to_string()).await;
        came.unwrap().json()
    };
    assert_eq!(
        ask("loadCodeAssist").await["allowedTiers"][0]["id"],
        "standard-tier"
    );
    let begun = ask("onboardUser").await;
    assert_eq!(begun["done"], false);
    let operation = format!(
        "https://cloudcode-pa.googleapis.com/v1internal/{}",
        begun["name"].as_str().unwrap()
    );
    let mut looked = begun;
    while looked["done"] == false {
        looked = get(&issuer, &operation, &access).await.json();
    }
    let project = &looked["response"]["cloudaicompanionProject"]["id"];
    assert_eq!(project, "sim-project-ada");
    assert_eq!(
        &ask("loadCodeAssist").await["cloudaicompanionProject"],
        project
    );
    let revoke = "https://oauth2.googleapis.com/revoke";
    assert_eq!(
        form(&issuer, revoke, &[("token", &refresh)]).await.status,
        200
    );
    form(&issuer, token, &renew)
        .await
        .refused(400, "invalid_grant");
}

#[tokio::test]
async fn openrouter_gives_a_key_and_no_state() {
    let issuer = Issuer::start().await;
    let callback = "http://localhost:40003/openrouter/a-nonce";
    let ask = page("https://openrouter.ai/auth", &[("callback_url", callback)]);
    let redirect = issuer
        .browser(User::new("ada"))
        .redirect(&ask)
        .await
        .unwrap();
    assert!(redirect.starts_with(callback) && parameter(&redirect, "state").is_empty());
    let exchange = json!({"code": parameter(&redirect, "code"), "code_verifier": VERIFIER,
        "code_challenge_method": "S256"});
    let keys = "https://openrouter.ai/api/v1/auth/keys";
    let key = json(&issuer, keys, &exchange).await.text("key");
    assert!(key.starts_with("sk-or-v1-"));
    json(&issuer, keys, &exchange)
        .await
        .refused(403, "invalid_grant");
    for (key, status) in [(key.as_str(), 401), ("sk-or-v1-other", 401)] {
        // The second use of the code ended the key as well.
        assert_eq!(
            get(&issuer, "https://openrouter.ai/api/v1/key", key)
                .await
                .status,
            status
        );
    }
}

#[tokio::test]
async fn iflow_wants_its_client_twice_and_gives_a_key_for_the_token() {
    let issuer = Issuer::start().await;
    let redirect_uri = "http://localhost:11451/oauth2callback";
    let ask = page(
        "https://iflow.cn/oauth",
        &[
            ("client_id", "10009311001"),
            ("redirect", redirect_uri),
            ("loginMethod", "phone"),
            ("type", "phone"),
        ],
    );
    let redirect = issuer
        .browser(User::new("ada"))
        .redirect(&ask)
        .await
        .unwrap();
    let basic = "Basic MTAwMDkzMTEwMDE6c2ltdWxhdGVkLWlmbG93LXNlY3JldA==";
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", "10009311001"),
        ("client_secret", Issuer::IFLOW_SECRET),
        ("code", &parameter(&redirect, "code")),
        ("code_verifier", VERIFIER),
        ("redirect_uri", redirect_uri),
    ];
    let token = "https://iflow.cn/oauth/token";
    form(&issuer, token, &exchange)
        .await
        .refused(401, "invalid_client");
    let basic = [("authorization", basic)];
    let came = form_with(&issuer, token, &basic, &exchange).await;
    let info = format!(
        "https://iflow.cn/api/oauth/getUserInfo?accessToken={}",
        came.text("access_token")
    );
    let info = get(&issuer, &info, "").await.json();
    let models = "https://apis.iflow.cn/v1/models";
    let key = info["data"]["apiKey"].as_str().unwrap();
    assert_eq!(get(&issuer, models, key).await.status, 200);
    assert_eq!(
        get(&issuer, models, &came.text("access_token"))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn mishaps_come_once_and_bends_stay() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada"));
    let redirect_uri = "http://127.0.0.1:40004/callback";
    let ask = page(
        &format!("{}/authorize", Issuer::OIDC),
        &[
            ("client_id", Issuer::OIDC_CLIENT),
            ("redirect_uri", redirect_uri),
            ("scope", "openid offline_access"),
            ("nonce", "n"),
        ],
    );
    let token = format!("{}/token", Issuer::OIDC);
    let sign_in = async || {
        let redirect = browser.redirect(&ask).await.unwrap();
        let body = serde_urlencoded::to_string([
            ("grant_type", "authorization_code"),
            ("client_id", Issuer::OIDC_CLIENT),
            ("code", &parameter(&redirect, "code")),
            ("code_verifier", VERIFIER),
            ("redirect_uri", redirect_uri),
        ]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        call(&issuer, Method::POST, &token, &headers, body.unwrap()).await
    };
    let limit = Mishap::Limit {
        seconds: Some(7),
        milliseconds: Some(7500),
    };
    for mishap in [
        limit,
        Mishap::Error(503, "temporarily_unavailable"),
        Mishap::Garbage,
    ] {
        issuer.mishap(&token, mishap);
    }
    let limited = sign_in().await.unwrap();
    assert_eq!(
        (limited.status.as_u16(), &limited.headers["retry-after-ms"]),
        (429, &"7500".parse().unwrap())
    );
    sign_in()
        .await
        .unwrap()
        .refused(503, "temporarily_unavailable");
    assert!(sign_in().await.unwrap().json().is_null());
    assert_eq!(issuer.alive(Realm::Oidc), 0, "nothing was issued so far");
    issuer.mishap(&token, Mishap::Half);
    issuer.mishap(&token, Mishap::Lost);
    assert!(sign_in().await.is_none() && sign_in().await.is_none());
    assert_eq!(issuer.alive(Realm::Oidc), 2, "issued and lost");
    issuer.mishap(&token, Mishap::Oversized(1 << 20));
    let big = sign_in().await.unwrap();
    assert!(big.bytes.len() > 1 << 20 && big.json()["access_token"].is_string());

    issuer.bend(Realm::Oidc, Bend::NoRefreshToken);
    issuer.bend(Realm::Oidc, Bend::ExpiresIn(5));
    for _ in 0..2 {
        let bent = sign_in().await.unwrap().json();
        assert!(bent["refresh_token"].is_null() && bent["expires_in"] == 5);
    }
    issuer.straighten(Realm::Oidc);
    assert!(sign_in().await.unwrap().json()["refresh_token"].is_string());
    let declined = browser.open(&ask).await;
    assert!(declined.body.contains("Decline"));
}
