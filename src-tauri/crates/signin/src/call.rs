//! One request of sign-in and its answer: to an address that passed [`Overrides::url`], with the
//! user's headers, and read up to a limit. Nothing of a body is ever logged or shown; it is wiped when
//! it is dropped.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use byokey_catalog::Encoding;
use byokey_vault::Secret;
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Url};
use zeroize::Zeroizing;

use crate::{Http, Overrides, SigninError};

/// More of an answer is not taken.
const MOST_BODY: usize = 64 * 1024;
/// A server that names a longer wait is not believed.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A request to a server of the provider.
pub(crate) struct Call<'a> {
    http: &'a Http,
    url: Url,
    headers: HeaderMap,
}

impl<'a> Call<'a> {
    /// One to `url`, with the headers that the user configured.
    ///
    /// # Errors
    /// [`SigninError::Address`] for a header that HTTP does not allow.
    pub(crate) fn to(http: &'a Http, overrides: &Overrides, url: Url) -> Result<Self, SigninError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut call = Self { http, url, headers };
        for (name, value) in &overrides.headers {
            call = call.header(name, value)?;
        }
        Ok(call)
    }

    /// With one more header.
    ///
    /// # Errors
    /// [`SigninError::Address`] for one that HTTP does not allow.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Result<Self, SigninError> {
        let bad = || SigninError::Address(format!("`{name}` is not a proper header"));
        let header: HeaderName = name.parse().map_err(|_| bad())?;
        self.headers
            .insert(header, value.parse().map_err(|_| bad())?);
        Ok(self)
    }

    /// With `Authorization: <scheme> <secret>`.
    ///
    /// # Errors
    /// [`SigninError::Address`] for a credential that no header can hold.
    pub(crate) fn authorized(mut self, scheme: &str, secret: &Secret) -> Result<Self, SigninError> {
        let text = Zeroizing::new(format!("{scheme} {}", secret.expose()));
        let value = HeaderValue::from_str(&text);
        let mut value = value.map_err(|_| {
            SigninError::Address("the credential has characters that no header holds".to_owned())
        })?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// With client id and secret as HTTP Basic, each form-encoded first (RFC 6749, section 2.3.1).
    ///
    /// # Errors
    /// As [`authorized`](Self::authorized).
    pub(crate) fn basic(self, id: &str, secret: &Secret) -> Result<Self, SigninError> {
        // One pair of text, which cannot fail: `id=secret` with both escaped.
        let pair = serde_urlencoded::to_string([(id, secret.expose())]).unwrap_or_default();
        let pair = Zeroizing::new(Zeroizing::new(pair).replacen('=', ":", 1));
        self.authorized("Basic", &Secret::new(STANDARD.encode(pair.as_bytes())))
    }

    /// Gets the document.
    ///
    /// # Errors
    /// [`Unreached`].
    pub(crate) async fn get(self) -> Result<Answer, Unreached> {
        let request = self.http.0.get(self.url.clone());
        answered(&self.url, request.headers(self.headers)).await
    }

    /// Posts members, which have their `snake_case` names here.
    ///
    /// # Errors
    /// [`Unreached`].
    pub(crate) async fn post(
        self,
        encoding: Encoding,
        members: &[(&str, &str)],
    ) -> Result<Answer, Unreached> {
        let (kind, body) = encoded(encoding, members);
        self.send(kind, body).await
    }

    /// Posts a JSON document that is more than members, under the content type `kind`.
    ///
    /// # Errors
    /// [`Unreached`].
    pub(crate) async fn post_json(
        self,
        kind: &'static str,
        document: &serde_json::Value,
    ) -> Result<Answer, Unreached> {
        // A value always becomes JSON.
        let body = serde_json::to_vec(document).unwrap_or_default();
        self.send(kind, body).await
    }

    async fn send(mut self, kind: &'static str, body: Vec<u8>) -> Result<Answer, Unreached> {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let request = self.http.0.post(self.url.clone()).headers(self.headers);
        answered(&self.url, request.body(body)).await
    }
}

/// What a server answered.
pub(crate) struct Answer {
    /// The host that was asked.
    pub(crate) host: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// How long it wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The body; `None` if it is larger than any honest one.
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
}

impl Answer {
    /// The whole body.
    ///
    /// # Errors
    /// [`SigninError::Unclear`] for one that is too large.
    pub(crate) fn body(&self) -> Result<&[u8], SigninError> {
        match &self.body {
            Some(body) => Ok(body),
            None => Err(self.unclear("its answer is far too large")),
        }
    }

    /// That the answer is not what the row promises.
    pub(crate) fn unclear(&self, what: &str) -> SigninError {
        SigninError::Unclear {
            host: self.host.clone(),
            what: what.to_owned(),
        }
    }
}

/// No answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreached {
    /// The host that was asked.
    pub(crate) host: String,
    /// Why, without the address.
    pub(crate) reason: String,
    /// Whether the request may have arrived all the same; if not, it may be sent again.
    pub(crate) left: bool,
}

impl From<Unreached> for SigninError {
    fn from(unreached: Unreached) -> Self {
        Self::Unreachable {
            host: unreached.host,
            reason: unreached.reason,
        }
    }
}

async fn answered(url: &Url, request: RequestBuilder) -> Result<Answer, Unreached> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let unreached = |error: reqwest::Error| Unreached {
        host: host.clone(),
        reason: reason(&error),
        left: !error.is_connect() && !error.is_builder(),
    };
    let mut answer = request.send().await.map_err(unreached)?;
    let retry_after = retry_after(answer.headers(), Timestamp::now());
    let mut body = Zeroizing::new(Vec::with_capacity(4096));
    let mut whole = true;
    while let Some(chunk) = answer.chunk().await.map_err(unreached)? {
        whole = body.len() + chunk.len() <= MOST_BODY;
        if !whole {
            break;
        }
        // Growing in place would leave a copy behind that nobody wipes.
        if body.capacity() < body.len() + chunk.len() {
            let mut larger = Zeroizing::new(Vec::with_capacity(MOST_BODY));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        host,
        status: answer.status().as_u16(),
        retry_after,
        body: whole.then_some(body),
    })
}

/// The body of a POST and its type.
fn encoded(encoding: Encoding, members: &[(&str, &str)]) -> (&'static str, Vec<u8>) {
    match encoding {
        Encoding::Form => {
            // Names and values are text, so writing them cannot fail.
            let text = serde_urlencoded::to_string(members).unwrap_or_default();
            ("application/x-www-form-urlencoded", text.into_bytes())
        }
        Encoding::Json => ("application/json", object(members, |name| name.to_owned())),
        Encoding::JsonCamel => ("application/json", object(members, camel)),
    }
}

fn object(members: &[(&str, &str)], rename: fn(&str) -> String) -> Vec<u8> {
    let mut body = vec![b'{'];
    for (name, value) in members {
        if body.len() > 1 {
            body.push(b',');
        }
        // Text always becomes JSON.
        body.extend(serde_json::to_vec(&rename(name)).unwrap_or_default());
        body.push(b':');
        body.extend(serde_json::to_vec(value).unwrap_or_default());
    }
    body.push(b'}');
    body
}

/// `refresh_token` becomes `refreshToken`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

/// Milliseconds go before seconds, seconds before a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let millis = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok());
    let wait = match millis {
        Some(millis) => Duration::try_from_secs_f64(millis / 1000.0).ok(),
        None => {
            let value = text(RETRY_AFTER.as_str())?;
            let seconds = value.parse::<f64>().ok();
            let seconds = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
            seconds.or_else(|| {
                let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
                Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
            })
        }
    };
    wait.map(|wait| wait.min(LONGEST_WAIT))
}

/// The innermost cause tells most; the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_written_as_the_row_wants_them() {
        let members = [("grant_type", "a b&c"), ("code_verifier", "\"é")];
        for (encoding, kind, body) in [
            (
                Encoding::Form,
                "application/x-www-form-urlencoded",
                "grant_type=a+b%26c&code_verifier=%22%C3%A9",
            ),
            (
                Encoding::Json,
                "application/json",
                r#"{"grant_type":"a b&c","code_verifier":"\"é"}"#,
            ),
            (
                Encoding::JsonCamel,
                "application/json",
                r#"{"grantType":"a b&c","codeVerifier":"\"é"}"#,
            ),
        ] {
            let written = encoded(encoding, &members);
            assert_eq!(written, (kind, body.as_bytes().to_vec()));
        }
        assert_eq!(encoded(Encoding::Json, &[]).1, b"{}");
    }

    #[test]
    fn a_servers_wish_to_be_left_alone_is_read_in_every_form() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (name, value, seconds) in [
            ("retry-after", "7", Some(7.0)),
            ("retry-after", " 1.5 ", Some(1.5)),
            ("retry-after-ms", "1500", Some(1.5)),
            ("retry-after", "Sat, 21 Nov 2026 12:00:30 GMT", Some(30.0)),
            ("retry-after", "Sat, 21 Nov 2026 11:00:00 GMT", Some(0.0)),
            ("retry-after", "1e300", None),
            ("retry-after", "-1", None),
            ("retry-after", "999999999", Some(86400.0)),
            ("retry-after", "soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
            let wait = retry_after(&headers, now).map(|wait| wait.as_secs_f64());
            assert_eq!(wait, seconds, "{name}: {value}");
        }
        let mut both = HeaderMap::new();
        both.insert("retry-after", "60".parse().unwrap());
        both.insert("retry-after-ms", "10".parse().unwrap());
        assert_eq!(retry_after(&both, now), Some(Duration::from_millis(10)));
    }
}
