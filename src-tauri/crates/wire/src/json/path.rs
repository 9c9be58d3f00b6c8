//! Where in a JSON text is this byte?

/// Longest path told.
const MAX_PATH: usize = 256;

/// The path of the innermost value at `offset`, such as `messages[3].content`, within a text that
/// stands at `base`. The text need be JSON only up to there.
pub(crate) fn path_at(text: &str, offset: usize, base: &str) -> String {
    let mut last = 0;
    walk(text, offset, |start, _| last = start);
    let mut path = base.to_owned();
    walk(text, offset, |start, open| {
        if start == last {
            path.truncate(base.len());
            join(&mut path, open);
        }
    });
    path
}

/// Walks over the text up to `offset` and tells where values begin and end, and in what.
fn walk<'a>(text: &'a str, offset: usize, mut value: impl FnMut(usize, &[Step<'a>])) {
    let bytes = text.as_bytes();
    let mut open: Vec<Step<'a>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() && at <= offset {
        let start = at;
        at += 1;
        match bytes[start] {
            b' ' | b'\t' | b'\n' | b'\r' | b':' => {}
            b',' => match open.last_mut() {
                Some(Step::Index(index)) => *index += 1,
                Some(Step::Key { awaited, .. }) => *awaited = true,
                None => {}
            },
            b'"' => {
                at = string_end(bytes, at);
                match open.last_mut() {
                    Some(Step::Key { name, awaited }) if *awaited => {
                        *name = text.get(start + 1..at - 1).unwrap_or_default();
                        *awaited = false;
                    }
                    _ => value(start, &open),
                }
            }
            b'{' => {
                value(start, &open);
                open.push(Step::Key {
                    name: "",
                    awaited: true,
                });
            }
            b'[' => {
                value(start, &open);
                open.push(Step::Index(0));
            }
            // A value that ends here is told from the container that ends right behind it.
            b'}' | b']' if start < offset => {
                open.pop();
                value(start, &open);
            }
            b'}' | b']' => return,
            _ => value(start, &open),
        }
    }
}

/// A step from a container to one of its values.
enum Step<'a> {
    /// Of an object; `awaited` while the next string is a key.
    Key { name: &'a str, awaited: bool },
    /// Of a list.
    Index(usize),
}

/// The byte behind a string's closing quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn join(path: &mut String, steps: &[Step<'_>]) {
    for step in steps {
        match step {
            Step::Key { name, .. } => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
        if path.len() > MAX_PATH {
            path.truncate(path.floor_char_boundary(MAX_PATH));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::path_at;

    #[test]
    fn the_innermost_value_is_found() {
        let text = r#"{ "a": 1, "b\"c": [ {"d":"e"}, [true, 2] ], "f": {}, "g": "h" }"#;
        for (at, path) in [
            ("{ \"a\"", ""),
            ("1, ", "a"),
            ("[ {", "b\\\"c"),
            ("{\"d\"", "b\\\"c[0]"),
            ("\"e\"", "b\\\"c[0].d"),
            ("[true", "b\\\"c[1]"),
            ("true", "b\\\"c[1][0]"),
            ("2]", "b\\\"c[1][1]"),
            ("{}", "f"),
            ("\"h\"", "g"),
        ] {
            assert_eq!(path_at(text, text.find(at).unwrap(), ""), path, "{at}");
        }
        // A value is told by its end as well.
        assert_eq!(
            path_at(text, text.find("\"e\"").unwrap() + 3, "x"),
            "x.b\\\"c[0].d"
        );
        assert_eq!(path_at(text, text.find("1,").unwrap() + 1, "[2]"), "[2].a");
    }

    #[test]
    fn odd_texts_do_no_harm() {
        for text in [
            "",
            "}",
            "]]",
            "\"",
            "{\"",
            "[\"\\",
            ",,",
            "é{\"é\":é",
            "{1:2}",
        ] {
            for offset in 0..=text.len() + 1 {
                path_at(text, offset, "");
            }
        }
        let deep = "[".repeat(100_000);
        assert!(path_at(&deep, 1000, "").len() <= super::MAX_PATH);
    }
}
