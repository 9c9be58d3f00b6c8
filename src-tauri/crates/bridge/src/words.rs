//! Words of a program, fit to be shown: short, on one line, without control characters.

/// Most characters of somebody else's words in one of ours.
const MOST: usize = 300;

/// Makes one short line of what a program said. Escape sequences that colour a terminal go whole.
pub(crate) fn tidy(words: &str) -> String {
    let plain = without_escapes(words);
    let mut tidied = String::new();
    for word in plain.split_whitespace() {
        if !tidied.is_empty() {
            tidied.push(' ');
        }
        tidied.extend(word.chars().filter(|letter| !letter.is_control()));
    }
    if let Some((end, _)) = tidied.char_indices().nth(MOST) {
        tidied.truncate(end);
        tidied.push('…');
    }
    tidied
}

/// Leaves out terminal escape sequences: `ESC [ … letter`, `ESC ] … BEL` and `ESC ] … ESC \`.
pub(crate) fn without_escapes(words: &str) -> String {
    let mut plain = String::with_capacity(words.len());
    let mut letters = words.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('[') => {
                letters.by_ref().find(|end| ('@'..='~').contains(end));
            }
            Some(']') => while_in_command(&mut letters),
            _ => {}
        }
    }
    plain
}

fn while_in_command(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(letter) = letters.next() {
        if letter == '\u{7}' {
            return;
        }
        if letter == '\u{1b}' && letters.next_if_eq(&'\\').is_some() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_one_short_line() {
        assert_eq!(tidy("  a\u{1b}[31m red\u{1b}[0m\n\tb\u{0} "), "a red b");
        assert_eq!(
            tidy("\u{1b}]8;;https://x\u{7}link\u{1b}]8;;\u{1b}\\ !"),
            "link !"
        );
        let long = tidy(&"é".repeat(1000));
        assert_eq!(long.chars().count(), MOST + 1);
    }
}
