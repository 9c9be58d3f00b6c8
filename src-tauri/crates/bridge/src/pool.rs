//! Programs that stay: started when they are first needed, kept while somebody asks, ended when
//! nobody has asked for some minutes, and started anew after they died.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::sleep;

use crate::{BridgeTrouble, rpc::Peer};

/// A program nobody has asked for so long is ended.
const IDLE: Duration = Duration::from_mins(10);

/// What makes two programs different.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The account for which it runs.
    pub(crate) account: i64,
    /// The program.
    pub(crate) path: PathBuf,
    /// The user's own variables for it.
    pub(crate) env: BTreeMap<String, String>,
}

/// All programs that run.
#[derive(Default)]
pub(crate) struct Pool {
    seats: Mutex<HashMap<Place, Arc<Seat>>>,
}

/// Where one program sits.
#[derive(Default)]
struct Seat {
    /// Held while the program starts, so that it starts once.
    peer: tokio::sync::Mutex<Option<Arc<Peer>>>,
    /// How often it was asked for.
    asked: Mutex<u64>,
}

impl Pool {
    /// The program at this place, started with `start` unless it runs.
    ///
    /// # Errors
    /// What `start` fails with.
    pub(crate) async fn peer(
        &self,
        place: Place,
        start: impl Future<Output = Result<Peer, BridgeTrouble>>,
    ) -> Result<Arc<Peer>, BridgeTrouble> {
        let seat = Arc::clone(self.seats.lock().entry(place).or_default());
        *seat.asked.lock() += 1;
        let mut peer = seat.peer.lock().await;
        if let Some(running) = peer.as_ref().filter(|peer| !peer.is_gone()) {
            return Ok(Arc::clone(running));
        }
        let started = Arc::new(start.await?);
        *peer = Some(Arc::clone(&started));
        tokio::spawn(retire(Arc::downgrade(&seat)));
        Ok(started)
    }
}

/// Ends the program once nobody has asked for it between two looks and no run uses it.
async fn retire(seat: Weak<Seat>) {
    let mut seen = None;
    loop {
        sleep(IDLE).await;
        let Some(seat) = seat.upgrade() else { return };
        let asked = *seat.asked.lock();
        let mut peer = seat.peer.lock().await;
        let is_used = peer
            .as_ref()
            .is_some_and(|peer| Arc::strong_count(peer) > 1);
        if seen == Some(asked) && !is_used {
            *peer = None;
            return;
        }
        seen = Some(asked);
    }
}

#[cfg(test)]
mod tests;
