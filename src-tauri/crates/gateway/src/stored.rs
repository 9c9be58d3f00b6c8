//! Replies that callers of Responses may go on from by their id.
//!
//! A reply that its provider stored is only remembered by the account that holds it. A translated
//! one exists nowhere else, so its conversation stays here: in memory alone, bounded, the longest
//! unused first to go, and each client key sees its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use byokey_vault::{AccountId, ClientKeyId};
use byokey_wire::{Fault, FaultKind};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Most replies remembered, of all callers together.
const MOST: usize = 2048;
/// Most bytes of conversations kept, counted for each reply as if it shared nothing.
const MOST_BYTES: usize = 32 << 20;
/// A single conversation longer than this is not kept: it would push out all others.
const LONGEST: usize = MOST_BYTES / 4;
/// A reply nobody went on from for so long is forgotten.
const UNUSED: Duration = Duration::from_secs(24 * 3600);

/// Whose reply it is: a client key, or whoever calls without one.
pub(crate) type Owner = Option<ClientKeyId>;

/// What is known of a reply.
#[derive(Clone)]
pub(crate) enum Known {
    /// The account's provider stored it.
    Bound(AccountId),
    /// It is kept here.
    Kept(Arc<Kept>),
}

/// A kept reply with everything said before it.
pub(crate) struct Kept {
    /// The items of the request, earlier ones included.
    pub(crate) input: Vec<Bytes>,
    /// The items of the reply.
    pub(crate) output: Vec<Bytes>,
    /// The response as its caller got it.
    pub(crate) response: Bytes,
}

impl Kept {
    /// Everything said so far.
    pub(crate) fn items(&self) -> Vec<Bytes> {
        self.input.iter().chain(&self.output).cloned().collect()
    }

    fn size(&self) -> usize {
        let items = self.input.iter().chain(&self.output);
        items.map(Bytes::len).sum::<usize>() + self.response.len()
    }
}

/// The replies remembered for all callers.
#[derive(Default)]
pub(crate) struct Stored(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    entries: HashMap<(Owner, String), Entry>,
    /// Names by their last use, the longest unused first.
    uses: BTreeMap<u64, (Owner, String)>,
    next_use: u64,
    bytes: usize,
    owners: HashMap<Owner, usize>,
}

struct Entry {
    known: Known,
    size: usize,
    last_use: u64,
    used: Instant,
}

impl Stored {
    /// Whether anything is remembered for this caller.
    pub(crate) fn any(&self, owner: Owner) -> bool {
        self.0.lock().owners.contains_key(&owner)
    }

    /// What is known of a reply of this caller.
    ///
    /// # Errors
    /// When nothing is.
    pub(crate) fn get(&self, owner: Owner, id: &str) -> Result<Known, Fault> {
        let mut shelf = self.0.lock();
        shelf.forget_unused(Instant::now());
        shelf.touch(&(owner, id.to_owned())).ok_or_else(unknown)
    }

    /// Remembers a reply.
    pub(crate) fn put(&self, owner: Owner, id: &str, known: Known) {
        let size = match &known {
            Known::Bound(_) => 0,
            Known::Kept(kept) => kept.size(),
        };
        if size <= LONGEST && !id.is_empty() {
            self.0.lock().put((owner, id.to_owned()), known, size);
        }
    }

    /// Forgets a reply.
    pub(crate) fn remove(&self, owner: Owner, id: &str) {
        self.0.lock().remove(&(owner, id.to_owned()));
    }
}

impl Shelf {
    fn touch(&mut self, name: &(Owner, String)) -> Option<Known> {
        let entry = self.entries.get_mut(name)?;
        self.uses.remove(&entry.last_use);
        entry.last_use = self.next_use;
        entry.used = Instant::now();
        self.uses.insert(self.next_use, name.clone());
        self.next_use += 1;
        Some(entry.known.clone())
    }

    fn put(&mut self, name: (Owner, String), known: Known, size: usize) {
        self.remove(&name);
        let now = Instant::now();
        self.forget_unused(now);
        while self.entries.len() >= MOST || self.bytes + size > MOST_BYTES {
            if !self.forget_first() {
                break;
            }
        }
        let last_use = self.next_use;
        self.next_use += 1;
        self.bytes += size;
        self.uses.insert(last_use, name.clone());
        *self.owners.entry(name.0).or_default() += 1;
        let entry = Entry {
            known,
            size,
            last_use,
            used: now,
        };
        self.entries.insert(name, entry);
    }

    fn remove(&mut self, name: &(Owner, String)) {
        let Some(entry) = self.entries.remove(name) else {
            return;
        };
        self.bytes -= entry.size;
        self.uses.remove(&entry.last_use);
        if let Some(left) = self.owners.get_mut(&name.0) {
            *left -= 1;
            if *left == 0 {
                self.owners.remove(&name.0);
            }
        }
    }

    fn forget_unused(&mut self, now: Instant) {
        while let Some((_, name)) = self.uses.first_key_value()
            && let Some(entry) = self.entries.get(name)
            && now.duration_since(entry.used) > UNUSED
        {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) -> bool {
        let Some(name) = self.uses.first_key_value().map(|(_, name)| name.clone()) else {
            return false;
        };
        self.remove(&name);
        true
    }
}

/// The refusal of an id that is not remembered; a foreign one looks the same.
pub(crate) fn unknown() -> Fault {
    let mut fault = Fault::new(
        FaultKind::BadRequest,
        "byokey does not know this response: replies stay in memory for a day and until byokey \
         stops, and only for the client key that asked; send the whole conversation instead",
    );
    fault.code = Some("previous_response_not_found".into());
    fault.param = Some("previous_response_id".into());
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(size: usize) -> Known {
        Known::Kept(Arc::new(Kept {
            input: vec![Bytes::from(vec![b' '; size])],
            output: Vec::new(),
            response: Bytes::new(),
        }))
    }

    fn has(stored: &Stored, id: &str) -> bool {
        stored.get(None, id).is_ok()
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let stored = Stored::default();
        for id in ["a", "b", "c", "d"] {
            stored.put(None, id, kept(LONGEST));
        }
        assert!(has(&stored, "a"));
        stored.put(None, "e", kept(1));
        assert!(has(&stored, "a") && !has(&stored, "b") && has(&stored, "e"));
        assert!(stored.0.lock().bytes <= MOST_BYTES);
        stored.put(None, "huge", kept(LONGEST + 1));
        assert!(!has(&stored, "huge"));
        for number in 0..MOST + 10 {
            stored.put(None, &number.to_string(), Known::Bound(AccountId(1)));
        }
        let shelf = stored.0.lock();
        assert_eq!((shelf.entries.len(), shelf.uses.len()), (MOST, MOST));
    }

    #[test]
    fn nobody_sees_anothers() {
        let stored = Stored::default();
        let (one, other) = (Some(ClientKeyId(1)), Some(ClientKeyId(2)));
        stored.put(one, "r", kept(1));
        assert!(stored.any(one) && !stored.any(other) && !stored.any(None));
        assert!(stored.get(one, "r").is_ok());
        for stranger in [other, None] {
            let fault = stored.get(stranger, "r").err().unwrap();
            assert_eq!(fault.code.as_deref(), Some("previous_response_not_found"));
            stored.remove(stranger, "r");
        }
        stored.remove(one, "r");
        assert!(stored.get(one, "r").is_err() && !stored.any(one));
        assert_eq!(stored.0.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_day_unused_is_the_end() {
        let stored = Stored::default();
        stored.put(None, "a", kept(1));
        stored.put(None, "b", kept(1));
        tokio::time::advance(UNUSED / 2 + Duration::from_secs(1)).await;
        assert!(has(&stored, "a"));
        tokio::time::advance(UNUSED / 2).await;
        assert!(has(&stored, "a") && !has(&stored, "b"));
    }
}
