use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, Who, claims, gemini, json};

#[derive(Deserialize)]
struct Credentials {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expires_at: Option<Moment>,
}

#[derive(Deserialize)]
struct Claims {
    sub: Option<String>,
    user_id: Option<String>,
}

/// `kimi-code.json`. Signed out, it keeps an empty token.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let login: Credentials = json(bytes)?;
    let mut read = gemini::tokens(login.access_token, login.refresh_token, login.expires_at)?;
    read.who = who(read.secret().expose());
    Ok(read)
}

/// What Kimi's access token says of the person.
pub(super) fn who(access: &str) -> Who {
    let claims: Option<Claims> = claims(access);
    Who {
        subject: claims.and_then(|claims| claims.user_id.or(claims.sub)),
        ..Who::default()
    }
}
