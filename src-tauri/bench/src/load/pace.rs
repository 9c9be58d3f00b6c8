//! Slices of load: at a fixed rate, and as fast as it goes.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{Fault, Line};
use crate::{clock, target::Target};

const PORTION: usize = 16 << 10;

/// What one slice came to.
#[derive(Default)]
pub(crate) struct Slice {
    /// Nanoseconds of every request that went well.
    pub(crate) latencies: Vec<u64>,
    pub(crate) faults: Vec<Fault>,
    /// Time the proxy's process ran meanwhile.
    pub(crate) cpu: Option<Duration>,
    pub(crate) lasted: Duration,
}

/// Sends `rate` requests a second in all over `lines` connections.
pub(crate) async fn steady(
    target: &Target,
    request: &Arc<[u8]>,
    rate: f64,
    lines: u32,
    length: Duration,
) -> Slice {
    let step = Duration::from_secs_f64(f64::from(lines) / rate);
    let begin = Instant::now() + Duration::from_millis(5);
    slice(target, lines, |line| {
        let first = begin + step * line / lines;
        fixed_rate(
            target.clone(),
            Arc::clone(request),
            first,
            step,
            begin + length,
        )
    })
    .await
}

/// Sends the next request on each of `lines` connections as soon as the last one is answered.
pub(crate) async fn flat_out(
    target: &Target,
    request: &Arc<[u8]>,
    lines: u32,
    length: Duration,
) -> Slice {
    let end = Instant::now() + length;
    slice(target, lines, |_| {
        without_rest(target.clone(), Arc::clone(request), end)
    })
    .await
}

async fn slice<F>(target: &Target, lines: u32, work: impl Fn(u32) -> F) -> Slice
where
    F: Future<Output = Slice> + Send + 'static,
{
    let cpu = || target.process.and_then(|process| process.cpu());
    let (before, begun) = (cpu(), Instant::now());
    let mut all = Slice::default();
    let work: JoinSet<Slice> = (0..lines).map(work).collect();
    for one in work.join_all().await {
        all.latencies.extend(one.latencies);
        all.faults.extend(one.faults);
    }
    all.lasted = begun.elapsed();
    all.cpu = before.zip(cpu()).map(|(before, after)| after - before);
    all
}

async fn fixed_rate(
    target: Target,
    request: Arc<[u8]>,
    first: Instant,
    step: Duration,
    end: Instant,
) -> Slice {
    let mut worker = Worker::new(target, request);
    let mut due = first;
    while due < end {
        // A request that had to wait for the one before is charged for the wait.
        let wait = Instant::now().saturating_duration_since(due);
        if wait.is_zero() {
            sleep_until(due).await;
        }
        worker.ask(clock::nanos(wait)).await;
        due += step;
    }
    worker.slice
}

async fn without_rest(target: Target, request: Arc<[u8]>, end: Instant) -> Slice {
    let mut worker = Worker::new(target, request);
    while Instant::now() < end {
        worker.ask(0).await;
    }
    worker.slice
}

/// One connection's share of a slice.
struct Worker {
    target: Target,
    request: Arc<[u8]>,
    line: Option<Line>,
    slice: Slice,
}

impl Worker {
    fn new(target: Target, request: Arc<[u8]>) -> Self {
        Self {
            target,
            request,
            line: None,
            slice: Slice::default(),
        }
    }

    async fn ask(&mut self, waited: u64) {
        let begun = clock::now();
        match self.answer().await {
            Ok(()) => self.slice.latencies.push(clock::now() - begun + waited),
            Err(fault) => {
                self.line = None;
                self.slice.faults.push(fault);
                // A target that refuses at once must not turn this loop into a storm.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    async fn answer(&mut self) -> Result<(), Fault> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => Line::open(&self.target, PORTION).await?,
        };
        if line.ask(&self.request).await? {
            self.line = Some(line);
        }
        Ok(())
    }
}
