//! Whether a login still works: its token, renewed if it is due, and a free call where the row has one.

use byokey_catalog::{Flow, IdentitySource, Stage, fill};
use byokey_vault::Vault;
use reqwest::Url;

use crate::call::Call;
use crate::{
    Http, Keeper, Overrides, SigninError, Token, TokenAsk, TokenTrouble, identity_headers,
};

/// What a check of a login found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginVerdict {
    /// The provider takes its token.
    Accepted,
    /// There is a token that has not ended; the row has no free call that would prove it.
    Unasked,
    /// The provider does not take its token, not even a new one. The text is for people.
    Refused(String),
    /// The provider could not be asked, or its answer says nothing.
    Unclear(SigninError),
}

/// Gets the account's token, renewing it if that is due, and asks the provider whether it takes it.
/// One that is refused is renewed once.
///
/// # Errors
/// [`TokenTrouble`] when there is no token that could be asked about.
pub async fn check_login(
    keeper: &Keeper,
    vault: &Vault,
    ask: &TokenAsk,
) -> Result<LoginVerdict, TokenTrouble> {
    let mut token = keeper.token(ask).await?;
    let mut refused_before = false;
    loop {
        let (host, status) = match asked(vault, ask, &token).await {
            Ok(Some(said)) => said,
            Ok(None) => return Ok(LoginVerdict::Unasked),
            Err(error) => return Ok(LoginVerdict::Unclear(error)),
        };
        let words = format!("{host} answered with status {status}");
        match status {
            200..300 => return Ok(LoginVerdict::Accepted),
            401 if !refused_before => {
                refused_before = true;
                token = keeper.refused(ask, &token, &words).await?;
            }
            401 | 403 => return Ok(LoginVerdict::Refused(words)),
            _ => {
                let message = String::new();
                return Ok(LoginVerdict::Unclear(SigninError::Unexpected {
                    host,
                    status,
                    message,
                }));
            }
        }
    }
}

/// The host that was asked about a token, and the status of its answer.
async fn asked(
    vault: &Vault,
    ask: &TokenAsk,
    token: &Token,
) -> Result<Option<(String, u16)>, SigninError> {
    let Some(url) = address(ask, token)? else {
        return Ok(None);
    };
    let http = Http::through(ask.overrides.proxy.as_deref())?;
    let mut call = Call::to(&http, &ask.overrides, url)?;
    for (name, value) in own_headers(vault, ask) {
        call = call.header(&name, &value)?;
    }
    let answer = call.authorized("Bearer", token.secret())?.get().await?;
    Ok(Some((answer.host, answer.status)))
}

/// The call that tells whose a token is; it costs nothing. Where requests carry a second token, the
/// call would need the first, and getting the second has proved that already.
fn address(ask: &TokenAsk, token: &Token) -> Result<Option<Url>, SigninError> {
    let Some((provider, route)) = ask.rows() else {
        return Ok(None);
    };
    let exchanged = matches!(route.stage, Some(Stage::Copilot | Stage::Iflow));
    let Some(IdentitySource::Get(url)) = route
        .identity
        .as_ref()
        .filter(|_| !exchanged)
        .map(|rule| &rule.from)
    else {
        return Ok(None);
    };
    let fields = &ask.account.fields;
    let value = |name: &str| token.extra(name).or_else(|| provider.field(fields, name));
    let url = fill(url, value).map_err(|error| SigninError::Address(error.to_string()))?;
    let overrides: &Overrides = &ask.overrides;
    overrides.url(&url).map(Some)
}

fn own_headers(vault: &Vault, ask: &TokenAsk) -> Vec<(String, String)> {
    let prefix = ask.rows().and_then(|(_, route)| match &route.flow {
        Flow::Device(device) => device.identity_headers.as_deref(),
        _ => None,
    });
    prefix
        .map(|prefix| identity_headers(prefix, vault))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
