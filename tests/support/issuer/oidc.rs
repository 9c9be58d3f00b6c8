//! A plain OpenID provider with an API behind it, for entries of the user's own: code and device
//! flow, rotation, discovery, userinfo, revocation.

use serde_json::json;

use super::{
    House, OIDC, Realm, authorize,
    authorize::Rules,
    device::Polled,
    house::Answer,
    read::{Fields, Refusal, bearer},
    tokens::{plain, standard, unsupported},
};
use crate::{Kind, Reply, Seen};

/// The one public client that is registered here.
pub(crate) const CLIENT: &str = "byokey-simulated";

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

const SCOPES: &[&str] = &["openid", "profile", "email", "offline_access"];

pub(crate) fn all(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/.well-known/openid-configuration" => discovery(house),
        "/jwks" => Ok(Reply::json(200, &house.office.signer.keys())),
        "/authorize" => ask(house, seen),
        "/device_authorization" => device(house, seen),
        "/device" => house.device_page(seen),
        "/token" => token(house, seen),
        "/revoke" => revoke(house, seen),
        "/userinfo" => userinfo(house, seen),
        _ if path.starts_with("/v1/") => Ok(house.ask(Kind::Chat, seen)),
        _ => return None,
    })
}

fn discovery(house: &House) -> Result<Reply, Refusal> {
    let issuer = house.office.resolve(OIDC);
    let at = |path: &str| format!("{issuer}{path}");
    Ok(Reply::json(
        200,
        &json!({"issuer": issuer, "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
            "userinfo_endpoint": at("/userinfo"), "revocation_endpoint": at("/revoke"),
            "device_authorization_endpoint": at("/device_authorization"),
            "response_types_supported": ["code"], "scopes_supported": SCOPES,
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"]}),
    ))
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    fields.is("client_id", CLIENT)?;
    let known = |redirect: &str| {
        let path = redirect.splitn(4, '/').nth(3).unwrap_or_default();
        redirect.starts_with("byokey://")
            || authorize::loopback(redirect, &["127.0.0.1", "localhost"], &format!("/{path}"))
    };
    let rules = Rules {
        realm: Realm::Oidc,
        name: "OpenID provider",
        redirect: "redirect_uri",
        redirects: &known,
        scopes: SCOPES,
        pkce: true,
        standard: true,
        also: &[],
    };
    authorize::page(house, &fields, CLIENT, &rules)
}

fn device(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    fields.is("client_id", CLIENT)?;
    let scope = fields.get("scope").unwrap_or("openid");
    authorize::known_scopes(scope, SCOPES)?;
    let device = house.office.start_device(Realm::Oidc, CLIENT, scope, None);
    let page = house.office.resolve(&format!("{OIDC}/device"));
    Ok(Reply::json(
        200,
        &json!({"device_code": device.code, "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={}", device.user_code),
            "expires_in": 600, "interval": device.interval}),
    ))
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    if fields.need("client_id")? != CLIENT {
        return Err(Refusal::client("Unknown client."));
    }
    let office = &house.office;
    let grant = match fields.need("grant_type")? {
        "authorization_code" => {
            let (redirect, verifier) =
                (fields.need("redirect_uri")?, fields.need("code_verifier")?);
            let code = fields.need("code")?;
            office
                .redeem(Realm::Oidc, code, Some(redirect), Some(verifier))?
                .1
        }
        DEVICE_GRANT => match office.poll(Realm::Oidc, CLIENT, fields.need("device_code")?) {
            Polled::Granted(device, user) => office.grant(Realm::Oidc, user, CLIENT, &device.scope),
            other => return Err(Refusal::new(400, other.code(), "")),
        },
        "refresh_token" => {
            let refresh = fields.need("refresh_token")?;
            office
                .renew(Realm::Oidc, Some(CLIENT), refresh, None)
                .map_err(plain)?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &standard(&grant)))
}

fn revoke(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    fields.is("client_id", CLIENT)?;
    house.office.revoke(Realm::Oidc, fields.need("token")?);
    Ok(Reply::new(200))
}

fn userinfo(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let token = bearer(seen).unwrap_or_default();
    let family = house.office.holder(&[Realm::Oidc], token);
    let user = family
        .ok_or_else(|| Refusal::new(401, "invalid_token", ""))?
        .user;
    Ok(Reply::json(
        200,
        &json!({"sub": user.subject, "email": user.email, "name": user.name}),
    ))
}
