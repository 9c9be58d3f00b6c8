//! Reading and writing JSON without trees: text that borrows, objects with known members and a list
//! of the rest, and the repair of half characters.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Fault, FaultKind};

/// A JSON string that borrows from the input unless it holds escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = if error.is_data() {
            let said = error.to_string();
            let expected = said
                .rfind("expected ")
                .and_then(|at| said[at..].split(" at line ").next())
                .unwrap_or("expected something else");
            format!("a member of the request has the wrong type: {expected} (line {line}, column {column})")
        } else {
            format!("the body is not valid JSON (line {line}, column {column})")
        };
        Fault::new(FaultKind::BadRequest, message)
    })
}

/// Whether a text is one whole JSON value.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Whether a text is one whole JSON object.
pub(crate) fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{') && is_json(text)
}

/// Appends a JSON string.
pub(crate) fn write_str(out: &mut Vec<u8>, text: &str) {
    // Writing a string into memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a number as JSON; one that JSON cannot say becomes `null`.
pub(crate) fn write_f64(out: &mut Vec<u8>, number: f64) {
    // Writing a number into memory cannot fail.
    let _ = serde_json::to_writer(out, &number);
}

/// Appends a whole number.
pub(crate) fn write_int(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// An object being written.
#[derive(Debug)]
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    /// Opens an object.
    pub(crate) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a key (plain letters only); the value must follow.
    pub(crate) fn key(&mut self, key: &'static str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes a key of any letters; the value must follow.
    pub(crate) fn any_key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        write_str(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A member that is text.
    pub(crate) fn text(&mut self, key: &'static str, text: &str) {
        write_str(self.key(key), text);
    }

    /// A member that is JSON already.
    pub(crate) fn raw(&mut self, key: &'static str, json: &str) {
        self.key(key).extend_from_slice(json.as_bytes());
    }

    /// A member that is a number.
    pub(crate) fn number(&mut self, key: &'static str, number: f64) {
        write_f64(self.key(key), number);
    }

    /// A member that is a whole number.
    pub(crate) fn int(&mut self, key: &'static str, number: impl itoa::Integer) {
        write_int(self.key(key), number);
    }

    /// A member that is a truth value.
    pub(crate) fn bool(&mut self, key: &'static str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// Closes the object.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes a list, one item at a time.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (nth, item) in items.into_iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
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
mod tests {
    use super::*;

    members! {
        #[derive(Debug)]
        struct Sample<'a> {
            name: Text<'a> = "name" | "title",
            count: Count = "count",
            stop: OneOrMany<Text<'a>> = "stop",
        }
    }

    #[test]
    fn members_borrow_and_list_the_rest() {
        let body = br#"{"title":"plain","odd":{"x":[1]},"count":3.0,"stop":"a","na\u006de":"q\"","n":null,"m":7}"#;
        let sample: Sample<'_> = request(body).unwrap();
        assert_eq!(&*sample.name.unwrap(), "q\"");
        assert_eq!(sample.count, Some(Count(3)));
        assert_eq!(sample.stop.unwrap().0.len(), 1);
        assert_eq!(sample.unknown, ["odd", "m"]);
        let sample: Sample<'_> = request(br#"{"name":"plain","count":null}"#).unwrap();
        assert!(matches!(sample.name.unwrap().0, Cow::Borrowed("plain")));
        assert_eq!(sample.count, None);
    }

    #[test]
    fn faults_name_the_place_and_no_value() {
        for (body, expected) in [
            (&b"{\"name\":\"\xff\"}"[..], "not UTF-8 (byte 9)"),
            (br#"{"name":"x"#, "not valid JSON (line 1"),
            (
                br#"{"count":"sk-secret, expected y"}"#,
                "expected a whole number",
            ),
            (br#"{"count":-1}"#, "expected a whole number"),
            (br#"{"count":1.5}"#, "expected a whole number"),
            (br#"{"name":["sk-secret"]}"#, "expected a string"),
            (br#"[]"#, "expected an object"),
        ] {
            let fault = request::<Sample<'_>>(body).err().unwrap();
            assert!(fault.message.contains(expected), "{}", fault.message);
            assert!(!fault.message.contains("sk-secret"), "{}", fault.message);
        }
    }

    #[test]
    fn mends_half_characters_only() {
        for (body, expected) in [
            (r#""plain \n \u00e9""#, None),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud800""#, None),
            (r#""\ud800""#, Some(r#""\ufffd""#)),
            (r#""\uDC00x\uD83D\uDE00""#, Some(r#""\ufffdx\uD83D\uDE00""#)),
            (r#""\ud800\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d"#, Some(r#""\ufffd"#)),
            (r#""\ud8"#, None),
            (r#""\"#, None),
        ] {
            assert_eq!(
                mend(body.as_bytes()).as_deref(),
                expected.map(str::as_bytes),
                "{body}"
            );
        }
    }
}
