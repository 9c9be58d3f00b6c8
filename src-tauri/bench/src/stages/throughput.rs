//! How many small requests one core gets through, and what each costs it.

use std::time::Duration;

use super::{Plan, micros_each, shared};
use crate::{
    load::flat_out,
    prompt::Size,
    rig::Rig,
    sheet::{Figure, Sheet, Stage},
    wish::Wish,
};

const LINES: u32 = 32;
const WARM_UP: Duration = Duration::from_millis(400);

pub(super) async fn run(rig: &Rig, plan: Plan, sheet: &mut Sheet) {
    let length = plan.choose(Duration::from_secs(2), Duration::from_secs(1));
    let rounds = plan.choose(4, 2);
    let targets = rig.targets();
    let requests: Vec<_> = targets
        .iter()
        .map(|target| shared(target.request(Wish::Whole { text: 256 }, Size::Small)))
        .collect();
    let mut rates = vec![Vec::new(); targets.len()];
    let mut cpu = vec![(Duration::ZERO, 0_usize, Duration::ZERO); targets.len()];
    for round in 0..=rounds {
        for (place, (target, request)) in targets.iter().zip(&requests).enumerate() {
            let length = if round == 0 { WARM_UP } else { length };
            let slice = flat_out(target, request, LINES, length).await;
            sheet.fail(Stage::Throughput, target.way, &slice.faults);
            if round == 0 {
                continue;
            }
            let done = slice.latencies.len();
            rates[place].push(done as f64 / slice.lasted.as_secs_f64());
            if let Some(spent) = slice.cpu {
                let (all, requests, lasted) = &mut cpu[place];
                *all += spent;
                *requests += done;
                *lasted += slice.lasted;
            }
        }
    }
    for (place, target) in targets.iter().enumerate() {
        sheet.put_rounds(Figure::Throughput, target.way, &rates[place]);
        let (spent, requests, lasted) = cpu[place];
        if !lasted.is_zero() {
            let each = micros_each(spent, requests);
            sheet.put(Figure::CpuPerRequest, target.way, each);
            let share = spent.as_secs_f64() / lasted.as_secs_f64();
            sheet.put(Figure::CoreShare, target.way, share);
        }
    }
}
