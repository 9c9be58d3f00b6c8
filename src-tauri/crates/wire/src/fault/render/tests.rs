use super::*;
use serde_json::{Value, json};

fn body(dialect: Dialect, fault: &Fault) -> (u16, Value) {
    let (status, body) = error_body(dialect, fault, "req_1");
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn every_dialect_has_its_own_shape() {
    let mut fault = Fault::new(FaultKind::RateLimit, "slow \"down\"");
    fault.retry_after_s = Some(7);
    fault.code = Some("their_own".into());
    let openai = json!({"error": {"type": "rate_limit_error", "message": "slow \"down\"",
        "param": null, "code": "rate_limit_exceeded"}});
    assert_eq!(body(Dialect::Chat, &fault), (429, openai.clone()));
    assert_eq!(body(Dialect::Responses, &fault), (429, openai));
    assert_eq!(
        body(Dialect::Messages, &fault),
        (
            429,
            json!({"type": "error", "request_id": "req_1",
            "error": {"type": "rate_limit_error", "message": "slow \"down\""}})
        )
    );
    assert_eq!(
        body(Dialect::Gemini, &fault),
        (
            429,
            json!({"error": {"code": 429, "message": "slow \"down\"",
            "status": "RESOURCE_EXHAUSTED", "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "RATE_LIMIT_EXCEEDED", "domain": "byokey"},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]}})
        )
    );
    let mut fault = Fault::new(FaultKind::BadRequest, "no");
    fault.param = Some("contents[0].role".into());
    assert_eq!(
        body(Dialect::Gemini, &fault).1["error"]["details"],
        json!([{"@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "contents[0].role", "description": "no"}]}])
    );
}

#[test]
fn status_and_code_follow_the_table() {
    use FaultKind as K;
    for (kind, openai, code, messages, their_type, gemini) in [
        (
            K::BadRequest,
            400,
            json!(null),
            400,
            "invalid_request_error",
            400,
        ),
        (
            K::Lossy,
            400,
            json!("lossy_translation"),
            400,
            "invalid_request_error",
            400,
        ),
        (
            K::ClientKey,
            401,
            json!("invalid_api_key"),
            401,
            "authentication_error",
            401,
        ),
        (
            K::AccountAuth,
            502,
            json!("account_needs_login"),
            502,
            "api_error",
            503,
        ),
        (
            K::Permission,
            403,
            json!("permission_denied"),
            403,
            "permission_error",
            403,
        ),
        (
            K::UnknownModel,
            404,
            json!("model_not_found"),
            404,
            "not_found_error",
            404,
        ),
        (
            K::TooLarge,
            413,
            json!("request_too_large"),
            413,
            "request_too_large",
            413,
        ),
        (
            K::Quota,
            429,
            json!("usage_limit_reached"),
            429,
            "rate_limit_error",
            429,
        ),
        (
            K::Billing,
            429,
            json!("insufficient_quota"),
            402,
            "billing_error",
            429,
        ),
        (
            K::Overloaded,
            503,
            json!("overloaded"),
            529,
            "overloaded_error",
            503,
        ),
        (
            K::Upstream,
            502,
            json!("upstream_error"),
            500,
            "api_error",
            500,
        ),
        (K::Timeout, 504, json!("timeout"), 504, "timeout_error", 504),
    ] {
        let fault = Fault::new(kind, "m");
        let (status, shown) = body(Dialect::Chat, &fault);
        assert_eq!(
            (status, &shown["error"]["code"]),
            (openai, &code),
            "{kind:?}"
        );
        let (status, shown) = body(Dialect::Messages, &fault);
        assert_eq!(
            (status, &shown["error"]["type"]),
            (messages, &json!(their_type))
        );
        assert_eq!(body(Dialect::Gemini, &fault).0, gemini, "{kind:?}");
    }
}

#[test]
fn a_full_window_reads_the_way_programs_expect() {
    for (message, expected) in [
        ("Prompt is too long: 9 > 8", "Prompt is too long: 9 > 8"),
        (
            "context window full",
            "prompt is too long: context window full",
        ),
        ("é", "prompt is too long: é"),
    ] {
        let fault = Fault::new(FaultKind::ContextTooLong, message);
        let (_, shown) = body(Dialect::Messages, &fault);
        assert_eq!(shown["error"]["message"], expected);
    }
}

#[test]
fn stream_frames_are_one_frame() {
    let fault = Fault::new(FaultKind::Upstream, "a\n\nb");
    for (dialect, event) in [
        (Dialect::Chat, None),
        (Dialect::Responses, Some("error")),
        (Dialect::Messages, Some("error")),
        (Dialect::Gemini, None),
    ] {
        let mut frames = crate::Frames::new();
        let mut seen = 0;
        frames.push(&error_event(dialect, &fault, "r"), |frame| {
            assert_eq!(frame.event, event);
            let data: Value = serde_json::from_slice(&frame.data).unwrap();
            assert!(data.to_string().contains(r#""message":"a\n\nb""#), "{data}");
            seen += 1;
        });
        assert_eq!(seen, 1, "{dialect:?}");
    }
}
