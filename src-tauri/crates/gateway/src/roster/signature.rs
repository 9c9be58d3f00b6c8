//! What of a request depends on the account's token: put in when the request leaves, since tokens
//! change while a roster stands.

use std::sync::Arc;

use byokey_catalog::{Auth, Provider, Quirk, Route};
use byokey_signin::{API_BASE, Keeper, Overrides, Token, TokenAsk, TokenTrouble};
use byokey_wire::{Fault, FaultKind};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{Seat, credential_header};

/// How a token goes into the requests to one address.
#[derive(Clone)]
pub(crate) struct Signature {
    auth: Auth,
    /// Whether the account's workspace goes along.
    workspace: bool,
    /// Whether a token may name another host of its provider; not where the user named one.
    elsewhere: bool,
    overrides: Arc<Overrides>,
}

/// Header with the workspace of a ChatGPT account.
const WORKSPACE: HeaderName = HeaderName::from_static("chatgpt-account-id");

impl Signature {
    /// For an address with this base. `own` is how the address wants its credential.
    pub(super) fn new(
        ask: &TokenAsk,
        provider: &Provider,
        route: Option<&Route>,
        own: Option<&Auth>,
    ) -> Self {
        let mut taking = provider.endpoints.iter();
        Self {
            auth: provider.auth_with(route, own).clone(),
            workspace: taking
                .any(|it| it.takes(&ask.account.route) && provider.has(Quirk::AccountIdHeader, it)),
            elsewhere: ask.overrides.base_url.is_none(),
            overrides: ask.overrides.clone(),
        }
    }

    /// Puts a token into the headers of a request.
    ///
    /// # Errors
    /// When the token cannot stand in a header.
    pub(crate) fn sign(&self, token: &Token, headers: &mut HeaderMap) -> Result<(), Fault> {
        let made = credential_header(&self.auth, token.secret());
        let made = made.map_err(|why| Fault::new(FaultKind::AccountAuth, why))?;
        if let Some((name, mut value)) = made {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let workspace = token.extra("account_id").filter(|_| self.workspace);
        if let Some(workspace) = workspace.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(WORKSPACE, workspace);
        }
        Ok(())
    }

    /// The address that serves this token: another host where the provider said so with it.
    pub(crate) fn address(&self, token: &Token, uri: &Uri) -> Uri {
        let named = token.extra(API_BASE).filter(|_| self.elsewhere);
        let place = named.and_then(|base| {
            let base = self.overrides.moved(base);
            let base = base.trim_end_matches('/').parse::<Uri>().ok()?;
            let mut parts = uri.clone().into_parts();
            parts.scheme = Some(base.scheme()?.clone());
            parts.authority = Some(base.authority()?.clone());
            Uri::from_parts(parts).ok()
        });
        place.unwrap_or_else(|| uri.clone())
    }
}

impl Seat {
    /// The account's token, for accounts that have one in place of a key.
    ///
    /// # Errors
    /// Why there is none, and what to do.
    pub(crate) async fn token(&self, keeper: &Keeper) -> Result<Option<Arc<Token>>, Fault> {
        let Some(ask) = &self.ask else {
            return Ok(None);
        };
        keeper
            .token(ask)
            .await
            .map(Some)
            .map_err(|trouble| fault(&trouble))
    }

    /// Another token after the provider refused this one.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub(crate) async fn another(
        &self,
        keeper: &Keeper,
        used: &Arc<Token>,
        words: &str,
    ) -> Result<Option<Arc<Token>>, Fault> {
        let Some(ask) = &self.ask else {
            return Ok(None);
        };
        let another = keeper.refused(ask, used, words).await;
        another.map(Some).map_err(|trouble| fault(&trouble))
    }
}

fn fault(trouble: &TokenTrouble) -> Fault {
    let kind = match trouble.passing() {
        true => FaultKind::Overloaded,
        false => FaultKind::AccountAuth,
    };
    let mut fault = Fault::new(kind, trouble.to_string());
    fault.retry_after_s = trouble.retry_after().map(|wait| wait.as_secs() + 1);
    fault
}
