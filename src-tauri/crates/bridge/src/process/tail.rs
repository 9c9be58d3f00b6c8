//! The end of what a child wrote to its error pipe: all of it is read, so that the child never
//! waits for us, and only the last part is kept.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    task::JoinHandle,
    time::timeout,
};

/// What is kept, in bytes.
const KEPT: usize = 4096;
/// How long the rest is waited for once it is asked for: the child has ended by then, but one of its
/// children may hold the pipe.
const PATIENCE: Duration = Duration::from_millis(500);

/// The last bytes of a pipe.
#[derive(Default)]
pub(super) struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    reading: Option<JoinHandle<()>>,
}

impl Tail {
    /// Begins to read.
    pub(super) fn of(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let kept = Arc::default();
        let reading = tokio::spawn(read(pipe, Arc::clone(&kept)));
        Self {
            kept,
            reading: Some(reading),
        }
    }

    /// The words; the pipe's end is waited for a little.
    pub(super) async fn words(&mut self) -> String {
        if let Some(reading) = &mut self.reading
            && timeout(PATIENCE, reading).await.is_ok()
        {
            self.reading = None;
        }
        let kept: Vec<u8> = self.kept.lock().iter().copied().collect();
        String::from_utf8_lossy(&kept).into_owned()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}

async fn read(mut pipe: impl AsyncRead + Unpin, kept: Arc<Mutex<VecDeque<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = pipe.read(&mut piece).await {
        let mut kept = kept.lock();
        kept.extend(&piece[..length]);
        let excess = kept.len().saturating_sub(KEPT);
        kept.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_end_is_kept() {
        let words = "x".repeat(10_000) + "the end";
        let mut tail = Tail::of(std::io::Cursor::new(words.into_bytes()));
        let told = tail.words().await;
        assert_eq!(told.len(), KEPT);
        assert!(told.ends_with("xthe end"));
    }
}
