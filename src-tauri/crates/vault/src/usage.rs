//! Usage: one row per request, kept from the moment `record` returns.
//!
//! A row is appended to a journal file by one `write(2)`; a thread moves the journal into
//! `usage.db` at most about once a second, and sleeps without a timer while nothing happens. Rows
//! that a killed process left in its journal are taken over at the next start.

mod days;
mod journal;
mod row;
mod store;
mod writer;

pub use self::row::{GroupBy, Outcome, Units, UsageRow, UsageTotal};
pub use self::writer::UsageLog;

#[cfg(test)]
mod tests;
