use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, codex, gemini, json, kimi};

/// A file per account; `type` says whose. Gemini's tokens stand one level deeper.
#[derive(Deserialize)]
struct Account {
    r#type: Option<String>,
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    id_token: Option<Hidden>,
    expired: Option<Moment>,
    email: Option<String>,
    account_id: Option<String>,
    project_id: Option<String>,
    token: Option<Token>,
}

#[derive(Deserialize)]
struct Token {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expiry: Option<Moment>,
}

/// A file of the account folder.
pub(super) fn read(bytes: &[u8], entry: Option<&str>) -> Result<Read, Unread> {
    let account: Account = json(bytes)?;
    if account.r#type.as_deref() != entry {
        return Err(Unread::Missing);
    }
    let mut read = match account.token {
        Some(token) => gemini::tokens(token.access_token, token.refresh_token, token.expiry)?,
        None => gemini::tokens(account.access_token, account.refresh_token, account.expired)?,
    };
    let id_token = account.id_token.as_ref();
    match entry {
        Some("codex") => {
            let who = codex::who(
                read.secret().expose(),
                id_token,
                account.account_id.as_deref(),
            );
            read.who = who;
        }
        Some("kimi") => read.who = kimi::who(read.secret().expose()),
        Some("gemini" | "antigravity") => read.who = gemini::who(id_token),
        _ => {}
    }
    read.who.label = account.email.filter(|it| !it.is_empty()).or(read.who.label);
    Ok(read
        .with("account_id", account.account_id)
        .with("project", account.project_id))
}
