use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// Requests of one caller in the running minute. Clones share the count.
#[derive(Clone, Default)]
pub(crate) struct Pace(Arc<Mutex<Option<Window>>>);

#[derive(Clone, Copy)]
struct Window {
    began: Instant,
    requests: u32,
}

impl Pace {
    /// Counts a request against `per_minute`; when the limit is reached, the time until the next
    /// one is taken.
    pub(crate) fn take(&self, per_minute: u32) -> Result<(), Duration> {
        let now = Instant::now();
        let mut window = self.0.lock();
        match window.as_mut() {
            Some(window) if now - window.began < MINUTE => {
                if window.requests >= per_minute {
                    return Err(MINUTE - (now - window.began));
                }
                window.requests += 1;
            }
            _ => {
                *window = Some(Window {
                    began: now,
                    requests: 1,
                })
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_minute_says_when_it_ends() {
        let pace = Pace::default();
        assert!(pace.take(2).is_ok());
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!(pace.clone().take(2).is_ok());
        assert_eq!(pace.take(2), Err(Duration::from_secs(40)));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert!(pace.take(2).is_ok());
    }
}
