//! Sign in with ChatGPT: the first authorization makes the client, discovery and signed id tokens,
//! rotating refresh tokens, and the API that plans may use.

use serde_json::{Value, json};

use super::{
    House, Realm, authorize,
    authorize::Rules,
    house::Answer,
    read::{Fields, Refusal, bearer, is_uuid},
    tokens::{standard, unsupported},
};
use crate::{Kind, Reply, Seen, route::PLAN};

/// Who signs id tokens.
pub(crate) const ISSUER: &str = "https://auth.openai.com";

/// The id with which a program asks for one of its own.
const NEW_CLIENT: &str = "dynamic_agent_client";

const RESOURCE: &str = "https://api.openai.com/v1";

/// Without it a token serves for nothing but telling who somebody is.
const USE: &str = "chatgpt.tokens.use.direct";

const SCOPES: &[&str] = &[
    "openid",
    "profile",
    "email",
    "offline_access",
    "resource.invoke",
    USE,
];

pub(crate) fn sign_in(house: &House, seen: &Seen, path: &str) -> Answer {
    Some(match path {
        "/.well-known/openid-configuration" => Ok(Reply::json(200, &discovery(house))),
        "/.well-known/jwks.json" => Ok(Reply::json(200, &house.office.signer.keys())),
        "/api/accounts/authorize" => ask(house, seen),
        "/api/accounts/oauth/token" => token(house, seen),
        "/api/accounts/oauth/revoke" => revoke(house, seen),
        _ => return None,
    })
}

fn discovery(house: &House) -> Value {
    let at = |path: &str| house.office.address(&format!("{ISSUER}{path}"));
    json!({
        "issuer": ISSUER,
        "authorization_endpoint": at("/api/accounts/authorize"),
        "token_endpoint": at("/api/accounts/oauth/token"),
        "revocation_endpoint": at("/api/accounts/oauth/revoke"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "scopes_supported": SCOPES, "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    let client = fields.need("client_id")?;
    let host = fields.need("ext_agent_host_id")?;
    if !host.strip_prefix("urn:uuid:").is_some_and(is_uuid) {
        return Err(Refusal::request("ext_agent_host_id is no urn:uuid."));
    }
    let new = client == NEW_CLIENT;
    if new {
        fields.need("agent_name_hint")?;
    } else {
        fields.lacks("agent_name_hint")?;
        let known = house.office.books.lock().agents.get(client).cloned();
        if known.as_deref() != Some(host) {
            return Err(Refusal::client("This machine has no such client."));
        }
    }
    fields.need("nonce")?;
    let literal = |redirect: &str| authorize::loopback(redirect, &["127.0.0.1"], "/auth/callback");
    let rules = Rules {
        realm: Realm::Chatgpt,
        name: "ChatGPT",
        redirect: "redirect_uri",
        redirects: &literal,
        scopes: SCOPES,
        pkce: true,
        standard: true,
        also: &[("resource", RESOURCE)],
    };
    let mut ask = authorize::check(&fields, client, &rules)?;
    ask.new_host = new.then(|| host.to_owned());
    Ok(authorize::wait(house, ask, rules.name))
}

fn token(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    let client = fields.need("client_id")?;
    if !house.office.books.lock().agents.contains_key(client) {
        return Err(Refusal::client("This client is not known."));
    }
    if fields.need("resource")? != RESOURCE {
        return Err(Refusal::new(
            400,
            "invalid_target",
            "This resource is not known.",
        ));
    }
    let grant = match fields.need("grant_type")? {
        "authorization_code" => {
            let (redirect, verifier) =
                (fields.need("redirect_uri")?, fields.need("code_verifier")?);
            let code = fields.need("code")?;
            let (ask, grant) =
                house
                    .office
                    .redeem(Realm::Chatgpt, code, Some(redirect), Some(verifier))?;
            if ask.client != client {
                return Err(Refusal::grant("This code is another client's."));
            }
            grant
        }
        "refresh_token" => {
            fields.lacks("scope")?;
            let refresh = fields.need("refresh_token")?;
            house
                .office
                .renew(Realm::Chatgpt, Some(client), refresh, Some(RESOURCE))?
        }
        other => return Err(unsupported(other)),
    };
    let mut reply = standard(&grant);
    if let Some(earliest) = grant.earliest_refresh {
        reply["earliest_refresh_at"] = json!(earliest);
    }
    Ok(Reply::json(200, &reply))
}

fn revoke(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::form(seen)?;
    fields.is("token_type_hint", "refresh_token")?;
    fields.need("client_id")?;
    house.office.revoke(Realm::Chatgpt, fields.need("token")?);
    Ok(Reply::new(200))
}

/// The public API: as it is for keys, and as a plan may use it.
pub(crate) fn api(house: &House, seen: &Seen, path: &str) -> Answer {
    let kind = match path {
        "/v1/responses" | "/v1/responses/compact" | "/v1/responses/input_tokens" => Kind::Responses,
        _ => Kind::Chat,
    };
    let token = bearer(seen).unwrap_or_default();
    let Some(family) = house.office.holder(&[Realm::Chatgpt], token) else {
        let plan = !token.is_empty() && token.split('.').count() == 3;
        return Some(match plan {
            true => Err(Refusal::new(
                401,
                "subscription_sharing_invalid_user",
                "Sign in again.",
            )),
            false => Ok(house.ask(kind, seen)),
        });
    };
    let forbidden = |code, words: &str| Some(Err(Refusal::new(403, code, words)));
    if !family.scope.split(' ').any(|scope| scope == USE) {
        return forbidden(
            "chatpass_v2_scope_not_authorized",
            "The scope was not granted.",
        );
    }
    if !matches!(family.user.plan.as_str(), "pro" | "plus") {
        return forbidden(
            "subscription_sharing_user_not_eligible",
            "This plan cannot be used by other programs.",
        );
    }
    match path {
        "/v1/models" | "/v1/responses" => {
            let at = seen.path.replacen("/v1", PLAN, 1);
            Some(Ok(house.ask_at(Kind::Responses, seen, at)))
        }
        _ => forbidden(
            "subscription_sharing_route_not_supported",
            "Plans have no such route.",
        ),
    }
}
