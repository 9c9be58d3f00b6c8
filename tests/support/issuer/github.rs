//! GitHub: device login with errors in 200, the user, and what it knows of Copilot.

use serde_json::{Value, json};

use super::{
    House, Realm, User,
    books::Family,
    device::Polled,
    house::Answer,
    office::true_now,
    read::{Fields, Refusal},
};
use crate::{Reply, Seen};

/// The one OAuth App that is registered here.
pub(crate) const CLIENT: &str = "Ov23liByokeySimulated";

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/login/device/code" => start(house, seen),
        "/login/oauth/access_token" => poll(house, seen),
        "/login/device" => house.device_page(seen),
        _ => return None,
    })
}

fn start(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = read(seen)?;
    if fields.need("client_id")? != CLIENT {
        return Err(Refusal::new(404, "Not Found", "Not Found"));
    }
    let scope = fields.get("scope").unwrap_or_default();
    super::authorize::known_scopes(scope, &["read:user"])?;
    let device = house
        .office
        .start_device(Realm::Github, CLIENT, scope, None);
    Ok(Reply::json(
        200,
        &json!({"device_code": device.code, "user_code": device.user_code,
            "verification_uri": house.office.address("https://github.com/login/device"),
            "expires_in": 900, "interval": device.interval}),
    ))
}

fn poll(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = read(seen)?;
    if fields.need("client_id")? != CLIENT {
        let words = "The client_id passed is incorrect.";
        return Err(Refusal::new(400, "incorrect_client_credentials", words));
    }
    if fields.need("grant_type")? != DEVICE_GRANT {
        return Err(Refusal::new(
            400,
            "unsupported_grant_type",
            "Only device codes.",
        ));
    }
    let polled = house
        .office
        .poll(Realm::Github, CLIENT, fields.need("device_code")?);
    match polled {
        Polled::Granted(device, user) => {
            let grant = house
                .office
                .grant(Realm::Github, user, CLIENT, &device.scope);
            let mut reply = json!({"access_token": grant.access, "token_type": "bearer"});
            if let Some(scope) = grant.scope {
                reply["scope"] = json!(scope);
            }
            Ok(Reply::json(200, &reply))
        }
        Polled::SlowDown(Some(interval)) => Ok(Reply::json(
            200,
            &json!({"error": "slow_down", "error_description": "Too many requests.",
                "interval": interval}),
        )),
        Polled::Unknown => Err(Refusal::new(400, "incorrect_device_code", "No such code.")),
        other => Err(Refusal::new(
            400,
            other.code(),
            "The device flow goes on or ends.",
        )),
    }
}

/// A request in either encoding that asks for JSON: without that GitHub answers with a form.
fn read(seen: &Seen) -> Result<Fields, Refusal> {
    match seen.header("accept").contains("application/json") {
        true => Fields::either(seen),
        false => Err(Refusal::request("Accept must be application/json.").status(406)),
    }
}

pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    if seen.header("user-agent").is_empty() {
        let words = "Request forbidden by administrative rules: no User-Agent header.";
        return Some(Err(Refusal::new(403, "Forbidden", words)));
    }
    let authorization = seen.header("authorization");
    let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
    let known = ["token", "bearer"].contains(&scheme.to_ascii_lowercase().as_str());
    let family = house.office.holder(&[Realm::Github], token);
    let Some(family) = family.filter(|_| known) else {
        return Some(Err(Refusal::new(401, "401", "Bad credentials")));
    };
    let user = &family.user;
    Some(match path {
        "/user" => Ok(Reply::json(
            200,
            &json!({"login": user.subject, "id": user.number(), "email": user.email,
                "name": user.name, "type": "User"}),
        )),
        "/copilot_internal/v2/token" => exchange(house, &family),
        "/copilot_internal/user" => Ok(Reply::json(200, &quota(user))),
        _ => return None,
    })
}

/// Copilot's token for GitHub's. Apps that GitHub does not know get 404.
fn exchange(house: &House, family: &Family) -> Result<Reply, Refusal> {
    let user = &family.user;
    if house.office.books.lock().no_exchange {
        return Err(Refusal::new(404, "404", "Not Found"));
    }
    if matches!(user.plan.as_str(), "free" | "none") {
        let words = "You do not have access to Copilot.";
        let body = json!({"message": "Resource not accessible by integration",
            "can_signup_for_limited": true,
            "error_details": {"message": words, "notification_id": "no_copilot_access",
                "title": "No access to GitHub Copilot",
                "url": "https://github.com/settings/copilot"}});
        return Ok(Reply::json(403, &body));
    }
    let grant = house.office.grant(Realm::Copilot, user.clone(), CLIENT, "");
    let lifetime = grant.expires_in.unwrap_or(1800);
    let skew = house.office.now() - true_now();
    Ok(Reply::json(
        200,
        &json!({"token": grant.access, "expires_at": true_now() + skew + lifetime,
            "refresh_in": lifetime - 300, "sku": "monthly_subscriber", "individual": true,
            "endpoints": {
                "api": house.office.address("https://api.individual.githubcopilot.com"),
                "telemetry": "https://telemetry.individual.githubcopilot.com"},
            "chat_enabled": true, "limited_user_quotas": null, "organization_list": []}),
    ))
}

fn quota(user: &User) -> Value {
    let snapshot = |left: u32, of: u32| {
        json!({"entitlement": of, "remaining": left, "percent_remaining": left * 100 / of,
            "unlimited": false, "overage_count": 0, "overage_permitted": false})
    };
    json!({"login": user.subject, "copilot_plan": "individual", "access_type_sku":
            "monthly_subscriber", "quota_reset_date": "2026-12-01",
        "quota_snapshots": {"premium_interactions": snapshot(250, 300),
            "chat": {"unlimited": true}, "completions": {"unlimited": true}}})
}
