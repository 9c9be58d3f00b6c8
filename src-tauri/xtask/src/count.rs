//! Counting tests by what the test programs themselves say.

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

    /// The sum of all summaries (`test result: … 3 passed; 0 failed; …`) in a test program's
    /// output.
    pub(crate) fn read(lines: &[String]) -> Self {
        let mut sum = Self::default();
        for summary in lines
            .iter()
            .filter_map(|line| line.strip_prefix("test result: "))
        {
            sum.passed += number_before(summary, "passed");
            sum.failed += number_before(summary, "failed");
        }
        sum
    }

    /// The last line of pytest's output (`2 failed, 114 passed, 36 skipped in 28.01s`). An error
    /// in a fixture is a failure, too.
    pub(crate) fn read_pytest(lines: &[String]) -> Self {
        let mut count = Self::default();
        let summary = lines
            .iter()
            .rfind(|line| line.contains(" in "))
            .map_or("", String::as_str);
        let words: Vec<_> = summary
            .split([' ', ',', '='])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let number = pair[0].parse().unwrap_or(0);
            match pair[1] {
                "passed" => count.passed += number,
                "failed" | "error" | "errors" => count.failed += number,
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

fn number_before(summary: &str, word: &str) -> u64 {
    let words: Vec<_> = summary
        .split([' ', ';'])
        .filter(|word| !word.is_empty())
        .collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_add_up() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 1 passed; 12 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        let count = Count::read(&lines.map(str::to_owned));
        assert_eq!(
            count,
            Count {
                passed: 4,
                failed: 12
            }
        );
    }

    #[test]
    fn pytest_says_it_in_one_line() {
        let line = "=== 2 failed, 114 passed, 36 skipped, 1 error in 28.01s ===";
        let expected = Count {
            passed: 114,
            failed: 3,
        };
        assert_eq!(Count::read_pytest(&[line.to_owned()]), expected);
        assert_eq!(Count::read_pytest(&[]), Count::default());
    }

    #[test]
    fn other_lines_do_not_count() {
        let lines = [
            "error: could not compile",
            "5 passed, 0 failed",
            "  test result: 1 passed",
        ];
        assert_eq!(Count::read(&lines.map(str::to_owned)), Count::default());
    }
}
