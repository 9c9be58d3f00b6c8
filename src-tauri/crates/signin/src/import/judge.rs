//! What may become of something that was found.

use byokey_catalog::{Flow, Import, NoticeKind, Offer, Route};
use byokey_vault::{Account, AccountKind, Secret};

use super::form::Read;
use super::plan::Row;
use super::spot::Spot;
use super::{FoundKind, ImportVerdict};
use crate::tidy_key;

impl Row<'_> {
    pub(super) fn judge_login(
        &self,
        route: &Route,
        import: &Import,
        spot: &Spot,
        kind: FoundKind,
        read: &Read,
    ) -> ImportVerdict {
        if let Some(retired) = self.retired(route) {
            return retired;
        }
        let token = read.secret().expose();
        let begins = |prefix: &str| token.starts_with(prefix);
        if let Some(kind) = route.unusable_tokens.iter().find(|it| begins(&it.prefix)) {
            return ImportVerdict::Unusable {
                why: kind.because.clone(),
            };
        }
        if let Some(scope) = missing_scope(route, read) {
            return ImportVerdict::Unusable {
                why: format!(
                    "this login was not granted `{scope}`, without which no request can be made"
                ),
            };
        }
        let account = match kind {
            FoundKind::Token => self.holder(read.secret()),
            _ => self.follower(&spot.to_string(), &import.owner, read),
        };
        if let Some(account) = account {
            return already(account);
        }
        if read.expires().is_some_and(|end| end <= self.importer.now) {
            return ImportVerdict::Expired {
                renew: import.renew.clone(),
            };
        }
        self.noticed(route)
    }

    /// The route that a key belongs to, and whether it can be taken.
    pub(super) fn judge_key<'a>(
        &'a self,
        otherwise: &'a Route,
        key: &Secret,
    ) -> (&'a Route, ImportVerdict) {
        let Some(route) = self.provider.route_for_key(key.expose()) else {
            let verdict = self.retired(otherwise).unwrap_or_else(|| {
                let name = &self.provider.name;
                ImportVerdict::Unusable {
                    why: format!("{name} does not let other programs use this kind of key"),
                }
            });
            return (otherwise, verdict);
        };
        let verdict = if let Some(retired) = self.retired(route) {
            retired
        } else if let Err(trouble) = tidy_key(Secret::new(key.expose())) {
            ImportVerdict::Unusable {
                why: trouble.to_string(),
            }
        } else if let Some(account) = self.holder(key) {
            already(account)
        } else {
            self.noticed(route)
        };
        (route, verdict)
    }

    pub(super) fn retired(&self, route: &Route) -> Option<ImportVerdict> {
        let ended = route.offer() == Offer::Greyed && !self.retired_too;
        ended.then(|| ImportVerdict::Retired {
            why: route.reason.clone().unwrap_or_default(),
            replacement: route.replacement.clone(),
        })
    }

    fn noticed(&self, route: &Route) -> ImportVerdict {
        let notice = self.importer.catalog.notice(route);
        let required = notice.filter(|notice| notice.kind == NoticeKind::Required);
        match required {
            Some(notice)
                if !self
                    .held
                    .accepted
                    .contains(&(notice.id.clone(), notice.version)) =>
            {
                ImportVerdict::NeedsNotice {
                    notice: notice.id.clone(),
                    version: notice.version,
                }
            }
            _ => ImportVerdict::Ready,
        }
    }

    /// The account that follows this place, or that has this identity by a sign-in of its own.
    fn follower(&self, spot: &str, owner: &str, read: &Read) -> Option<&Account> {
        let subject = read.who.subject.as_deref();
        let same = |account: &&Account| match account.kind {
            AccountKind::Followed => {
                let identity = account.identity.as_deref();
                let same_owner = account.owner.as_deref() == Some(owner);
                account.source.as_deref() == Some(spot)
                    || (same_owner && subject.is_some() && identity == subject)
            }
            AccountKind::Tokens => subject.is_some() && account.identity.as_deref() == subject,
            _ => false,
        };
        self.ours().find(same)
    }

    /// The account that holds this key or token.
    fn holder(&self, secret: &Secret) -> Option<&Account> {
        let vault = self.importer.vault?;
        let holds = |account: &&Account| match account.kind {
            AccountKind::Key => vault
                .credential(account.id)
                .is_ok_and(|held| held.secret.expose() == secret.expose()),
            AccountKind::Tokens => vault
                .tokens(account.id)
                .is_ok_and(|held| held.tokens.access.expose() == secret.expose()),
            _ => false,
        };
        self.ours().find(holds)
    }

    fn ours(&self) -> impl Iterator<Item = &Account> {
        let accounts = self.held.accounts.iter();
        accounts.filter(|account| account.provider == self.provider.id)
    }
}

fn already(account: &Account) -> ImportVerdict {
    ImportVerdict::AlreadyHere {
        account: account.id,
        name: account.name.clone(),
    }
}

/// The scope that the route cannot do without and the login does not have.
fn missing_scope<'a>(route: &'a Route, read: &Read) -> Option<&'a str> {
    let Flow::Pkce(pkce) = &route.flow else {
        return None;
    };
    let (wanted, granted) = (pkce.required_scope.as_deref()?, read.scopes.as_ref()?);
    (!granted.iter().any(|it| it == wanted)).then_some(wanted)
}
