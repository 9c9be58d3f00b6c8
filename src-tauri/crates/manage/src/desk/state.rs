//! What a person reads about an account: one word, since when, why, and what to do.

use byokey_catalog::{Catalog, NoticeKind, Route, Status};
use byokey_gateway::config::Config;
use byokey_vault::{AcceptedNotice, Account, AccountKind, Condition};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::notices::accepted_at;

/// How an account is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountState {
    /// In one word.
    pub kind: StateKind,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why, in the provider's words where it said something.
    pub words: Option<String>,
    /// What the person does about it; absent when there is nothing to do.
    pub next: Option<String>,
}

/// How an account is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StateKind {
    /// In order.
    Fresh,
    /// In order; another program owns and renews its login.
    Follows,
    /// Its login ended.
    NeedsSignIn,
    /// The login that it follows ended; its owner renews it.
    NeedsOwner,
    /// The notice of its way in is not accepted, or has new words.
    NeedsNotice,
    /// The provider has locked it out.
    Blocked,
    /// The provider has ended its way in.
    Retired,
}

impl StateKind {
    /// Whether a person has to do something before it works.
    pub fn needs_attention(self) -> bool {
        !matches!(self, Self::Fresh | Self::Follows)
    }
}

/// What the state of an account depends on beside the account.
pub(super) struct House<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) config: &'a Config,
    pub(super) accepted: &'a [AcceptedNotice],
}

impl AccountState {
    /// How an account is now.
    pub(super) fn of(account: &Account, house: &House<'_>) -> Self {
        let provider = house.catalog.provider(&account.provider);
        let route = provider.and_then(|provider| provider.route(&account.route));
        if let Some(state) = route.and_then(|route| closed(account, route, house)) {
            return state;
        }
        let (kind, next) = match (account.condition, account.kind) {
            (Condition::Ready, AccountKind::Followed) => (StateKind::Follows, None),
            (Condition::Ready, _) => (StateKind::Fresh, None),
            (Condition::NeedsSignIn, _) => (
                StateKind::NeedsSignIn,
                Some(format!("sign in again: {}", login(account))),
            ),
            (Condition::NeedsOwner, _) => (StateKind::NeedsOwner, Some(run_owner(account))),
            (Condition::Blocked, _) => (
                StateKind::Blocked,
                Some(format!(
                    "settle it with the provider, then sign in again: {}",
                    login(account)
                )),
            ),
        };
        Self {
            kind,
            since: account.condition_since,
            words: account.condition_words.clone(),
            next,
        }
    }
}

/// Whether its way in is closed by the provider, or waits for the person's consent.
fn closed(account: &Account, route: &Route, house: &House<'_>) -> Option<AccountState> {
    let settings = house.config.providers.get(&account.provider);
    let allowed = settings.is_some_and(|settings| settings.allow_retired);
    if route.status == Status::Retired && !allowed {
        let instead = route.replacement.as_ref();
        return Some(AccountState {
            kind: StateKind::Retired,
            since: None,
            words: route.reason.clone(),
            next: instead.map(|instead| format!("use {instead} instead")),
        });
    }
    let notice = house.catalog.notice(route)?;
    let open = notice.kind == NoticeKind::Required && accepted_at(notice, house.accepted).is_none();
    open.then(|| AccountState {
        kind: StateKind::NeedsNotice,
        since: None,
        words: Some(notice.text.clone()),
        next: Some(format!(
            "read the notice; to go on, accept it: {} --accept-notice",
            login(account)
        )),
    })
}

/// The command that signs this account in again.
fn login(account: &Account) -> String {
    format!(
        "byokey login {} --route {} --account {}",
        account.provider, account.route, account.name
    )
}

fn run_owner(account: &Account) -> String {
    let owner = account.owner.as_deref().unwrap_or("the program it follows");
    format!("run {owner} and let it sign in; byokey sees that by itself")
}

#[cfg(test)]
mod tests {
    use byokey_vault::{Actor, HomeChoice, Login, NewSignIn, Vault};

    use super::*;

    fn account(route: &str, login: Login<'_>) -> Account {
        let vault = Vault::open(std::path::Path::new("/nowhere"), HomeChoice::Memory).unwrap();
        let new = NewSignIn {
            provider: "claude",
            name: Some("work"),
            route,
            identity: Some("1"),
            label: None,
            plan: None,
            base_origin: None,
            fields: &[],
        };
        vault.sign_in(new, login, Actor::Cli).unwrap().account
    }

    fn state(account: &Account, accepted: &[AcceptedNotice], config: &Config) -> AccountState {
        let catalog = Catalog::bundled().unwrap();
        let house = House {
            catalog: &catalog,
            config,
            accepted,
        };
        AccountState::of(account, &house)
    }

    #[test]
    fn the_state_follows_the_account() {
        let plain = Config::default();
        let mut bridge = account("claude-code", Login::Bridge);
        assert_eq!(state(&bridge, &[], &plain).kind, StateKind::Fresh);
        bridge.condition = Condition::NeedsSignIn;
        bridge.condition_words = Some("gone".to_owned());
        let told = state(&bridge, &[], &plain);
        assert_eq!(told.kind, StateKind::NeedsSignIn);
        assert!(told.kind.needs_attention());
        assert_eq!(told.words.as_deref(), Some("gone"));
        assert!(
            told.next
                .unwrap()
                .contains("--route claude-code --account work")
        );
        let followed = Login::Followed {
            owner: "Claude Code",
            source: "file",
        };
        let mut followed = account("claude-code", followed);
        assert_eq!(state(&followed, &[], &plain).kind, StateKind::Follows);
        followed.condition = Condition::NeedsOwner;
        assert!(
            state(&followed, &[], &plain)
                .next
                .unwrap()
                .contains("Claude Code")
        );
    }

    #[test]
    fn an_account_of_a_notice_waits_until_its_words_are_accepted() {
        let plain = Config::default();
        let catalog = Catalog::bundled().unwrap();
        let required = |route: &&Route| {
            let notice = catalog.notice(route);
            notice.is_some_and(|notice| notice.kind == NoticeKind::Required)
        };
        let provider = catalog.provider("claude").unwrap();
        let route = provider.routes.iter().find(required).unwrap();
        let notice = catalog.notice(route).unwrap();
        let account = account(&route.id, Login::Bridge);
        assert_eq!(state(&account, &[], &plain).kind, StateKind::NeedsNotice);
        let mut accepted = AcceptedNotice {
            id: notice.id.clone(),
            version: notice.version,
            at: Timestamp::now(),
        };
        let is = state(&account, std::slice::from_ref(&accepted), &plain).kind;
        assert_eq!(is, StateKind::Fresh);
        accepted.version -= 1;
        let is = state(&account, &[accepted], &plain).kind;
        assert_eq!(is, StateKind::NeedsNotice);
    }
}
