//! Free text through providers whose tools take JSON only: it travels as the one member of an
//! object, and is taken out of it on the way back.

use std::borrow::Cow;

use crate::json::{self, Object, Text, fields};

/// The schema of an object that carries free text.
pub(crate) const SCHEMA: &str =
    r#"{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"#;

fields! {
    struct Wrapped<'a> {
        input: Text<'a> = "input",
    }
}

/// Writes the object that carries `text`.
pub(crate) fn wrap(text: &str, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.text("input", text);
    object.end();
}

/// The text that an object carries; anything else is the text itself.
pub(crate) fn unwrap(arguments: Cow<'_, str>) -> Cow<'_, str> {
    let text = |arguments: &str| {
        let wrapped: Wrapped<'_> = serde_json::from_str(arguments).ok()?;
        Some(wrapped.input?.0.into_owned())
    };
    if !json::is_object(&arguments) {
        return arguments;
    }
    text(&arguments).map_or(arguments, Cow::Owned)
}

/// The text that an object carries whose end is missing.
pub(crate) fn unwrap_cut(arguments: Cow<'_, str>) -> Cow<'_, str> {
    // The cut may lie within an escape, whose six letters are ASCII.
    let ends = (0..=6).filter_map(|less| arguments.get(..arguments.len().checked_sub(less)?));
    for whole in ends.map(|begun| format!("{begun}\"}}")) {
        if json::is_object(&whole) {
            return Cow::Owned(unwrap(whole.into()).into_owned());
        }
    }
    unwrap(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_comes_out() {
        for text in ["", "plain", "*** Begin Patch\n\"é\"", r#"{"input":"x"}"#] {
            let mut out = Vec::new();
            wrap(text, &mut out);
            let wrapped = String::from_utf8(out).unwrap();
            assert_eq!(unwrap(wrapped.into()), text);
        }
        for other in [
            "",
            "text",
            "{\"input\":7}",
            "{\"a\":1}",
            "[1]",
            "{\"input\":\"cut",
        ] {
            assert_eq!(unwrap(other.into()), other);
        }
        for (cut, text) in [
            (r#"{"input":"*** Beg"#, "*** Beg"),
            (r#"{"input":"é\ud8"#, "é"),
            (r#"{"input":"a\"#, "a"),
            (r#"{"inp"#, r#"{"inp"#),
        ] {
            assert_eq!(unwrap_cut(cut.into()), text);
        }
    }
}
