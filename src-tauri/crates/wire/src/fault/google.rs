//! The details of Google's errors: why, how long to wait, which member, where to read on.

use serde_json::Value;

use super::FaultKind;

/// A wait beyond this is no short pause but a quota that is used up, in seconds.
const LONG_WAIT_S: u64 = 300;
/// The wait that a limit per minute means when it names none, in seconds.
const MINUTE_S: u64 = 60;

/// The details of one error, each an object with its own kind in `@type`.
#[derive(Clone, Copy)]
pub(super) struct Details<'v>(&'v Value);

impl<'v> Details<'v> {
    /// Those of an error object.
    pub(super) fn of(error: &'v Value) -> Self {
        Self(error)
    }

    fn all(self) -> impl Iterator<Item = &'v Value> {
        let list = self.0.get("details").and_then(Value::as_array);
        list.into_iter().flatten()
    }

    fn text(self, member: &str) -> Option<&'v str> {
        self.all().find_map(|detail| detail.get(member)?.as_str())
    }

    /// `ErrorInfo`: the reason, in capitals.
    pub(super) fn reason(self) -> Option<&'v str> {
        self.text("reason").filter(|reason| !reason.is_empty())
    }

    /// `RetryInfo`: seconds to wait, rounded up; the limit's own period where it is one per minute.
    pub(super) fn retry_after_s(self) -> Option<u64> {
        let delay = self.text("retryDelay").and_then(seconds);
        let per_minute = || self.quota("PerMinute") || self.reason() == Some("RATE_LIMIT_EXCEEDED");
        delay.or_else(|| per_minute().then_some(MINUTE_S))
    }

    /// `BadRequest`: the member at fault.
    pub(super) fn field(self) -> Option<&'v str> {
        self.all().find_map(|detail| {
            let violation = detail.get("fieldViolations")?.get(0)?;
            violation.get("field")?.as_str()
        })
    }

    /// `Help`: where the person can put it right.
    pub(super) fn help(self) -> Option<&'v str> {
        self.all()
            .find_map(|detail| detail.get("links")?.get(0)?.get("url")?.as_str())
    }

    /// `QuotaFailure`: whether a quota of this period was hit.
    fn quota(self, period: &str) -> bool {
        let violations = |detail: &'v Value| detail.get("violations").and_then(Value::as_array);
        self.all()
            .filter_map(violations)
            .flatten()
            .any(|violation| {
                let id = violation.get("quotaId").and_then(Value::as_str);
                id.is_some_and(|id| id.contains(period))
            })
    }

    /// What the details say where the status alone would mislead. `message` in lower case.
    pub(super) fn kind(self, status: u16, message: &str) -> Option<FaultKind> {
        use FaultKind as K;
        let by_reason = match self.reason().unwrap_or_default() {
            "API_KEY_INVALID" => Some(K::AccountAuth),
            "QUOTA_EXHAUSTED" => Some(K::Quota),
            "MODEL_CAPACITY_EXHAUSTED" => Some(K::Overloaded),
            "INSUFFICIENT_G1_CREDITS_BALANCE" => Some(K::Billing),
            "VALIDATION_REQUIRED" => Some(K::Permission),
            _ => None,
        };
        // A model that an account may not use at all has a limit of nothing.
        let used_up = self.quota("PerDay")
            || self.retry_after_s().is_some_and(|wait| wait > LONG_WAIT_S)
            || (status == 429 && message.contains("limit: 0"));
        by_reason.or(used_up.then_some(K::Quota))
    }
}

/// `"34.07s"` as whole seconds, rounded up.
fn seconds(duration: &str) -> Option<u64> {
    let number: f64 = duration.strip_suffix('s')?.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    (0.0..1e9).contains(&number).then(|| number.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_say_why_and_how_long() {
        use FaultKind as K;
        for (details, status, message, kind, wait) in [
            (json!([{ "retryDelay": "34.07s" }]), 429, "", None, Some(35)),
            (
                json!([{ "retryDelay": "3600s" }]),
                429,
                "",
                Some(K::Quota),
                Some(3600),
            ),
            (
                json!([{ "violations": [{ "quotaId": "RequestsPerMinutePerProject" }] }]),
                429,
                "",
                None,
                Some(60),
            ),
            (
                json!([{ "violations": [{ "quotaId": "RequestsPerDayPerProject" }] }, { "retryDelay": "5s" }]),
                429,
                "",
                Some(K::Quota),
                Some(5),
            ),
            (
                json!([{ "reason": "RATE_LIMIT_EXCEEDED" }]),
                429,
                "",
                None,
                Some(60),
            ),
            (
                json!([{ "reason": "QUOTA_EXHAUSTED" }]),
                429,
                "",
                Some(K::Quota),
                None,
            ),
            (
                json!([{ "reason": "MODEL_CAPACITY_EXHAUSTED" }]),
                429,
                "",
                Some(K::Overloaded),
                None,
            ),
            (
                json!([{ "reason": "INSUFFICIENT_G1_CREDITS_BALANCE" }]),
                429,
                "",
                Some(K::Billing),
                None,
            ),
            (
                json!([]),
                429,
                "free_tier_requests, limit: 0, model",
                Some(K::Quota),
                None,
            ),
            (json!([]), 400, "limit: 0", None, None),
            (json!([{ "retryDelay": "-1s" }]), 429, "", None, None),
            (json!([{ "retryDelay": 7 }, 7, null]), 429, "", None, None),
            (json!({}), 429, "", None, None),
        ] {
            let error = json!({ "details": details });
            let read = Details::of(&error);
            assert_eq!(read.kind(status, message), kind, "{details}");
            assert_eq!(read.retry_after_s(), wait, "{details}");
        }
    }
}
