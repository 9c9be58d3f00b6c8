//! Whose a new credential is, as the row says to find it out. The answer decides whether an account is
//! renewed or a new one made, so a document that does not name its subject names nobody: better two
//! accounts than one that belongs to two people.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use byokey_catalog::{IdentityRule, IdentitySource, Provider, Route, fill};
use byokey_vault::{Fields, Secret, TokenSet};
use serde_json::Value;

use crate::call::Call;
use crate::exchange::NewTokens;
use crate::{Http, Identity, Overrides, SigninError};

/// What a question for the identity needs beside the tokens.
pub(crate) struct IdentityCall<'a> {
    pub(crate) http: &'a Http,
    pub(crate) overrides: &'a Overrides,
    pub(crate) provider: &'a Provider,
    pub(crate) route: &'a Route,
    /// The account's fields, which the rule's address may name.
    pub(crate) fields: &'a Fields,
    /// Headers that the provider wants beside the credential.
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

/// Finds out whose the tokens are. `None` where the row has no rule, and where the provider does not
/// say.
///
/// # Errors
/// [`SigninError::Address`] for an address that cannot be built or must not get a token.
pub(crate) async fn of(
    call: &IdentityCall<'_>,
    tokens: &NewTokens,
) -> Result<Option<Identity>, SigninError> {
    let Some(rule) = &call.route.identity else {
        return Ok(None);
    };
    match &tokens.access {
        Some(access) if matches!(rule.from, IdentitySource::Get(_)) => asked(call, access).await,
        _ => Ok(from_reply(rule, tokens)),
    }
}

/// Asks the provider whose a token is, where the row has a call for that.
///
/// # Errors
/// As [`of`].
pub(crate) async fn asked(
    call: &IdentityCall<'_>,
    access: &Secret,
) -> Result<Option<Identity>, SigninError> {
    let Some((rule, IdentitySource::Get(url))) =
        call.route.identity.as_ref().map(|rule| (rule, &rule.from))
    else {
        return Ok(None);
    };
    let url = fill(url, |name| call.provider.field(call.fields, name));
    let url = url.map_err(|error| SigninError::Address(error.to_string()))?;
    let mut get = Call::to(call.http, call.overrides, call.overrides.url(&url)?)?;
    for (name, value) in call.headers {
        get = get.header(name, value)?;
    }
    // The tokens are good whether or not this call is; without an answer the account has no identity.
    let Ok(answer) = get.authorized("Bearer", access)?.get().await else {
        return Ok(None);
    };
    if !(200..300).contains(&answer.status) {
        return Ok(None);
    }
    let document = answer
        .body()
        .ok()
        .and_then(|body| serde_json::from_slice(body).ok());
    Ok(document.and_then(|document| read(rule, &document)))
}

/// What the reply with the tokens says itself: `None` for a rule that asks elsewhere.
pub(crate) fn from_reply(rule: &IdentityRule, tokens: &NewTokens) -> Option<Identity> {
    match &rule.from {
        IdentitySource::Reply => read(rule, &Value::Object(tokens.rest.clone())),
        IdentitySource::IdToken => read(rule, &claims(tokens.id_token.as_ref()?)?),
        IdentitySource::Get(_) => None,
    }
}

/// What else the documents that came with the tokens say that requests need.
pub(crate) fn kept(rule: &IdentityRule, tokens: &NewTokens) -> BTreeMap<String, String> {
    let document = match &rule.from {
        IdentitySource::Reply => Some(Value::Object(tokens.rest.clone())),
        IdentitySource::IdToken => tokens.id_token.as_ref().and_then(claims),
        IdentitySource::Get(_) => None,
    };
    let found = document.iter().flat_map(|document| {
        let pairs = rule.keep.iter();
        pairs.filter_map(|(name, pointer)| Some((name.clone(), words(document.pointer(pointer)?)?)))
    });
    found.collect()
}

/// A set of these tokens, with what the row's rule keeps of their reply.
///
/// # Errors
/// [`SigninError::Unclear`] without an access token.
pub(crate) fn set_of(route: &Route, tokens: NewTokens) -> Result<TokenSet, SigninError> {
    let kept = route.identity.as_ref().map(|rule| kept(rule, &tokens));
    let mut set = tokens.into_set()?;
    set.extra = kept.unwrap_or_default();
    Ok(set)
}

/// Reads a document by the rule.
pub(crate) fn read(rule: &IdentityRule, document: &Value) -> Option<Identity> {
    let text = |pointer: &String| words(document.pointer(pointer)?);
    let mut subject = text(rule.subject.first()?)?;
    for pointer in &rule.subject[1..] {
        subject.push('/');
        subject.push_str(&text(pointer).unwrap_or_default());
    }
    Some(Identity {
        subject,
        label: rule.label.iter().find_map(text),
        plan: rule.plan.as_ref().and_then(text),
    })
}

/// The claims of a token in JWT form, unverified: good for showing them and for telling apart accounts
/// of one token endpoint that was itself reached over TLS, never for letting anybody in.
pub(crate) fn claims(token: &Secret) -> Option<Value> {
    let mut parts = token.expose().split('.');
    let (Some(_), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.is_object().then_some(claims)
}

/// A name or number as one line that can be stored and shown.
fn words(value: &Value) -> Option<String> {
    const MOST: usize = 200;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    let plain = plain.trim();
    (!plain.is_empty() && plain.len() <= MOST).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(subject: &[&str]) -> IdentityRule {
        IdentityRule {
            from: IdentitySource::Reply,
            subject: subject.iter().map(|&pointer| pointer.into()).collect(),
            label: vec!["/email".into(), "/name".into()],
            plan: Some("/https:~1~1a.example~1auth/plan".into()),
            keep: [].into(),
        }
    }

    #[test]
    fn an_identity_is_what_the_rows_pointers_find() {
        let document = json!({"user": {"id": 7}, "org": "o1", "name": " Ada\u{7} ",
            "https://a.example/auth": {"plan": "plus"}});
        let found = read(&rule(&["/user/id", "/org"]), &document).unwrap();
        assert_eq!(found.subject, "7/o1");
        assert_eq!(found.label.as_deref(), Some("Ada"));
        assert_eq!(found.plan.as_deref(), Some("plus"));
        // A person without an organisation is still that person.
        let found = read(&rule(&["/user/id", "/none"]), &document).unwrap();
        assert_eq!(found.subject, "7/");
        for nobody in ["/none", "/user", "/org/x"] {
            assert_eq!(read(&rule(&[nobody]), &document), None, "{nobody}");
        }
        for empty in [
            json!({"id": ""}),
            json!({"id": null}),
            json!({"id": "x".repeat(201)}),
        ] {
            assert_eq!(read(&rule(&["/id"]), &empty), None);
        }
    }

    #[test]
    fn claims_are_read_from_whole_tokens_only() {
        let token = |claims: &str| {
            let claims = URL_SAFE_NO_PAD.encode(claims);
            Secret::new(format!("e30.{claims}.c2ln"))
        };
        assert_eq!(claims(&token(r#"{"sub":"a"}"#)).unwrap()["sub"], "a");
        for bad in [
            token("[]"),
            token("{"),
            Secret::new("a.b"),
            Secret::new("a.e30.b.c"),
        ] {
            assert!(claims(&bad).is_none());
        }
    }
}
