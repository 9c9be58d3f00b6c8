//! iFlow's ended login: Basic authentication at the token endpoint, and a key for the token.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    House, Realm, authorize,
    authorize::Rules,
    house::Answer,
    read::{Fields, Refusal},
    tokens::{plain, standard, unsupported},
};
use crate::{Reply, Seen};

const CLIENT: &str = "10009311001";

/// The client's secret here. The real one is nowhere in this program.
pub(crate) const SECRET: &str = "simulated-iflow-secret";

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/oauth" => ask(house, seen),
        "/oauth/token" => token(house, seen),
        "/api/oauth/getUserInfo" => user_info(house, seen),
        _ => return None,
    })
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    fields.is("client_id", CLIENT)?;
    fields.need("state")?;
    let registered = |redirect: &str| redirect == "http://localhost:11451/oauth2callback";
    let rules = Rules {
        realm: Realm::Iflow,
        name: "iFlow",
        redirect: "redirect",
        redirects: &registered,
        scopes: &[],
        pkce: false,
        standard: false,
        also: &[("loginMethod", "phone"), ("type", "phone")],
    };
    authorize::page(house, &fields, CLIENT, &rules)
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    let named = seen.header("authorization") == format!("Basic {basic}");
    let again =
        fields.get("client_id") == Some(CLIENT) && fields.get("client_secret") == Some(SECRET);
    if !named || !again {
        return Err(Refusal::client(
            "The client and its secret are wanted twice.",
        ));
    }
    let office = &house.office;
    let grant = match fields.need("grant_type")? {
        "authorization_code" => {
            let redirect = Some(fields.need("redirect_uri")?);
            let code = fields.need("code")?;
            office
                .redeem(Realm::Iflow, code, redirect, fields.get("code_verifier"))?
                .1
        }
        "refresh_token" => {
            let refresh = fields.need("refresh_token")?;
            office
                .renew(Realm::Iflow, Some(CLIENT), refresh, None)
                .map_err(plain)?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &standard(&grant)))
}

fn user_info(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    let token = fields.need("accessToken")?;
    let Some(family) = house.office.holder(&[Realm::Iflow], token) else {
        return Err(Refusal::new(401, "invalid_token", "The token is not good."));
    };
    let user = family.user;
    let key = house
        .office
        .grant(Realm::IflowKey, user.clone(), CLIENT, "");
    Ok(Reply::json(
        200,
        &json!({"success": true, "data": {"apiKey": key.access, "email": user.email,
            "phone": "13800000000", "userId": user.subject}}),
    ))
}
