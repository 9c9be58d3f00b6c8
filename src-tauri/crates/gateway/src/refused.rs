//! What providers refused of late, so that it costs a round trip once and not with every request.

use std::collections::HashMap;
use std::time::Duration;

use byokey_vault::AccountId;
use byokey_wire::Remedy;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Providers change their minds; after this long the member is tried again.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);
/// Models are named by callers, so their number must be bounded.
const MOST: usize = 1000;

/// The members that accounts refused for models which no row describes.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<HashMap<(AccountId, String), Entry>>);

#[derive(Debug)]
struct Entry {
    since: Instant,
    members: Vec<Remedy>,
}

impl Refused {
    /// What is better left out at once.
    pub(crate) fn of(&self, account: AccountId, model: &str) -> Vec<Remedy> {
        let mut known = self.0.lock();
        if known.is_empty() {
            return Vec::new();
        }
        let key = (account, model.to_owned());
        match known.get(&key) {
            Some(entry) if entry.since.elapsed() < FORGOTTEN => entry.members.clone(),
            Some(_) => {
                known.remove(&key);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Remembers what a request that succeeded had to leave out.
    pub(crate) fn note(&self, account: AccountId, model: &str, members: &[Remedy]) {
        if members.is_empty() {
            return;
        }
        let mut known = self.0.lock();
        if known.len() >= MOST {
            known.clear();
        }
        let key = (account, model.to_owned());
        let since = known
            .get(&key)
            .map_or_else(Instant::now, |entry| entry.since);
        let members = members.to_vec();
        known.insert(key, Entry { since, members });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn is_remembered_for_a_day() {
        let refused = Refused::default();
        let seed = [Remedy::Without("seed".into())];
        refused.note(AccountId(1), "m", &seed);
        refused.note(AccountId(1), "n", &[]);
        assert_eq!(refused.of(AccountId(1), "m"), seed);
        assert!(refused.of(AccountId(2), "m").is_empty());
        assert!(refused.of(AccountId(1), "n").is_empty());
        tokio::time::advance(FORGOTTEN).await;
        assert!(refused.of(AccountId(1), "m").is_empty());
    }
}
