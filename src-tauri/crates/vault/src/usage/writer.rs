use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use super::journal::{self, Journal, Orphan};
use super::row::{GroupBy, UsageRow, UsageTotal};
use super::store::Store;
use crate::VaultError;

/// The shortest time between two transactions that nobody waits for.
const PACE: Duration = Duration::from_secs(1);
const LONGEST_ERROR: usize = 300;

/// What requests cost. Reading and flushing may wait for the disk; recording does not.
pub struct UsageLog {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    journal: Journal,
    store: Mutex<Store>,
}

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl UsageLog {
    pub(crate) fn open(dir: Option<&Path>) -> Result<Self, VaultError> {
        let mut store = Store::open(dir)?;
        if let Some(dir) = dir {
            for orphan in Orphan::find(dir)? {
                store.add(orphan.rows())?;
                orphan.remove()?;
            }
        }
        let shared = Arc::new(Shared {
            journal: Journal::new(dir),
            store: Mutex::new(store),
        });
        let worker = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("usage".to_owned())
            .spawn(move || worker.run())
            .map_err(VaultError::io("start a thread for", Path::new("usage.db")))?;
        Ok(Self {
            shared,
            writer: Some(writer),
        })
    }

    /// Keeps a row. When this returns, the row survives the death of the process. It costs a few
    /// microseconds and is safe to call on an async thread. A disk that takes nothing is logged,
    /// and the row is kept in memory until it does.
    pub fn record(&self, mut row: UsageRow) {
        if let Some(error) = &mut row.error {
            cut(error, LONGEST_ERROR);
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            match journal::encode(&row, line) {
                Ok(()) => self.shared.journal.append(line),
                Err(error) => tracing::error!(%error, "a usage row cannot be encoded"),
            }
        });
    }

    /// Sums of all requests from `since` on, largest cost first (days in order). Whole days are
    /// answered from daily sums, so a year is as quick as a day. Everything that this process
    /// recorded is in it; what another process recorded may be a second late.
    pub fn totals(&self, since: Timestamp, by: GroupBy) -> Result<Vec<UsageTotal>, VaultError> {
        self.flushed()?.totals(since, by)
    }

    /// The newest rows, newest first.
    pub fn recent(&self, limit: u32) -> Result<Vec<UsageRow>, VaultError> {
        self.flushed()?.recent(limit)
    }

    /// Moves everything recorded so far into the database.
    pub fn flush(&self) -> Result<(), VaultError> {
        self.flushed().map(drop)
    }

    /// The database as it is, without what the journal still holds.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock()
    }

    fn flushed(&self) -> Result<MutexGuard<'_, Store>, VaultError> {
        let mut store = self.shared.store.lock();
        self.shared.drain(&mut store)?;
        Ok(store)
    }
}

impl Drop for UsageLog {
    fn drop(&mut self) {
        self.shared.journal.stop();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the usage writer died; its journal is read at the next start");
        }
        self.shared.journal.close();
    }
}

impl Shared {
    fn run(&self) {
        let mut ready = Instant::now();
        let mut works = true;
        loop {
            // A database that refuses is not asked more often because more is waiting.
            let go_on = self.journal.wait(ready, works);
            let drained = self.drain(&mut self.store.lock());
            works = drained.is_ok();
            if let Err(error) = drained {
                // The rows stay in the journal; the next one recorded brings another try.
                tracing::warn!(%error, "usage stays in the journal for now");
            }
            if !go_on {
                return;
            }
            ready = Instant::now() + PACE;
        }
    }

    /// The caller holds the store, so that only one thread empties the journal at a time.
    fn drain(&self, store: &mut Store) -> Result<(), VaultError> {
        while let Some(batch) = self.journal.take() {
            let added = batch
                .rows()
                .map_err(VaultError::io("read", Path::new("the usage journal")));
            match added.and_then(|rows| store.add(rows)) {
                Ok(()) => {
                    let emptied = self.journal.done(batch);
                    emptied.map_err(VaultError::io("empty", Path::new("the usage journal")))?;
                }
                Err(error) => {
                    self.journal.put_back(batch);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Cuts a text to at most `most` characters.
fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}
