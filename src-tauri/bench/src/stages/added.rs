//! What a proxy adds to the time of a request, by the size of its body.

use std::{sync::Arc, time::Duration};

use super::{Plan, Rounds, shared};
use crate::{
    load::steady,
    prompt::Size,
    rig::Rig,
    sheet::{Figure, Sheet, Stage, percentile},
    wish::Wish,
};

const WARM_UP: Duration = Duration::from_millis(400);

/// How a size is measured: the rate stays far below what any way can take, because queues are no
/// part of this figure.
struct Pace {
    size: Size,
    /// Requests per second.
    rate: f64,
    lines: u32,
    rounds: usize,
    slice: Duration,
}

pub(super) async fn latency(rig: &Rig, plan: Plan, sheet: &mut Sheet) {
    let pace = Pace {
        size: Size::Small,
        rate: 100.0,
        lines: 4,
        rounds: plan.choose(7, 3),
        slice: plan.choose(Duration::from_millis(1500), Duration::from_secs(1)),
    };
    measure(rig, &pace, Stage::Latency, sheet).await;
}

pub(super) async fn sizes(rig: &Rig, plan: Plan, sheet: &mut Sheet) {
    let paces = [
        (Size::Medium, 50.0, 2, plan.choose(1_000, 600)),
        (Size::Large, 15.0, 1, plan.choose(1_500, 1_000)),
        (Size::Huge, 3.0, 1, plan.choose(2_000, 1_500)),
    ];
    for (size, rate, lines, slice) in paces {
        let pace = Pace {
            size,
            rate,
            lines,
            rounds: plan.choose(4, 2),
            slice: Duration::from_millis(slice),
        };
        measure(rig, &pace, Stage::Sizes, sheet).await;
    }
}

async fn measure(rig: &Rig, pace: &Pace, stage: Stage, sheet: &mut Sheet) {
    let targets = rig.targets();
    let wish = Wish::Whole { text: 256 };
    let requests: Vec<Arc<[u8]>> = targets
        .iter()
        .map(|target| shared(target.request(wish, pace.size)))
        .collect();
    for (target, request) in targets.iter().zip(&requests) {
        steady(target, request, pace.rate, pace.lines, WARM_UP).await;
    }
    let mut absolute = Rounds::new(Figure::P50(pace.size), &targets);
    let mut half = Rounds::new(Figure::AddedP50(pace.size), &targets);
    let mut most = Rounds::new(Figure::AddedP99(pace.size), &targets);
    for _ in 0..pace.rounds {
        for (place, (target, request)) in targets.iter().zip(&requests).enumerate() {
            let mut slice = steady(target, request, pace.rate, pace.lines, pace.slice).await;
            let p50 = percentile(&mut slice.latencies, 0.5);
            absolute.put(place, p50);
            half.put(place, p50);
            most.put(place, percentile(&mut slice.latencies, 0.99));
            sheet.fail(stage, target.way, &slice.faults);
        }
    }
    absolute.absolute(sheet);
    half.added(sheet);
    // Of a few dozen requests, the slowest says nothing about one in a hundred.
    if pace.size == Size::Small {
        most.added(sheet);
    }
}
