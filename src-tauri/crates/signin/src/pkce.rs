//! Authorization code with PKCE (RFC 6749, 7636, 8252), driven by the row: what is asked, how the
//! answer is bound to this sign-in, and what must have been granted.
//!
//! State and S256 challenge are always sent where the provider takes them, also where its own program
//! leaves them out. Everything that the way back needs is sealed before the page is shown, so that a
//! restart in between costs nothing.

mod attempt;
mod page;
mod proof;

use byokey_catalog::{Pkce, StateRule};
use byokey_vault::{IssuedClient, Secret};
use jiff::Timestamp;
use serde_json::Value;

use self::attempt::Attempt;
pub(crate) use self::proof::{Proof, random};
use crate::callback::Callback;
use crate::exchange::{NewTokens, Refusal, TokenCall, TokenReply, exchange, identify};
use crate::id_token::{Claimed, Keys};
use crate::scene::Scene;
use crate::{
    Grant, Granted, Identity, SigninError, Step, Work, client, comeback, discovery, identity, stage,
};

/// Runs the flow up to a credential.
///
/// # Errors
/// Whatever ended it; nothing is stored then.
pub(crate) async fn run(scene: &Scene, row: &Pkce) -> Result<Grant, SigninError> {
    let secret = client::needed_secret(&scene.overrides, &row.client).await?;
    let (attempt, door) = Attempt::begin_or_go_on(scene, row).await?;
    let expected = attempt.expected(row);
    let separator = row.paste.as_ref().and_then(|paste| paste.separator);
    let back = comeback::wait(
        scene,
        &attempt.page,
        door,
        expected.into(),
        separator.unwrap_or('#'),
    );
    let callback = back.await?;
    scene.show(Step::Working(Work::Exchange));
    if let (Some(issuer), Some(named)) = (&row.issuer, &callback.iss)
        && !discovery::is_issuer(&scene.overrides, issuer, named)
    {
        return Err(SigninError::Foreign);
    }
    let id = client_id(&attempt, &callback)?;
    let tokens = trade(scene, row, &attempt, &callback, &id, secret.as_ref()).await?;
    granted(scene, row, &tokens)?;
    let claims = verified(scene, row, &attempt, &id, &tokens).await?;
    scene.show(Step::Working(Work::Identity));
    let whose = whose(scene, claims.as_ref(), &tokens).await?;
    let own_client = attempt.issues || secret.is_some() || scene.overrides.client_id.is_some();
    let client = own_client.then_some(IssuedClient {
        id,
        secret,
        expires: None,
    });
    let mut grant = grant(scene, row, tokens, whose, client)?;
    stage::complete(scene, &mut grant).await?;
    Ok(grant)
}

/// The id under which the code is exchanged: issued in the callback, or the one that asked.
fn client_id(attempt: &Attempt, callback: &Callback) -> Result<String, SigninError> {
    if !attempt.first {
        return Ok(attempt.client.clone());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let issued = callback
        .client_id
        .as_ref()
        .filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(plain));
    issued.cloned().ok_or_else(|| SigninError::Unclear {
        host: attempt.host(),
        what: "its answer holds no client id for this installation".to_owned(),
    })
}

/// Exchanges the code.
async fn trade(
    scene: &Scene,
    row: &Pkce,
    attempt: &Attempt,
    callback: &Callback,
    id: &str,
    secret: Option<&Secret>,
) -> Result<NewTokens, SigninError> {
    let code = callback.code.as_ref().ok_or(SigninError::NotACode)?;
    let mut members = vec![
        ("code", code.expose()),
        ("code_verifier", attempt.verifier.as_str()),
    ];
    let mut basic = None;
    match row.state {
        // Without a client there is nothing of RFC 6749 in it: a code buys a key.
        StateRule::NonceInPath if id.is_empty() => members.push(("code_challenge_method", "S256")),
        _ => {
            members.push(("grant_type", "authorization_code"));
            members.push(("redirect_uri", &attempt.redirect_uri));
            basic = identify(&mut members, row.client.secret_in, id, secret);
        }
    }
    if row.state_in_exchange {
        members.push(("state", &attempt.mark));
    }
    members.extend(
        row.resource
            .as_deref()
            .map(|resource| ("resource", resource)),
    );
    let overrides = &scene.overrides;
    let call = TokenCall {
        url: overrides.own_or(overrides.token_url.as_deref(), &row.token_url)?,
        encoding: row.encoding,
        members,
        basic,
        headers: Vec::new(),
    };
    let host = call.url.host_str().unwrap_or_default().to_owned();
    match exchange(&scene.http, overrides, call, Timestamp::now()).await? {
        TokenReply::Granted(tokens) => Ok(*tokens),
        TokenReply::Refused(refusal) => Err(refused(scene, host, refusal)?),
        TokenReply::Busy { status, .. } => Err(SigninError::Unclear {
            host,
            what: format!("status {status}: try again later"),
        }),
        TokenReply::Unclear(error) => Err(error),
        TokenReply::Unreached(error) => Err(error.into()),
    }
}

fn refused(scene: &Scene, host: String, refusal: Refusal) -> Result<SigninError, SigninError> {
    let message = refusal.description;
    Ok(match refusal.error.as_str() {
        "access_denied" => SigninError::Denied {
            provider: scene.provider()?.name.clone(),
            message,
        },
        "" => SigninError::Rejected {
            host,
            code: format!("status {}", refusal.status),
            message,
        },
        code => SigninError::Rejected {
            host,
            code: code.to_owned(),
            message,
        },
    })
}

/// Refuses a credential that cannot be used. A reply that names no scope granted what was asked for
/// (RFC 6749, section 5.1).
fn granted(scene: &Scene, row: &Pkce, tokens: &NewTokens) -> Result<(), SigninError> {
    let (Some(wanted), Some(given)) = (&row.required_scope, &tokens.scope) else {
        return Ok(());
    };
    if given.split_whitespace().any(|scope| scope == wanted) {
        return Ok(());
    }
    Err(SigninError::Scope {
        provider: scene.provider()?.name.clone(),
        scope: wanted.clone(),
    })
}

/// The claims of the ID token, checked against the issuer's keys, where the row names an issuer and
/// the sign-in asked for one.
async fn verified(
    scene: &Scene,
    row: &Pkce,
    attempt: &Attempt,
    client: &str,
    tokens: &NewTokens,
) -> Result<Option<Value>, SigninError> {
    let (Some(issuer), Some(nonce)) = (&row.issuer, &attempt.nonce) else {
        return Ok(None);
    };
    let unclear = |what: &str| SigninError::Unclear {
        host: tokens.host.clone(),
        what: what.to_owned(),
    };
    let token = tokens.id_token.as_ref();
    let token = token.ok_or_else(|| unclear("there is no ID token in its answer"))?;
    let (http, overrides) = (&scene.http, &scene.overrides);
    let document = discovery::ask(http, overrides, issuer).await?;
    let keys = Keys::fetch(http, overrides, document.keys(overrides)?).await?;
    let moved = overrides.moved(issuer);
    let wanted = Claimed {
        issuers: &[issuer, &moved],
        client,
        nonce: Some(nonce),
        now: Timestamp::now(),
    };
    let claims = keys.verify(token, &wanted).map_err(unclear)?;
    Ok(Some(claims))
}

async fn whose(
    scene: &Scene,
    claims: Option<&Value>,
    tokens: &NewTokens,
) -> Result<Option<Identity>, SigninError> {
    if let (Some(claims), Some(rule)) = (claims, &scene.route()?.identity) {
        return Ok(identity::read(rule, claims));
    }
    let call = scene.identity_call(&scene.fields, &[])?;
    identity::of(&call, tokens).await
}

fn grant(
    scene: &Scene,
    row: &Pkce,
    mut tokens: NewTokens,
    identity: Option<Identity>,
    client: Option<IssuedClient>,
) -> Result<Grant, SigninError> {
    let key = tokens.key.take().filter(|_| row.refresh.is_none());
    let credential = match key {
        Some(key) => Granted::Key(key),
        None => {
            let mut set = identity::set_of(scene.route()?, tokens)?;
            set.client = client;
            Granted::Tokens(Box::new(set))
        }
    };
    Ok(Grant {
        credential,
        identity,
        fields: byokey_vault::Fields::new(),
    })
}

#[cfg(test)]
mod tests;
