use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, Who, json};
use crate::import::place::Beside;

/// Servers of its tools have logins in the same file, which are no concern of ours; a file with
/// those alone means that nobody is signed in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    claude_ai_oauth: Option<Login>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expires_at: Option<Moment>,
    scopes: Option<Vec<String>>,
    subscription_type: Option<String>,
}

/// The part of its settings that says who signed in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    oauth_account: Option<Person>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    account_uuid: Option<String>,
    organization_uuid: Option<String>,
    email_address: Option<String>,
}

/// `.credentials.json`, and the keychain item of the same content.
pub(super) fn read(bytes: &[u8], beside: &Beside<'_>) -> Result<Read, Unread> {
    let credentials: Credentials = json(bytes)?;
    let login = credentials.claude_ai_oauth.ok_or(Unread::SignedOut)?;
    let access = Hidden::or_nothing(login.access_token).ok_or(Unread::SignedOut)?;
    let refresh = Hidden::or_nothing(login.refresh_token);
    let mut read = Read::tokens(access, refresh, Moment::or_none(login.expires_at));
    read.scopes = login.scopes;
    read.who = who(beside);
    read.who.plan = login.subscription_type;
    Ok(read)
}

/// The settings also hold a history of prompts, so they may be large.
fn who(beside: &Beside<'_>) -> Who {
    const MOST: u64 = 16 * 1024 * 1024;
    let settings = beside.known_file("${CLAUDE_CONFIG_DIR:-~}/.claude.json", MOST);
    let settings: Option<Settings> = settings.and_then(|bytes| json(&bytes).ok());
    let Some(person) = settings.and_then(|settings| settings.oauth_account) else {
        return Who::default();
    };
    // As byokey's own sign-in names it.
    let organization = person.organization_uuid.unwrap_or_default();
    let subject = person.account_uuid;
    let subject = subject.map(|account| format!("{account}/{organization}"));
    Who {
        subject,
        label: person.email_address,
        plan: None,
    }
}
