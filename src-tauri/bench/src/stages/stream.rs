//! Streams: the time to the first token, the delay of every chunk, and what a chunk costs.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::{Plan, Rounds, micros_each, shared};
use crate::{
    load::{Fault, Line},
    prompt::Size,
    rig::Rig,
    sheet::{Figure, Sheet, Stage, percentile},
    target::Target,
    wish::Wish,
};

const PORTION: usize = 64 << 10;
const PAD: usize = 24;
const BURST_STREAMS: usize = 4;

/// One stream at a time.
pub(super) async fn single(rig: &Rig, plan: Plan, sheet: &mut Sheet) {
    let targets = rig.targets();
    let mut first = Rounds::new(Figure::FirstToken, &targets);
    let mut lag = Rounds::new(Figure::ChunkLag, &targets);
    let mut late = Rounds::new(Figure::ChunkLagP99, &targets);
    let (short, long) = (plan.choose(25, 15), plan.choose(60, 40));
    for _ in 0..plan.choose(7, 3) {
        for (place, target) in targets.iter().enumerate() {
            let firsts = first_tokens(target, short).await;
            first.put(place, recorded(firsts, target, sheet, 0.5).0);
            let lags = lags(target, long).await;
            let (p50, p99) = recorded(lags, target, sheet, 0.99);
            lag.put(place, p50);
            late.put(place, p99);
        }
    }
    first.added(sheet);
    lag.added(sheet);
    late.added(sheet);
}

/// A few streams whose chunks come without pause.
pub(super) async fn burst(rig: &Rig, plan: Plan, sheet: &mut Sheet) {
    let chunks = plan.choose(5_000, 3_000);
    let targets = rig.targets();
    let wish = Wish::stream(chunks, Duration::ZERO, PAD);
    let mut delay = Rounds::new(Figure::BurstLag, &targets);
    let mut cpu = vec![(Duration::ZERO, 0_usize); targets.len()];
    for _ in 0..plan.choose(6, 3) {
        for (place, target) in targets.iter().enumerate() {
            let request = shared(target.request(wish, Size::Small));
            let spent = || target.process.and_then(|process| process.cpu());
            let before = spent();
            let streams: JoinSet<_> = (0..BURST_STREAMS)
                .map(|_| follow(target.clone(), Arc::clone(&request), chunks))
                .collect();
            let mut lags = Vec::new();
            for stream in streams.join_all().await {
                match stream {
                    Ok(stream) => lags.extend(stream),
                    Err(fault) => sheet.fail(Stage::Burst, target.way, &[fault]),
                }
            }
            if let (Some(before), Some(after)) = (before, spent()) {
                cpu[place].0 += after - before;
                cpu[place].1 += lags.len();
            }
            delay.put(place, percentile(&mut lags, 0.5));
        }
    }
    delay.absolute(sheet);
    for (target, (spent, chunks)) in targets.iter().zip(cpu) {
        if target.process.is_some() && chunks > 0 {
            let each = micros_each(spent, chunks);
            sheet.put(Figure::CpuPerChunk, target.way, each);
        }
    }
}

/// The times to the first token of short streams, one after the other, each on a connection of its
/// own: a program that asks now and then seldom finds its last one still open.
async fn first_tokens(target: &Target, streams: usize) -> Result<Vec<u64>, Fault> {
    const CHUNKS: usize = 3;
    let wish = Wish::stream(CHUNKS, Duration::from_millis(4), PAD);
    let request = target.request(wish, Size::Small);
    let mut firsts = Vec::with_capacity(streams);
    for _ in 0..streams {
        let mut line = Line::open(target, PORTION).await?;
        firsts.push(line.follow(&request, CHUNKS).await?.first);
    }
    Ok(firsts)
}

/// The delays of a slow stream's chunks.
async fn lags(target: &Target, chunks: usize) -> Result<Vec<u64>, Fault> {
    let wish = Wish::stream(chunks, Duration::from_millis(20), PAD);
    let request = shared(target.request(wish, Size::Small));
    follow(target.clone(), request, chunks).await
}

async fn follow(target: Target, request: Arc<[u8]>, chunks: usize) -> Result<Vec<u64>, Fault> {
    let mut line = Line::open(&target, PORTION).await?;
    Ok(line.follow(&request, chunks).await?.lags)
}

/// The median and another percentile; failures go on the sheet.
fn recorded(
    times: Result<Vec<u64>, Fault>,
    target: &Target,
    sheet: &mut Sheet,
    share: f64,
) -> (Option<u64>, Option<u64>) {
    match times {
        Ok(mut times) => (percentile(&mut times, 0.5), percentile(&mut times, share)),
        Err(fault) => {
            sheet.fail(Stage::Stream, target.way, &[fault]);
            (None, None)
        }
    }
}
