//! Kimi Code: device codes, and a description of the calling program on every call. Only what is
//! byokey's own truth is taken.

use serde_json::json;

use super::{
    House, Realm,
    device::Polled,
    house::Answer,
    read::{Fields, Refusal, bearer, is_uuid},
    tokens::{plain, standard, unsupported},
};
use crate::{Kind, Reply, Seen};

const CLIENT: &str = "17e5f671-d194-4dfb-9706-5516cb48c098";

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Headers of every call, beside the platform and the device's id.
const DESCRIPTION: [&str; 4] = [
    "x-msh-version",
    "x-msh-device-name",
    "x-msh-device-model",
    "x-msh-os-version",
];

/// Refuses calls that do not say, or say falsely, which program calls.
fn identified(seen: &Seen) -> Result<(), Refusal> {
    let missing = DESCRIPTION.iter().find(|name| seen.header(name).is_empty());
    if let Some(name) = missing {
        return Err(Refusal::request(format!("{name} is missing.")));
    }
    if !is_uuid(seen.header("x-msh-device-id")) {
        return Err(Refusal::request("x-msh-device-id is no UUID."));
    }
    let own = seen.header("x-msh-platform") == "byokey"
        && seen.header("user-agent").starts_with("byokey/");
    match own {
        true => Ok(()),
        false => Err(Refusal::request(
            "x-msh-platform and the user agent are not byokey's.",
        )),
    }
}

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str, origin: &str) -> Answer {
    Some(match path {
        "/api/oauth/device_authorization" => start(house, seen, origin),
        "/api/oauth/token" => token(house, seen),
        "/device" => house.device_page(seen),
        _ => return None,
    })
}

fn start(house: &House, seen: &Seen, origin: &str) -> Result<Reply, Refusal> {
    identified(seen)?;
    let fields = Fields::form(seen)?;
    if fields.need("client_id")? != CLIENT {
        return Err(Refusal::client("Unknown client."));
    }
    let device = house
        .office
        .start_device(Realm::Kimi, CLIENT, "kimi-code", None);
    let page = house.office.address(&format!("{origin}/device"));
    Ok(Reply::json(
        200,
        &json!({"device_code": device.code, "user_code": device.user_code,
            "verification_uri_complete": format!("{page}?user_code={}", device.user_code),
            "expires_in": 900, "interval": device.interval}),
    ))
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    identified(seen)?;
    let fields = Fields::form(seen)?;
    if fields.need("client_id")? != CLIENT {
        return Err(Refusal::client("Unknown client."));
    }
    let office = &house.office;
    let grant = match fields.need("grant_type")? {
        DEVICE_GRANT => match office.poll(Realm::Kimi, CLIENT, fields.need("device_code")?) {
            Polled::Granted(device, user) => office.grant(Realm::Kimi, user, CLIENT, &device.scope),
            other => return Err(Refusal::new(400, other.code(), "")),
        },
        "refresh_token" => {
            let refresh = fields.need("refresh_token")?;
            let renewed = office.renew(Realm::Kimi, Some(CLIENT), refresh, None);
            renewed.map_err(|refusal| plain(refusal).status(401))?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &standard(&grant)))
}

pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    let at = path.strip_prefix("/coding/v1")?;
    let token = bearer(seen).unwrap_or_default();
    let family = house.office.holder(&[Realm::Kimi], token);
    if let Some(family) = &family {
        if let Err(refusal) = identified(seen) {
            return Some(Err(refusal));
        }
        let user = &family.user;
        if at == "/me" {
            return Some(Ok(Reply::json(
                200,
                &json!({"user_id": user.subject, "nickname": user.name, "email": user.email,
                    "phone": null}),
            )));
        }
    }
    if at == "/usages" && family.is_some() {
        return Some(Ok(Reply::json(
            200,
            &json!({"usage": {"limit": "2048", "used": "214", "remaining": "1834",
                    "resetTime": "2026-11-24T00:00:00Z"},
                "limits": [{"window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"},
                    "detail": {"limit": "100", "used": "7", "remaining": "93",
                        "resetTime": "2026-11-21T23:00:00Z"}}]}),
        )));
    }
    let kind = match at {
        "/messages" => Kind::Messages,
        _ => Kind::Chat,
    };
    Some(Ok(house.ask_at(
        kind,
        seen,
        seen.path.replacen("/coding", "", 1),
    )))
}
