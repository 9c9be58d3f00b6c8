use byokey_vault::{Account, Actor, Fields, Login, NewSignIn, Secret, TokenSet, Vault};

use super::form::Held;
use super::plan::Candidate;
use super::{Found, FoundKind, ImportVerdict, Importer};
use crate::{SigninError, tidy_key};

impl Importer<'_> {
    /// Makes an account of something that a plan found; reads its place again for that. A login
    /// becomes an account that follows its owner, a key or a lasting token one of its own. What is
    /// an account already stays as it is. The free check of a key is the caller's to make before:
    /// see [`key`](Self::key).
    ///
    /// # Errors
    /// [`SigninError::NeedsNotice`]; [`SigninError::NotTaken`] when it is gone or of no use; and
    /// when the vault did not store it.
    pub fn take(
        &self,
        found: &Found,
        name: Option<&str>,
        by: Actor,
    ) -> Result<Account, SigninError> {
        let no_vault = || not_taken(found, "there is no vault to keep it in");
        let vault = self.vault.ok_or_else(no_vault)?;
        let candidate = self.again(found)?;
        match &candidate.found.verdict {
            ImportVerdict::Ready => self.store(vault, candidate, name, by),
            ImportVerdict::AlreadyHere { account, .. } => {
                let mut accounts = vault.accounts()?.into_iter();
                let held = accounts.find(|it| it.id == *account);
                held.ok_or_else(|| not_taken(&candidate.found, "it is gone"))
            }
            ImportVerdict::NeedsNotice { notice, .. } => {
                let known = self.catalog.notices().iter();
                let text = known.filter(|it| it.id == *notice).map(|it| &it.text);
                Err(SigninError::NeedsNotice {
                    notice: notice.clone(),
                    text: text.cloned().collect(),
                })
            }
            verdict => Err(not_taken(&candidate.found, &verdict.to_string())),
        }
    }

    /// The key of something found, tidied, with the values beside it; for checking it at the
    /// provider or adding it in the ordinary way.
    ///
    /// # Errors
    /// [`SigninError::NotTaken`] when it is gone or no key.
    pub fn key(&self, found: &Found) -> Result<(Secret, Fields), SigninError> {
        let candidate = self.again(found)?;
        match candidate.read.map(|read| read.held) {
            Some(Held::Key(key)) if candidate.found.verdict.is_good() => {
                Ok((tidy_key(key)?, candidate.fields))
            }
            _ => {
                let why = candidate.found.verdict.to_string();
                Err(not_taken(&candidate.found, &why))
            }
        }
    }

    fn again(&self, found: &Found) -> Result<Candidate, SigninError> {
        let candidates = self.candidates(&[&found.source])?;
        let same = candidates.into_iter().find(|it| it.found.id == found.id);
        same.ok_or_else(|| not_taken(found, "it is gone"))
    }

    fn store(
        &self,
        vault: &Vault,
        candidate: Candidate,
        name: Option<&str>,
        by: Actor,
    ) -> Result<Account, SigninError> {
        let Candidate {
            found,
            spot,
            read,
            fields,
        } = candidate;
        let read = read.ok_or_else(|| not_taken(&found, "it is gone"))?;
        let unknown = || SigninError::Unknown(format!("{}/{}", found.provider, found.route));
        let provider = self.catalog.provider(&found.provider).ok_or_else(unknown)?;
        let route = provider.route(&found.route).ok_or_else(unknown)?;
        let bound = (self.overrides)(&provider.id).bound_origin(provider, route, &fields);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (&**k, &**v)).collect();
        let new = NewSignIn {
            provider: &found.provider,
            name,
            route: &found.route,
            identity: read.who.subject.as_deref(),
            label: read.who.label.as_deref(),
            plan: read.who.plan.as_deref(),
            base_origin: bound.as_deref(),
            fields: &fields,
        };
        let source = spot.map(|spot| spot.to_string()).unwrap_or_default();
        let signed_in = match (found.kind, read.held) {
            (FoundKind::Follow, _) => {
                let owner = found.owner.as_deref().unwrap_or_default();
                let source = &source;
                vault.sign_in(new, Login::Followed { owner, source }, by)?
            }
            (_, Held::Key(key)) => vault.sign_in(new, Login::Key(&tidy_key(key)?), by)?,
            (
                _,
                Held::Tokens {
                    access, expires, ..
                },
            ) => {
                let set = TokenSet {
                    access,
                    refresh: None,
                    expires,
                    obtained: self.now,
                    earliest_refresh: None,
                    scope: read.scopes.map(|scopes| scopes.join(" ")),
                    client: None,
                    second: None,
                    extra: read.extra,
                };
                vault.sign_in(new, Login::Tokens(&set), by)?
            }
        };
        Ok(signed_in.account)
    }
}

fn not_taken(found: &Found, why: &str) -> SigninError {
    SigninError::NotTaken {
        what: format!("{} ({})", found.place, found.provider_name),
        why: why.to_owned(),
    }
}
