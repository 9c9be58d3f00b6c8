//! The login of the Codex CLI: two fixed redirects, single-use refresh tokens, a device poll of its
//! own, and the back end that takes its tokens.

use http::Method;
use serde_json::json;

use super::{
    House, Realm, authorize,
    authorize::Rules,
    books::Ask,
    device::Polled,
    house::Answer,
    office::{challenge, random},
    read::{Fields, Refusal, bearer},
    tokens::{standard, unsupported},
};
use crate::{Kind, Reply, Seen};

const CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

const SCOPES: &[&str] = &[
    "openid",
    "profile",
    "email",
    "offline_access",
    "api.connectors.read",
    "api.connectors.invoke",
];

/// Nothing listens there; it is only named.
const DEVICE_REDIRECT: &str = "https://auth.openai.com/deviceauth/callback";

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/oauth/authorize" => ask(house, seen),
        "/oauth/token" => token(house, seen),
        "/oauth/revoke" => revoke(house, seen),
        "/api/accounts/deviceauth/usercode" => usercode(house, seen),
        "/api/accounts/deviceauth/token" => poll(house, seen),
        "/codex/device" => house.device_page(seen),
        _ => return None,
    })
}

/// Whether errors at this path have OpenAI's own form.
pub(super) fn own(path: &str) -> bool {
    path.starts_with("/oauth/") || path.contains("/deviceauth/")
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    fields.is("client_id", CLIENT)?;
    fields.need("originator")?;
    let registered = |redirect: &str| {
        [1455, 1457]
            .iter()
            .any(|port| redirect == format!("http://localhost:{port}/auth/callback"))
    };
    let rules = Rules {
        realm: Realm::Codex,
        name: "ChatGPT for Codex",
        redirect: "redirect_uri",
        redirects: &registered,
        scopes: SCOPES,
        pkce: true,
        standard: true,
        also: &[
            ("id_token_add_organizations", "true"),
            ("codex_cli_simplified_flow", "true"),
        ],
    };
    authorize::page(house, &fields, CLIENT, &rules)
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    // Renewals come as JSON and as forms; the exchange is a form.
    let fields = Fields::either(seen)?;
    if fields.need("client_id")? != CLIENT {
        return Err(Refusal::client("This client is not known."));
    }
    let grant = match fields.need("grant_type")? {
        "authorization_code" => {
            let fields = Fields::form(seen)?;
            let (redirect, verifier) =
                (fields.need("redirect_uri")?, fields.need("code_verifier")?);
            let code = fields.need("code")?;
            let office = &house.office;
            office
                .redeem(Realm::Codex, code, Some(redirect), Some(verifier))?
                .1
        }
        "refresh_token" => {
            let refresh = fields.need("refresh_token")?;
            let renewed = house
                .office
                .renew(Realm::Codex, Some(CLIENT), refresh, None);
            renewed.map_err(|refusal| match refusal.code.as_str() {
                "refresh_token_reused" => refusal.status(401),
                _ => Refusal {
                    code: "refresh_token_invalidated".to_owned(),
                    ..refusal.status(401)
                },
            })?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &standard(&grant)))
}

fn revoke(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    if fields.need("token_type_hint")? == "refresh_token" {
        fields.is("client_id", CLIENT)?;
    }
    house.office.revoke(Realm::Codex, fields.need("token")?);
    Ok(Reply::new(200))
}

fn usercode(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    fields.is("client_id", CLIENT)?;
    let scope = "openid profile email offline_access";
    let device = house.office.start_device(Realm::Codex, CLIENT, scope, None);
    Ok(Reply::json(
        200,
        &json!({"device_auth_id": device.code, "user_code": device.user_code,
            "interval": device.interval.to_string(), "expires_in": 900}),
    ))
}

fn poll(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    let code = fields.need("device_auth_id")?;
    fields.need("user_code")?;
    match house.office.poll(Realm::Codex, CLIENT, code) {
        Polled::Granted(device, user) => {
            if fields.get("user_code") != Some(device.user_code.as_str()) {
                return Err(Refusal::new(404, "not_found", "No such code."));
            }
            let verifier = house.office.books.lock().secret(random());
            let ask = Ask {
                realm: Realm::Codex,
                client: CLIENT.to_owned(),
                redirect: DEVICE_REDIRECT.to_owned(),
                scope: device.scope,
                state: None,
                nonce: None,
                challenge: Some(challenge(&verifier)),
                resource: None,
                new_host: None,
            };
            let challenge = ask.challenge.clone();
            let code = house.office.code(ask, user);
            Ok(Reply::json(
                200,
                &json!({"authorization_code": code, "code_challenge": challenge,
                    "code_verifier": verifier}),
            ))
        }
        Polled::Pending | Polled::ErrorIn200 => {
            Err(Refusal::new(403, "authorization_pending", "Not yet."))
        }
        Polled::SlowDown(_) => Err(Refusal::new(429, "slow_down", "Too fast.")),
        Polled::Expired | Polled::Unknown => Err(Refusal::new(404, "not_found", "No such code.")),
        Polled::Denied => Err(Refusal::new(400, "access_denied", "The person declined.")),
    }
}

/// The back end of the plans.
pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    if !path.starts_with(crate::route::PLAN) {
        return None;
    }
    let token = bearer(seen).unwrap_or_default();
    if let Some(family) = house.office.holder(&[Realm::Codex], token) {
        let account = seen.header("chatgpt-account-id");
        if account != family.user.org {
            let words = format!("The account {account:?} is not that of the token.");
            return Some(Err(Refusal::new(403, "forbidden", words)));
        }
        if seen.method == Method::POST && seen.header("originator").is_empty() {
            return Some(Err(Refusal::request("originator is missing.")));
        }
    }
    Some(Ok(house.ask(Kind::Responses, seen)))
}
