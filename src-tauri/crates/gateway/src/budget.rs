use std::sync::Arc;

use byokey_vault::{ClientKey, GroupBy, Vault, VaultError};
use byokey_wire::{Fault, FaultKind};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

/// What a client key has cost in the running month (UTC), estimated by list prices. Clones share
/// the sum.
#[derive(Clone)]
pub(crate) struct Spent(Arc<Mutex<Month>>);

struct Month {
    first: Date,
    usd: f64,
}

impl Spent {
    /// The sum so far, from the usage records. Only keys with a budget need it.
    pub(crate) fn load(vault: &Vault, key: &ClientKey) -> Result<Self, VaultError> {
        let first = month(Timestamp::now());
        let mut usd = 0.0;
        if key.limits.budget_usd.is_some()
            && let Ok(start) = first.to_zoned(TimeZone::UTC)
        {
            let totals = vault.usage().totals(start.timestamp(), GroupBy::Client)?;
            let ours = totals.iter().find(|total| total.id == Some(key.id.0));
            usd = ours.map_or(0.0, |total| total.cost_usd);
        }
        Ok(Self(Arc::new(Mutex::new(Month { first, usd }))))
    }

    /// Counts a request that began at `at`.
    pub(crate) fn add(&self, at: Timestamp, usd: f64) {
        let mut sum = self.0.lock();
        let first = month(at);
        if first > sum.first {
            *sum = Month { first, usd: 0.0 };
        }
        if first == sum.first {
            sum.usd += usd;
        }
    }

    /// Refuses when the month's budget is used up.
    pub(crate) fn check(&self, budget_usd: f64, name: &str) -> Result<(), Fault> {
        let now = Timestamp::now();
        let sum = self.0.lock();
        if month(now) > sum.first || sum.usd < budget_usd {
            return Ok(());
        }
        let reset = sum.first.last_of_month().tomorrow().ok();
        let mut fault = Fault::new(
            FaultKind::Quota,
            format!(
                "the client key `{name}` has used its budget of ${budget_usd:.2} for this month{}",
                reset
                    .map(|date| format!("; it starts anew on {date} (UTC)"))
                    .unwrap_or_default()
            ),
        );
        let start = reset.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
        fault.retry_after_s = start.and_then(|start| {
            (start.timestamp().as_second() - now.as_second())
                .try_into()
                .ok()
        });
        Err(fault)
    }
}

/// The first day of a moment's month.
fn month(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date().first_of_month()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_budget_ends_with_the_month() {
        let now = Timestamp::now();
        let spent = Spent(Arc::new(Mutex::new(Month {
            first: month(now),
            usd: 0.0,
        })));
        spent.add(now, 0.75);
        assert!(spent.check(1.0, "k").is_ok());
        spent.clone().add(now, 0.25);
        let fault = spent.check(1.0, "k").unwrap_err();
        assert_eq!(fault.kind, FaultKind::Quota);
        assert!(fault.retry_after_s.unwrap() <= 31 * 86_400);

        let last_month = month(now).yesterday().unwrap().first_of_month();
        spent.0.lock().first = last_month;
        assert!(spent.check(1.0, "k").is_ok());
        spent.add(now, 0.5);
        assert!(spent.check(1.0, "k").is_ok());
    }
}
