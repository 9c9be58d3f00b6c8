//! What a provider's refusal says, and whether the caller may read it as it is.

use byokey_vault::Outcome;
use byokey_wire::{FaultKind, Plan, read_error};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};

use super::stream::Limits;
use super::{Failure, reply};
use crate::inflow::Inflow;
use crate::resolve::Candidate;
use crate::respond;

/// Longest error reply that is read.
const MOST_OF_AN_ERROR: usize = 64 * 1024;

/// Reads a provider's error reply.
pub(super) async fn refusal(
    candidate: &Candidate,
    response: Response<Inflow>,
    limits: Limits,
) -> Failure {
    let (parts, body) = response.into_parts();
    // Whatever could be read of an error is better than an error about the error.
    let body = match reply::collect(body, MOST_OF_AN_ERROR, limits).await {
        Ok(reply::Collected::Whole(body) | reply::Collected::Begun(body, _)) => body,
        Err(_) => Bytes::new(),
    };
    let mut fault = read_error(candidate.upstream, parts.status.as_u16(), &body);
    fault.retry_after_s = fault.retry_after_s.or_else(|| retry_after(&parts.headers));
    if fault.upstream_id.is_none() {
        let id = respond::provider_id(&parts.headers);
        fault.upstream_id = id.and_then(|id| id.to_str().ok()).map(Box::from);
    }
    // A refused credential must not reach the caller as such: it would think its own key wrong.
    let readable = candidate.plan == Plan::Pass
        && fault.kind != FaultKind::AccountAuth
        && serde_json::from_slice::<&serde_json::value::RawValue>(&body)
            .is_ok_and(|json| json.get().starts_with('{'));
    let status = parts.status.as_u16();
    let route = &candidate.seat.account.route;
    let mut failure = Failure::of(candidate, fault, Outcome::UpstreamError);
    let mut lockouts = candidate.seat.lockouts.iter();
    failure.locked_out = lockouts.any(|lockout| lockout.is(route, status, &body));
    failure.verbatim = readable.then_some((parts.status, parts.headers, body));
    failure
}

/// Seconds until a new try, from `retry-after` or `retry-after-ms`.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.trim().parse::<u64>().ok()) {
        return Some(millis.div_ceil(1000));
    }
    let value = text("retry-after")?.trim();
    value.parse().ok().or_else(|| {
        let date = httpdate::parse_http_date(value).ok()?;
        let now = std::time::SystemTime::from(jiff::Timestamp::now());
        Some(date.duration_since(now).unwrap_or_default().as_secs())
    })
}
