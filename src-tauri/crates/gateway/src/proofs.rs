//! Reasoning proofs kept for callers whose dialect has no place for them.
//!
//! Chat's programs throw away what they do not know. What a provider wants back with the next request
//! is kept here by the ids of the reply's tool calls, in memory only and not for long. One program
//! never gets what belongs to another: the client key is part of the name.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use byokey_vault::ClientKeyId;
use byokey_wire::Memory;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Most replies kept.
const MOST: usize = 10_000;
/// Most bytes kept, of all replies together.
const MOST_BYTES: usize = 16 << 20;
/// No conversation waits longer for its tools.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose, and of which tool call.
type Name = (Option<ClientKeyId>, String);

/// The store; what was not used for longest makes room.
#[derive(Debug, Default)]
pub(crate) struct ProofStore(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    kept: HashMap<Name, Kept>,
    /// By when they were last used.
    order: BTreeMap<u64, Name>,
    clock: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    memory: Memory,
    since: Instant,
    used: u64,
}

impl ProofStore {
    /// Keeps what a reply showed.
    pub(crate) fn keep(&self, caller: Option<ClientKeyId>, memories: Vec<(String, Memory)>) {
        if memories.is_empty() {
            return;
        }
        let mut inner = self.0.lock();
        for (call, memory) in memories {
            inner.insert((caller, call), memory);
        }
    }

    /// What is known of a tool call.
    pub(crate) fn recall(&self, caller: Option<ClientKeyId>, call: &str) -> Option<Memory> {
        let mut inner = self.0.lock();
        if inner.kept.is_empty() {
            return None;
        }
        inner.recall(&(caller, call.to_owned()))
    }
}

impl Inner {
    fn insert(&mut self, name: Name, memory: Memory) {
        self.remove(&name);
        let bytes = size(&name, &memory);
        if bytes > MOST_BYTES {
            return;
        }
        while self.kept.len() >= MOST || self.bytes + bytes > MOST_BYTES {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        self.order.insert(self.clock, name.clone());
        let kept = Kept {
            memory,
            since: Instant::now(),
            used: self.clock,
        };
        self.kept.insert(name, kept);
    }

    fn recall(&mut self, name: &Name) -> Option<Memory> {
        let kept = self.kept.get_mut(name)?;
        if kept.since.elapsed() >= KEPT {
            self.remove(name);
            return None;
        }
        self.clock += 1;
        self.order.remove(&kept.used);
        kept.used = self.clock;
        self.order.insert(self.clock, name.clone());
        Some(kept.memory.clone())
    }

    fn remove(&mut self, name: &Name) {
        if let Some(kept) = self.kept.remove(name) {
            self.order.remove(&kept.used);
            self.bytes -= size(name, &kept.memory);
        }
    }
}

/// About what an entry takes; the constant stands for the maps' own share.
fn size((_, call): &Name, memory: &Memory) -> usize {
    memory.bytes() + 2 * call.len() + 200
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(text: &str) -> Memory {
        Memory {
            call: Some(text.to_owned()),
            ..Memory::default()
        }
    }

    fn keep(store: &ProofStore, caller: i64, call: &str, text: &str) {
        let memories = vec![(call.to_owned(), memory(text))];
        store.keep(Some(ClientKeyId(caller)), memories);
    }

    fn recall(store: &ProofStore, caller: i64, call: &str) -> Option<String> {
        store.recall(Some(ClientKeyId(caller)), call)?.call
    }

    #[test]
    fn each_caller_gets_its_own() {
        let store = ProofStore::default();
        keep(&store, 1, "call_1", "a");
        keep(&store, 2, "call_1", "b");
        assert_eq!(recall(&store, 1, "call_1").as_deref(), Some("a"));
        assert_eq!(recall(&store, 2, "call_1").as_deref(), Some("b"));
        assert_eq!(recall(&store, 3, "call_1"), None);
        keep(&store, 1, "call_1", "c");
        assert_eq!(recall(&store, 1, "call_1").as_deref(), Some("c"));
    }

    #[test]
    fn the_least_used_makes_room() {
        let store = ProofStore::default();
        for nth in 0..MOST {
            keep(&store, 1, &format!("call_{nth}"), "x");
        }
        assert!(recall(&store, 1, "call_0").is_some());
        keep(&store, 1, "one more", "x");
        assert!(recall(&store, 1, "call_0").is_some(), "just used");
        assert_eq!(recall(&store, 1, "call_1"), None);
        let big = "y".repeat(MOST_BYTES / 2);
        for call in ["a", "b", "c"] {
            keep(&store, 1, call, &big);
        }
        let inner = store.0.lock();
        assert!(inner.bytes <= MOST_BYTES);
        assert_eq!(inner.kept.len(), inner.order.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_later_it_is_forgotten() {
        let store = ProofStore::default();
        keep(&store, 1, "call", "x");
        tokio::time::advance(KEPT).await;
        assert_eq!(recall(&store, 1, "call"), None);
        assert_eq!(store.0.lock().bytes, 0);
    }
}
