use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Hidden, Read, Unread, json};

const HOST: &str = "github.com";

#[derive(Deserialize)]
struct Login {
    user: Option<String>,
    oauth_token: Option<Hidden>,
    /// The GitHub CLI keeps several people of one host here.
    #[serde(default)]
    users: BTreeMap<String, Option<Person>>,
}

#[derive(Deserialize)]
struct Person {
    oauth_token: Option<Hidden>,
}

/// `apps.json` (`host:app` → login) and the older `hosts.json` (`host` → login).
pub(super) fn editors(bytes: &[u8]) -> Result<Vec<Read>, Unread> {
    let logins: BTreeMap<String, Login> = json(bytes)?;
    let ours = logins.into_iter().filter(|(name, _)| {
        let host = name.split_once(':').map_or(name.as_str(), |(host, _)| host);
        host == HOST
    });
    let found: Vec<Read> = ours
        .filter_map(|(name, login)| {
            let token = login.oauth_token?;
            Some(person(name, login.user, token))
        })
        .collect();
    nonempty(found)
}

/// `hosts.yml`. Where the tokens lie in the keychain it has the names alone; the program itself is
/// asked for those.
pub(super) fn github_cli(bytes: &[u8]) -> Result<Vec<Read>, Unread> {
    let text = str::from_utf8(bytes).map_err(|_| Unread::NotUnderstood)?;
    let hosts: BTreeMap<String, Option<Login>> =
        serde_saphyr::from_str(text).map_err(|_| Unread::NotUnderstood)?;
    let mut hosts = hosts;
    let login = hosts.remove(HOST).flatten().ok_or(Unread::SignedOut)?;
    let mut found = Vec::new();
    let active = login.user.clone().unwrap_or_default();
    if let Some(token) = login.oauth_token {
        found.push(person(active.clone(), login.user, token));
    }
    let others = login.users.into_iter().filter(|(name, _)| *name != active);
    for (name, other) in others {
        if let Some(token) = other.and_then(|other| other.oauth_token) {
            found.push(person(name.clone(), Some(name), token));
        }
    }
    nonempty(found)
}

fn person(entry: String, user: Option<String>, token: Hidden) -> Read {
    let mut read = Read::tokens(token.secret(), None, None);
    read.entry = entry;
    read.who.label = user;
    read
}

fn nonempty(found: Vec<Read>) -> Result<Vec<Read>, Unread> {
    if found.is_empty() {
        return Err(Unread::SignedOut);
    }
    Ok(found)
}
