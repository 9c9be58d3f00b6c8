//! Memory: after load, under many slow streams, and under a stream that nobody reads.
//!
//! Growth is taken on a fresh byokey: one that served 10 MB bodies before would find room in what
//! it still holds.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Plan, mib, shared};
use crate::{
    load::{Fault, Line},
    process::Process,
    prompt::Size,
    rig::{Rig, warm_up},
    sheet::{Figure, Sheet, Stage},
    target::{Target, Way},
    wish::Wish,
};

const SETTLE: Duration = Duration::from_secs(2);
/// Small, because a thousand of them are open at once on the caller's side.
const PORTION: usize = 4 << 10;
const STREAMS: u32 = 1_000;
/// Between the starts of two slow streams.
const STEP: Duration = Duration::from_micros(1_500);
/// Chunks of the unread stream that are read once its memory was watched.
const READ_IN_THE_END: usize = 1_000;
/// Between two looks at a process.
const LOOK: Duration = Duration::from_millis(100);

/// What the proxies hold once load is over.
pub(crate) async fn after_load(rig: &Rig, sheet: &mut Sheet) -> Result<()> {
    sleep(SETTLE).await;
    let nginx = rig.nginx.as_ref().map(|nginx| nginx.server.process());
    let processes = [
        (Way::Pass, Some(rig.server()?.process())),
        (Way::Nginx, nginx),
    ];
    for (way, process) in processes {
        if let Some(memory) = process.and_then(|process| process.memory()) {
            sheet.put(Figure::MemoryLoaded, way, mib(memory));
        }
    }
    Ok(())
}

/// A thousand slow streams at once, way by way.
pub(super) async fn slow(rig: &mut Rig, plan: Plan, sheet: &mut Sheet) -> Result<()> {
    let chunks = plan.choose(7, 3);
    for way in rig.proxied().iter().map(|target| target.way) {
        let Some((target, process)) = fresh(rig, way).await? else {
            continue;
        };
        let wish = Wish::stream(chunks, Duration::from_secs(1), 24);
        let request = shared(target.request(wish, Size::Small));
        let before = process.memory();
        let mut streams: JoinSet<_> = (0..STREAMS)
            .map(|place| one_of_many(target.clone(), Arc::clone(&request), STEP * place, chunks))
            .collect();
        let (mut most, mut complete, mut faults) = (None, 0, Vec::new());
        while !streams.is_empty() {
            tokio::select! {
                () = sleep(LOOK) => most = most.max(process.memory()),
                Some(Ok(stream)) = streams.join_next() => match stream {
                    Ok(()) => complete += 1,
                    Err(fault) => faults.push(fault),
                },
            }
        }
        sheet.fail(Stage::Slow, way, &faults);
        sheet.put(Figure::SlowComplete, way, f64::from(complete));
        put_growth(Figure::SlowGrowth, way, before, most, sheet);
    }
    Ok(())
}

/// A caller that asks for 64 MB and reads none of it.
pub(super) async fn unread(rig: &mut Rig, plan: Plan, sheet: &mut Sheet) -> Result<()> {
    let wish = Wish::stream(64_000, Duration::ZERO, 900);
    let length = plan.choose(Duration::from_secs(4), Duration::from_secs(2));
    for way in rig.proxied().iter().map(|target| target.way) {
        let Some((target, process)) = fresh(rig, way).await? else {
            continue;
        };
        let request = target.request(wish, Size::Small);
        let before = process.memory();
        let sent = async {
            let mut line = Line::open(&target, PORTION).await?;
            line.send(&request).await?;
            Ok(line)
        };
        let mut line = match sent.await {
            Ok(line) => line,
            Err(fault) => {
                sheet.fail(Stage::Unread, way, &[fault]);
                continue;
            }
        };
        let most = watch(process, length / 2).await;
        // By now all buffers on the way are full: whoever still runs does so in vain.
        let (cpu, begun) = (process.cpu(), Instant::now());
        let most = most.max(watch(process, length / 2).await);
        if let (Some(before), Some(after)) = (cpu, process.cpu()) {
            let share = (after - before).as_secs_f64() / begun.elapsed().as_secs_f64();
            sheet.put(Figure::UnreadBusy, way, share);
        }
        // It has to have been there all the time.
        match line.chunks(0, READ_IN_THE_END).await {
            Ok(read) if read.lags.len() >= READ_IN_THE_END => {}
            Ok(read) => {
                let (chunks, of) = (read.lags.len(), READ_IN_THE_END);
                sheet.fail(Stage::Unread, way, &[Fault::Short { chunks, of }]);
            }
            Err(fault) => sheet.fail(Stage::Unread, way, &[fault]),
        }
        drop(line);
        put_growth(Figure::UnreadGrowth, way, before, most, sheet);
    }
    Ok(())
}

/// The target of this way with a proxy that has only just got going.
async fn fresh(rig: &mut Rig, way: Way) -> Result<Option<(Target, Process)>> {
    if way != Way::Nginx {
        rig.restart_byokey().await?;
    }
    let target = rig.proxied().into_iter().find(|target| target.way == way);
    let Some(target) = target else {
        return Ok(None);
    };
    warm_up(&target).await?;
    sleep(LOOK * 5).await;
    let process = target.process;
    Ok(process.map(|process| (target, process)))
}

async fn one_of_many(
    target: Target,
    request: Arc<[u8]>,
    after: Duration,
    chunks: usize,
) -> Result<(), Fault> {
    sleep(after).await;
    let mut line = Line::open(&target, PORTION).await?;
    line.follow(&request, chunks).await?;
    Ok(())
}

/// The most memory a process holds within `length`.
async fn watch(process: Process, length: Duration) -> Option<u64> {
    let end = Instant::now() + length;
    let mut most = None;
    while Instant::now() < end {
        sleep(LOOK).await;
        most = most.max(process.memory());
    }
    most
}

fn put_growth(figure: Figure, way: Way, before: Option<u64>, most: Option<u64>, sheet: &mut Sheet) {
    if let (Some(before), Some(most)) = (before, most) {
        sheet.put(figure, way, mib(most.saturating_sub(before)));
    }
}
