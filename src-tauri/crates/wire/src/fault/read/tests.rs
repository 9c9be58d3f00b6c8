use super::*;
use FaultKind as K;

#[test]
fn kinds_of_real_shapes() {
    let cases: &[(Dialect, u16, &str, FaultKind, &str)] = &[
        (
            Dialect::Responses,
            429,
            r#"{"error":{"code":"subscription_sharing_usage_limit_exceeded","message":"wait"}}"#,
            K::Quota,
            "wait",
        ),
        (
            Dialect::Responses,
            200,
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_image_url","message":"no picture"}}}"#,
            K::BadRequest,
            "no picture",
        ),
        (
            Dialect::Responses,
            200,
            r#"{"type":"error","code":"server_error","message":"oops","param":null}"#,
            K::Upstream,
            "oops",
        ),
        (
            Dialect::Messages,
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"},"request_id":"req_9"}"#,
            K::ContextTooLong,
            "prompt is too long: 9 > 8",
        ),
        (
            Dialect::Messages,
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
            K::Billing,
            "Your credit balance is too low",
        ),
        (
            Dialect::Messages,
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            K::Overloaded,
            "Overloaded",
        ),
        (
            Dialect::Messages,
            200,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            K::Overloaded,
            "Overloaded",
        ),
        (
            Dialect::Messages,
            529,
            r#"{"error":{},"error_type":"overloaded_error"}"#,
            K::Overloaded,
            "overloaded_error",
        ),
        (
            Dialect::Messages,
            404,
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#,
            K::UnknownModel,
            "model: x",
        ),
        (
            Dialect::Messages,
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
            K::AccountAuth,
            "invalid x-api-key",
        ),
        (
            Dialect::Chat,
            400,
            r#"{"error":{"message":"too many","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            K::ContextTooLong,
            "too many",
        ),
        (
            Dialect::Chat,
            429,
            r#"{"error":{"message":"pay","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            K::Billing,
            "pay",
        ),
        (
            Dialect::Chat,
            429,
            r#"{"error":{"message":"Rate","type":"tokens","code":"rate_limit_exceeded"}}"#,
            K::RateLimit,
            "Rate",
        ),
        (
            Dialect::Chat,
            429,
            r#"{"error":{"type":"usage_limit_reached","message":"limit","resets_in_seconds":5}}"#,
            K::Quota,
            "limit",
        ),
        (
            Dialect::Chat,
            402,
            r#"{"message":"no","code":"quota_exceeded"}"#,
            K::Quota,
            "no",
        ),
        (
            Dialect::Chat,
            402,
            r#"{"error":{"message":"Insufficient credits","code":402}}"#,
            K::Billing,
            "Insufficient credits",
        ),
        (
            Dialect::Chat,
            200,
            r#"{"error":{"code":502,"message":"bad gateway"}}"#,
            K::Upstream,
            "bad gateway",
        ),
        (
            Dialect::Chat,
            200,
            r#"{"error":{"code":"429","type":"rate_limit_error","message":"r"}}"#,
            K::RateLimit,
            "r",
        ),
        (
            Dialect::Chat,
            401,
            r#"{"detail":"Unauthorized"}"#,
            K::AccountAuth,
            "Unauthorized",
        ),
        (
            Dialect::Chat,
            422,
            r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#,
            K::BadRequest,
            "field required",
        ),
        (
            Dialect::Chat,
            500,
            r#"{"error":"it broke"}"#,
            K::Upstream,
            "it broke",
        ),
        (
            Dialect::Chat,
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-proj-abcdefghijkl. Find"}}"#,
            K::AccountAuth,
            "Incorrect API key provided: sk-… Find",
        ),
        (
            Dialect::Responses,
            200,
            r#"{"type":"response.failed","response":{"error":{"code":"server_is_overloaded","message":"busy"}}}"#,
            K::Overloaded,
            "busy",
        ),
        (
            Dialect::Responses,
            200,
            r#"{"type":"error","code":"cyber_policy","message":"M","param":null}"#,
            K::BadRequest,
            "M",
        ),
        (
            Dialect::Gemini,
            400,
            r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}"#,
            K::ContextTooLong,
            "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        ),
        (
            Dialect::Gemini,
            400,
            r#"{"error":{"code":400,"message":"bad key","status":"INVALID_ARGUMENT","details":[{"@type":"x","reason":"API_KEY_INVALID"}]}}"#,
            K::AccountAuth,
            "bad key",
        ),
        (
            Dialect::Gemini,
            429,
            r#"[{"error":{"code":429,"message":"q","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}]"#,
            K::Quota,
            "q",
        ),
        (
            Dialect::Gemini,
            429,
            r#"{"error":{"code":429,"message":"q","status":"RESOURCE_EXHAUSTED"}}"#,
            K::RateLimit,
            "q",
        ),
        (
            Dialect::Chat,
            502,
            "<html><head><TITLE>502 Bad\n Gateway</TITLE></head>",
            K::Upstream,
            "the provider answered with status 502 and a web page: 502 Bad Gateway",
        ),
        (
            Dialect::Chat,
            404,
            "<!doctype html>",
            K::Upstream,
            "the provider answered with status 404 and a web page",
        ),
        (
            Dialect::Chat,
            503,
            "",
            K::Overloaded,
            "the provider answered with status 503 and no explanation",
        ),
        (Dialect::Chat, 500, "null", K::Upstream, "null"),
        (
            Dialect::Chat,
            500,
            "{}",
            K::Upstream,
            "the provider answered with status 500 and no explanation",
        ),
        (
            Dialect::Chat,
            400,
            "plain words",
            K::BadRequest,
            "plain words",
        ),
    ];
    for (dialect, status, body, kind, message) in cases {
        let fault = read_error(*dialect, *status, body.as_bytes());
        assert_eq!(
            (fault.kind, fault.message.as_str()),
            (*kind, *message),
            "{body}"
        );
    }
}

#[test]
fn kiro_says_it_by_reason_and_type() {
    let cases: &[(u16, &str, FaultKind, &str)] = &[
        (
            400,
            r#"{"message":"Input is too long.","reason":"CONTENT_LENGTH_EXCEEDS_THRESHOLD"}"#,
            K::ContextTooLong,
            "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
        ),
        (
            400,
            r#"{"__type":"com.amazon.x#ValidationException","message":"Improperly formed request.","reason":null}"#,
            K::BadRequest,
            "ValidationException",
        ),
        (
            400,
            r#"{"message":"Invalid model.","reason":"INVALID_MODEL_ID"}"#,
            K::UnknownModel,
            "INVALID_MODEL_ID",
        ),
        (
            400,
            r#"{"message":"bad","reason":"THINKING_SIGNATURE_INVALID"}"#,
            K::BadRequest,
            "THINKING_SIGNATURE_INVALID",
        ),
        (
            402,
            r#"{"message":"limit","reason":"MONTHLY_REQUEST_COUNT"}"#,
            K::Quota,
            "MONTHLY_REQUEST_COUNT",
        ),
        (
            429,
            r#"{"__type":"ThrottlingException","message":"busy","reason":"INSUFFICIENT_MODEL_CAPACITY"}"#,
            K::Overloaded,
            "INSUFFICIENT_MODEL_CAPACITY",
        ),
        (
            429,
            r#"{"__type":"ThrottlingException","Message":"slow"}"#,
            K::RateLimit,
            "ThrottlingException",
        ),
        (
            403,
            r#"{"message":"The bearer token included in the request is invalid.","reason":null}"#,
            K::AccountAuth,
            "",
        ),
        (
            403,
            r#"{"message":"Your User ID temporarily is suspended.","reason":"TEMPORARILY_SUSPENDED"}"#,
            K::Permission,
            "TEMPORARILY_SUSPENDED",
        ),
        (
            500,
            r#"{"message":"We are experiencing unexpectedly high load."}"#,
            K::Overloaded,
            "",
        ),
        (
            200,
            r#"{"__type":"ThrottlingException","message":"slow"}"#,
            K::RateLimit,
            "ThrottlingException",
        ),
        (
            200,
            r#"{"__type":"AccessDeniedException","message":"The token has expired"}"#,
            K::AccountAuth,
            "AccessDeniedException",
        ),
        (
            200,
            r#"{"__type":"InternalServerException"}"#,
            K::Upstream,
            "InternalServerException",
        ),
    ];
    for (status, body, kind, code) in cases {
        let fault = read_error(Dialect::Kiro, *status, body.as_bytes());
        assert_eq!(fault.kind, *kind, "{body}");
        assert_eq!(fault.code.unwrap_or_default(), *code, "{body}");
        assert!(!fault.message.is_empty());
    }
    let nameless = read_error(Dialect::Kiro, 400, br#"{"__type":"a#"}"#);
    assert!(nameless.message.contains("400") && nameless.code.is_none());
    let key = br#"{"message":"no such key ksk_abcdefghijklmnop"}"#;
    let fault = read_error(Dialect::Kiro, 401, key);
    assert_eq!(fault.message, "no such key ksk_\u{2026}");
}

#[test]
fn keeps_code_param_and_id() {
    let fault = read_error(
        Dialect::Messages,
        400,
        br#"{"error":{"type":"t","code":"c","param":"p","message":"m \ud800"},"request_id":"req_9"}"#,
    );
    assert_eq!(fault.code.as_deref(), Some("c"));
    assert_eq!(fault.param.as_deref(), Some("p"));
    assert_eq!(fault.upstream_id.as_deref(), Some("req_9"));
    assert_eq!(fault.message, "m \u{fffd}");
}

#[test]
fn takes_anything_without_harm() {
    let long = "é".repeat(5_000);
    for body in [
        long.as_bytes(),
        b"\xff\xfe\0",
        b"[]",
        b"[[[]]]",
        b"7",
        br#"{"error":null}"#,
        br#"{"error":{"message":7,"code":[]}}"#,
        format!("<title>{long}</title>").as_bytes(),
        "<title>İ</title>".as_bytes(),
    ] {
        let fault = read_error(Dialect::Chat, 500, body);
        assert!(fault.message.len() <= MAX_MESSAGE);
        assert!(!fault.message.is_empty());
    }
}
