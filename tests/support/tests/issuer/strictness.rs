//! One wrong thing at a time: nothing is issued for it.

use http::Method;
use serde_json::json;

use super::{STATE, VERIFIER, call, form, json, page, parameter};
use crate::{Issuer, Realm, User};

const CLAUDE: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
const TOKEN: &str = "https://platform.claude.com/v1/oauth/token";
const REDIRECT: &str = "http://localhost:54545/callback";

const RIGHT: [(&str, &str); 4] = [
    ("client_id", CLAUDE),
    ("redirect_uri", REDIRECT),
    ("scope", "user:profile user:inference"),
    ("code", "true"),
];

#[tokio::test]
async fn an_authorize_page_refuses_one_wrong_parameter() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada"));
    for wrong in [
        ("client_id", "another"),
        ("client_id", ""),
        ("redirect_uri", "http://localhost:54545/other"),
        ("redirect_uri", "https://localhost:54545/callback"),
        ("redirect_uri", "http://localhost.evil.net:1/callback"),
        ("redirect_uri", "http://localhost:0/callback"),
        ("scope", "user:everything"),
        ("code", "false"),
        ("response_type", "token"),
        ("state", ""),
        ("state", "short"),
        ("code_challenge", ""),
        ("code_challenge", "short"),
        ("code_challenge_method", "plain"),
    ] {
        let mut all: Vec<_> = RIGHT
            .into_iter()
            .filter(|(name, _)| *name != wrong.0)
            .collect();
        all.push(wrong);
        let url = page("https://claude.ai/oauth/authorize", &all);
        let refused = browser.redirect(&url).await.unwrap_err();
        assert_eq!(refused.status, 400, "{wrong:?}: {}", refused.body);
    }
    let twice = page("https://claude.ai/oauth/authorize", &RIGHT) + "&state=again-and-again-twice";
    assert_eq!(browser.redirect(&twice).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn a_token_endpoint_refuses_one_wrong_member_and_the_code_is_spent() {
    let issuer = Issuer::start().await;
    let browser = issuer.browser(User::new("ada"));
    let ask = page("https://claude.ai/oauth/authorize", &RIGHT);
    for (member, value, code) in [
        ("grant_type", "password", "unsupported_grant_type"),
        ("client_id", "another", "invalid_client"),
        (
            "redirect_uri",
            "http://localhost:54546/callback",
            "invalid_grant",
        ),
        ("code", "code-of-nobody", "invalid_grant"),
        (
            "code_verifier",
            "another-verifier-of-more-than-forty-three-chars",
            "invalid_grant",
        ),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("state", "another-state-altogether", "invalid_grant"),
    ] {
        let redirect = browser.redirect(&ask).await.unwrap();
        let mut body = json!({"grant_type": "authorization_code", "client_id": CLAUDE,
            "code": parameter(&redirect, "code"), "state": STATE, "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER});
        let right = body.clone();
        body[member] = json!(value);
        let refused = json(&issuer, TOKEN, &body).await;
        assert!(refused.status.is_client_error(), "{member}");
        assert_eq!(refused.text("error"), code, "{member}");
        if code == "invalid_grant" && member != "code" {
            json(&issuer, TOKEN, &right)
                .await
                .refused(400, "invalid_grant");
        }
    }
    let redirect = browser.redirect(&ask).await.unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", CLAUDE),
        ("code", &parameter(&redirect, "code")),
        ("state", STATE),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    form(&issuer, TOKEN, &fields)
        .await
        .refused(415, "application/json");
    let got = call(&issuer, Method::GET, TOKEN, &[], String::new()).await;
    assert_eq!(got.unwrap().status, 405);
    assert_eq!(issuer.alive(Realm::Claude), 0);
}

#[tokio::test]
async fn a_refresh_token_serves_its_own_client_and_provider() {
    let issuer = Issuer::start().await;
    let ada = User::new("ada");
    let (_, refresh) = issuer.signed_in(Realm::Codex, &ada, "another");
    let renew = json!({"grant_type": "refresh_token", "refresh_token": refresh,
        "client_id": "app_EMoamEEZ73f0CkXaXp7hrann"});
    json(&issuer, "https://auth.openai.com/oauth/token", &renew)
        .await
        .refused(401, "invalidated");
    let renew = json!({"grant_type": "refresh_token", "refresh_token": refresh,
        "client_id": CLAUDE});
    json(&issuer, TOKEN, &renew)
        .await
        .refused(400, "invalid_grant");
    issuer.end(Realm::Codex, &ada);
    assert_eq!(issuer.alive(Realm::Codex), 0);
}
