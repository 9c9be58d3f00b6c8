//! Token replies and refusals in RFC 6749's form.

use serde_json::{Value, json};

use super::{books::Grant, read::Refusal};

/// A token reply without the members that are not there.
pub(crate) fn standard(grant: &Grant) -> Value {
    let mut reply = json!({"token_type": "Bearer", "access_token": grant.access});
    let texts = [
        ("refresh_token", &grant.refresh),
        ("id_token", &grant.id_token),
        ("scope", &grant.scope),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            reply[name] = json!(value);
        }
    }
    if let Some(seconds) = grant.expires_in {
        reply["expires_in"] = json!(seconds);
    }
    reply
}

/// The same in camelCase, as AWS and Kiro have it.
pub(crate) fn camel(grant: &Grant) -> Value {
    let mut reply = json!({"tokenType": "Bearer", "accessToken": grant.access});
    if let Some(refresh) = &grant.refresh {
        reply["refreshToken"] = json!(refresh);
    }
    if let Some(seconds) = grant.expires_in {
        reply["expiresIn"] = json!(seconds);
    }
    reply
}

/// The refusal of a provider that has no code of its own for a token that was used before.
pub(crate) fn plain(mut refusal: Refusal) -> Refusal {
    if refusal.code == "refresh_token_reused" {
        "invalid_grant".clone_into(&mut refusal.code);
    }
    refusal
}

/// A grant type that the endpoint does not have.
pub(crate) fn unsupported(grant: &str) -> Refusal {
    let words = format!("The grant type {grant:?} is not supported.");
    Refusal::new(400, "unsupported_grant_type", words)
}
