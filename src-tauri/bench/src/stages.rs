//! What is measured, stage by stage.
//!
//! Ways take turns in short slices within one run, so that whatever else the machine does falls on
//! all of them alike; what is compared are their differences round by round.

mod added;
mod cancel;
mod memory;
mod start;
mod stream;
mod throughput;

use std::{sync::Arc, time::Duration};

use anyhow::Result;

use crate::{
    clock,
    rig::Rig,
    sheet::{Figure, Sheet, Stage},
    target::{Target, Way},
};

pub(crate) use memory::after_load;

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) quick: bool,
}

/// Runs one stage.
pub(crate) async fn run(stage: Stage, rig: &mut Rig, plan: Plan, sheet: &mut Sheet) -> Result<()> {
    match stage {
        Stage::Start => start::run(rig, plan, sheet).await,
        Stage::Latency => {
            added::latency(rig, plan, sheet).await;
            Ok(())
        }
        Stage::Throughput => {
            throughput::run(rig, plan, sheet).await;
            Ok(())
        }
        Stage::Stream => {
            stream::single(rig, plan, sheet).await;
            Ok(())
        }
        Stage::Burst => {
            stream::burst(rig, plan, sheet).await;
            Ok(())
        }
        Stage::Cancel => {
            cancel::run(rig, plan, sheet).await;
            Ok(())
        }
        Stage::Sizes => {
            added::sizes(rig, plan, sheet).await;
            Ok(())
        }
        Stage::Slow => memory::slow(rig, plan, sheet).await,
        Stage::Unread => memory::unread(rig, plan, sheet).await,
    }
}

impl Plan {
    fn choose<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

/// One value per round and way, and what they are above going direct.
struct Rounds {
    figure: Figure,
    by_way: Vec<(Way, Vec<Option<f64>>)>,
}

impl Rounds {
    fn new(figure: Figure, targets: &[Target]) -> Self {
        let by_way = targets.iter().map(|target| (target.way, Vec::new()));
        Self {
            figure,
            by_way: by_way.collect(),
        }
    }

    /// Records a round's value for the target at this place; nothing if all its requests failed.
    fn put(&mut self, target: usize, value: Option<u64>) {
        self.by_way[target].1.push(value.map(millis));
    }

    /// Puts the values as they are on the sheet.
    fn absolute(&self, sheet: &mut Sheet) {
        for (way, values) in &self.by_way {
            let values: Vec<f64> = values.iter().copied().flatten().collect();
            sheet.put_rounds(self.figure, *way, &values);
        }
    }

    /// Puts the differences to the first way, which is going direct, on the sheet.
    fn added(&self, sheet: &mut Sheet) {
        let Some(((_, direct), others)) = self.by_way.split_first() else {
            return;
        };
        for (way, values) in others {
            let pairs = values.iter().zip(direct);
            let added = pairs.filter_map(|(value, direct)| Some((*value)? - (*direct)?));
            sheet.put_rounds(self.figure, *way, &added.collect::<Vec<_>>());
        }
    }
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

fn micros_each(time: Duration, count: usize) -> f64 {
    clock::nanos(time) as f64 / 1e3 / count.max(1) as f64
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn shared(request: Vec<u8>) -> Arc<[u8]> {
    request.into()
}
