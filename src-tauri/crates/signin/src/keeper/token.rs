//! A token as requests use it, and how long it is good.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::{Catalog, Provider, Refresh, Route};
use byokey_vault::{Account, AccountId, Secret, TokenSet};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::Overrides;
use crate::clock::Moment;
use crate::refresh;

/// Whose token is wanted, and by which rows it is renewed. Made when accounts are read, not per
/// request.
#[derive(Clone)]
pub struct TokenAsk {
    /// The account as it was when accounts were read.
    pub account: Account,
    /// The catalogue in force.
    pub catalog: Arc<Catalog>,
    /// What the user's configuration says of the provider.
    pub overrides: Arc<Overrides>,
}

impl TokenAsk {
    pub(crate) fn rows(&self) -> Option<(&Provider, &Route)> {
        let provider = self.catalog.provider(&self.account.provider)?;
        Some((provider, provider.route(&self.account.route)?))
    }

    /// How its tokens are renewed, if they are.
    pub(super) fn refresh(&self) -> Option<&Refresh> {
        refresh::rule(&self.rows()?.1.flow)
    }

    /// The account as people know it: `provider/name`.
    pub(crate) fn label(&self) -> String {
        format!("{}/{}", self.account.provider, self.account.name)
    }

    /// The command by which a person signs in again.
    pub(crate) fn login(&self) -> String {
        crate::state::login_command(&self.account)
    }
}

/// What requests of one account carry for now.
pub struct Token {
    account: AccountId,
    generation: u64,
    secret: Secret,
    extra: BTreeMap<String, String>,
    pub(super) life: Life,
}

impl Token {
    pub(super) fn of(
        account: AccountId,
        generation: u64,
        set: &TokenSet,
        rule: Option<&Refresh>,
        now: Moment,
    ) -> Self {
        let carried = set.second.as_ref().map_or(&set.access, |it| &it.token);
        Self {
            account,
            generation,
            secret: Secret::new(carried.expose()),
            extra: set.extra.clone(),
            life: Life::of(set, rule, now),
        }
    }

    /// The same once more.
    pub(super) fn again(&self) -> Self {
        Self {
            secret: Secret::new(self.secret.expose()),
            extra: self.extra.clone(),
            ..*self
        }
    }

    /// Whose it is.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The text that goes into a request.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What else the provider said that requests need, such as a project or an address.
    pub fn extra(&self, name: &str) -> Option<&str> {
        self.extra.get(name).map(String::as_str)
    }

    /// Which of the account's token sets it belongs to.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether a request that carries the one carries the other.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.secret.expose() == other.secret.expose()
    }
}

/// Whether a token may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It may.
    Fresh,
    /// It may, and its successor should be got.
    Due,
    /// Only its successor may.
    Ended,
}

/// How long a token is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    obtained: Timestamp,
    due: Option<Timestamp>,
    ends: Option<Timestamp>,
    /// When a second token is due. Its server counts from its own clock, so ours only measures.
    second_due: Option<Instant>,
}

/// Most that is taken off a lifetime where the row does not say.
const LEAD: SignedDuration = SignedDuration::from_mins(5);
/// A token that claims to come from later than this was got before the clock was set back.
const LATER: SignedDuration = SignedDuration::from_mins(5);
/// A second token is used for so long after it was due, while its successor is on the way.
const GRACE: Duration = Duration::from_secs(60);

impl Life {
    pub(super) fn of(set: &TokenSet, rule: Option<&Refresh>, now: Moment) -> Self {
        let renewable = set.refresh.is_some();
        let rule = rule.filter(|_| renewable);
        let due = rule.and_then(|rule| {
            let ends = set.expires?;
            let lead = lead(rule, ends.duration_since(set.obtained));
            let due = ends.checked_sub(lead).ok()?;
            let allowed = set.earliest_refresh.unwrap_or(due);
            Some(due.max(allowed.min(ends)))
        });
        let second_due = set.second.as_ref().and_then(|second| {
            let due = second
                .due
                .or_else(|| second.expires?.checked_sub(LEAD).ok())?;
            let left = Duration::try_from(due.duration_since(now.wall)).unwrap_or_default();
            now.steady.checked_add(left)
        });
        Self {
            obtained: set.obtained,
            due,
            ends: set.expires,
            second_due,
        }
    }

    pub(super) fn age(&self, now: Moment) -> Age {
        if let Some(due) = self.second_due {
            return match now.steady {
                steady if steady < due => Age::Fresh,
                steady if steady < due + GRACE => Age::Due,
                _ => Age::Ended,
            };
        }
        let turned_back = self.due.is_some()
            && now
                .wall
                .checked_add(LATER)
                .is_ok_and(|wall| wall < self.obtained);
        match (self.due, self.ends) {
            (_, Some(ends)) if now.wall >= ends => Age::Ended,
            (Some(due), _) if now.wall >= due || turned_back => Age::Due,
            _ => Age::Fresh,
        }
    }
}

/// How long before its end a token is renewed. Never more than nine tenths of its life, or a short
/// one would be renewed with each request.
fn lead(rule: &Refresh, lifetime: SignedDuration) -> SignedDuration {
    let part = |percent: i32| lifetime * percent / 100;
    let lead = match rule.lead_s {
        None => LEAD.min(part(10)),
        Some(seconds) => SignedDuration::from_secs(seconds.into()),
    };
    let percent = rule.lead_percent.map(|percent| part(percent.into()));
    lead.max(percent.unwrap_or_default()).min(part(90))
}

#[cfg(test)]
mod tests {
    use byokey_catalog::{Encoding, Rotation};
    use byokey_vault::SecondToken;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    fn rule(lead_s: Option<u32>, lead_percent: Option<u8>) -> Refresh {
        Refresh {
            url: None,
            encoding: Encoding::Form,
            rotation: Rotation::May,
            lead_s,
            lead_percent,
            sends_scope: false,
            permanent: Vec::new(),
        }
    }

    fn set(lifetime: Option<i64>) -> TokenSet {
        TokenSet {
            access: Secret::new("a"),
            refresh: Some(Secret::new("r")),
            expires: lifetime.map(at),
            obtained: at(0),
            earliest_refresh: None,
            scope: None,
            client: None,
            second: None,
            extra: BTreeMap::new(),
        }
    }

    fn age(set: &TokenSet, rule: Option<&Refresh>, seconds: i64) -> Age {
        let steady = Instant::now();
        let wall = at(seconds);
        Life::of(
            set,
            rule,
            Moment {
                wall: at(0),
                steady,
            },
        )
        .age(Moment { wall, steady })
    }

    #[test]
    fn a_token_is_due_as_the_rows_say() {
        for (lead_s, percent, lifetime, due) in [
            (None, None, 28_800, 28_500),
            (None, None, 1_000, 900),
            (Some(300), None, 3_600, 3_300),
            (Some(3_000), None, 3_540, 540),
            // Half of its life or five minutes, whichever comes first.
            (Some(300), Some(50), 900, 450),
            (Some(300), Some(50), 500, 200),
            // A life shorter than the lead is used for a tenth.
            (Some(3_000), None, 60, 6),
        ] {
            let rule = rule(lead_s, percent);
            let set = set(Some(lifetime));
            let age = |seconds| age(&set, Some(&rule), seconds);
            assert_eq!(age(due - 1), Age::Fresh, "{lead_s:?} {lifetime}");
            assert_eq!(age(due), Age::Due, "{lead_s:?} {lifetime}");
            assert_eq!(age(lifetime - 1), Age::Due);
            assert_eq!(age(lifetime), Age::Ended);
        }
    }

    #[test]
    fn what_cannot_be_renewed_is_used_to_its_end() {
        let rule = rule(None, None);
        let mut set = set(Some(100));
        assert_eq!(age(&set, None, 99), Age::Fresh);
        set.refresh = None;
        assert_eq!(age(&set, Some(&rule), 99), Age::Fresh);
        assert_eq!(age(&set, Some(&rule), 100), Age::Ended);
        set.expires = None;
        assert_eq!(age(&set, Some(&rule), 1 << 30), Age::Fresh);
    }

    #[test]
    fn the_provider_may_forbid_an_early_renewal() {
        let rule = rule(None, None);
        let mut set = set(Some(1_000));
        set.earliest_refresh = Some(at(950));
        assert_eq!(age(&set, Some(&rule), 949), Age::Fresh);
        assert_eq!(age(&set, Some(&rule), 950), Age::Due);
        // It may not forbid it for good.
        set.earliest_refresh = Some(at(5_000));
        assert_eq!(age(&set, Some(&rule), 1_000), Age::Ended);
    }

    #[test]
    fn a_clock_that_jumps_costs_one_renewal_at_most() {
        let (rule, day) = (rule(None, None), 24 * 3600);
        let set = set(Some(3_600));
        assert_eq!(age(&set, Some(&rule), day), Age::Ended);
        assert_eq!(age(&set, Some(&rule), -day), Age::Due);
        assert_eq!(age(&set, Some(&rule), -60), Age::Fresh);
    }

    #[test]
    fn a_second_token_is_measured_rather_than_dated() {
        let steady = Instant::now();
        let now = Moment {
            wall: at(0),
            steady,
        };
        let mut set = set(None);
        // The server's clock is a day behind: its own end lies in the past.
        set.second = Some(SecondToken {
            token: Secret::new("s"),
            expires: Some(at(-86_400)),
            due: Some(at(1_440)),
        });
        let life = Life::of(&set, None, now);
        for (wall, passed, age) in [
            (0, 0, Age::Fresh),
            (86_400, 1_439, Age::Fresh),
            (-86_400, 1_440, Age::Due),
            (0, 1_500, Age::Ended),
        ] {
            let steady = steady + Duration::from_secs(passed);
            let wall = at(wall);
            assert_eq!(life.age(Moment { wall, steady }), age);
        }
    }
}
