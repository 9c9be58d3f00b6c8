use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

/// Where the time comes from. Both clocks are asked together: the wall clock knows about sleep and
/// may jump, the steady one does neither.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

/// One moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) steady: Instant,
}

impl Clock {
    /// The computer's.
    pub(crate) fn system() -> Self {
        Self(Arc::new(Timestamp::now))
    }

    /// One whose wall clock is told.
    #[cfg(test)]
    pub(crate) fn told(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(wall))
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            wall: (self.0)(),
            steady: Instant::now(),
        }
    }
}
