//! All readings of one run.

use std::fmt;

use serde::Serialize;

use crate::{load::Fault, prompt::Size, target::Way};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// From request to reply, the way through a proxy and back included.
    P50(Size),
    /// What a proxy adds to going direct.
    AddedP50(Size),
    AddedP99(Size),
    Throughput,
    CpuPerRequest,
    /// Share of one core the proxy had while throughput was taken.
    CoreShare,
    FirstToken,
    ChunkLag,
    ChunkLagP99,
    BurstLag,
    CpuPerChunk,
    SlowComplete,
    SlowGrowth,
    Freed,
    FreedWorst,
    FreedEarly,
    NeverFreed,
    UnreadGrowth,
    UnreadBusy,
    MemoryFresh,
    MemoryLoaded,
    Start,
    WakeUps,
}

/// Parts of a run that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    /// Start, fresh memory, wake-ups while idle
    Start,
    /// Added latency at a fixed rate, 1 KB bodies
    Latency,
    /// Requests per second of one core
    Throughput,
    /// Added latency of one stream: first token and every chunk
    Stream,
    /// Streams as fast as they come
    Burst,
    /// Callers that leave early
    Cancel,
    /// Added latency with 100 KB, 1 MB and 10 MB bodies
    Sizes,
    /// 1,000 slow streams at once
    Slow,
    /// A stream of 64 MB that nobody reads
    Unread,
}

/// One measured value, in the figure's unit.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) figure: Figure,
    pub(crate) way: Way,
    pub(crate) value: f64,
    /// The lowest and highest value of the rounds that `value` stands for.
    pub(crate) spread: Option<(f64, f64)>,
}

/// Requests that failed.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) way: Way,
    pub(crate) count: usize,
    /// What the first one said.
    pub(crate) example: String,
}

/// Readings and failures, in the order they were taken.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) readings: Vec<Reading>,
    pub(crate) failures: Vec<Failure>,
}

impl Figure {
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::P50(_)
            | Self::AddedP50(_)
            | Self::AddedP99(_)
            | Self::FirstToken
            | Self::ChunkLag
            | Self::ChunkLagP99
            | Self::BurstLag
            | Self::Freed
            | Self::FreedWorst
            | Self::FreedEarly
            | Self::Start => "ms",
            Self::CpuPerRequest | Self::CpuPerChunk => "µs",
            Self::Throughput | Self::WakeUps => "/s",
            Self::CoreShare | Self::UnreadBusy => "core",
            Self::SlowComplete | Self::NeverFreed => "",
            Self::SlowGrowth | Self::UnreadGrowth | Self::MemoryFresh | Self::MemoryLoaded => "MiB",
        }
    }

    /// The stage whose failures spoil this figure.
    pub(crate) fn stage(self) -> Stage {
        match self {
            Self::P50(size) | Self::AddedP50(size) | Self::AddedP99(size) => match size {
                Size::Small => Stage::Latency,
                Size::Medium | Size::Large | Size::Huge => Stage::Sizes,
            },
            Self::Throughput | Self::CpuPerRequest | Self::CoreShare => Stage::Throughput,
            Self::FirstToken | Self::ChunkLag | Self::ChunkLagP99 => Stage::Stream,
            Self::BurstLag | Self::CpuPerChunk => Stage::Burst,
            Self::SlowComplete | Self::SlowGrowth => Stage::Slow,
            Self::Freed | Self::FreedWorst | Self::FreedEarly | Self::NeverFreed => Stage::Cancel,
            Self::UnreadGrowth | Self::UnreadBusy => Stage::Unread,
            Self::MemoryFresh | Self::MemoryLoaded | Self::Start | Self::WakeUps => Stage::Start,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::P50(size) => return write!(f, "p50, {} body", size.title()),
            Self::AddedP50(size) => return write!(f, "added p50, {} body", size.title()),
            Self::AddedP99(size) => return write!(f, "added p99, {} body", size.title()),
            Self::Throughput => "requests per second of one core",
            Self::CpuPerRequest => "CPU per request at most load",
            Self::CoreShare => "share of the core at most load",
            Self::FirstToken => "added time to first token, one stream",
            Self::ChunkLag => "added per chunk p50, one stream",
            Self::ChunkLagP99 => "added per chunk p99, one stream",
            Self::BurstLag => "delay per chunk p50, burst of 4 streams",
            Self::CpuPerChunk => "CPU per chunk, burst",
            Self::SlowComplete => "slow streams: complete",
            Self::SlowGrowth => "slow streams: memory growth",
            Self::Freed => "caller gone → provider freed, p50",
            Self::FreedWorst => "caller gone → provider freed, worst",
            Self::FreedEarly => "the same before the first byte, p50",
            Self::NeverFreed => "caller gone, provider never freed",
            Self::UnreadGrowth => "unread 64 MB stream: memory growth",
            Self::UnreadBusy => "unread 64 MB stream: busy meanwhile",
            Self::MemoryFresh => "memory, fresh",
            Self::MemoryLoaded => "memory, after load",
            Self::Start => "start → listening",
            Self::WakeUps => "wake-ups while idle",
        };
        f.write_str(name)
    }
}

impl Stage {
    /// Whether it is part of the load after which memory is read. Others start byokey anew.
    pub(crate) fn is_load(self) -> bool {
        match self {
            Self::Latency
            | Self::Throughput
            | Self::Stream
            | Self::Burst
            | Self::Cancel
            | Self::Sizes => true,
            Self::Start | Self::Slow | Self::Unread => false,
        }
    }
}

impl Sheet {
    /// Records one value.
    pub(crate) fn put(&mut self, figure: Figure, way: Way, value: f64) {
        self.readings.push(Reading {
            figure,
            way,
            value,
            spread: None,
        });
    }

    /// Records the median of the rounds' values.
    pub(crate) fn put_rounds(&mut self, figure: Figure, way: Way, rounds: &[f64]) {
        let mut rounds = rounds.to_vec();
        rounds.sort_by(f64::total_cmp);
        let (Some(low), Some(high)) = (rounds.first(), rounds.last()) else {
            return;
        };
        self.readings.push(Reading {
            figure,
            way,
            value: middle(&rounds),
            spread: Some((*low, *high)),
        });
    }

    /// Records failed requests, if there are any.
    pub(crate) fn fail(&mut self, stage: Stage, way: Way, faults: &[Fault]) {
        if let Some(first) = faults.first() {
            let example = first.to_string();
            self.failures.push(Failure {
                stage,
                way,
                count: faults.len(),
                example,
            });
        }
    }

    pub(crate) fn value(&self, figure: Figure, way: Way) -> Option<f64> {
        let mut readings = self.readings.iter();
        let found = readings.find(|reading| reading.figure == figure && reading.way == way);
        found.map(|reading| reading.value)
    }

    /// How many requests of a stage failed on a way.
    pub(crate) fn failed(&self, stage: Stage, way: Way) -> usize {
        let failures = self.failures.iter();
        let failures = failures.filter(|failure| failure.stage == stage && failure.way == way);
        failures.map(|failure| failure.count).sum()
    }
}

/// The value below which `share` of the values lie; nothing for no values.
pub(crate) fn percentile(values: &mut [u64], share: f64) -> Option<u64> {
    values.sort_unstable();
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[half - 1], sorted[half])
    } else {
        sorted[half]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_summed_up_by_their_median() {
        let mut sheet = Sheet::default();
        sheet.put_rounds(Figure::Start, Way::Pass, &[3.0, 1.0, 2.0, 9.0]);
        sheet.put_rounds(Figure::Start, Way::Nginx, &[]);
        assert_eq!(sheet.value(Figure::Start, Way::Pass), Some(2.5));
        assert_eq!(sheet.readings[0].spread, Some((1.0, 9.0)));
        assert_eq!(sheet.value(Figure::Start, Way::Nginx), None);
        assert_eq!(percentile(&mut [4, 1, 3, 2], 0.5), Some(2));
        assert_eq!(percentile(&mut [4, 1, 3, 2], 0.99), Some(4));
        assert_eq!(percentile(&mut [], 0.5), None);
    }
}
