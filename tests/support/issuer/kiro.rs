//! Kiro: login by Google or GitHub through its own poll, profiles, usage and models.

use serde_json::json;

use super::{
    House, Realm,
    device::Polled,
    house::Answer,
    read::{Fields, Refusal, bearer},
    tokens::camel,
};
use crate::{Kind, Reply, Seen};

const CLIENT: &str = "kiro-cli";

const BOTH: [Realm; 2] = [Realm::Aws, Realm::KiroSocial];

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/oauth/device/authorization" => start(house, seen),
        "/oauth/device/poll" => poll(house, seen),
        "/refreshToken" => refresh(house, seen),
        "/account/device" | "/start/" => house.device_page(seen),
        _ => return None,
    })
}

fn start(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    fields.is("clientId", CLIENT)?;
    if !["Google", "Github"].contains(&fields.need("loginProvider")?) {
        return Err(Refusal::request(
            "loginProvider is neither Google nor Github.",
        ));
    }
    let device = house
        .office
        .start_device(Realm::KiroSocial, CLIENT, "", None);
    let page = house.office.address("https://app.kiro.dev/account/device");
    Ok(Reply::json(
        200,
        &json!({"deviceCode": device.code, "userCode": device.user_code, "verificationUri": page,
            "verificationUriComplete": format!("{page}?user_code={}", device.user_code),
            "intervalInMilliseconds": device.interval * 1000, "expiresInMilliseconds": 600_000}),
    ))
}

fn poll(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    fields.is("clientId", CLIENT)?;
    let code = fields.need("deviceCode")?;
    let polled = house.office.poll(Realm::KiroSocial, CLIENT, code);
    Ok(Reply::json(
        200,
        &match polled {
            Polled::Granted(_, user) => {
                let arn = user.profile_arn();
                let grant = house.office.grant(Realm::KiroSocial, user, CLIENT, "");
                // No lifetime is told here.
                json!({"status": "authorized", "accessToken": grant.access,
                    "refreshToken": grant.refresh, "profileArn": arn, "identityProvider": "Google"})
            }
            Polled::Unknown => return Err(Refusal::new(404, "NotFound", "No such code.")),
            other => json!({"status": other.code()}),
        },
    ))
}

fn refresh(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    let token = fields.need("refreshToken")?;
    let renewed = house
        .office
        .renew(Realm::KiroSocial, Some(CLIENT), token, None);
    let grant = renewed.map_err(|refusal| Refusal {
        code: "UnauthorizedException".to_owned(),
        ..refusal.status(401)
    })?;
    let mut reply = camel(&grant);
    reply["profileArn"] = json!(grant.user.profile_arn());
    Ok(Reply::json(200, &reply))
}

/// The control plane: which profiles a login has, each in its organisation's region.
pub(crate) fn management(house: &House, seen: &Seen, path: &str, region: &str) -> Answer {
    let target = seen.header("x-amz-target");
    let list = path == "/List-Available-Profiles"
        || (path == "/" && target.ends_with(".ListAvailableProfiles"));
    if !list {
        return None;
    }
    let token = bearer(seen).unwrap_or_default();
    let Some(family) = house.office.holder(&BOTH, token) else {
        return Some(Err(invalid()));
    };
    let user = family.user;
    // A Builder ID of one's own has no profile.
    let profiles = match user.region == region && user.plan != "builder" {
        true => json!([{"arn": user.profile_arn(), "profileName": user.org}]),
        false => json!([]),
    };
    Some(Ok(Reply::json(200, &json!({"profiles": profiles}))))
}

fn invalid() -> Refusal {
    let words = "The bearer token included in the request is invalid.";
    Refusal::new(403, "AccessDeniedException", words)
}

pub(crate) fn api(house: &House, seen: &Seen, path: &str, region: &str) -> Answer {
    let token = bearer(seen).unwrap_or_default();
    let Some(family) = house.office.holder(&BOTH, token) else {
        return Some(Ok(house.ask(Kind::Kiro, seen)));
    };
    let user = family.user;
    if user.region != region {
        return Some(Err(invalid()));
    }
    let body = seen.json();
    let arn = body["profileArn"].as_str();
    if arn.is_some_and(|arn| arn != user.profile_arn()) {
        let words = "The profile is not that of the login.";
        return Some(Err(Refusal::new(403, "AccessDeniedException", words)));
    }
    if path == "/getUsageLimits" {
        return Some(Ok(Reply::json(
            200,
            &json!({"nextDateReset": 1_767_225_600, "daysUntilReset": 10,
                "subscriptionInfo": {"subscriptionTitle": "KIRO PRO", "type": "PRO"},
                "usageBreakdownList": [{"resourceType": "CREDIT", "currentUsage": 12,
                    "currentUsageWithPrecision": 12.4, "usageLimit": 1000,
                    "usageLimitWithPrecision": 1000.0, "currentOverages": 3,
                    "currentOveragesWithPrecision": 3.5, "overageCharges": 0.14}],
                "userInfo": {"email": user.email, "userId": user.subject}}),
        )));
    }
    Some(Ok(house.ask(Kind::Kiro, seen)))
}
