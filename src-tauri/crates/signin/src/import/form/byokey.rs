use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, gemini, json};

/// The content of a row; rows of all providers are alike.
#[derive(Deserialize)]
struct Token {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expires_at: Option<Moment>,
}

/// `token_json` of BYOKEY's database.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let token: Token = json(bytes)?;
    gemini::tokens(token.access_token, token.refresh_token, token.expires_at)
}
