//! Parts that several owners' forms share.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use byokey_vault::Secret;
use jiff::Timestamp;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, de};
use zeroize::Zeroizing;

use crate::import::Unread;

/// A secret member; what was read is wiped when it goes.
pub(super) struct Hidden(Secret);

impl Hidden {
    pub(super) fn secret(self) -> Secret {
        self.0
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Owners write an empty text where they have nothing.
    pub(super) fn or_nothing(member: Option<Self>) -> Option<Secret> {
        member
            .filter(|member| !member.expose().is_empty())
            .map(Self::secret)
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::new(text)))
    }
}

/// A moment in any of the ways that owners write one: seconds or milliseconds since 1970, as a
/// number or as digits, or RFC 3339. Zero and an empty text mean none.
#[derive(Clone, Copy)]
pub(super) struct Moment(Option<Timestamp>);

impl Moment {
    pub(super) fn or_none(member: Option<Self>) -> Option<Timestamp> {
        member.and_then(|moment| moment.0)
    }

    fn of_number(number: f64) -> Option<Timestamp> {
        // Seconds reach this only in the year 5138.
        const FIRST_MILLISECOND: f64 = 1e11;
        if !number.is_finite() || number <= 0.0 || number > 1e15 {
            return None;
        }
        let millis = if number < FIRST_MILLISECOND {
            number * 1000.0
        } else {
            number
        };
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        Timestamp::from_millisecond(millis as i64).ok()
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Moment;

            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("a moment")
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "below 2^53 for thousands of years"
            )]
            fn visit_u64<E: Error>(self, number: u64) -> Result<Moment, E> {
                Ok(Moment(Moment::of_number(number as f64)))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "below 2^53 for thousands of years"
            )]
            fn visit_i64<E: Error>(self, number: i64) -> Result<Moment, E> {
                Ok(Moment(Moment::of_number(number as f64)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Moment, E> {
                Ok(Moment(Moment::of_number(number)))
            }

            fn visit_unit<E: Error>(self) -> Result<Moment, E> {
                Ok(Moment(None))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
                if text.is_empty() {
                    return Ok(Moment(None));
                }
                if let Ok(number) = text.parse() {
                    return Ok(Moment(Moment::of_number(number)));
                }
                let moment: Result<Timestamp, _> = text.parse();
                moment
                    .map(|moment| Moment(Some(moment)))
                    .map_err(|_| de::Error::custom("no moment"))
            }
        }
        from.deserialize_any(Reader)
    }
}

/// Reads JSON. Half of a file and a foreign one look the same from here.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unread> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        // An owner that rewrites its file in place empties it first.
        return Err(Unread::NotUnderstood);
    }
    serde_json::from_slice(bytes).map_err(|_| Unread::NotUnderstood)
}

/// A bare token with the spaces around it taken off.
pub(super) fn as_text(bytes: &[u8]) -> Result<Secret, Unread> {
    let text = str::from_utf8(bytes).map_err(|_| Unread::NotUnderstood)?;
    Ok(Secret::new(text.trim()))
}

/// What a JWT claims, read for showing it to the person whose it is; nothing is decided by it.
pub(super) fn claims<T: DeserializeOwned>(token: &str) -> Option<T> {
    let mut parts = token.split('.');
    let (_, middle, _) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = Zeroizing::new(URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).ok()?);
    serde_json::from_slice(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_in_many_ways() {
        #[derive(Deserialize)]
        struct Form {
            at: Option<Moment>,
        }
        let read = |text: &str| {
            let form: Result<Form, _> = serde_json::from_str(&format!("{{\"at\":{text}}}"));
            form.map(|form| Moment::or_none(form.at).map(|at| at.to_string()))
        };
        let meant = Some("2026-09-21T14:13:20Z".to_owned());
        for text in [
            "1790000000",
            "1790000000000",
            "1790000000.0",
            "\"1790000000\"",
            "\"2026-09-21T14:13:20Z\"",
            "\"2026-09-21T16:13:20+02:00\"",
        ] {
            assert_eq!(read(text).unwrap(), meant, "{text}");
        }
        for text in ["null", "0", "-5", "\"\"", "1e300"] {
            assert_eq!(read(text).unwrap(), None, "{text}");
        }
        for text in ["{}", "[]", "true", "\"soon\""] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
