//! An account with everything that its addresses and headers are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use byokey_catalog::{Auth, Catalog, Endpoint, Flow, Provider, Route, fill};
use byokey_signin::{Overrides, TokenAsk, identity_headers};
use byokey_vault::{Account, AccountKind, Fields, Secret, Vault, VaultError};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Signature, Unusable, credential_header, insert, origin};
use crate::config::ProviderConfig;

/// One account, its rows, and what the user's configuration says of them.
pub(super) struct Holding<'a> {
    pub(super) account: &'a Account,
    pub(super) provider: &'a Provider,
    pub(super) route: Option<&'a Route>,
    pub(super) settings: &'a ProviderConfig,
    pub(super) overrides: Arc<Overrides>,
    /// Whose token is asked for when a request leaves; absent for key accounts.
    pub(super) ask: Option<TokenAsk>,
    /// The key of a key account.
    secret: Option<Secret>,
    /// Headers by which byokey names itself, where the provider wants them.
    identity: Vec<(String, String)>,
    /// What stands in the braces of addresses.
    fields: Fields,
}

impl<'a> Holding<'a> {
    /// Opens what the vault has of the account.
    pub(super) fn open(
        vault: &Vault,
        catalog: &Arc<Catalog>,
        provider: &'a Provider,
        settings: &'a ProviderConfig,
        account: &'a Account,
    ) -> Result<Self, VaultError> {
        let overrides = Arc::new(settings.overrides());
        let mut fields = account.fields.clone();
        let (mut secret, mut ask) = (None, None);
        match account.kind {
            AccountKind::Key => secret = Some(vault.credential(account.id)?.secret),
            AccountKind::Bridge => {}
            AccountKind::Tokens | AccountKind::Followed => {
                ask = Some(TokenAsk {
                    account: account.clone(),
                    catalog: catalog.clone(),
                    overrides: overrides.clone(),
                });
            }
        }
        if account.kind == AccountKind::Tokens {
            for (name, value) in vault.tokens(account.id)?.tokens.extra {
                fields.entry(name).or_insert(value);
            }
        }
        let route = provider.route(&account.route);
        let identity = match route.map(|route| &route.flow) {
            Some(Flow::Device(device)) => device.identity_headers.as_deref(),
            _ => None,
        };
        let identity = identity.map(|prefix| identity_headers(prefix, vault));
        Ok(Self {
            account,
            provider,
            route,
            identity: identity.unwrap_or_default(),
            settings,
            overrides,
            ask,
            secret,
            fields,
        })
    }

    /// The base of an address of the row as it is called; `None` where the user's own base stands for
    /// the provider's and this address lies elsewhere, so that the key would go past it. `alone` is an
    /// address that no other one of the provider can stand in for.
    pub(super) fn base(&self, row: &str, alone: bool) -> Result<Option<String>, Unusable> {
        match &self.settings.base_url {
            Some(_) if row != self.provider.base_url && !alone => Ok(None),
            Some(configured) => Ok(Some(configured.clone())),
            None => Ok(Some(self.overrides.moved(&self.filled(row)?))),
        }
    }

    /// Whether requests of this account go to hosts of their own only.
    pub(super) fn lies_elsewhere(&self) -> bool {
        let own = &self.provider.base_url;
        let mut taken = self.taken().peekable();
        taken.peek().is_some() && taken.all(|endpoint| endpoint.base_url != *own)
    }

    /// The addresses that take the account's credential.
    pub(super) fn taken(&self) -> impl Iterator<Item = &'a Endpoint> {
        let endpoints = self.provider.endpoints.iter();
        endpoints.filter(|endpoint| endpoint.takes(&self.account.route))
    }

    pub(super) fn filled(&self, template: &str) -> Result<String, Unusable> {
        fill(template, |name| self.provider.field(&self.fields, name)).map_err(|why| {
            format!(
                "{why}; give it with `byokey add-key {} --account {} --field NAME=VALUE`, or set \
                 providers.{}.base_url in the configuration",
                self.provider.id, self.account.name, self.provider.id
            )
        })
    }

    /// That the credential may go to `url`, an address of the row's `row`: it serves only the origin
    /// that it was entered for.
    pub(super) fn bound(&self, row: &str, url: &str) -> Result<(), Unusable> {
        let to = origin(url);
        let entered_for = match (&self.account.base_origin, self.account.kind) {
            (Some(origin), _) => Some(origin.clone()),
            (None, AccountKind::Key | AccountKind::Bridge) => return Ok(()),
            (None, _) => origin(&self.filled(row)?),
        };
        if entered_for == to {
            return Ok(());
        }
        let origin = entered_for.unwrap_or_else(|| "another address".to_owned());
        Err(match self.account.kind {
            AccountKind::Key => {
                format!("its key was entered for {origin}; add it again for the new address")
            }
            _ => format!("it was signed in for {origin}; sign in again for the new address"),
        })
    }

    /// The row's constant headers, byokey's own name where it is wanted, then the user's.
    pub(super) fn constants(&self, own: &BTreeMap<String, String>) -> Result<HeaderMap, Unusable> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.provider.headers_with(self.route, own) {
            insert(&mut headers, name, value)?;
        }
        let identity = self.identity.iter().map(|(name, value)| (name, value));
        for (name, value) in identity.chain(&self.settings.headers) {
            insert(&mut headers, name, value)?;
        }
        Ok(headers)
    }

    /// Puts a key account's key into the headers for an address that says `own` of it, or nothing.
    pub(super) fn put_key(
        &self,
        own: Option<&Auth>,
        headers: &mut HeaderMap,
    ) -> Result<(), Unusable> {
        if let Some((name, value)) = self.credential(own)? {
            headers.insert(name, value);
        }
        Ok(())
    }

    /// The header with a key account's key.
    pub(super) fn credential(
        &self,
        own: Option<&Auth>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, Unusable> {
        let Some(secret) = &self.secret else {
            return Ok(None);
        };
        let auth = self.provider.auth_with(self.route, own);
        let made = match auth {
            Auth::Basic => {
                let user = self.provider.field(&self.fields, Auth::USER);
                let user = user.ok_or_else(|| {
                    format!(
                        "its user is missing; give it with `byokey add-key {} --account {} --field \
                         {}=…`",
                        self.provider.id,
                        self.account.name,
                        Auth::USER
                    )
                })?;
                credential_header(auth, &Secret::new(format!("{user}:{}", secret.expose())))?
            }
            _ => credential_header(auth, secret)?,
        };
        Ok(made.map(|(name, mut value)| {
            value.set_sensitive(true);
            (name, value)
        }))
    }

    /// How the account's token goes into requests to an address that says `own` of it, or nothing.
    pub(super) fn signature(&self, own: Option<&Auth>) -> Option<Signature> {
        let ask = self.ask.as_ref()?;
        Some(Signature::new(ask, self.provider, self.route, own))
    }
}
