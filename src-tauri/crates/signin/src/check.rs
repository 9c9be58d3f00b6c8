//! The flow of a key: one free call to the provider shows whether it is known.

mod login;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use byokey_catalog::{Answer, Auth, Check, Flow, Method, Provider, Route, fill};
use byokey_vault::Secret;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};
use serde_json::Value;
use zeroize::Zeroizing;

pub use self::login::{LoginVerdict, check_login};
use crate::{Http, KeyTrouble, Overrides, SigninError};

/// More of an answer is not read.
const MOST_BODY: usize = 64 * 1024;
const MOST_MESSAGE: usize = 300;

/// What the provider's answer says about a key that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The key works.
    Accepted,
    /// The key is genuine, but may not do everything; some requests will fail.
    Limited,
    /// The key is genuine, but its quota or credit is used up for now.
    Exhausted,
}

/// Asks the provider whether it knows the key, by the free call of its row. The call goes where
/// `overrides` lead requests, with their headers. `fields` are the values that the account has beside
/// its key.
pub async fn check_key(
    http: &Http,
    provider: &Provider,
    overrides: &Overrides,
    fields: &BTreeMap<String, String>,
    key: &Secret,
) -> Result<Verdict, SigninError> {
    let (check, route) = call_for(provider, key)?;
    let url = address(provider, check, overrides, fields)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let headers = all_headers(provider, route, &overrides.headers, fields, key)?;
    let request = match check.method {
        Method::Get => http.0.get(url),
        Method::Post => http.0.post(url).json(&serde_json::json!({})),
    };
    let answer = request
        .headers(headers)
        .send()
        .await
        .map_err(|e| unreachable(&host, &e))?;
    let status = answer.status().as_u16();
    let body = read(answer)
        .await
        .map_err(|error| unreachable(&host, &error))?;
    match check.read(status, &body) {
        Answer::Accepted => Ok(Verdict::Accepted),
        Answer::Limited => Ok(Verdict::Limited),
        Answer::Exhausted => Ok(Verdict::Exhausted),
        Answer::BadKey => {
            let message = message(&body, key);
            Err(SigninError::BadKey {
                provider: provider.name.clone(),
                message,
            })
        }
        Answer::Unclear => Err(SigninError::Unexpected {
            host,
            status,
            message: message(&body, key),
        }),
    }
}

/// The row's call, if it proves keys of this kind.
fn call_for<'a>(
    provider: &'a Provider,
    key: &Secret,
) -> Result<(&'a Check, &'a Route), SigninError> {
    let route = provider
        .route_for_key(key.expose())
        .ok_or_else(|| keyless(provider))?;
    let check = provider.check.as_ref();
    let check = check.filter(|c| c.routes.is_empty() || c.routes.contains(&route.id));
    let check = check.ok_or_else(|| no_check(provider))?;
    Ok((check, route))
}

fn address(
    provider: &Provider,
    check: &Check,
    overrides: &Overrides,
    fields: &BTreeMap<String, String>,
) -> Result<Url, SigninError> {
    let template = check.url(overrides.base_url.as_deref(), &provider.base_url);
    let filled = fill(&template, |name| provider.field(fields, name));
    let filled = filled.map_err(|error| SigninError::Address(error.to_string()))?;
    overrides.url(&filled)
}

/// The row's constant headers, then the user's, then the credential.
fn all_headers(
    provider: &Provider,
    route: &Route,
    configured: &BTreeMap<String, String>,
    fields: &BTreeMap<String, String>,
    key: &Secret,
) -> Result<HeaderMap, SigninError> {
    let mut headers = HeaderMap::new();
    let constant = provider.headers.iter().chain(&route.headers);
    for (name, value) in constant.chain(configured) {
        let bad = || SigninError::Address(format!("`{name}` is not a proper header"));
        let name: HeaderName = name.parse().map_err(|_| bad())?;
        headers.insert(name, value.parse().map_err(|_| bad())?);
    }
    if let Some((name, value)) = credential(provider, route, fields, key)? {
        headers.insert(name, value);
    }
    Ok(headers)
}

fn credential(
    provider: &Provider,
    route: &Route,
    fields: &BTreeMap<String, String>,
    key: &Secret,
) -> Result<Option<(HeaderName, HeaderValue)>, SigninError> {
    let key = key.expose();
    let (name, text) = match route.auth.as_ref().unwrap_or(&provider.auth) {
        Auth::None => return Ok(None),
        Auth::Bearer => (AUTHORIZATION, Zeroizing::new(format!("Bearer {key}"))),
        Auth::Scheme(word) => (AUTHORIZATION, Zeroizing::new(format!("{word} {key}"))),
        Auth::Header(name) => {
            let name = name.parse().map_err(|_| no_check(provider))?;
            (name, Zeroizing::new(key.to_owned()))
        }
        Auth::Basic => {
            let Some(user) = provider.field(fields, Auth::USER) else {
                return Err(no_check(provider));
            };
            let both = Zeroizing::new(format!("{user}:{key}"));
            let encoded = Zeroizing::new(STANDARD.encode(both.as_bytes()));
            (AUTHORIZATION, Zeroizing::new(format!("Basic {}", *encoded)))
        }
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| KeyTrouble::Control)?;
    value.set_sensitive(true);
    Ok(Some((name, value)))
}

/// Either the provider has no keys at all, or it wants none of this kind.
fn keyless(provider: &Provider) -> SigninError {
    let takes_keys = provider
        .routes
        .iter()
        .any(|route| matches!(route.flow, Flow::Key(_)));
    if takes_keys {
        SigninError::Refused {
            provider: provider.name.clone(),
        }
    } else {
        no_check(provider)
    }
}

fn no_check(provider: &Provider) -> SigninError {
    SigninError::NoCheck {
        provider: provider.name.clone(),
    }
}

async fn read(mut answer: Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let room = MOST_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MOST_BODY {
            break;
        }
    }
    Ok(body)
}

/// The provider's own words, if they stand where providers put them; without the key, should the
/// provider repeat it.
fn message(body: &[u8], key: &Secret) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let places = [
        "/error/message",
        "/message",
        "/detail/message",
        "/detail",
        "/error",
        "/err_msg",
    ];
    let found = places
        .iter()
        .find_map(|place| body.pointer(place)?.as_str());
    let text = found.unwrap_or_default().replace(key.expose(), "…");
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST_MESSAGE)
        .collect()
}

/// The innermost cause tells most; the outer ones repeat the address.
fn unreachable(host: &str, error: &reqwest::Error) -> SigninError {
    let reason = if error.is_timeout() {
        "it did not answer in time".to_owned()
    } else {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        cause.to_string()
    };
    SigninError::Unreachable {
        host: host.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests;
