//! How soon a provider learns that the caller is gone.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::{Plan, Rounds, millis};
use crate::{
    clock,
    load::{Fault, Line},
    prompt::Size,
    rig::Rig,
    sheet::{Figure, Sheet, Stage},
    target::Target,
    wish::Wish,
};

const PORTION: usize = 16 << 10;
/// A provider not freed by then counts as never freed: the stream would have ended by itself.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(rig: &mut Rig, plan: Plan, sheet: &mut Sheet) {
    let targets = rig.targets();
    let mut freed = Rounds::new(Figure::Freed, &targets);
    let mut early = Rounds::new(Figure::FreedEarly, &targets);
    let mut worst = vec![0_u64; targets.len()];
    let mut never = vec![0_u32; targets.len()];
    for _ in 0..plan.choose(20, 8) {
        for (place, target) in targets.iter().enumerate() {
            let before_first_byte = [false, true];
            for is_early in before_first_byte {
                match leave(rig, target, is_early).await {
                    Ok(Some(nanos)) => {
                        let rounds = if is_early { &mut early } else { &mut freed };
                        rounds.put(place, Some(nanos));
                        worst[place] = worst[place].max(nanos);
                    }
                    Ok(None) => never[place] += 1,
                    Err(fault) => sheet.fail(Stage::Cancel, target.way, &[fault]),
                }
            }
        }
    }
    freed.absolute(sheet);
    early.absolute(sheet);
    for (place, target) in targets.iter().enumerate() {
        sheet.put(Figure::FreedWorst, target.way, millis(worst[place]));
        sheet.put(Figure::NeverFreed, target.way, f64::from(never[place]));
    }
}

/// Leaves a stream early; nanoseconds until the provider saw it, nothing if it never did.
async fn leave(rig: &mut Rig, target: &Target, is_early: bool) -> Result<Option<u64>, Fault> {
    let wish = Wish::Stream {
        chunks: 200,
        gap: Duration::from_millis(20),
        pad: 8,
        hold: if is_early {
            PATIENCE * 2
        } else {
            Duration::ZERO
        },
    };
    let request = target.request(wish, Size::Small);
    let mut line = Line::open(target, PORTION).await?;
    if is_early {
        line.send(&request).await?;
        // Long enough for the request to be at the provider.
        sleep(Duration::from_millis(30)).await;
    } else {
        line.follow_until(&request, 3).await?;
    }
    while rig.fake.freed.try_recv().is_ok() {}
    let left = clock::now();
    drop(line);
    let seen = timeout(PATIENCE, rig.fake.freed.recv()).await;
    Ok(seen.ok().flatten().map(|seen| seen.saturating_sub(left)))
}
