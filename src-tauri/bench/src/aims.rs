//! The rows of the table, and what byokey is to reach in each.
//!
//! Where a figure depends on the machine the aim is a ratio to nginx in the same run; the others
//! are what a person would notice, on any machine of these years.

use crate::{
    prompt::Size,
    sheet::{Figure, Sheet},
    target::Way,
};

/// One figure of byokey on one way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) figure: Figure,
    pub(crate) way: Way,
    pub(crate) aim: Option<Aim>,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// At most this many times nginx's.
    RatioAtMost(f64),
    /// At least this share of nginx's.
    RatioAtLeast(f64),
    /// At most this, in the figure's unit.
    AtMost(f64),
    /// At least this, in the figure's unit.
    AtLeast(f64),
}

/// How a row came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reached,
    Missed,
    /// Requests failed, so the value says nothing.
    Failed(usize),
    /// Nothing to compare with.
    Open,
}

/// The whole table.
pub(crate) fn rows() -> Vec<Row> {
    use Aim::{AtLeast, AtMost, RatioAtLeast, RatioAtMost};
    use Figure::*;
    use Way::{Pass, ViaChat, ViaMessages};
    let row = |figure, way, aim| Row { figure, way, aim };
    let mut rows = Vec::new();
    let ways = |figure, pass, via| {
        [
            row(figure, Pass, pass),
            row(figure, ViaMessages, via),
            row(figure, ViaChat, via),
        ]
    };
    let latency = (Some(RatioAtMost(2.2)), Some(RatioAtMost(3.0)));
    rows.extend(ways(AddedP50(Size::Small), latency.0, latency.1));
    rows.extend(ways(AddedP99(Size::Small), None, None));
    let bodies = [
        (Size::Medium, 0.4, 0.9),
        (Size::Large, 1.0, 4.0),
        (Size::Huge, 8.0, 40.0),
    ];
    for (size, pass, via) in bodies {
        rows.extend(ways(AddedP50(size), Some(AtMost(pass)), Some(AtMost(via))));
    }
    rows.extend(ways(Throughput, Some(RatioAtLeast(0.4)), None));
    rows.extend(ways(CpuPerRequest, Some(RatioAtMost(2.5)), None));
    rows.extend(ways(FirstToken, Some(RatioAtMost(2.5)), None));
    rows.extend(ways(ChunkLag, Some(RatioAtMost(1.5)), None));
    rows.extend(ways(ChunkLagP99, None, None));
    rows.extend(ways(BurstLag, None, None));
    rows.extend(ways(CpuPerChunk, None, Some(AtMost(8.0))));
    rows.extend(ways(
        SlowComplete,
        Some(AtLeast(1000.0)),
        Some(AtLeast(1000.0)),
    ));
    rows.extend(ways(SlowGrowth, Some(AtMost(35.0)), Some(AtMost(35.0))));
    rows.extend(ways(Freed, Some(AtMost(2.0)), Some(AtMost(2.0))));
    rows.extend(ways(FreedWorst, None, None));
    rows.extend(ways(FreedEarly, Some(AtMost(2.0)), Some(AtMost(2.0))));
    rows.extend(ways(NeverFreed, Some(AtMost(0.0)), Some(AtMost(0.0))));
    rows.extend(ways(UnreadGrowth, Some(AtMost(1.0)), Some(AtMost(1.0))));
    rows.extend(ways(UnreadBusy, None, None));
    // Of the whole process, whichever way its requests take.
    let whole = [
        (MemoryFresh, 15.0),
        (MemoryLoaded, 25.0),
        (Start, 100.0),
        (WakeUps, 2.0),
    ];
    rows.extend(whole.map(|(figure, most)| row(figure, Pass, Some(AtMost(most)))));
    rows
}

impl Row {
    /// byokey's value as a multiple of nginx's.
    pub(crate) fn ratio(&self, sheet: &Sheet) -> Option<f64> {
        let nginx = sheet.value(self.figure, Way::Nginx)?;
        let own = sheet.value(self.figure, self.way)?;
        (nginx > 0.0).then(|| own / nginx)
    }

    pub(crate) fn verdict(&self, sheet: &Sheet) -> Verdict {
        let failed = sheet.failed(self.figure.stage(), self.way);
        if failed > 0 {
            return Verdict::Failed(failed);
        }
        let (ratio, value) = (self.ratio(sheet), sheet.value(self.figure, self.way));
        let reached = match self.aim {
            None => None,
            Some(Aim::RatioAtMost(most)) => ratio.map(|ratio| ratio <= most),
            Some(Aim::RatioAtLeast(least)) => ratio.map(|ratio| ratio >= least),
            Some(Aim::AtMost(most)) => value.map(|value| value <= most),
            Some(Aim::AtLeast(least)) => value.map(|value| value >= least),
        };
        match reached {
            None => Verdict::Open,
            Some(true) => Verdict::Reached,
            Some(false) => Verdict::Missed,
        }
    }
}

impl Aim {
    pub(crate) fn text(self, unit: &str) -> String {
        match self {
            Self::RatioAtMost(most) => format!("≤ {most}× nginx"),
            Self::RatioAtLeast(least) => format!("≥ {least}× nginx"),
            Self::AtMost(most) => format!("≤ {most} {unit}").trim_end().to_owned(),
            Self::AtLeast(least) => format!("≥ {least} {unit}").trim_end().to_owned(),
        }
    }
}

impl Verdict {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Reached => "yes".to_owned(),
            Self::Missed => "NO".to_owned(),
            Self::Failed(count) => format!("NO: {count} failed"),
            Self::Open => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{load::Fault, sheet::Stage};

    #[test]
    fn a_row_is_judged_by_its_aim_and_spoilt_by_failures() {
        let mut sheet = Sheet::default();
        sheet.put(Figure::Throughput, Way::Nginx, 50_000.0);
        sheet.put(Figure::Throughput, Way::Pass, 21_000.0);
        let row = |aim| Row {
            figure: Figure::Throughput,
            way: Way::Pass,
            aim: Some(aim),
        };
        let reached = [
            (Aim::RatioAtLeast(0.4), Verdict::Reached),
            (Aim::RatioAtLeast(0.5), Verdict::Missed),
            (Aim::RatioAtMost(0.4), Verdict::Missed),
            (Aim::AtLeast(21_000.0), Verdict::Reached),
            (Aim::AtMost(20_000.0), Verdict::Missed),
        ];
        for (aim, verdict) in reached {
            assert_eq!(row(aim).verdict(&sheet), verdict, "{aim:?}");
        }
        let other = Row {
            way: Way::ViaChat,
            ..row(Aim::AtLeast(1.0))
        };
        assert_eq!(other.verdict(&sheet), Verdict::Open);
        sheet.fail(
            Stage::Throughput,
            Way::Pass,
            &[Fault::TooSlow, Fault::TooSlow],
        );
        assert_eq!(row(Aim::AtLeast(1.0)).verdict(&sheet), Verdict::Failed(2));
    }
}
