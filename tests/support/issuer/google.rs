//! Google's accounts, for the clients of the Gemini CLI and of Antigravity: a secret is wanted, and
//! refresh tokens stay what they are.

use serde_json::json;

use super::{
    House, Realm, authorize,
    authorize::Rules,
    house::Answer,
    page,
    read::{Fields, Refusal, bearer},
    tokens::{plain, standard, unsupported},
};
use crate::{Reply, Seen};

/// The secret that belongs to both clients here. The real ones are nowhere in this program.
pub(crate) const SECRET: &str = "simulated-google-secret";

const GEMINI_CLI: &str = "681255809395-oo8ft2oprdrnp9e3aqf6av3hmdib135j.apps.googleusercontent.com";

const ANTIGRAVITY: &str =
    "1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com";

const SCOPES: &[&str] = &[
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
    "https://www.googleapis.com/auth/userinfo.profile",
    "https://www.googleapis.com/auth/cclog",
    "https://www.googleapis.com/auth/experimentsandconfigs",
];

/// The page that shows a code to be copied.
const COPY: &str = "https://codeassist.google.com/authcode";

const BOTH: [Realm; 2] = [Realm::GeminiCli, Realm::Antigravity];

fn realm(client: &str) -> Result<Realm, Refusal> {
    match client {
        GEMINI_CLI => Ok(Realm::GeminiCli),
        ANTIGRAVITY => Ok(Realm::Antigravity),
        _ => Err(Refusal::client("The OAuth client was not found.")),
    }
}

pub(crate) fn authorize(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/o/oauth2/v2/auth" => ask(house, seen),
        "/authcode" => copy(seen),
        _ => return None,
    })
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    let client = fields.need("client_id")?;
    let realm = realm(client)?;
    // Installed apps may come back to any port and path of loopback.
    let known = |redirect: &str| {
        let path = redirect.splitn(4, '/').nth(3).unwrap_or_default();
        let path = format!("/{path}");
        authorize::loopback(redirect, &["127.0.0.1", "localhost"], &path)
            || (redirect == COPY && realm == Realm::GeminiCli)
    };
    let rules = Rules {
        realm,
        name: "Google",
        redirect: "redirect_uri",
        redirects: &known,
        scopes: match realm {
            Realm::GeminiCli => &SCOPES[..3],
            _ => SCOPES,
        },
        pkce: true,
        standard: true,
        also: &[("access_type", "offline")],
    };
    authorize::page(house, &fields, client, &rules)
}

fn copy(seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    Ok(page::shown(fields.need("code")?))
}

pub(crate) fn tokens(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/token" => token(house, seen),
        "/revoke" => revoke(house, seen),
        _ => return None,
    })
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    let client = fields.need("client_id")?;
    let realm = realm(client)?;
    if fields.get("client_secret") != Some(SECRET) {
        return Err(Refusal::client("The provided client secret is invalid."));
    }
    let grant = match fields.need("grant_type")? {
        "authorization_code" => {
            let redirect = Some(fields.need("redirect_uri")?);
            let code = fields.need("code")?;
            let verifier = fields.get("code_verifier");
            house.office.redeem(realm, code, redirect, verifier)?.1
        }
        "refresh_token" => {
            let refresh = fields.need("refresh_token")?;
            let renewed = house.office.renew(realm, Some(client), refresh, None);
            renewed.map_err(plain)?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &standard(&grant)))
}

fn revoke(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let token = Fields::form(seen)?.need("token")?.to_owned();
    match BOTH.iter().any(|realm| house.office.revoke(*realm, &token)) {
        true => Ok(Reply::json(200, &json!({}))),
        false => Err(Refusal::new(
            400,
            "invalid_token",
            "Token expired or revoked",
        )),
    }
}

pub(crate) fn userinfo(house: &House, seen: &Seen, path: &str) -> Answer {
    if path != "/oauth2/v2/userinfo" {
        return None;
    }
    let token = bearer(seen).unwrap_or_default();
    let Some(family) = house.office.holder(&BOTH, token) else {
        let words = "Request had invalid authentication credentials.";
        return Some(Err(Refusal::new(401, "UNAUTHENTICATED", words)));
    };
    let user = family.user;
    Some(Ok(Reply::json(
        200,
        &json!({"id": user.number().to_string(), "email": user.email, "verified_email": true,
            "name": user.name, "picture": "https://lh3.googleusercontent.com/a/sim"}),
    )))
}
