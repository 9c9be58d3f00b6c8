//! What a person reads about an account: one word, since when, why, and what to do.

use byokey_catalog::{Catalog, NoticeKind, Offer, Route};
use byokey_vault::{AcceptedNotice, Account, AccountKind, Condition};
use jiff::Timestamp;

/// How an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// In order.
    Fresh,
    /// In order; its tokens are being renewed just now.
    Refreshing,
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
    /// The same in a few words.
    fn words(self) -> &'static str {
        match self {
            Self::Fresh | Self::Refreshing | Self::Follows => "it is in order",
            Self::NeedsSignIn => "its sign-in has ended",
            Self::NeedsOwner => "the login that it follows has ended",
            Self::NeedsNotice => "its notice is not accepted",
            Self::Blocked => "the provider has locked it out",
            Self::Retired => "the provider has ended this way to sign in",
        }
    }

    /// Whether a person has to do something before it works.
    pub fn needs_attention(self) -> bool {
        !matches!(self, Self::Fresh | Self::Refreshing | Self::Follows)
    }
}

/// What the state of an account depends on beside the account.
#[derive(Clone, Copy)]
pub struct StateFacts<'a> {
    /// The catalogue in force.
    pub catalog: &'a Catalog,
    /// The notices that a person accepted.
    pub accepted: &'a [AcceptedNotice],
    /// Whether the configuration lets ways of this provider be tried that it has ended.
    pub allow_retired: bool,
    /// Whether the account's tokens are being renewed.
    pub refreshing: bool,
}

impl AccountState {
    /// How an account is now.
    pub fn of(account: &Account, facts: &StateFacts<'_>) -> Self {
        let provider = facts.catalog.provider(&account.provider);
        let route = provider.and_then(|provider| provider.route(&account.route));
        if let Some(state) = route.and_then(|route| closed(account, route, facts)) {
            return state;
        }
        let (kind, next) = match (account.condition, account.kind) {
            (Condition::Ready, AccountKind::Followed) => (StateKind::Follows, None),
            (Condition::Ready, _) if facts.refreshing => (StateKind::Refreshing, None),
            (Condition::Ready, _) => (StateKind::Fresh, None),
            (Condition::NeedsSignIn, _) => {
                let next = format!("sign in again: {}", login_command(account));
                (StateKind::NeedsSignIn, Some(next))
            }
            (Condition::NeedsOwner, _) => (StateKind::NeedsOwner, Some(run_owner(account))),
            (Condition::Blocked, _) => {
                let again = login_command(account);
                let next = format!("settle it with the provider, then sign in again: {again}");
                (StateKind::Blocked, Some(next))
            }
        };
        Self {
            kind,
            since: account.condition_since,
            words: account.condition_words.clone(),
            next,
        }
    }
}

impl std::fmt::Display for AccountState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.words())?;
        if let Some(words) = self.words.as_deref().filter(|words| !words.is_empty()) {
            write!(f, " ({words})")?;
        }
        match &self.next {
            Some(next) => write!(f, "; {next}"),
            None => Ok(()),
        }
    }
}

/// Whether its way in is closed by the provider, or waits for the person's consent.
fn closed(account: &Account, route: &Route, facts: &StateFacts<'_>) -> Option<AccountState> {
    if route.offer() == Offer::Greyed && !facts.allow_retired {
        let instead = route.replacement.as_ref();
        return Some(AccountState {
            kind: StateKind::Retired,
            since: None,
            words: route.reason.clone(),
            next: instead.map(|instead| format!("use {instead} instead")),
        });
    }
    let notice = facts.catalog.notice(route)?;
    let current = |it: &AcceptedNotice| it.id == notice.id && it.version == notice.version;
    let open = notice.kind == NoticeKind::Required && !facts.accepted.iter().any(current);
    open.then(|| AccountState {
        kind: StateKind::NeedsNotice,
        since: None,
        words: Some(notice.text.clone()),
        next: Some(format!(
            "read the notice; to go on, accept it: {} --accept-notice",
            login_command(account)
        )),
    })
}

/// The command that signs this account in again.
pub(crate) fn login_command(account: &Account) -> String {
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

    fn state(account: &Account, accepted: &[AcceptedNotice], refreshing: bool) -> AccountState {
        let catalog = Catalog::bundled().unwrap();
        let facts = StateFacts {
            catalog: &catalog,
            accepted,
            allow_retired: false,
            refreshing,
        };
        AccountState::of(account, &facts)
    }

    #[test]
    fn the_state_follows_the_account() {
        let mut bridge = account("claude-cli", Login::Bridge);
        assert_eq!(state(&bridge, &[], false).kind, StateKind::Fresh);
        assert_eq!(state(&bridge, &[], true).kind, StateKind::Refreshing);
        bridge.condition = Condition::NeedsSignIn;
        bridge.condition_words = Some("gone".to_owned());
        let told = state(&bridge, &[], false);
        assert_eq!(told.kind, StateKind::NeedsSignIn);
        assert!(told.kind.needs_attention());
        assert_eq!(told.words.as_deref(), Some("gone"));
        assert!(
            told.next
                .unwrap()
                .contains("--route claude-cli --account work")
        );
        let followed = Login::Followed {
            owner: "Claude Code",
            source: "file",
        };
        let mut followed = account("claude-cli", followed);
        assert_eq!(state(&followed, &[], false).kind, StateKind::Follows);
        followed.condition = Condition::NeedsOwner;
        assert!(
            state(&followed, &[], false)
                .next
                .unwrap()
                .contains("Claude Code")
        );
    }

    #[test]
    fn an_account_of_a_notice_waits_until_its_words_are_accepted() {
        let catalog = Catalog::bundled().unwrap();
        let required = |route: &&Route| {
            let notice = catalog.notice(route);
            notice.is_some_and(|notice| notice.kind == NoticeKind::Required)
        };
        let provider = catalog.provider("claude").unwrap();
        let route = provider.routes.iter().find(required).unwrap();
        let notice = catalog.notice(route).unwrap();
        let account = account(&route.id, Login::Bridge);
        assert_eq!(state(&account, &[], false).kind, StateKind::NeedsNotice);
        let mut accepted = AcceptedNotice {
            id: notice.id.clone(),
            version: notice.version,
            at: Timestamp::now(),
        };
        let is = state(&account, std::slice::from_ref(&accepted), false).kind;
        assert_eq!(is, StateKind::Fresh);
        accepted.version -= 1;
        let is = state(&account, &[accepted], false).kind;
        assert_eq!(is, StateKind::NeedsNotice);
    }
    #[test]
    fn it_reads_as_a_sentence_that_says_what_to_do() {
        let mut account = account("claude-cli", Login::Bridge);
        account.condition = Condition::Blocked;
        account.condition_words = Some("Suspended.".to_owned());
        assert_eq!(
            state(&account, &[], false).to_string(),
            "the provider has locked it out (Suspended.); settle it with the provider, then sign \
             in again: byokey login claude --route claude-cli --account work"
        );
    }
}
