//! The body of a token endpoint's answer. Members that hold a secret are moved into one while they
//! are read, so that no copy of them stays behind in a JSON value.

use byokey_vault::Secret;
use jiff::Timestamp;
use serde::Deserializer as _;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{NewTokens, ends};

/// What stands in a body: members of a grant, not yet dated, and all others.
#[derive(Default)]
pub(super) struct Body {
    access: Option<Secret>,
    refresh: Option<Secret>,
    id_token: Option<Secret>,
    key: Option<Secret>,
    rest: Map<String, Value>,
}

impl Body {
    /// Reads a JSON object; nothing else is an answer.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let body = json.deserialize_map(Members).ok()?;
        json.end().ok()?;
        Some(body)
    }

    /// Whether there is a token or key in it.
    pub(super) fn grants(&self) -> bool {
        let parts = [&self.access, &self.refresh, &self.id_token, &self.key];
        parts.into_iter().any(Option::is_some)
    }

    /// Error code and description. Where the status is a refusal already, a word in any of the usual
    /// places counts; else only a member that is there for errors.
    pub(super) fn refusal(&self, refused: bool) -> Option<(String, String)> {
        let says_so = self.rest.get("error").is_some_and(|error| !error.is_null())
            || self.rest.get("success") == Some(&Value::Bool(false));
        if !refused && !says_so {
            return None;
        }
        let code = self.first(&[
            &["error"],
            &["error", "code"],
            &["error", "type"],
            &["error", "status"],
            &["code"],
            &["detail", "code"],
            &["__type"],
            &["type"],
        ]);
        let description = self.first(&[
            &["error_description"],
            &["error", "message"],
            &["errorDescription"],
            &["message"],
            &["Message"],
            &["detail", "message"],
            &["detail"],
            &["msg"],
        ]);
        let code = code.unwrap_or_default();
        // AWS writes `com.amazonaws.…#InvalidGrantException`.
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        Some((code, description.unwrap_or_default().to_owned()))
    }

    /// The first of these members that is text.
    fn first(&self, places: &[&[&str]]) -> Option<&str> {
        let texts = places.iter().filter_map(|place| {
            let (name, inner) = place.split_first()?;
            let outer = self.rest.get(*name)?;
            inner
                .iter()
                .try_fold(outer, |value, name| value.get(name))?
                .as_str()
        });
        texts.into_iter().find(|text| !text.is_empty())
    }

    /// With the lifetimes counted from `now`.
    pub(super) fn dated(self, host: &str, now: Timestamp) -> NewTokens {
        let member = |names: [&str; 2]| names.iter().find_map(|name| self.rest.get(*name));
        let expires = member(["expires_in", "expiresIn"]).and_then(number);
        let earliest = self.rest.get("earliest_refresh_at").and_then(moment);
        let scope = self.rest.get("scope").and_then(words);
        NewTokens {
            host: host.to_owned(),
            expires: expires.and_then(|seconds| ends(now, seconds)),
            earliest_refresh: earliest,
            scope,
            obtained: now,
            access: self.access,
            refresh: self.refresh,
            id_token: self.id_token,
            key: self.key,
            rest: self.rest,
        }
    }
}

/// A number, or one in quotes.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// A moment as text or as seconds since 1970; more than 10¹¹ of them are milliseconds.
fn moment(value: &Value) -> Option<Timestamp> {
    if let Some(moment) = value.as_str().and_then(|text| text.parse().ok()) {
        return Some(moment);
    }
    let seconds = number(value)?;
    let millis = if seconds > 1e11 {
        seconds
    } else {
        seconds * 1000.0
    };
    // Beyond what a moment can be, this saturates and is refused.
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    Timestamp::from_millisecond(millis as i64).ok()
}

/// Scopes as text, or as a list of them.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => {
            let words: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
            Some(words?.join(" "))
        }
        _ => None,
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Body;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut body = Body::default();
        while let Some(name) = map.next_key::<String>()? {
            let place = match name.as_str() {
                "access_token" | "accessToken" => &mut body.access,
                "refresh_token" | "refreshToken" => &mut body.refresh,
                "id_token" | "idToken" => &mut body.id_token,
                "key" => &mut body.key,
                _ => {
                    let value = map.next_value()?;
                    body.rest.insert(name, value);
                    continue;
                }
            };
            // Of two of a kind nobody knows which is meant.
            if place.is_some() {
                map.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom("a token stands there twice"));
            }
            let text: Option<String> = map.next_value()?;
            *place = text.map(Secret::new).filter(|it| !it.expose().is_empty());
        }
        Ok(body)
    }
}
