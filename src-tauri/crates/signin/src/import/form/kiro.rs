use byokey_vault::IssuedClient;
use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, json};
use crate::import::file::MOST;
use crate::import::place::Beside;

/// A copy from the IDE's display is shorter than any refresh token.
const SHORTEST_REFRESH: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ide {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expires_at: Option<Moment>,
    auth_method: Option<String>,
    provider: Option<String>,
    profile_arn: Option<String>,
    region: Option<String>,
    client_id_hash: Option<String>,
}

#[derive(Deserialize)]
struct Cli {
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    expires_at: Option<Moment>,
    provider: Option<String>,
    profile_arn: Option<String>,
    region: Option<String>,
}

#[derive(Deserialize)]
struct Profile {
    arn: Option<String>,
}

/// `kiro-auth-token.json`, which holds logins of several kinds; `entry` is the one that is meant.
pub(super) fn ide(bytes: &[u8], entry: Option<&str>) -> Result<Read, Unread> {
    let login: Ide = json(bytes)?;
    let kind = login.auth_method.as_deref();
    let meant = entry
        .zip(kind)
        .is_some_and(|(entry, kind)| entry.eq_ignore_ascii_case(kind));
    if kind.is_some() && !meant {
        return Err(Unread::Missing);
    }
    let mut read = tokens(login.access_token, login.refresh_token, login.expires_at)?;
    read.who.subject.clone_from(&login.profile_arn);
    read.who.label = login.provider;
    Ok(with_profile(read, login.profile_arn).with("auth_region", login.region))
}

/// A row of `auth_kv`; the profile of a company login is in another table.
pub(super) fn cli(bytes: &[u8], beside: &Beside<'_>) -> Result<Read, Unread> {
    let login: Cli = json(bytes)?;
    let mut read = tokens(login.access_token, login.refresh_token, login.expires_at)?;
    let arn = login.profile_arn.or_else(|| {
        let row = beside.row("state", "api.codewhisperer.profile")?;
        let profile: Profile = json(&row).ok()?;
        profile.arn
    });
    read.who.subject.clone_from(&arn);
    read.who.label = login.provider;
    Ok(with_profile(read, arn).with("auth_region", login.region))
}

/// What AWS registered; it is written with names of both kinds.
#[derive(Deserialize)]
struct Registration {
    #[serde(alias = "clientId")]
    client_id: Option<String>,
    #[serde(alias = "clientSecret")]
    client_secret: Option<Hidden>,
    #[serde(alias = "expiresAt", alias = "client_secret_expires_at")]
    expires_at: Option<Moment>,
}

/// The registration of the IDE's login lies in a file that the login names.
pub(super) fn ide_client(bytes: &[u8], beside: &Beside<'_>) -> Option<IssuedClient> {
    let login: Ide = json(bytes).ok()?;
    let hash = login.client_id_hash?;
    let plain = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let file = plain.then(|| beside.sibling(&format!("{hash}.json"), MOST))??;
    client(&file)
}

/// The registration of the CLI's login lies in a row of its own.
pub(super) fn cli_client(key: &str, beside: &Beside<'_>) -> Option<IssuedClient> {
    let key = key.strip_suffix(":token")?;
    let row = beside.row("auth_kv", &format!("{key}:device-registration"))?;
    client(&row)
}

fn client(bytes: &[u8]) -> Option<IssuedClient> {
    let registration: Registration = json(bytes).ok()?;
    Some(IssuedClient {
        id: registration.client_id?,
        secret: Hidden::or_nothing(registration.client_secret),
        expires: Moment::or_none(registration.expires_at),
    })
}

/// The region of requests is the fourth part of the profile's name.
fn with_profile(read: Read, arn: Option<String>) -> Read {
    let region = arn.as_deref().and_then(|arn| arn.split(':').nth(3));
    let region = region.map(ToOwned::to_owned);
    read.with("profile_arn", arn).with("api_region", region)
}

fn tokens(
    access: Option<Hidden>,
    refresh: Option<Hidden>,
    expires: Option<Moment>,
) -> Result<Read, Unread> {
    let access = Hidden::or_nothing(access).ok_or(Unread::SignedOut)?;
    let refresh = Hidden::or_nothing(refresh);
    if refresh
        .as_ref()
        .is_some_and(|it| it.expose().len() < SHORTEST_REFRESH)
    {
        return Err(Unread::Truncated);
    }
    Ok(Read::tokens(access, refresh, Moment::or_none(expires)))
}
