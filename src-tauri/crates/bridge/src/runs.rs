//! Runs that wait for their callers: a model has called tools, the reply has ended with those calls,
//! and the run goes on when the caller's next request brings what came out.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Runs that wait at once; each may be a whole program in memory. A further one ends the oldest.
const MOST: usize = 16;

/// All runs of one program that wait. `W` says whose run it is and what it knows; `N` is what it
/// gets to go on.
pub(crate) struct Runs<W, N> {
    waiting: Mutex<Vec<Waiting<W, N>>>,
}

struct Waiting<W, N> {
    whose: W,
    calls: BTreeSet<String>,
    next: oneshot::Sender<N>,
}

impl<W, N> Default for Runs<W, N> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
        }
    }
}

impl<W: PartialEq, N> Runs<W, N> {
    /// Lets a run wait for the outputs of these calls. Dropping the receiver gives up.
    pub(crate) fn wait(&self, whose: W, calls: BTreeSet<String>) -> oneshot::Receiver<N> {
        let (next, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        waiting.retain(|waiting| !waiting.next.is_closed());
        if waiting.len() >= MOST {
            waiting.remove(0);
        }
        waiting.push(Waiting { whose, calls, next });
        receiver
    }

    /// The run that waits for exactly these outputs. One that is not `whose` it should be cannot go
    /// on with them and is let go: its caller has begun something else.
    pub(crate) fn find(&self, whose: &W, brought: &BTreeSet<&str>) -> Option<oneshot::Sender<N>> {
        let mut waiting = self.waiting.lock();
        waiting.retain(|waiting| !waiting.next.is_closed());
        let at = waiting.iter().position(|waiting| {
            waiting.calls.len() == brought.len()
                && waiting
                    .calls
                    .iter()
                    .all(|call| brought.contains(call.as_str()))
        })?;
        let found = waiting.remove(at);
        (found.whose == *whose).then_some(found.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_run_is_found_by_its_calls_and_once() {
        let runs = Runs::<u8, ()>::default();
        let _one = runs.wait(1, calls(&["a", "b"]));
        let _two = runs.wait(1, calls(&["c"]));
        assert!(
            runs.find(&1, &BTreeSet::from(["a"])).is_none(),
            "one is missing"
        );
        assert!(runs.find(&1, &BTreeSet::from(["a", "b", "c"])).is_none());
        assert!(runs.find(&1, &BTreeSet::from(["b", "a"])).is_some());
        assert!(runs.find(&1, &BTreeSet::from(["b", "a"])).is_none());
        assert!(runs.find(&1, &BTreeSet::from(["c"])).is_some());
    }

    #[test]
    fn the_oldest_is_let_go_when_there_are_too_many() {
        let runs = Runs::<u8, ()>::default();
        let id = |number: usize| format!("call {number}");
        let mut waiting: Vec<_> = (0..=MOST)
            .map(|number| runs.wait(1, calls(&[&id(number)])))
            .collect();
        assert_eq!(
            waiting[0].try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        );
        assert!(runs.find(&1, &BTreeSet::from([id(1).as_str()])).is_some());
        assert!(
            runs.find(&1, &BTreeSet::from([id(MOST).as_str()]))
                .is_some()
        );
    }

    #[test]
    fn what_does_not_fit_is_let_go() {
        let runs = Runs::<u8, ()>::default();
        let mut other = runs.wait(1, calls(&["a"]));
        assert!(runs.find(&2, &BTreeSet::from(["a"])).is_none());
        assert!(other.try_recv().is_err(), "nobody will go on with it");
        drop(runs.wait(1, calls(&["b"])));
        assert!(
            runs.find(&1, &BTreeSet::from(["b"])).is_none(),
            "it has given up"
        );
    }
}
