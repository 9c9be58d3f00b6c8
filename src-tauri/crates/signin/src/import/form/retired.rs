//! Logins of services that ended. They are read to be recognised, and used only where the user's
//! configuration insists.

use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, gemini, json};

#[derive(Deserialize)]
struct Qwen {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expiry_date: Option<Moment>,
    resource_url: Option<String>,
}

#[derive(Deserialize)]
struct Iflow {
    #[serde(rename = "apiKey")]
    api_key: Option<Hidden>,
}

/// The Qwen CLI's `oauth_creds.json`.
pub(super) fn qwen(bytes: &[u8]) -> Result<Read, Unread> {
    let login: Qwen = json(bytes)?;
    let read = gemini::tokens(login.access_token, login.refresh_token, login.expiry_date)?;
    Ok(read.with("resource_url", login.resource_url))
}

/// The iFlow CLI's `oauth_creds.json` and `settings.json`: the key in them is what requests carry.
pub(super) fn iflow(bytes: &[u8]) -> Result<Read, Unread> {
    let login: Iflow = json(bytes)?;
    let key = Hidden::or_nothing(login.api_key).ok_or(Unread::SignedOut)?;
    Ok(Read::tokens(key, None, None))
}
