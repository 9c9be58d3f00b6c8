//! Claude's plan login: JSON exchange with the state, a page to copy the code from, the profile.

use serde_json::{Value, json};

use super::{
    House, Realm, authorize,
    authorize::Rules,
    books::Grant,
    house::Answer,
    page,
    read::{Fields, Refusal, bearer},
    tokens::{plain, standard, unsupported},
};
use crate::{Kind, Reply, Seen};

const CLIENT: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";

const SCOPES: &[&str] = &[
    "user:profile",
    "user:inference",
    "user:sessions:claude_code",
    "user:mcp_servers",
    "user:file_upload",
    "org:create_api_key",
];

/// Without this flag a plan token is not taken.
const FLAG: &str = "oauth-2025-04-20";

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/oauth/authorize" => ask(house, seen),
        "/oauth/code/callback" => copy(seen),
        "/v1/oauth/token" => token(house, seen),
        _ => return None,
    })
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    fields.is("client_id", CLIENT)?;
    let known = |redirect: &str| {
        authorize::loopback(redirect, &["localhost"], "/callback")
            || redirect == "https://platform.claude.com/oauth/code/callback"
    };
    let rules = Rules {
        realm: Realm::Claude,
        name: "Claude",
        redirect: "redirect_uri",
        redirects: &known,
        scopes: SCOPES,
        pkce: true,
        standard: true,
        also: &[("code", "true")],
    };
    authorize::page(house, &fields, CLIENT, &rules)
}

fn copy(seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    let (code, state) = (fields.need("code")?, fields.need("state")?);
    Ok(page::shown(&format!("{code}#{state}")))
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    // Renewals are seen as forms as well; the exchange is JSON.
    let fields = Fields::either(seen)?;
    if fields.need("client_id")? != CLIENT {
        return Err(Refusal::client("Client not found."));
    }
    let grant = match fields.need("grant_type")? {
        "authorization_code" => {
            let fields = Fields::json(seen)?;
            let (redirect, verifier) =
                (fields.need("redirect_uri")?, fields.need("code_verifier")?);
            let state = fields.need("state")?;
            let code = fields.need("code")?;
            let (ask, grant) =
                house
                    .office
                    .redeem(Realm::Claude, code, Some(redirect), Some(verifier))?;
            if ask.state.as_deref() != Some(state) {
                return Err(Refusal::grant("state is not that of the authorize page."));
            }
            grant
        }
        "refresh_token" => {
            authorize::known_scopes(fields.get("scope").unwrap_or("user:profile"), SCOPES)?;
            let refresh = fields.need("refresh_token")?;
            house
                .office
                .renew(Realm::Claude, Some(CLIENT), refresh, None)
                .map_err(plain)?
        }
        other => return Err(unsupported(other)),
    };
    Ok(Reply::json(200, &reply(&grant)))
}

fn reply(grant: &Grant) -> Value {
    let mut reply = standard(grant);
    reply["organization"] = json!({"uuid": grant.user.org, "name": grant.user.org});
    reply["account"] = json!({"uuid": grant.user.subject, "email_address": grant.user.email});
    reply
}

pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    let family = bearer(seen).and_then(|token| house.office.holder(&[Realm::Claude], token));
    if family.is_some() && !seen.header("anthropic-beta").contains(FLAG) {
        let words = "OAuth authentication is currently not supported.";
        return Some(Err(Refusal::new(401, "authentication_error", words)));
    }
    let Some(rest) = path.strip_prefix("/api/oauth/") else {
        return Some(match seen.header("x-api-key").starts_with("sk-ant-oat") {
            true => Err(Refusal::new(
                401,
                "authentication_error",
                "invalid x-api-key",
            )),
            false => Ok(house.ask(Kind::Messages, seen)),
        });
    };
    let Some(family) = family else {
        let words = "Invalid authentication credentials";
        return Some(Err(Refusal::new(401, "authentication_error", words)));
    };
    if !family.scope.contains("user:profile") {
        let words = "OAuth token does not meet scope requirement user:profile";
        return Some(Err(Refusal::new(403, "permission_error", words)));
    }
    let user = family.user;
    Some(Ok(Reply::json(
        200,
        &match rest {
            "profile" => json!({
                "account": {"uuid": user.subject, "email": user.email, "full_name": user.name},
                "organization": {"uuid": user.org, "name": user.org,
                    "organization_type": format!("claude_{}", user.plan),
                    "rate_limit_tier": "default_claude_max_5x"},
            }),
            "claude_cli/roles" => json!({"organization_role": "admin", "workspace_role": null}),
            "usage" => json!({"five_hour": {"utilization": 37.0,
                    "resets_at": "2026-11-21T15:00:00Z"}, "seven_day": null,
                "seven_day_opus": null, "iguana_necktie": null}),
            _ => return None,
        },
    )))
}

/// Anthropic's word for a status.
pub(super) fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
