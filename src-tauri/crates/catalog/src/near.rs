/// Smallest number of single-character changes (insert, delete, replace, swap of neighbours) that
/// turn one name into the other. Letters count without regard to case.
pub fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let width = right.len() + 1;
    let mut before = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    for (i, &a) in left.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, &b) in right.iter().enumerate() {
            let replaced = above[j] + usize::from(a != b);
            row[j + 1] = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && a == right[j - 1] && left[i - 1] == b;
            if swapped {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

/// At most `most` of the names, nearest first, that could be meant by `name`: a third of its
/// letters may differ, or one holds the other.
pub(crate) fn near<'a>(
    name: &str,
    among: impl Iterator<Item = &'a str>,
    most: usize,
) -> Vec<String> {
    // Longer input is no typing slip, and the distance grows with the square of the length.
    if name.len() > 128 {
        return Vec::new();
    }
    let lower = name.to_lowercase();
    let mut found: Vec<(usize, &str)> = among
        .filter_map(|candidate| {
            let steps = distance(name, candidate);
            let held = lower.len() >= 3 && candidate.to_lowercase().contains(&lower);
            let close = steps <= (name.chars().count() / 3).max(1);
            (held || close).then_some((steps, candidate))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
        .into_iter()
        .take(most)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_single_changes() {
        for (left, right, steps) in [
            ("", "", 0),
            ("abc", "", 3),
            ("gpt-5", "GPT-5", 0),
            ("gtp-5", "gpt-5", 1),
            ("claude-opus-55", "claude-opus-5-5", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), steps, "{left} {right}");
        }
    }

    #[test]
    fn nearest_first_and_nothing_far() {
        let names = ["gpt-6-sol", "gpt-6-luna", "claude-opus-5-5", "gpt-6-sol"];
        assert_eq!(near("gpt-6-slo", names.into_iter(), 2), ["gpt-6-sol"]);
        assert_eq!(near("opus", names.into_iter(), 2), ["claude-opus-5-5"]);
        assert!(near("whisper", names.into_iter(), 3).is_empty());
        assert!(near(&"x".repeat(10_000), names.into_iter(), 3).is_empty());
    }

    proptest! {
        #[test]
        fn is_a_distance(left in "[a-zß-]{0,8}", right in "[a-zß-]{0,8}") {
            prop_assert_eq!(distance(&left, &right), distance(&right, &left));
            prop_assert_eq!(distance(&left, &left), 0);
        }
    }
}
