//! One clock for everything measured.
//!
//! Load and fake provider share this process, so a stamp that one writes into a chunk can be
//! compared with the moment the other reads it: the delay on the way is exact, not half of a
//! round trip.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since this clock was first read; an `u64` of them lasts for centuries.
pub(crate) fn now() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// A length of time in this clock's nanoseconds.
pub(crate) fn nanos(length: Duration) -> u64 {
    length.as_nanos() as u64
}
