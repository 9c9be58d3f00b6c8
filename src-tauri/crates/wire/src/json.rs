//! Reading and writing JSON without trees: text that borrows, objects with known members and a list
//! of the rest, and the repair of half characters.

mod path;
mod rewrite;
mod write;

use std::{borrow::Cow, fmt, marker::PhantomData};

pub(crate) use rewrite::{Edit, rewrite_list, rewrite_object};
pub(crate) use write::{Object, write_compact, write_int, write_list, write_str};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Fault, FaultKind};

/// A JSON string that borrows from the input unless it holds escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'a>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<Text<'a>> for Cow<'a, str> {
    fn from(text: Text<'a>) -> Self {
        text.0
    }
}

/// A whole number that is not negative; `4096.0` is taken for `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;
        impl Visitor<'_> for CountVisitor {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of at least 0")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Count, E> {
                u64::try_from(number)
                    .map(Count)
                    .map_err(|_| E::custom("invalid number, expected a whole number of at least 0"))
            }

            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the range is checked"
            )]
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Count, E> {
                if number.fract() == 0.0 && (0.0..9e15).contains(&number) {
                    Ok(Count(number as u64))
                } else {
                    Err(E::custom(
                        "invalid number, expected a whole number of at least 0",
                    ))
                }
            }
        }
        deserializer.deserialize_any(CountVisitor)
    }
}

/// Whether a value is as good as none: programs send such defaults for members they do not use.
pub(crate) fn says_nothing(value: &RawValue) -> bool {
    matches!(value.get(), "null" | "false" | "[]" | "{}" | "\"\"")
}

/// The names of members that no reader knows; those that say nothing are left out.
pub(crate) type Unknown<'a> = Vec<Cow<'a, str>>;

/// Declares objects of which some members are known, each optional, and the rest is listed by name
/// in `unknown`. `null` counts as absent; of a member given twice the last one counts.
///
/// ```text
/// members! {
///     /// Why.
///     pub(crate) struct Name<'a> {
///         /// What.
///         field: Text<'a> = "json_name" | "other_name",
///     }
/// }
/// ```
macro_rules! members {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> {
        $($(#[$field_meta:meta])* $field:ident : $type:ty = $($key:literal)|+),* $(,)?
    })+) => {$(
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name<$lt> {
            $($(#[$field_meta])* pub(crate) $field: Option<$type>,)*
            pub(crate) unknown: $crate::json::Unknown<$lt>,
        }

        $crate::json::read_object! {
            $name<$lt> { $($field = $($key)|+),* }
            |out, key, map| {
                let value = map.next_value::<&serde_json::value::RawValue>()?;
                if !$crate::json::says_nothing(value) {
                    out.unknown.push(key.0);
                }
            }
        }
    )+};
}
pub(crate) use members;

/// As [`members!`], for objects whose unknown members are of no interest: providers' replies.
macro_rules! fields {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident<$lt:lifetime> {
        $($(#[$field_meta:meta])* $field:ident : $type:ty = $($key:literal)|+),* $(,)?
    })+) => {$(
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name<$lt> {
            $($(#[$field_meta])* pub(crate) $field: Option<$type>,)*
        }

        $crate::json::read_object! {
            $name<$lt> { $($field = $($key)|+),* }
            |_out, _key, map| { map.next_value::<serde::de::IgnoredAny>()?; }
        }
    )+};
}
pub(crate) use fields;

/// The reading behind [`members!`] and [`fields!`]; the block says what becomes of unknown members.
macro_rules! read_object {
    ($name:ident<$lt:lifetime> { $($field:ident = $($key:literal)|+),* }
     |$out:ident, $unknown:ident, $map:ident| $rest:block) => {
        impl<'de: $lt, $lt> serde::Deserialize<'de> for $name<$lt> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct ObjectVisitor<$lt>(std::marker::PhantomData<&$lt ()>);

                impl<'de: $lt, $lt> serde::de::Visitor<'de> for ObjectVisitor<$lt> {
                    type Value = $name<$lt>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut $map: A,
                    ) -> Result<Self::Value, A::Error> {
                        let mut read = $name::default();
                        while let Some(key) = $map.next_key::<$crate::json::Text<$lt>>()? {
                            match &*key {
                                $($($key)|+ => read.$field = $map.next_value()?,)*
                                _ => {
                                    let ($out, $unknown) = (&mut read, key);
                                    $rest
                                }
                            }
                        }
                        Ok(read)
                    }
                }

                deserializer.deserialize_map(ObjectVisitor(std::marker::PhantomData))
            }
        }
    };
}
pub(crate) use read_object;

/// A JSON object, one level deep, its members in their order. With `&RawValue` as `K` the keys stay
/// as they are written, quotes included.
pub(crate) struct Shallow<'a, K = Text<'a>>(pub(crate) Vec<(K, &'a RawValue)>);

impl<'de: 'a, 'a, K: Deserialize<'de>> Deserialize<'de> for Shallow<'a, K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShallowVisitor<'a, K>(PhantomData<(&'a (), K)>);

        impl<'de: 'a, 'a, K: Deserialize<'de>> Visitor<'de> for ShallowVisitor<'a, K> {
            type Value = Shallow<'a, K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Shallow(members))
            }
        }

        deserializer.deserialize_map(ShallowVisitor(PhantomData))
    }
}

impl<'a> Shallow<'a> {
    /// The object that a JSON text is.
    pub(crate) fn of(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// The JSON text of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(key, _)| &**key == name)
            .map(|(_, value)| value.get())
    }
}

/// A list or a single value in place of a list of one.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, 'a> Deserialize<'de> for OneOrMany<Text<'a>>
where
    'de: 'a,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for ListVisitor<'a> {
            type Value = OneOrMany<Text<'a>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(OneOrMany(vec![Text(Cow::Borrowed(text))]))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany(vec![Text(Cow::Owned(text.to_owned()))]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(text) = seq.next_element()? {
                    list.push(text);
                }
                Ok(OneOrMany(list))
            }
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// Reads a request body.
///
/// # Errors
/// [`FaultKind::BadRequest`] naming the place and what was expected there. The caller's own values
/// are not repeated: a fault may end up in a log.
pub(crate) fn request<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let message = format!("the body is not UTF-8 (byte {})", error.valid_up_to());
        Fault::new(FaultKind::BadRequest, message)
    })?;
    read(text, "")
}

/// Reads a value of a request that stands at this path.
///
/// # Errors
/// As [`request`].
pub(crate) fn member<'a, T: Deserialize<'a>>(raw: &'a RawValue, path: &str) -> Result<T, Fault> {
    read(raw.get(), path)
}

fn read<'a, T: Deserialize<'a>>(text: &'a str, base: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if !error.is_data() {
            let message = format!("the body is not valid JSON (line {line}, column {column})");
            return Fault::new(FaultKind::BadRequest, message);
        }
        let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
        let offset = lines.map(str::len).sum::<usize>() + column;
        wrong_type(&error, &path::path_at(text, offset, base))
    })
}

/// The error of a value that was read on its own, for the reader of what it stands in. Without its
/// place, which was counted from the value's own beginning: the outer reader puts in where it is.
pub(crate) fn within<E: serde::de::Error>(error: &serde_json::Error) -> E {
    let said = error.to_string();
    E::custom(said.split(" at line ").next().unwrap_or_default())
}

/// The fault of a member that has another type than it should.
fn wrong_type(error: &serde_json::Error, path: &str) -> Fault {
    let said = error.to_string();
    let expected = said
        .rfind("expected ")
        .and_then(|at| said[at..].split(" at line ").next());
    // The words of Rust are not the caller's.
    let expected = match expected.unwrap_or("expected something else") {
        "expected f64" => "expected a number",
        "expected i64" => "expected a whole number",
        "expected a sequence" => "expected a list",
        other => other,
    };
    if path.is_empty() {
        let message = format!("the body has the wrong type: {expected}");
        return Fault::new(FaultKind::BadRequest, message);
    }
    let message = format!("`{path}` has the wrong type: {expected}");
    let mut fault = Fault::new(FaultKind::BadRequest, message);
    fault.param = Some(path.to_owned());
    fault
}

/// Whether a text is one whole JSON value.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether a text is one whole JSON object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{') && is_json(text)
}

/// Replaces every `\uD800`-style escape that is half of a pair by `\ufffd`; `None` when there is
/// none. Half an emoji from cut tool output is a frequent fault of programs, and providers refuse it.
pub(crate) fn mend(body: &[u8]) -> Option<Vec<u8>> {
    let mut out: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &body[at..]) {
        let start = at + found;
        at = (start + 2).min(body.len());
        let Some(unit) = surrogate(&body[start..]) else {
            continue;
        };
        at = start + 6;
        if unit < 0xdc00 && surrogate(&body[at..]).is_some_and(|low| low >= 0xdc00) {
            at += 6;
            continue;
        }
        let out = out.get_or_insert_with(|| body.to_vec());
        out[start + 2..start + 6].copy_from_slice(b"fffd");
    }
    out
}

/// The code unit of a surrogate escape at the start of `bytes`.
fn surrogate(bytes: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = bytes.get(..6)? else {
        return None;
    };
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests;
