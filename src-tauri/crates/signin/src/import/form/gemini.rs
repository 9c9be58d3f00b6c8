use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, Who, claims, json};
use crate::import::file::MOST;
use crate::import::place::Beside;

/// The form of Google's library.
#[derive(Deserialize)]
struct Credentials {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expiry_date: Option<Moment>,
    id_token: Option<Hidden>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Accounts {
    active: Option<String>,
}

/// The keychain item's form, which its tools share.
#[derive(Deserialize)]
struct Item {
    token: Option<ItemToken>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemToken {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expires_at: Option<Moment>,
}

/// `oauth_creds.json`; who is signed in stands in its ID token or in a file beside it.
pub(super) fn file(bytes: &[u8], beside: &Beside<'_>) -> Result<Read, Unread> {
    let credentials: Credentials = json(bytes)?;
    let mut read = tokens(
        credentials.access_token,
        credentials.refresh_token,
        credentials.expiry_date,
    )?;
    read.who = who(credentials.id_token.as_ref());
    if read.who.label.is_none() {
        let accounts = beside.sibling("google_accounts.json", MOST);
        let accounts: Option<Accounts> = accounts.and_then(|bytes| json(&bytes).ok());
        read.who.label = accounts.and_then(|accounts| accounts.active);
    }
    Ok(read)
}

/// The keychain item.
pub(super) fn item(bytes: &[u8]) -> Result<Read, Unread> {
    let item: Item = json(bytes)?;
    let token = item.token.ok_or(Unread::SignedOut)?;
    tokens(token.access_token, token.refresh_token, token.expires_at)
}

pub(super) fn tokens(
    access: Option<Hidden>,
    refresh: Option<Hidden>,
    expires: Option<Moment>,
) -> Result<Read, Unread> {
    let access = Hidden::or_nothing(access).ok_or(Unread::SignedOut)?;
    let refresh = Hidden::or_nothing(refresh);
    Ok(Read::tokens(access, refresh, Moment::or_none(expires)))
}

/// What Google's ID token says of the person.
pub(super) fn who(id_token: Option<&Hidden>) -> Who {
    let claims: Option<Claims> = id_token.and_then(|token| claims(token.expose()));
    match claims {
        Some(claims) => Who {
            subject: claims.sub,
            label: claims.email,
            plan: None,
        },
        None => Who::default(),
    }
}
