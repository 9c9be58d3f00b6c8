//! A key as a person gives it: pasted, piped, with what came along.

use byokey_catalog::Catalog;
use byokey_vault::Secret;

use crate::KeyTrouble;

const LONGEST: usize = 16 * 1024;
const OWN_PREFIX: &str = "byk_";

/// Takes off what a paste brings along (outer spaces, line ends, one pair of quotes) and refuses
/// what cannot be a key, with a sentence that helps.
pub fn tidy_key(key: Secret) -> Result<Secret, KeyTrouble> {
    let given = key.expose();
    if given.len() > LONGEST {
        return Err(KeyTrouble::TooLong);
    }
    let text = unquote(trim(given));
    check(text)?;
    if text.len() == given.len() {
        Ok(key)
    } else {
        Ok(Secret::new(text))
    }
}

/// Ids of the providers whose keys begin like this one, the longest beginning first. Only good for
/// a suggestion: several vendors share `sk-`.
pub fn guess_provider<'a>(catalog: &'a Catalog, key: &Secret) -> Vec<&'a str> {
    let key = key.expose();
    let mut found: Vec<(usize, &str)> = catalog
        .providers()
        .filter_map(|provider| {
            let begins = provider
                .key_prefixes
                .iter()
                .filter(|prefix| key.starts_with(&***prefix));
            Some((begins.map(String::len).max()?, &*provider.id))
        })
        .collect();
    found.sort_by_key(|(length, id)| (std::cmp::Reverse(*length), *id));
    found.into_iter().map(|(_, id)| id).collect()
}

fn check(text: &str) -> Result<(), KeyTrouble> {
    if text.is_empty() {
        return Err(KeyTrouble::Empty);
    }
    for character in text.chars() {
        match character {
            '\n' | '\r' => return Err(KeyTrouble::Lines),
            c if c.is_whitespace() => return Err(KeyTrouble::Space),
            c if c.is_control() => return Err(KeyTrouble::Control),
            c if !c.is_ascii() => return Err(KeyTrouble::Foreign),
            _ => {}
        }
    }
    if text.contains("...") || text.contains("***") {
        return Err(KeyTrouble::Foreign);
    }
    if text.starts_with(OWN_PREFIX) {
        return Err(KeyTrouble::OwnKey);
    }
    if is_assignment(text) {
        return Err(KeyTrouble::Assignment);
    }
    Ok(())
}

/// Outer white space, and the byte order mark that some editors put first.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}')
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\'', '`'] {
        let inner = text
            .strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote));
        if let Some(inner) = inner {
            return trim(inner);
        }
    }
    text
}

/// `SOME_KEY=value`; a key in base64 has its `=` at the end.
fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        !value.trim_matches('=').is_empty()
            && name.contains('_')
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(text: &str) -> Result<String, KeyTrouble> {
        tidy_key(Secret::new(text)).map(|key| key.expose().to_owned())
    }

    #[test]
    fn what_a_paste_brings_along_is_taken_off() {
        for text in [
            "sk-1",
            "sk-1\n",
            "  sk-1\t\r\n",
            "\"sk-1\"",
            "'sk-1'\n",
            "`sk-1`",
            "\u{feff}sk-1",
            "\" sk-1 \"",
            "\u{a0}sk-1\u{200b}",
        ] {
            assert_eq!(tidied(text).as_deref(), Ok("sk-1"), "{text:?}");
        }
    }

    #[test]
    fn keys_of_every_alphabet_pass_unchanged() {
        for text in [
            "AIza-_09",
            "abc:def",
            "YWJj+/ZGVm==",
            "a.b.c~d",
            "AC_1=",
            "\"",
            "xai-{}|",
        ] {
            assert_eq!(tidied(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_refused_with_the_reason() {
        let long = "x".repeat(LONGEST + 1);
        for (text, trouble) in [
            ("", KeyTrouble::Empty),
            (" \n", KeyTrouble::Empty),
            ("\"\"", KeyTrouble::Empty),
            (long.as_str(), KeyTrouble::TooLong),
            ("sk-1\nsk-2", KeyTrouble::Lines),
            ("Bearer sk-1", KeyTrouble::Space),
            ("sk-1\u{a0}x", KeyTrouble::Space),
            ("sk-1\u{1b}[0m", KeyTrouble::Control),
            ("sk-1\0", KeyTrouble::Control),
            ("sk-…f3a9", KeyTrouble::Foreign),
            ("sk-...f3a9", KeyTrouble::Foreign),
            ("sk-****f3a9", KeyTrouble::Foreign),
            ("“sk-1”", KeyTrouble::Foreign),
            ("OPENAI_API_KEY=sk-1", KeyTrouble::Assignment),
            ("byk_abcdef", KeyTrouble::OwnKey),
        ] {
            assert_eq!(tidied(text), Err(trouble), "{text:?}");
        }
    }

    #[test]
    fn the_longest_beginning_is_suggested_first() {
        let catalog = Catalog::bundled().unwrap();
        let guess = |key: &str| guess_provider(&catalog, &Secret::new(key));
        assert_eq!(guess("sk-ant-api03-x").first(), Some(&"claude"));
        assert_eq!(guess("sk-or-v1-x").first(), Some(&"openrouter"));
        assert!(guess("sk-proj-x").contains(&"openai"));
        assert!(guess("nothing-known").is_empty());
    }
}
