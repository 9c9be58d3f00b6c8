//! Asking again and again until a person has typed a code on another device.
//!
//! The pace is the server's, within reason: RFC 8628 §3.5 says how it slows down, and neither a reply
//! nor a dead network may turn this into a storm or into a wait without end.

use std::time::Duration;

use tokio::time::Instant;

use crate::SigninError;

/// Between two questions, where the server names nothing (RFC 8628 §3.2).
const USUAL: f64 = 5.0;
/// What a `slow_down` adds for good, where the server names nothing.
const SLOWER: Duration = Duration::from_secs(5);
const SHORTEST: f64 = 1.0;
const LONGEST: f64 = 60.0;

/// How often is asked, and until when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    interval: Duration,
    /// Seconds on top of whatever the server says.
    extra: Duration,
    until: Instant,
    left: u64,
}

/// What one question brought.
pub(crate) enum Round<T> {
    /// The person agreed.
    Granted(T),
    /// Not yet.
    Pending,
    /// Not yet, and not so often: from now on with this interval in seconds, if one was named.
    SlowDown(Option<f64>),
    /// The server has no time (429, 5xx).
    Busy {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
        /// What to say if nothing better comes until the end.
        error: SigninError,
    },
    /// No answer came.
    Unreached(SigninError),
}

impl Pace {
    /// `interval` is the server's, in seconds; `lifetime` is how long the code holds.
    pub(crate) fn new(interval: Option<f64>, extra_s: u32, lifetime: Duration) -> Self {
        let interval = believable(interval.unwrap_or(USUAL));
        let questions = lifetime.as_millis() / interval.as_millis().max(1);
        Self {
            interval,
            extra: Duration::from_secs(extra_s.into()),
            until: Instant::now() + lifetime,
            left: u64::try_from(questions)
                .unwrap_or(u64::MAX)
                .saturating_add(1),
        }
    }

    fn slow_down(&mut self, named: Option<f64>) {
        let slower = named.map_or(self.interval + SLOWER, believable);
        self.interval = self.interval.max(slower);
    }

    /// How long to wait before the next question, after so many in a row without an answer.
    fn wait(&self, unanswered: u32) -> Duration {
        let usual = self.interval + self.extra;
        let backed_off = usual.saturating_mul(1 << unanswered.min(6));
        let most = Duration::from_secs_f64(LONGEST).max(usual);
        backed_off.min(most)
    }
}

/// Asks until the person agreed, something final came, or the code no longer holds.
///
/// # Errors
/// What `ask` returns; [`SigninError::TooLate`] at the end, or what kept the server from answering.
pub(crate) async fn until_granted<T, F>(
    mut pace: Pace,
    mut ask: impl FnMut() -> F,
) -> Result<T, SigninError>
where
    F: Future<Output = Result<Round<T>, SigninError>>,
{
    let mut unanswered = 0;
    let mut at_least = Duration::ZERO;
    let mut trouble = None;
    while pace.left > 0 {
        let next = Instant::now() + pace.wait(unanswered).max(at_least);
        if next > pace.until {
            break;
        }
        tokio::time::sleep_until(next).await;
        pace.left -= 1;
        at_least = Duration::ZERO;
        match ask().await? {
            Round::Granted(granted) => return Ok(granted),
            Round::Pending => (unanswered, trouble) = (0, None),
            Round::SlowDown(named) => {
                pace.slow_down(named);
                (unanswered, trouble) = (0, None);
            }
            Round::Busy { retry_after, error } => {
                unanswered += 1;
                at_least = retry_after.unwrap_or_default();
                trouble = Some(error);
            }
            Round::Unreached(error) => {
                unanswered += 1;
                trouble = Some(error);
            }
        }
    }
    // The code may still be on the screen; it holds as long as it says.
    tokio::time::sleep_until(pace.until).await;
    Err(trouble.unwrap_or(SigninError::TooLate))
}

/// A server's interval, if it is one.
fn believable(seconds: f64) -> Duration {
    let seconds = if seconds.is_nan() { USUAL } else { seconds };
    Duration::from_secs_f64(seconds.clamp(SHORTEST, LONGEST))
}

#[cfg(test)]
mod tests;
