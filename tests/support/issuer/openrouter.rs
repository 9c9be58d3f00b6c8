//! OpenRouter: a login without state that yields a key, and the API that takes it.

use serde_json::json;

use super::{
    House, Realm, authorize,
    authorize::Rules,
    house::Answer,
    read::{Fields, Refusal, bearer},
};
use crate::{Kind, Reply, Seen};

pub(crate) fn all(house: &House, seen: &Seen, path: &str) -> Answer {
    if path == "/auth" {
        return Some(ask(house, seen));
    }
    let at = path.strip_prefix("/api")?;
    Some(match at {
        "/v1/auth/keys" => exchange(house, seen),
        "/v1/key" => key(house, seen),
        _ => {
            let kind = match at {
                "/v1/messages" => Kind::Messages,
                "/v1/responses" => Kind::Responses,
                _ => Kind::Chat,
            };
            Ok(house.ask_at(kind, seen, seen.path.replacen("/api", "", 1)))
        }
    })
}

fn ask(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::query(seen)?;
    let known = |redirect: &str| {
        let path = redirect.splitn(4, '/').nth(3).unwrap_or_default();
        let path = format!("/{}", path.split('?').next().unwrap_or_default());
        let plain = redirect.split('?').next().unwrap_or_default();
        authorize::loopback(plain, &["localhost", "127.0.0.1"], &path)
    };
    let rules = Rules {
        realm: Realm::Openrouter,
        name: "OpenRouter",
        redirect: "callback_url",
        redirects: &known,
        scopes: &[],
        pkce: true,
        standard: false,
        also: &[],
    };
    let mut ask = authorize::check(&fields, "", &rules)?;
    // It is taken and never comes back.
    ask.state = None;
    Ok(authorize::wait(house, ask, rules.name))
}

fn exchange(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let fields = Fields::json(seen)?;
    fields.is("code_challenge_method", "S256")?;
    let (code, verifier) = (fields.need("code")?, fields.need("code_verifier")?);
    let redeemed = house
        .office
        .redeem(Realm::Openrouter, code, None, Some(verifier));
    let (_, grant) = redeemed.map_err(|refusal| refusal.status(403))?;
    let user = format!("user_{}", grant.user.subject);
    Ok(Reply::json(
        200,
        &json!({"key": grant.access, "user_id": user}),
    ))
}

fn key(house: &House, seen: &Seen) -> Result<Reply, Refusal> {
    let token = bearer(seen).unwrap_or_default();
    let family = house.office.holder(&[Realm::Openrouter], token);
    if family.is_none() && !house.office.books.lock().keys.contains(token) {
        return Err(Refusal::new(
            401,
            "unauthorized",
            "No auth credentials found",
        ));
    }
    Ok(Reply::json(
        200,
        &json!({"data": {"label": "sk-or-v1-abc...123", "limit": null, "limit_remaining": null,
            "usage": 0.5, "is_free_tier": false, "rate_limit": {"requests": -1}}}),
    ))
}
