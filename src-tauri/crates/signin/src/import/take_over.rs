use byokey_vault::{
    Account, AccountChange, AccountId, AccountKind, Actor, Login, NewSignIn, TokenSet,
};

use super::follow::{registration, row_and_spot, there};
use super::form::Held;
use super::{Importer, Unread};
use crate::{SigninError, flow};

impl Importer<'_> {
    /// Makes the login that an account follows byokey's own, which renews it from now on. The
    /// owner's place stays as it is, but the owner will have to sign in again once byokey has
    /// renewed: so the caller asks the person first. The account gets a new number and keeps its
    /// name, place and switch.
    ///
    /// # Errors
    /// [`SigninError::NotTaken`] for an account that follows nobody and for a login that cannot be
    /// renewed; and when the vault did not store it. The account is then as it was.
    pub fn take_over(&self, id: AccountId, by: Actor) -> Result<Account, SigninError> {
        let not_taken = |why: &str| SigninError::NotTaken {
            what: "the login".to_owned(),
            why: why.to_owned(),
        };
        let vault = self
            .vault
            .ok_or_else(|| not_taken("there is no vault to keep it in"))?;
        let accounts = vault.accounts()?;
        let followed = accounts
            .iter()
            .find(|account| account.id == id && account.kind == AccountKind::Followed)
            .cloned()
            .ok_or_else(|| not_taken("this account follows no other program"))?;
        let same = |it: &Account| {
            it.provider == followed.provider
                && it.owner.is_none()
                && it.identity.is_some()
                && it.identity == followed.identity
        };
        if accounts.iter().any(same) {
            // Taking it over would put the other program's tokens in place of those.
            return Err(not_taken("byokey has a login of its own for this person"));
        }
        let (import, spot) = row_and_spot(self.catalog, &followed).ok_or_else(|| {
            not_taken("this byokey does not know how to read it: import it again")
        })?;
        let unread = |unread: Unread| not_taken(&unread.to_string());
        let read = there(self.machine, import, &spot).map_err(unread)?;
        let other = |known: &String| read.who.subject.as_ref().is_some_and(|it| it != known);
        if followed.identity.as_ref().is_some_and(other) {
            return Err(not_taken("somebody else is signed in there now"));
        }
        let Held::Tokens {
            access,
            refresh: Some(refresh),
            expires,
        } = read.held
        else {
            return Err(not_taken("it holds nothing that could renew it"));
        };
        let mut set = TokenSet {
            access,
            refresh: Some(refresh),
            expires,
            obtained: self.now,
            earliest_refresh: None,
            scope: read.scopes.map(|scopes| scopes.join(" ")),
            client: registration(self.machine, import, &spot),
            second: None,
            extra: read.extra,
        };
        let unknown = || SigninError::Unknown(format!("{}/{}", followed.provider, followed.route));
        let provider = self
            .catalog
            .provider(&followed.provider)
            .ok_or_else(unknown)?;
        let route = provider.route(&followed.route).ok_or_else(unknown)?;
        let overrides = (self.overrides)(&provider.id);
        let origin = flow::renewed_at(&overrides, provider, route, &followed.fields)?;
        set.extra
            .extend(origin.map(|it| (crate::sign_ins::TOKEN_ORIGIN.to_owned(), it)));
        let fields: Vec<(&str, &str)> = followed.fields.iter().map(|(k, v)| (&**k, &**v)).collect();
        let new = NewSignIn {
            provider: &followed.provider,
            name: None,
            route: &followed.route,
            identity: followed.identity.as_deref(),
            label: followed.label.as_deref(),
            plan: followed.plan.as_deref(),
            base_origin: followed.base_origin.as_deref(),
            fields: &fields,
        };
        // In this order, a crash leaves both accounts rather than none.
        let own = vault.sign_in(new, Login::Tokens(&set), by.clone())?.account;
        vault.remove_account(followed.id, by.clone())?;
        let change = AccountChange {
            name: Some(followed.name),
            enabled: Some(followed.enabled),
            priority: Some(followed.priority),
            ..AccountChange::default()
        };
        Ok(vault.update_account(own.id, change, by)?)
    }
}
