//! When an account's tokens are let alone after a failure.

use std::time::Duration;

use tokio::time::Instant;

use super::trouble::TokenTrouble;

/// First wait after a failure that may pass; each further one waits twice as long.
const FIRST: Duration = Duration::from_secs(5);
/// Longest wait of byokey's own choosing.
const LONGEST: Duration = Duration::from_secs(300);
/// Longest wait that a provider may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);
/// What only a new sign-in helps is looked up in the vault again after this long: another process
/// may have signed in.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A failure that holds for a while.
pub(super) struct Rest {
    trouble: TokenTrouble,
    /// Of which token set it speaks.
    pub(super) generation: u64,
    until: Instant,
    /// The vault's counter at that moment; a change of it may be the cure.
    vault: u64,
}

impl Rest {
    /// After the `failures`th failure in a row.
    pub(super) fn after(
        trouble: TokenTrouble,
        failures: u32,
        generation: u64,
        vault: u64,
        now: Instant,
    ) -> Self {
        let wait = match &trouble {
            TokenTrouble::Passing { retry_after, .. } => wait(*retry_after, failures, chance()),
            _ => LOOK_AGAIN,
        };
        Self {
            trouble,
            generation,
            until: now + wait,
            vault,
        }
    }

    /// The failure, as long as it holds; `vault` is the vault's counter now.
    pub(super) fn trouble(&self, vault: u64, now: Instant) -> Option<TokenTrouble> {
        let left = self.until.saturating_duration_since(now);
        if left.is_zero() {
            return None;
        }
        match self.trouble.clone() {
            TokenTrouble::Passing { account, words, .. } => Some(TokenTrouble::Passing {
                account,
                words,
                retry_after: Some(left),
            }),
            lasting => (vault == self.vault).then_some(lasting),
        }
    }

    /// The failure, if only a person can end it.
    pub(super) fn lasting(&self) -> Option<&TokenTrouble> {
        (!self.trouble.passing()).then_some(&self.trouble)
    }
}

/// How long to wait, a fifth more or less by chance, so that many installations do not come back at
/// once. A provider's own wish is never cut short.
fn wait(asked: Option<Duration>, failures: u32, chance: f64) -> Duration {
    match asked {
        Some(asked) => asked
            .clamp(FIRST, LONGEST_ASKED)
            .mul_f64(1.0 + chance / 5.0),
        None => {
            let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
            doubled.min(LONGEST).mul_f64(0.8 + chance * 0.4)
        }
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let mut byte = [0];
    // Without randomness all wait alike.
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit_and_honour_what_is_asked() {
        let seconds = Duration::from_secs;
        for (asked, failures, least, most) in [
            (None, 1, 4, 6),
            (None, 2, 8, 12),
            (None, 3, 16, 24),
            (None, 40, 240, 360),
            (Some(30), 1, 30, 36),
            (Some(0), 9, 5, 6),
            (Some(86_400), 1, 3600, 4320),
        ] {
            for chance in [0.0, 0.5, 1.0] {
                let wait = wait(asked.map(seconds), failures, chance);
                assert!((seconds(least)..=seconds(most)).contains(&wait), "{wait:?}");
            }
        }
    }
}
