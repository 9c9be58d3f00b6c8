//! A fresh byokey: how soon it listens, what it holds, how quiet it is.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Plan, mib};
use crate::{
    clock,
    rig::Rig,
    sheet::{Figure, Sheet},
    target::Way,
};

/// After that nothing of the start goes on any more.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn run(rig: &mut Rig, plan: Plan, sheet: &mut Sheet) -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..plan.choose(7, 3) {
        rig.restart_byokey().await?;
        starts.push(clock::nanos(rig.server()?.started_in) as f64 / 1e6);
    }
    sheet.put_rounds(Figure::Start, Way::Pass, &starts);
    sleep(SETTLE).await;
    let nginx = rig.nginx.as_ref().map(|nginx| nginx.server.process());
    let processes = [
        (Way::Pass, Some(rig.server()?.process())),
        (Way::Nginx, nginx),
    ];
    let length = plan.choose(Duration::from_secs(8), Duration::from_secs(5));
    let before = processes.map(|(_, process)| process.and_then(|process| process.switches()));
    sleep(length).await;
    for ((way, process), before) in processes.into_iter().zip(before) {
        let after = process.and_then(|process| process.switches());
        if let (Some(before), Some(after)) = (before, after) {
            let rate = after.saturating_sub(before) as f64 / length.as_secs_f64();
            sheet.put(Figure::WakeUps, way, rate);
        }
        if let Some(memory) = process.and_then(|process| process.memory()) {
            sheet.put(Figure::MemoryFresh, way, mib(memory));
        }
    }
    Ok(())
}
