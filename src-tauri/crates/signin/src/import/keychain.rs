//! Items of the keychain that other programs own. They are read, never written; a locked keychain
//! is left locked; each question has a deadline, and one that ran into it is not asked again for a
//! while, so that nobody is met by one prompt after another.

mod os;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::Unread;

const BACKGROUND: Duration = Duration::from_secs(5);
const INTERACTIVE: Duration = Duration::from_secs(60);
/// How long an item that nobody let us read is left alone.
const REST: Duration = Duration::from_mins(10);

/// A store of items with a service name and an account name.
pub(super) trait Items: Send + Sync {
    /// The content of the item; without an account that of any item of the service.
    fn read(&self, service: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread>;
}

/// The keychain with its patience.
pub(super) struct ItemStore {
    items: Arc<dyn Items>,
    patience: Duration,
    unanswered: Mutex<BTreeMap<String, Instant>>,
}

/// A machine without a keychain.
struct Nothing;

impl Items for Nothing {
    fn read(&self, _: &str, _: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
        Err(Unread::Missing)
    }
}

impl ItemStore {
    pub(super) fn system() -> Self {
        Self::of(Arc::new(os::System))
    }

    pub(super) fn none() -> Self {
        Self::of(Arc::new(Nothing))
    }

    pub(super) fn of(items: Arc<dyn Items>) -> Self {
        Self {
            items,
            patience: BACKGROUND,
            unanswered: Mutex::default(),
        }
    }

    pub(super) fn interactive(self) -> Self {
        Self {
            patience: INTERACTIVE,
            unanswered: Mutex::default(),
            ..self
        }
    }

    /// Asks for an item and waits as long as patience lasts. The thread of a question that was
    /// given up stays behind, and its answer is dropped.
    pub(super) fn read(
        &self,
        service: &str,
        account: Option<&str>,
    ) -> Result<Zeroizing<Vec<u8>>, Unread> {
        let resting = |since: &Instant| since.elapsed() < REST;
        if self.unanswered.lock().get(service).is_some_and(resting) {
            return Err(Unread::Slow);
        }
        let items = Arc::clone(&self.items);
        let (name, account) = (service.to_owned(), account.map(ToOwned::to_owned));
        let (answer, answered) = mpsc::sync_channel(1);
        thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(move || {
                // Nobody listens any more after the deadline.
                let _ = answer.send(items.read(&name, account.as_deref()));
            })
            .map_err(|_| Unread::Failed)?;
        match answered.recv_timeout(self.patience) {
            Ok(read) => read,
            Err(RecvTimeoutError::Timeout) => {
                let mut unanswered = self.unanswered.lock();
                unanswered.insert(service.to_owned(), Instant::now());
                Err(Unread::Slow)
            }
            Err(RecvTimeoutError::Disconnected) => Err(Unread::Failed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts its questions and never answers.
    struct Silent(Mutex<u32>, Mutex<mpsc::Receiver<()>>);

    impl Items for Silent {
        fn read(&self, _: &str, _: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Unread> {
            *self.0.lock() += 1;
            let _ = self.1.lock().recv();
            Err(Unread::Missing)
        }
    }

    #[test]
    fn an_unanswered_question_is_not_repeated() {
        let (_hold, never) = mpsc::channel();
        let silent = Arc::new(Silent(Mutex::new(0), Mutex::new(never)));
        let mut store = ItemStore::of(silent.clone());
        store.patience = Duration::from_millis(20);
        for _ in 0..3 {
            assert!(matches!(store.read("Codex Auth", None), Err(Unread::Slow)));
        }
        assert_eq!(*silent.0.lock(), 1);
        assert!(matches!(store.read("other", None), Err(Unread::Slow)));
    }
}
