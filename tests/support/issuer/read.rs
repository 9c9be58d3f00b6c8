//! Reading requests as strictly as the providers do: the right encoding, no member twice, none
//! missing.

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;

use crate::Seen;

/// Why a request is refused, before it takes the provider's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) words: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, words: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            words: words.into(),
        }
    }

    /// A request that is badly formed.
    pub(crate) fn request(words: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", words)
    }

    /// A code or refresh token that is not good, or not good any more.
    pub(crate) fn grant(words: impl Into<String>) -> Self {
        Self::new(400, "invalid_grant", words)
    }

    /// A client that nobody knows.
    pub(crate) fn client(words: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", words)
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// The members of a form, a query or a flat JSON object.
#[derive(Debug)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The body of a POST as a form.
    pub(crate) fn form(seen: &Seen) -> Result<Self, Refusal> {
        wants(seen, "application/x-www-form-urlencoded")?;
        Self::parse(&seen.body)
    }

    /// The body of a POST as a JSON object; members that are no strings are left to
    /// [`Seen::json`].
    pub(crate) fn json(seen: &Seen) -> Result<Self, Refusal> {
        wants(seen, "application/json")?;
        let body = serde_json::from_slice(&seen.body);
        let Ok(Value::Object(members)) = body else {
            return Err(Refusal::request("The body is no JSON object."));
        };
        let text = |(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        };
        Ok(Self(members.into_iter().filter_map(text).collect()))
    }

    /// The body of a POST in either encoding.
    pub(crate) fn either(seen: &Seen) -> Result<Self, Refusal> {
        match seen.header("content-type").starts_with("application/json") {
            true => Self::json(seen),
            false => Self::form(seen),
        }
    }

    /// The query of a GET.
    pub(crate) fn query(seen: &Seen) -> Result<Self, Refusal> {
        if seen.method != Method::GET {
            return Err(Refusal::request("Only GET is allowed here.").status(405));
        }
        let query = seen.path.split_once('?').map_or("", |(_, query)| query);
        Self::parse(query.as_bytes())
    }

    fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(bytes)
            .map_err(|_| Refusal::request("The parameters are badly encoded."))?;
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            if fields.insert(name.clone(), value).is_some() {
                return Err(Refusal::request(format!("{name} comes twice.")));
            }
        }
        Ok(Self(fields))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// A member that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name)
            .ok_or_else(|| Refusal::request(format!("{name} is missing.")))
    }

    /// A member that must have this value.
    pub(crate) fn is(&self, name: &str, value: &str) -> Result<(), Refusal> {
        match self.need(name)? == value {
            true => Ok(()),
            false => Err(Refusal::request(format!("{name} must be {value}."))),
        }
    }

    /// A member that must not be there.
    pub(crate) fn lacks(&self, name: &str) -> Result<(), Refusal> {
        match self.0.contains_key(name) {
            true => Err(Refusal::request(format!("{name} does not belong here."))),
            false => Ok(()),
        }
    }
}

fn wants(seen: &Seen, encoding: &str) -> Result<(), Refusal> {
    if seen.method != Method::POST {
        return Err(Refusal::request("Only POST is allowed here.").status(405));
    }
    let given = seen.header("content-type");
    let given = given.split(';').next().unwrap_or_default().trim();
    match given.eq_ignore_ascii_case(encoding) {
        true => Ok(()),
        false => Err(Refusal::new(
            415,
            "invalid_request",
            format!("The body must be {encoding}, not {given}."),
        )),
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(seen: &Seen) -> Option<&str> {
    seen.header("authorization").strip_prefix("Bearer ")
}

/// The path without its query.
pub(crate) fn path(seen: &Seen) -> &str {
    seen.path.split('?').next().unwrap_or_default()
}

/// Whether this is a UUID as text.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let hex = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(hex)
}
