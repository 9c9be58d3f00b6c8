//! Counting tests by what the runners themselves say.

use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Count {
    /// A layer that is one check.
    pub(crate) fn of_check(passed: bool) -> Self {
        Self {
            passed: passed.into(),
            failed: (!passed).into(),
        }
    }

    /// The sum of all summaries in a runner's output: cargo's `test result: …`, nextest's
    /// `Summary […] …` and the demo's `demo: …`. `None` when there is none.
    pub(crate) fn read(lines: &[String]) -> Option<Self> {
        let mut sum = None;
        for line in lines {
            let plain = without_colours(line);
            let plain = plain.trim_start();
            if ["test result: ", "Summary [", "demo: "]
                .iter()
                .any(|start| plain.starts_with(start))
            {
                *sum.get_or_insert_default() += Self::read_summary(plain);
            }
        }
        sum
    }

    fn read_summary(summary: &str) -> Self {
        let mut count = Self::default();
        let words: Vec<_> = summary.split(|c: char| !c.is_alphanumeric()).collect();
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => count.passed += number,
                // nextest has two more kinds of failure: "timed out" and "exec failed".
                "failed" | "timed" | "exec" => count.failed += number,
                _ => {}
            }
        }
        count
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// A line without its terminal colour sequences.
fn without_colours(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |plain, piece| {
        plain + piece.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<(u64, u64)> {
        let lines: Vec<_> = lines.iter().map(|&line| line.to_owned()).collect();
        Count::read(&lines).map(|count| (count.passed, count.failed))
    }

    #[test]
    fn cargos_summaries_add_up() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        assert_eq!(read(&lines), Some((4, 2)));
    }

    #[test]
    fn nextests_summary_counts_every_kind_of_failure() {
        let line = "     Summary [   0.123s] 9 tests run: 5 passed (1 slow, 1 leaky), 2 failed, \
                    1 exec failed, 1 timed out, 4 skipped";
        assert_eq!(read(&[line]), Some((5, 4)));
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests \
                        run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped";
        assert_eq!(read(&[coloured]), Some((2, 0)));
    }

    #[test]
    fn no_summary_is_no_count() {
        assert_eq!(
            read(&["error: could not compile", "5 passed, 0 failed"]),
            None
        );
    }
}
