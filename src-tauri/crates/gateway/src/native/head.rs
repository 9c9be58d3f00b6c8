//! Which headers of a native call go on, in either direction.

use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};

use crate::USER_AGENT;
use crate::respond;
use crate::roster::Native;

/// What every byokey client key begins with.
const CLIENT_KEY: &[u8] = b"byk_";

/// The caller's headers as they go to the provider: without what belongs to this connection or says
/// who calls, with the account's own.
pub(super) fn outward(from: &HeaderMap, native: &Native, upgrade: bool) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(from.len() + 4);
    for (name, value) in from {
        if !is_hop(name, from) && !is_callers(name) && !holds_key(value) {
            to.append(name.clone(), value.clone());
        }
    }
    for (name, value) in &native.headers {
        if !to.contains_key(name) {
            to.insert(name.clone(), value.clone());
        }
    }
    to.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if let Some((name, value)) = &native.credential {
        to.insert(name.clone(), value.clone());
    }
    if upgrade {
        to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        to.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    to
}

/// The provider's headers as they go to the caller.
pub(super) fn inward(from: &HeaderMap, method: &Method) -> HeaderMap {
    let mut all = HeaderMap::new();
    respond::take_headers(from, &mut all);
    for name in named_by_connection(from) {
        all.remove(name);
    }
    // With a body hyper tells the length; a reply to HEAD has only the word.
    if *method == Method::HEAD
        && let Some(length) = from.get(header::CONTENT_LENGTH)
    {
        all.insert(header::CONTENT_LENGTH, length.clone());
    }
    all
}

/// What a switch to another protocol needs on this connection, too.
pub(super) fn keep_upgrade(from: &HeaderMap, to: &mut HeaderMap) {
    to.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Some(protocol) = from.get(header::UPGRADE) {
        to.insert(header::UPGRADE, protocol.clone());
    }
}

/// Whether a header speaks of the connection it came on.
fn is_hop(name: &HeaderName, all: &HeaderMap) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "expect"
            | "host"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) || named_by_connection(all).any(|named| named == *name)
}

fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
}

/// Whether a header says who calls, or is for byokey alone.
fn is_callers(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(
        name,
        "api-key"
            | "authorization"
            | "cookie"
            | "forwarded"
            | "origin"
            | "referer"
            | "user-agent"
            | "via"
            | "x-api-key"
            | "x-goog-api-key"
            | "xi-api-key"
    ) || ["x-byokey-", "x-forwarded-", "sec-fetch-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// A client key opens byokey alone, so it goes nowhere else, wherever the caller put it.
fn holds_key(value: &HeaderValue) -> bool {
    memchr::memmem::find(value.as_bytes(), CLIENT_KEY).is_some()
}
