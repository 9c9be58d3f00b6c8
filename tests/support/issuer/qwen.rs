//! Qwen's ended login: device codes with PKCE, 429 for haste, and the address to call in the reply.

use serde_json::json;

use super::{
    House, Realm, authorize,
    device::Polled,
    house::Answer,
    office::verify,
    read::{Fields, Refusal, is_uuid},
    tokens::{plain, standard, unsupported},
};
use crate::{Reply, Seen};

const CLIENT: &str = "f0304373b74a44d2b584a3fb70ca9e56";

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

const SCOPES: &[&str] = &["openid", "profile", "email", "model.completion"];

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/api/v1/oauth2/device/code" => start(house, seen),
        "/api/v1/oauth2/token" => token(house, seen),
        "/authorize" => house.device_page(seen),
        _ => return None,
    })
}

fn start(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    fields.is("client_id", CLIENT)?;
    if !is_uuid(seen.header("x-request-id")) {
        return Err(Refusal::request("x-request-id is no UUID."));
    }
    let scope = fields.need("scope")?;
    authorize::known_scopes(scope, SCOPES)?;
    fields.is("code_challenge_method", "S256")?;
    let challenge = fields.need("code_challenge")?;
    let office = &house.office;
    let device = office.start_device(Realm::Qwen, CLIENT, scope, Some(challenge));
    let page = office.address("https://chat.qwen.ai/authorize");
    Ok(Reply::json(
        200,
        &json!({"device_code": device.code, "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={}", device.user_code),
            "expires_in": 900}),
    ))
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    fields.is("client_id", CLIENT)?;
    let office = &house.office;
    let grant = match fields.need("grant_type")? {
        DEVICE_GRANT => {
            let verifier = fields.need("code_verifier")?;
            match office.poll(Realm::Qwen, CLIENT, fields.need("device_code")?) {
                Polled::Granted(device, user) => {
                    verify(device.challenge.as_deref(), Some(verifier))?;
                    office.books.lock().secret(verifier.to_owned());
                    office.grant(Realm::Qwen, user, CLIENT, &device.scope)
                }
                Polled::SlowDown(_) => return Err(Refusal::new(429, "slow_down", "")),
                other => return Err(Refusal::new(400, other.code(), "")),
            }
        }
        "refresh_token" => {
            let refresh = fields.need("refresh_token")?;
            let renewed = office.renew(Realm::Qwen, Some(CLIENT), refresh, None);
            renewed.map_err(plain)?
        }
        other => return Err(unsupported(other)),
    };
    let mut reply = standard(&grant);
    reply["resource_url"] = json!("portal.qwen.ai");
    Ok(Reply::json(200, &reply))
}
