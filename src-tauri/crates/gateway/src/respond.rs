//! The one place where faults and replies become HTTP.

use axum::body::Body;
use byokey_wire::{Dialect, Fault, error_body};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

/// Header with the request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-byokey-request-id");
/// Header with the account that answered.
pub(crate) const ROUTE: HeaderName = HeaderName::from_static("x-byokey-route");
/// Header with what a translation lost.
pub(crate) const DROPPED: HeaderName = HeaderName::from_static("x-byokey-dropped");

/// An error in the caller's dialect, with the id by which the one who made it knows the request.
pub(crate) fn fault(dialect: Dialect, fault: &Fault, id: &str) -> Response<Body> {
    let told_id = fault.upstream_id.as_deref().unwrap_or(id);
    let (status, body) = error_body(dialect, fault, told_id);
    let mut response = json(status, body.into());
    let headers = response.headers_mut();
    if let Some(seconds) = fault.retry_after_s {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Ok(told_id) = HeaderValue::from_str(told_id) {
        tell_id(dialect, headers, told_id);
    }
    set_id(headers, id);
    response
}

/// A JSON reply.
pub(crate) fn json(status: u16, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Sets the request's id.
pub(crate) fn set_id(headers: &mut HeaderMap, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, value);
    }
}

/// The provider's id of a request, under whichever name its dialect has for that.
pub(crate) fn provider_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut names = [Dialect::Messages, Dialect::Chat].map(id_name).into_iter();
    names.find_map(|name| headers.get(name))
}

/// Sets an id where programs of this dialect look for it, unless one stands there.
pub(crate) fn tell_id(dialect: Dialect, headers: &mut HeaderMap, id: HeaderValue) {
    headers.entry(id_name(dialect)).or_insert(id);
}

fn id_name(dialect: Dialect) -> HeaderName {
    HeaderName::from_static(match dialect {
        Dialect::Messages => "request-id",
        _ => "x-request-id",
    })
}

/// Takes over the provider's headers: everything but what belongs to that one connection, to its
/// web site, or to a body whose length may change.
pub(crate) fn take_headers(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if !is_local(name) {
            to.append(name.clone(), value.clone());
        }
    }
}

fn is_local(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "alt-svc"
            | "connection"
            | "content-length"
            | "date"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "server"
            | "set-cookie"
            | "strict-transport-security"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    ) || name.as_str().starts_with("access-control-")
        || name.as_str().starts_with("x-byokey-")
}
