use byokey_vault::Secret;
use serde::Deserialize;

use super::{Hidden, Moment, Read, Unread, Who, claims, json};

#[derive(Deserialize)]
struct Auth {
    auth_mode: Option<String>,
    #[serde(rename = "OPENAI_API_KEY")]
    key: Option<Hidden>,
    tokens: Option<Tokens>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<Hidden>,
    access_token: Option<Hidden>,
    refresh_token: Option<Hidden>,
    account_id: Option<String>,
}

/// What OpenAI's tokens claim.
#[derive(Default, Deserialize)]
struct Claims {
    exp: Option<Moment>,
    email: Option<String>,
    #[serde(rename = "https://api.openai.com/auth")]
    auth: Option<Plan>,
    #[serde(rename = "https://api.openai.com/profile")]
    profile: Option<Profile>,
}

#[derive(Default, Deserialize)]
struct Plan {
    chatgpt_account_id: Option<String>,
    chatgpt_plan_type: Option<String>,
    chatgpt_user_id: Option<String>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Profile {
    email: Option<String>,
}

/// `auth.json`, and the keychain item of the same content. In key mode it holds a key; older
/// versions made one at a login, too, and then both are there.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Read>, Unread> {
    let auth: Auth = json(bytes)?;
    let mut found = Vec::new();
    let by_key = auth.auth_mode.as_deref() == Some("apikey");
    let tokens = auth.tokens.filter(|_| !by_key);
    if let Some(tokens) = tokens
        && let Some(access) = Hidden::or_nothing(tokens.access_token)
    {
        let refresh = Hidden::or_nothing(tokens.refresh_token);
        let id_token = tokens.id_token.as_ref();
        found.push(login(access, refresh, id_token, tokens.account_id));
    }
    if let Some(key) = Hidden::or_nothing(auth.key) {
        let mut read = Read::key(key);
        "key".clone_into(&mut read.entry);
        found.push(read);
    }
    if found.is_empty() {
        return Err(Unread::SignedOut);
    }
    Ok(found)
}

/// A login of OpenAI with what its tokens say of the person.
fn login(
    access: Secret,
    refresh: Option<Secret>,
    id_token: Option<&Hidden>,
    account: Option<String>,
) -> Read {
    let claims: Claims = claims(access.expose()).unwrap_or_default();
    let account = account.filter(|it| !it.is_empty());
    let account = account.or_else(|| claims.auth.and_then(|auth| auth.chatgpt_account_id));
    let who = who(access.expose(), id_token, account.as_deref());
    let mut read = Read::tokens(access, refresh, Moment::or_none(claims.exp));
    read.who = who;
    read.with("account_id", account)
}

/// Whose a login is: the person, and the workspace that the tokens are for.
pub(super) fn who(access: &str, id_token: Option<&Hidden>, account: Option<&str>) -> Who {
    let of_access: Claims = claims(access).unwrap_or_default();
    let of_id: Option<Claims> = id_token.and_then(|token| claims(token.expose()));
    let of_id = of_id.unwrap_or_default();
    let plan = of_id.auth.or(of_access.auth).unwrap_or_default();
    let user = plan.chatgpt_user_id.or(plan.user_id);
    let email = |profile: Option<Profile>| profile.and_then(|profile| profile.email);
    Who {
        // As byokey's own sign-in names it.
        subject: user.map(|user| format!("{user}/{}", account.unwrap_or_default())),
        label: of_id
            .email
            .or_else(|| email(of_id.profile))
            .or_else(|| email(of_access.profile)),
        plan: plan.chatgpt_plan_type,
    }
}
