//! Changing a few members of JSON and leaving every other byte as it is.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::Text;

/// What becomes of a member of an object or an element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// It stays.
    Keep,
    /// It goes.
    Drop,
    /// It gets this value, which is JSON.
    Set(String),
}

/// Rewrites an object member by member and puts `more` behind them; `None` when nothing changes or
/// `raw` is no object.
pub(crate) fn rewrite_object(
    raw: &str,
    mut edit: impl FnMut(&str, &str) -> Edit,
    more: impl FnOnce() -> Vec<(&'static str, String)>,
) -> Option<String> {
    let Entries(entries) = serde_json::from_str(raw).ok()?;
    let pieces = entries.iter().map(|(key, value)| {
        let name: Text<'_> = serde_json::from_str(key.get()).unwrap_or_default();
        let edit = edit(&name, value.get());
        (key.get(), value.get(), edit)
    });
    let pieces: Vec<_> = pieces.collect();
    let more = more();
    let added = more
        .into_iter()
        .map(|(key, value)| format!("\"{key}\":{value}"));
    assemble(raw, &pieces, added.collect())
}

/// Rewrites a list element by element; `None` when nothing changes or `raw` is no list.
pub(crate) fn rewrite_list(raw: &str, mut edit: impl FnMut(usize, &str) -> Edit) -> Option<String> {
    let elements: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    let pieces = elements.iter().enumerate();
    let pieces: Vec<_> = pieces
        .map(|(at, value)| (value.get(), value.get(), edit(at, value.get())))
        .collect();
    assemble(raw, &pieces, Vec::new())
}

/// Puts together what stays; every piece is its beginning, its value, and what becomes of it.
fn assemble(raw: &str, pieces: &[(&str, &str, Edit)], added: Vec<String>) -> Option<String> {
    if added.is_empty() && pieces.iter().all(|(.., edit)| *edit == Edit::Keep) {
        return None;
    }
    let start = |part: &str| part.as_ptr() as usize - raw.as_ptr() as usize;
    let end = |part: &str| start(part) + part.len();
    let mut out = String::with_capacity(raw.len() + 64);
    // Where the text before the next piece begins.
    let mut before = 0;
    let mut any = false;
    for (at, (head, value, edit)) in pieces.iter().enumerate() {
        let opening = &raw[..start(pieces[0].0)];
        if *edit != Edit::Drop {
            out.push_str(match (any, at) {
                (false, _) => opening,
                (true, _) => &raw[before..start(head)],
            });
            match edit {
                Edit::Set(new) => {
                    out.push_str(&raw[start(head)..start(value)]);
                    out.push_str(new);
                }
                _ => out.push_str(&raw[start(head)..end(value)]),
            }
            any = true;
        }
        before = end(value);
    }
    if !any {
        out.push_str(raw.get(..1)?);
    }
    for new in added {
        if std::mem::replace(&mut any, true) {
            out.push(',');
        }
        out.push_str(&new);
    }
    let rest = if pieces.is_empty() { 1 } else { before };
    out.push_str(raw.get(rest..)?);
    Some(out)
}

/// The members of an object as they stand, in their order.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for EntriesVisitor<'a> {
            type Value = Entries<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_changes() {
        let edit = |name: &str, _: &str| match name {
            "a" => Edit::Drop,
            "b" => Edit::Set("[2]".to_owned()),
            _ => Edit::Keep,
        };
        let more = |list: &[(&'static str, &str)]| {
            let list: Vec<_> = list
                .iter()
                .map(|(key, value)| (*key, (*value).to_owned()))
                .collect();
            move || list
        };
        for (raw, expected) in [
            (r#"{ "x" : 1e3 , "y":"\u0061" }"#, None),
            (r#"{ "a":1, "x" : 1e3 }"#, Some(r#"{ "x" : 1e3 }"#)),
            (r#"{"x":1, "a":1}"#, Some(r#"{"x":1}"#)),
            (
                r#"{"x":1, "a":1 ,"y":2,"\u0061":3}"#,
                Some(r#"{"x":1 ,"y":2}"#),
            ),
            (r#"{"a":1}"#, Some("{}")),
            (r#"{"a":1,"b" : {"c":[]} }"#, Some(r#"{"b" : [2] }"#)),
            ("{}", None),
            ("[]", None),
            ("{", None),
        ] {
            assert_eq!(
                rewrite_object(raw, edit, more(&[])).as_deref(),
                expected,
                "{raw}"
            );
        }
        for (raw, expected) in [
            ("{}", r#"{"n":0}"#),
            (r#"{"a":1}"#, r#"{"n":0}"#),
            ("{ \"x\":1\n}", "{ \"x\":1,\"n\":0\n}"),
        ] {
            let added = rewrite_object(raw, edit, more(&[("n", "0")]));
            assert_eq!(added.as_deref(), Some(expected), "{raw}");
        }
        let odd = |at: usize, value: &str| match value {
            "0" => Edit::Drop,
            _ if at == 1 => Edit::Set("\"s\"".to_owned()),
            _ => Edit::Keep,
        };
        for (raw, expected) in [
            ("[1]", None),
            ("[ 1, 2 , 3 ]", Some("[ 1, \"s\" , 3 ]")),
            ("[0]", Some("[]")),
            ("[0,2,0]", Some("[\"s\"]")),
        ] {
            assert_eq!(rewrite_list(raw, odd).as_deref(), expected, "{raw}");
        }
    }
}
