//! What a run leaves behind: a table to read and a file for programs.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    aims::{Row, Verdict, rows},
    machine::Machine,
    sheet::{Figure, Reading, Sheet, Stage},
    target::Way,
};

/// Circumstances of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    /// When it began, in UTC.
    pub(crate) date: String,
    pub(crate) seconds: u64,
    pub(crate) quick: bool,
    /// Whether it went before everything else on the machine.
    pub(crate) realtime: bool,
    pub(crate) stages: Vec<Stage>,
    pub(crate) machine: Machine,
    pub(crate) byokey: String,
    pub(crate) nginx: Option<String>,
    /// Cores of load and proxies; nothing when they were not kept apart.
    pub(crate) pinned: Option<(usize, usize)>,
    /// Average load of the machine when the run began.
    pub(crate) load_average: Option<f64>,
}

/// A proxy with less of its core than this was not what limited its throughput.
const BUSY: f64 = 0.9;

const HEADINGS: [&str; 7] = [
    "figure", "way", "byokey", "nginx", "ratio", "aim", "reached",
];

/// The table in Markdown, with the circumstances above and what went wrong below.
pub(crate) fn table(run: &Run, sheet: &Sheet) -> String {
    let mut lines: Vec<[String; 7]> = vec![HEADINGS.map(str::to_owned)];
    lines.extend(rows().iter().filter_map(|row| cells(row, sheet)));
    let widths: [usize; 7] = std::array::from_fn(|column| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0).max(3)
    });
    let mut text = header(run);
    for (number, line) in lines.iter().enumerate() {
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            // Numbers to the right, words to the left.
            let _ = if (2..5).contains(&column) {
                write!(text, "| {cell:>width$} ")
            } else {
                write!(text, "| {cell:<width$} ")
            };
        }
        text.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let rule = "-".repeat(*width);
                let _ = if (2..5).contains(&column) {
                    write!(text, "| {}: ", &rule[1..])
                } else {
                    write!(text, "| {rule} ")
                };
            }
            text.push_str("|\n");
        }
    }
    text.push_str(&footer(sheet));
    text
}

/// Everything that was measured.
pub(crate) fn json(run: &Run, sheet: &Sheet) -> Value {
    let readings = sheet.readings.iter().map(reading);
    let rows: Vec<_> = rows();
    let judged = rows.iter().filter(|row| row.aim.is_some());
    let judged = judged.map(|row| {
        json!({
            "figure": row.figure.to_string(),
            "way": row.way,
            "value": sheet.value(row.figure, row.way),
            "nginx": sheet.value(row.figure, Way::Nginx),
            "ratio": row.ratio(sheet),
            "aim": row.aim.map(|aim| aim.text(row.figure.unit())),
            "reached": match row.verdict(sheet) {
                Verdict::Reached => Some(true),
                Verdict::Missed | Verdict::Failed(_) => Some(false),
                Verdict::Open => None,
            },
        })
    });
    json!({
        "run": run,
        "readings": readings.collect::<Vec<_>>(),
        "judged": judged.collect::<Vec<_>>(),
        "failures": sheet.failures,
    })
}

fn reading(reading: &Reading) -> Value {
    json!({
        "figure": reading.figure.to_string(),
        "way": reading.way,
        "value": reading.value,
        "unit": reading.figure.unit(),
        "low": reading.spread.map(|(low, _)| low),
        "high": reading.spread.map(|(_, high)| high),
    })
}

fn header(run: &Run) -> String {
    let nginx = match &run.nginx {
        Some(version) => format!("nginx {version}"),
        None => "no nginx".to_owned(),
    };
    let pinned = match run.pinned {
        Some((load, proxies)) => {
            format!("Load and provider on core {load}, proxies on core {proxies}.")
        }
        None => "Not kept on cores of their own: load and proxies share them.".to_owned(),
    };
    let quick = if run.quick { ", quick run" } else { "" };
    let realtime = if run.realtime {
        ", real-time class"
    } else {
        ""
    };
    let load = run.load_average;
    let load = load.map_or(String::new(), |load| {
        format!(" Load average before: {load}.")
    });
    format!(
        "{}, {nginx}, {}{quick}{realtime}\n{}. {pinned}{load}\n\n",
        run.byokey,
        run.date,
        run.machine.line()
    )
}

fn cells(row: &Row, sheet: &Sheet) -> Option<[String; 7]> {
    let (figure, unit) = (row.figure, row.figure.unit());
    let own = sheet.value(figure, row.way);
    let verdict = row.verdict(sheet);
    if own.is_none() && !matches!(verdict, Verdict::Failed(_)) {
        return None;
    }
    let shown = |value: Option<f64>| match value {
        Some(value) => format!("{} {unit}", number(value)).trim_end().to_owned(),
        None => "–".to_owned(),
    };
    let ratio = row.ratio(sheet);
    Some([
        figure.to_string(),
        row.way.title().to_owned(),
        shown(own),
        shown(sheet.value(figure, Way::Nginx)),
        ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}")),
        row.aim.map(|aim| aim.text(unit)).unwrap_or_default(),
        verdict.text(),
    ])
}

fn footer(sheet: &Sheet) -> String {
    let all = rows();
    let verdicts = all.iter().filter(|row| row.aim.is_some());
    let verdicts: Vec<_> = verdicts.map(|row| row.verdict(sheet)).collect();
    let reached = verdicts.iter().filter(|v| **v == Verdict::Reached).count();
    let judged = verdicts.iter().filter(|v| **v != Verdict::Open).count();
    let mut text = format!("\n{reached} of {judged} aims reached.\n");
    for way in [Way::Nginx, Way::Pass, Way::ViaMessages, Way::ViaChat] {
        let share = sheet.value(Figure::CoreShare, way);
        if let Some(share) = share.filter(|share| *share < BUSY) {
            let _ = writeln!(
                text,
                "{} had only {share:.2} of its core at most load: it would do more requests.",
                way.title()
            );
        }
    }
    for failure in &sheet.failures {
        let (stage, way) = (failure.stage, failure.way.title());
        let _ = writeln!(
            text,
            "Failed in {stage:?}, {way}: {} requests, the first with: {}",
            failure.count, failure.example
        );
    }
    text
}

/// Three significant digits, as far as there are any.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 || magnitude.fract() == 0.0 {
        format!("{value:.0}")
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_what_was_measured_and_nothing_else() {
        let mut sheet = Sheet::default();
        sheet.put(Figure::CpuPerRequest, Way::Nginx, 15.0);
        sheet.put(Figure::CpuPerRequest, Way::Pass, 30.0);
        let run = Run {
            date: "2026-01-01".to_owned(),
            seconds: 1,
            quick: true,
            realtime: false,
            stages: vec![Stage::Throughput],
            machine: Machine::here(),
            byokey: "byokey 0.1.0".to_owned(),
            nginx: None,
            pinned: Some((0, 1)),
            load_average: None,
        };
        let table = table(&run, &sheet);
        let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(rows.len(), 3, "{table}");
        let cells: Vec<_> = rows[2].split('|').map(str::trim).collect();
        let expected = [
            "CPU per request at most load",
            "Pass",
            "30 µs",
            "15 µs",
            "2.00",
        ];
        assert_eq!(cells[1..6], expected);
        assert_eq!(cells[6..8], ["≤ 2.5× nginx", "yes"]);
        assert!(table.ends_with("1 of 1 aims reached.\n"), "{table}");
        assert_eq!(json(&run, &sheet)["judged"][6]["way"], "pass");
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.12345, 1.234, 12.34, 123.4, 12345.6].map(number);
        assert_eq!(shown, ["0", "0.123", "1.23", "12.3", "123", "12346"]);
    }
}
