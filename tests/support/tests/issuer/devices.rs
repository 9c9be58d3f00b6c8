//! Device logins: each provider's form of pending, slow down, denied and done.

use http::Method;
use serde_json::{Value, json};

use super::{VERIFIER, call, form, form_with, get, json};
use crate::{Issuer, Poll, Realm, User, issuer::challenge};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const UUID: &str = "0f0e0d0c-0b0a-4009-8807-060504030201";

/// Issuers that take a poll at any time.
async fn patient() -> Issuer {
    let issuer = Issuer::start().await;
    issuer.interval(0);
    issuer
}

#[tokio::test]
async fn github_tells_errors_in_200() {
    let issuer = patient().await;
    issuer.polls(Realm::Github, [Poll::Pending, Poll::SlowDown(Some(0))]);
    let client = ("client_id", Issuer::GITHUB_CLIENT);
    let start = form(
        &issuer,
        "https://github.com/login/device/code",
        &[client, ("scope", "read:user")],
    )
    .await;
    let device = start.text("device_code");
    let poll = async || {
        let fields = [client, ("device_code", &device), ("grant_type", DEVICE)];
        let came = form(
            &issuer,
            "https://github.com/login/oauth/access_token",
            &fields,
        )
        .await;
        assert_eq!(came.status, 200);
        came.json()
    };
    assert_eq!(poll().await["error"], "authorization_pending");
    let slower = poll().await;
    assert_eq!(
        (&slower["error"], &slower["interval"]),
        (&json!("slow_down"), &json!(0))
    );
    assert_eq!(poll().await["error"], "authorization_pending");
    assert!(
        issuer
            .browser(User::new("ada"))
            .types(&start.text("user_code").to_lowercase())
    );
    let token = poll().await["access_token"].as_str().unwrap().to_owned();
    assert_eq!(poll().await["error"], "incorrect_device_code");
    assert_eq!(
        get(&issuer, "https://api.github.com/user", &token)
            .await
            .text("login"),
        "ada"
    );
    let exchange = "https://api.github.com/copilot_internal/v2/token";
    let copilot = get(&issuer, exchange, &token).await.text("token");
    let models = "https://api.githubcopilot.com/models";
    for good in [&token, &copilot] {
        assert_eq!(get(&issuer, models, good).await.status, 200);
    }
    issuer.expire(Realm::Copilot);
    get(&issuer, models, &copilot).await.refused(401, "expired");
    issuer.copilot_exchange(false);
    assert_eq!(get(&issuer, exchange, &token).await.status, 404);
}

#[tokio::test]
async fn kimi_takes_only_a_program_that_names_itself() {
    let issuer = patient().await;
    let start = "https://auth.kimi.com/api/oauth/device_authorization";
    let client = ("client_id", "17e5f671-d194-4dfb-9706-5516cb48c098");
    form(&issuer, start, &[client])
        .await
        .refused(400, "x-msh-version");
    let own = [
        ("user-agent", "byokey/0"),
        ("x-msh-platform", "byokey"),
        ("x-msh-version", "0"),
        ("x-msh-device-name", "computer"),
        ("x-msh-device-model", "Linux"),
        ("x-msh-os-version", "6"),
        ("x-msh-device-id", UUID),
    ];
    let mut other = own;
    other[1] = ("x-msh-platform", "kimi_cli");
    form_with(&issuer, start, &other, &[client])
        .await
        .refused(400, "x-msh-platform");
    let began = form_with(&issuer, start, &own, &[client]).await;
    assert!(began.json()["verification_uri"].is_null());
    let device = began.text("device_code");
    let token = "https://auth.kimi.com/api/oauth/token";
    let fields = [client, ("device_code", &device), ("grant_type", DEVICE)];
    form_with(&issuer, token, &own, &fields)
        .await
        .refused(400, "authorization_pending");
    assert!(
        issuer
            .browser(User::new("ada"))
            .refuses(&began.text("user_code"))
    );
    form_with(&issuer, token, &own, &fields)
        .await
        .refused(400, "access_denied");
}

#[tokio::test]
async fn qwen_has_pkce_and_says_slow_down_by_429() {
    let issuer = patient().await;
    let client = ("client_id", "f0304373b74a44d2b584a3fb70ca9e56");
    let challenge = challenge(VERIFIER);
    let fields = [
        client,
        ("scope", "openid profile email model.completion"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let start = "https://chat.qwen.ai/api/v1/oauth2/device/code";
    form(&issuer, start, &fields)
        .await
        .refused(400, "x-request-id");
    let began = form_with(&issuer, start, &[("x-request-id", UUID)], &fields).await;
    let device = began.text("device_code");
    let poll = async |verifier: &str| {
        let fields = [
            client,
            ("device_code", &device),
            ("grant_type", DEVICE),
            ("code_verifier", verifier),
        ];
        form(&issuer, "https://chat.qwen.ai/api/v1/oauth2/token", &fields).await
    };
    issuer.polls(Realm::Qwen, [Poll::SlowDown(None)]);
    poll(VERIFIER).await.refused(429, "slow_down");
    assert!(
        issuer
            .browser(User::new("ada"))
            .types(&began.text("user_code"))
    );
    // Five seconds more have not gone by.
    poll(VERIFIER).await.refused(429, "slow_down");
    assert_eq!(issuer.hasty(), 1);
}

#[tokio::test]
async fn codex_hides_what_is_pending_behind_403() {
    let issuer = patient().await;
    let client = "app_EMoamEEZ73f0CkXaXp7hrann";
    let start = "https://auth.openai.com/api/accounts/deviceauth/usercode";
    let began = json(&issuer, start, &json!({"client_id": client})).await;
    assert_eq!(began.text("interval"), "0");
    let ask = json!({"device_auth_id": began.text("device_auth_id"),
        "user_code": began.text("user_code")});
    let poll = "https://auth.openai.com/api/accounts/deviceauth/token";
    json(&issuer, poll, &ask)
        .await
        .refused(403, "authorization_pending");
    assert!(
        issuer
            .browser(User::new("ada"))
            .types(&began.text("user_code"))
    );
    let came = json(&issuer, poll, &ask).await;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", &came.text("authorization_code")),
        ("code_verifier", &came.text("code_verifier")),
        (
            "redirect_uri",
            "https://auth.openai.com/deviceauth/callback",
        ),
    ];
    let tokens = form(&issuer, "https://auth.openai.com/oauth/token", &exchange).await;
    assert!(tokens.json()["refresh_token"].is_string());
}

#[tokio::test]
async fn aws_registers_clients_by_region_and_speaks_camel_case() {
    let issuer = patient().await;
    let oidc = |path: &str| format!("https://oidc.us-east-1.amazonaws.com{path}");
    let scopes = ["codewhisperer:completions", "codewhisperer:analysis"];
    let register = json!({"clientName": "byokey", "clientType": "public", "scopes": scopes,
        "grantTypes": [DEVICE, "refresh_token"]});
    let client = json(&issuer, &oidc("/client/register"), &register).await;
    let with = |more: Value| {
        let mut body = json!({"clientId": client.text("clientId"),
            "clientSecret": client.text("clientSecret")});
        let members = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(members);
        body
    };
    let start = with(json!({"startUrl": "https://view.awsapps.com/start"}));
    let elsewhere = "https://oidc.eu-central-1.amazonaws.com/device_authorization";
    json(&issuer, elsewhere, &start)
        .await
        .refused(401, "invalid_client");
    let began = json(&issuer, &oidc("/device_authorization"), &start).await;
    let poll = with(json!({"grantType": DEVICE, "deviceCode": began.text("deviceCode")}));
    let token = oidc("/token");
    issuer.polls(Realm::Aws, [Poll::ErrorIn200]);
    let odd = json(&issuer, &token, &poll).await;
    assert_eq!(
        (odd.status.as_u16(), odd.text("error")),
        (200, "authorization_pending".into())
    );
    json(&issuer, &token, &poll)
        .await
        .refused(400, "authorization_pending");
    assert!(
        issuer
            .browser(User::new("ada"))
            .types(&began.text("userCode"))
    );
    let tokens = json(&issuer, &token, &poll).await;
    let (access, refresh) = (tokens.text("accessToken"), tokens.text("refreshToken"));
    assert!(refresh.len() > 100);
    let renew = with(json!({"grantType": "refresh_token", "refreshToken": refresh}));
    assert!(json(&issuer, &token, &renew).await.json()["accessToken"].is_string());
    let code = with(
        json!({"grantType": "authorization_code", "code": "c", "redirectUri": "r",
        "codeVerifier": "v"}),
    );
    json(&issuer, &token, &code)
        .await
        .refused(400, "unauthorized_client");

    let bearer = format!("Bearer {access}");
    for (region, profiles) in [("us-east-1", 1), ("eu-central-1", 0)] {
        let headers = [
            ("authorization", bearer.as_str()),
            (
                "x-amz-target",
                "AmazonCodeWhispererService.ListAvailableProfiles",
            ),
        ];
        let url = format!("https://management.{region}.kiro.dev/");
        let came = call(&issuer, Method::POST, &url, &headers, "{}".to_owned()).await;
        let found = came.unwrap().json()["profiles"].as_array().unwrap().len();
        assert_eq!(found, profiles, "{region}");
    }
    let usage = "https://q.us-east-1.amazonaws.com/getUsageLimits?origin=CLI";
    assert_eq!(
        get(&issuer, usage, &access).await.json()["userInfo"]["userId"],
        "ada"
    );
    issuer.expire(Realm::Aws);
    get(&issuer, usage, &access)
        .await
        .refused(403, "bearer token");
}

#[tokio::test]
async fn kiro_polls_in_its_own_form() {
    let issuer = patient().await;
    let host = |path: &str| format!("https://prod.us-east-1.auth.desktop.kiro.dev{path}");
    let start = json!({"clientId": "kiro-cli", "loginProvider": "Google"});
    let began = json(&issuer, &host("/oauth/device/authorization"), &start).await;
    assert!(began.json()["intervalInMilliseconds"].is_u64());
    let poll = json!({"clientId": "kiro-cli", "deviceCode": began.text("deviceCode")});
    let pending = json(&issuer, &host("/oauth/device/poll"), &poll).await;
    assert_eq!(pending.text("status"), "authorization_pending");
    assert!(
        issuer
            .browser(User::new("ada"))
            .types(&began.text("userCode"))
    );
    let done = json(&issuer, &host("/oauth/device/poll"), &poll).await;
    let renew = json!({"refreshToken": done.text("refreshToken")});
    let renewed = json(&issuer, &host("/refreshToken"), &renew).await;
    assert_eq!(renewed.text("profileArn"), done.text("profileArn"));
    json(&issuer, &host("/refreshToken"), &renew)
        .await
        .refused(401, "Unauthorized");
}
