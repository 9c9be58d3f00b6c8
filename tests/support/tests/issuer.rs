//! The simulated issuers over real sockets: a right client gets its tokens, a wrong one does not.

mod codes;
mod devices;
mod strictness;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::{Issuer, issuer::challenge};

/// What came back from one request.
#[derive(Debug)]
struct Came {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Came {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    fn text(&self, member: &str) -> String {
        let json = self.json();
        let found = json[member].as_str();
        found
            .unwrap_or_else(|| panic!("no {member} in {json}"))
            .to_owned()
    }

    #[track_caller]
    fn refused(&self, status: u16, code: &str) {
        let body = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status, status, "{body}");
        assert!(body.contains(code), "no {code} in {body}");
    }
}

async fn call(
    issuer: &Issuer,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Option<Came> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(issuer.url(url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let (head, body) = client.request(request).await.ok()?.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes();
    Some(Came {
        status: head.status,
        headers: head.headers,
        bytes,
    })
}

async fn form(issuer: &Issuer, url: &str, fields: &[(&str, &str)]) -> Came {
    form_with(issuer, url, &[], fields).await
}

async fn form_with(
    issuer: &Issuer,
    url: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Came {
    let body = serde_urlencoded::to_string(fields).unwrap();
    let mut all = vec![
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
    ];
    all.extend(headers);
    call(issuer, Method::POST, url, &all, body).await.unwrap()
}

async fn json(issuer: &Issuer, url: &str, body: &Value) -> Came {
    let headers = [("content-type", "application/json")];
    let body = body.to_string();
    call(issuer, Method::POST, url, &headers, body)
        .await
        .unwrap()
}

async fn get(issuer: &Issuer, url: &str, token: &str) -> Came {
    let authorization = format!("Bearer {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("user-agent", "byokey/0"),
        ("anthropic-beta", "oauth-2025-04-20"),
        ("anthropic-version", "2023-06-01"),
    ];
    call(issuer, Method::GET, url, &headers, String::new())
        .await
        .unwrap()
}

const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";
const STATE: &str = "a-state-that-nobody-guesses";

/// An authorize page with what every provider wants of it, and these parameters.
fn page(url: &str, more: &[(&str, &str)]) -> String {
    let challenge = challenge(VERIFIER);
    let mut query = vec![
        ("response_type", "code"),
        ("state", STATE),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    query.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    query.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    format!("{url}?{}", serde_urlencoded::to_string(query).unwrap())
}

/// A parameter of the address to which a browser was sent.
fn parameter(redirect: &str, name: &str) -> String {
    let query = redirect.split_once('?').unwrap().1;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    let found = pairs.into_iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value).unwrap_or_default()
}
