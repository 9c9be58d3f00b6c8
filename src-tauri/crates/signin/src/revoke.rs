//! The end of an account: forgotten here whatever happens, and ended at the provider where that can
//! be done by a call. The vault forgets first, so that neither a silent server nor a crash keeps a
//! login that its owner wanted gone.

use std::fmt;
use std::time::Duration;

use byokey_catalog::{Catalog, ClientId, Flow, Revoke, Route};
use byokey_vault::{Account, AccountId, AccountKind, AccountLock, Actor, TokenSet, Vault};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::{Http, Overrides, SigninError, client};

/// A person waits for this.
const PATIENCE: Duration = Duration::from_secs(10);
/// A renewal's call takes 20 s at most.
const RENEWAL: Duration = Duration::from_secs(21);
/// How often it is looked whether the renewal has ended.
const STEP: Duration = Duration::from_millis(20);
/// Where a sign-in keeps the endpoint that discovery named to it.
const REVOKE_URL: &str = "revoke_url";

/// What became of an account that was logged out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogoutReport {
    /// The account as it was.
    pub account: String,
    /// The provider's name.
    pub provider: String,
    /// What became of it at the provider.
    pub revoked: Revoked,
}

/// What became of a credential at its provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Revoked {
    /// It was ended there.
    Yes,
    /// It could have been, but was not.
    No {
        /// Why, without any secret.
        why: String,
        /// Page on which the person can end it.
        page: Option<String>,
    },
    /// The provider has no call for it.
    CannotBy {
        /// Page on which the person can end it.
        page: Option<String>,
    },
    /// It belongs to another program, whose login stays as it is.
    Followed {
        /// The program.
        owner: String,
    },
    /// The user's own program keeps its login.
    Program,
}

/// Forgets an account, then ends its login at the provider, which takes 10 s at most. When this
/// fails, the account is still there and nothing was ended.
///
/// # Errors
/// When the vault cannot forget it.
pub async fn log_out(
    vault: &Vault,
    catalog: &Catalog,
    overrides: &Overrides,
    id: AccountId,
    by: Actor,
) -> Result<LogoutReport, SigninError> {
    let (account, tokens) = take_out(vault, id, by).await?;
    let provider = catalog.provider(&account.provider);
    let route = provider.and_then(|provider| provider.route(&account.route));
    let revoked = match (account.kind, tokens) {
        (AccountKind::Followed, _) => Revoked::Followed {
            owner: account.owner.unwrap_or_default(),
        },
        (AccountKind::Bridge, _) => Revoked::Program,
        (_, None) => Revoked::CannotBy { page: page(route) },
        (_, Some(tokens)) => revoke(overrides, route, &tokens).await,
    };
    Ok(LogoutReport {
        account: format!("{}/{}", account.provider, account.name),
        provider: provider.map_or(account.provider, |provider| provider.name.clone()),
        revoked,
    })
}

/// Takes the account out of the vault once no renewal of it is under way: the pair that such a one
/// brings would live on at the provider.
async fn take_out(
    vault: &Vault,
    id: AccountId,
    by: Actor,
) -> Result<(Account, Option<TokenSet>), SigninError> {
    let _held = tokio::time::timeout(RENEWAL, held(vault, id)).await;
    let vault = vault.clone();
    match tokio::task::spawn_blocking(move || forget(&vault, id, by)).await {
        Ok(forgotten) => forgotten,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Holds the account against renewals, as soon as nobody else does. `None` where it cannot be held,
/// which must not keep it from being forgotten.
async fn held(vault: &Vault, id: AccountId) -> Option<AccountLock> {
    loop {
        let vault = vault.clone();
        let tried = tokio::task::spawn_blocking(move || vault.try_lock_account(id));
        match tried.await {
            Ok(Ok(Some(lock))) => return Some(lock),
            Ok(Ok(None)) => tokio::time::sleep(STEP).await,
            Ok(Err(_)) | Err(_) => return None,
        }
    }
}

/// Forgets the account and gives back what ends it at the provider.
fn forget(
    vault: &Vault,
    id: AccountId,
    by: Actor,
) -> Result<(Account, Option<TokenSet>), SigninError> {
    let mut accounts = vault.accounts()?.into_iter();
    let account = accounts.find(|account| account.id == id);
    let account = account.ok_or(byokey_vault::VaultError::NoAccount(id))?;
    // A set that does not open any more must not keep its account from being forgotten.
    let tokens = match account.kind {
        AccountKind::Tokens => vault.tokens(id).ok().map(|stored| stored.tokens),
        _ => None,
    };
    vault.remove_account(id, by)?;
    Ok((account, tokens))
}

async fn revoke(overrides: &Overrides, route: Option<&Route>, tokens: &TokenSet) -> Revoked {
    let page = page(route);
    let Some((route, row)) = route.and_then(|route| Some((route, route.revoke.as_ref()?))) else {
        return Revoked::CannotBy { page };
    };
    let told = async {
        let http = Http::through(overrides.proxy.as_deref())?;
        let url = address(&http, overrides, route, row, tokens).await?;
        ended(&http, overrides, route, row, url, tokens).await
    };
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(())) => Revoked::Yes,
        Ok(Err(error)) => Revoked::No {
            why: error.to_string(),
            page,
        },
        Err(_) => Revoked::No {
            why: "the provider did not answer in time".to_owned(),
            page,
        },
    }
}

/// The endpoint: the user's, the row's, or the one that the issuer's discovery names on its host.
async fn address(
    http: &Http,
    overrides: &Overrides,
    route: &Route,
    row: &Revoke,
    tokens: &TokenSet,
) -> Result<Url, SigninError> {
    if let Some(own) = &overrides.revoke_url {
        return overrides.own_or(Some(own), own);
    }
    let sealed = tokens.extra.get(REVOKE_URL);
    if let Some(url) = row.url.as_ref().or(sealed) {
        return overrides.url(url);
    }
    let issuer = match &route.flow {
        Flow::Pkce(pkce) => pkce.issuer.as_deref(),
        _ => None,
    };
    let missing = || SigninError::Missing("nothing says where this login is ended".to_owned());
    let issuer = overrides.url(issuer.ok_or_else(missing)?)?;
    let document = format!(
        "{}/.well-known/openid-configuration",
        issuer.as_str().trim_end_matches('/')
    );
    let call = Call::to(http, overrides, overrides.url(&document)?)?;
    let answer = call.get().await.map_err(SigninError::from)?;
    let discovery: Discovery = serde_json::from_slice(answer.body()?)
        .map_err(|_| answer.unclear("its discovery is no JSON of the known form"))?;
    let named = discovery.revocation_endpoint;
    let named =
        named.ok_or_else(|| answer.unclear("its discovery names no revocation endpoint"))?;
    let url = overrides.url(&named)?;
    if url.origin() != issuer.origin() {
        return Err(answer.unclear("its discovery names a revocation endpoint elsewhere"));
    }
    Ok(url)
}

#[derive(Deserialize)]
struct Discovery {
    revocation_endpoint: Option<String>,
}

/// Ends the refresh token, and with it what came of it; without one the access token.
async fn ended(
    http: &Http,
    overrides: &Overrides,
    route: &Route,
    row: &Revoke,
    url: Url,
    tokens: &TokenSet,
) -> Result<(), SigninError> {
    let (token, kind) = match &tokens.refresh {
        Some(refresh) => (refresh, "refresh_token"),
        None => (&tokens.access, "access_token"),
    };
    let mut members = vec![("token", token.expose())];
    let client = client_of(overrides, route, tokens);
    let issued = tokens.client.as_ref().and_then(|it| it.secret.as_ref());
    let secret = issued.or(overrides.client_secret.as_deref());
    if !row.bare {
        members.push(("token_type_hint", kind));
        members.extend(client.as_deref().map(|id| ("client_id", id)));
        members.extend(secret.map(|secret| ("client_secret", secret.expose())));
    }
    let call = Call::to(http, overrides, url)?;
    let answer = call.post(row.encoding, &members).await;
    let answer = answer.map_err(SigninError::from)?;
    match answer.status {
        200..300 => Ok(()),
        status => Err(SigninError::Unexpected {
            host: answer.host.clone(),
            status,
            message: String::new(),
        }),
    }
}

/// The client that the login was made with.
fn client_of(overrides: &Overrides, route: &Route, tokens: &TokenSet) -> Option<String> {
    if let Some(issued) = &tokens.client {
        return Some(issued.id.clone());
    }
    let row: &ClientId = match &route.flow {
        Flow::Pkce(flow) => &flow.client,
        Flow::Device(flow) => &flow.client,
        Flow::Poll(flow) => &flow.client,
        _ => return None,
    };
    client::id(overrides, row).ok()
}

fn page(route: Option<&Route>) -> Option<String> {
    let route = route?;
    let of_key = match &route.flow {
        Flow::Key(key) => key.page.clone(),
        _ => None,
    };
    route.sessions_page.clone().or(of_key)
}

impl fmt::Display for LogoutReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account, provider, ..
        } = self;
        write!(f, "Forgot {account}. ")?;
        match &self.revoked {
            Revoked::Yes => write!(f, "{provider} has ended the login, too."),
            Revoked::No { why, page } => {
                write!(f, "At {provider} the login may live on ({why})")?;
                end(f, page.as_deref())
            }
            Revoked::CannotBy { page } => {
                write!(
                    f,
                    "At {provider} it lives on, for no program can end it there"
                )?;
                end(f, page.as_deref())
            }
            Revoked::Followed { owner } => {
                write!(
                    f,
                    "{owner} stays signed in; byokey only followed its login."
                )
            }
            Revoked::Program => f.write_str("Your own program stays signed in."),
        }
    }
}

fn end(f: &mut fmt::Formatter<'_>, page: Option<&str>) -> fmt::Result {
    match page {
        Some(page) => write!(f, ": you can end it at {page}."),
        None => f.write_str("."),
    }
}

#[cfg(test)]
mod tests;
