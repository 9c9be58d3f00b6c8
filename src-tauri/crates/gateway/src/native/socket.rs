//! Two connections that have switched to another protocol: bytes go both ways until one side ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use byokey_vault::Outcome;
use byokey_wire::{Fault, FaultKind};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::meter::Meter;

/// Bytes read at a time.
const BUFFER: usize = 16 * 1024;
/// After one side ended the other has this long to say its last word.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Relays between the caller's connection and the provider's.
pub(super) async fn relay(
    ours: OnUpgrade,
    theirs: OnUpgrade,
    mut meter: Meter,
    mut stop: watch::Receiver<bool>,
) {
    let (ours, theirs) = match tokio::join!(ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        // The caller left in between.
        (Err(_), _) => return,
        (_, Err(_)) => {
            let fault = Fault::new(FaultKind::Upstream, "the provider closed the connection");
            meter.failed(&fault, Outcome::UpstreamCut);
            return;
        }
    };
    let (mut from_caller, mut to_caller) = tokio::io::split(TokioIo::new(ours));
    let (mut from_provider, mut to_provider) = tokio::io::split(TokioIo::new(theirs));
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    let ended = {
        let up = pump(&mut from_caller, &mut to_provider, &sent);
        let down = pump(&mut from_provider, &mut to_caller, &received);
        let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
        let stopped = async {
            // A sender that is gone has stopped as well.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        // A stop must not wait for a connection that may stay open for hours.
        tokio::select! {
            () = &mut up => { let _ = tokio::time::timeout(LAST_WORD, down).await; true }
            () = &mut down => { let _ = tokio::time::timeout(LAST_WORD, up).await; true }
            () = stopped => false,
        }
    };
    meter.note(|row| {
        row.bytes_in += sent.load(Ordering::Relaxed);
        row.bytes_out += received.load(Ordering::Relaxed);
    });
    if ended {
        meter.complete();
    }
}

/// Moves bytes until their end, and passes that on.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    count: &AtomicU64,
) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            break;
        }
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
}
