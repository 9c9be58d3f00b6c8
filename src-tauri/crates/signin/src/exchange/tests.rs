use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::*;

const SENT: &[(&str, &str)] = &[
    ("grant_type", "refresh_token"),
    ("refresh_token", "rt-secret-0123456789"),
];

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn answered(status: u16, body: &str) -> TokenReply {
    let answer = Answer {
        host: "auth.example".to_owned(),
        status,
        retry_after: Some(Duration::from_secs(7)),
        body: Some(Zeroizing::new(body.as_bytes().to_vec())),
    };
    read(&answer, SENT, now())
}

fn granted(body: &str) -> NewTokens {
    match answered(200, body) {
        TokenReply::Granted(tokens) => *tokens,
        _ => panic!("it is a grant: {body}"),
    }
}

fn refused(status: u16, body: &str) -> (String, String) {
    match answered(status, body) {
        TokenReply::Refused(no) => {
            assert_eq!((no.status, no.retry_after.is_some()), (status, true));
            (no.error, no.description)
        }
        _ => panic!("it is a refusal: {status} {body}"),
    }
}

#[test]
fn a_grant_is_read_in_every_spelling() {
    for body in [
        json!({"access_token": "at", "refresh_token": "rt", "expires_in": 3600, "scope": "a b"}),
        json!({"accessToken": "at", "refreshToken": "rt", "expiresIn": 3600, "scope": ["a", "b"]}),
        json!({"access_token": "at", "refresh_token": "rt", "expires_in": "3600", "scope": "a b",
            "error": null, "id_token": ""}),
    ] {
        let tokens = granted(&body.to_string());
        assert!(tokens.id_token.is_none() && tokens.key.is_none());
        let set = tokens.into_set().unwrap();
        assert_eq!(set.access.expose(), "at");
        assert_eq!(set.refresh.unwrap().expose(), "rt");
        assert_eq!(set.scope.as_deref(), Some("a b"));
        assert_eq!(set.expires, Some("2026-11-21T12:59:00Z".parse().unwrap()));
        assert_eq!(set.obtained, now());
    }
}

#[test]
fn a_key_is_a_grant_and_everything_else_stays_readable() {
    let tokens = granted(r#"{"key": "sk-or-v1-x", "user_id": "u1"}"#);
    assert_eq!(tokens.key.as_ref().unwrap().expose(), "sk-or-v1-x");
    assert_eq!(tokens.rest["user_id"], "u1");
    assert!(tokens.into_set().is_err());
    let tokens = granted(r#"{"access_token": "at", "account": {"uuid": "u"}}"#);
    assert_eq!(tokens.rest["account"]["uuid"], "u");
    assert!(!tokens.rest.contains_key("access_token"));
    // Codex may answer with parts only.
    assert!(granted(r#"{"refresh_token": "rt"}"#).access.is_none());
}

#[test]
fn lifetimes_leave_time_to_spare_and_stay_in_reason() {
    for (given, end) in [
        ("100", Some("2026-11-21T12:01:30Z")),
        ("28800", Some("2026-11-21T19:59:00Z")),
        ("0", Some("2026-11-21T12:00:00Z")),
        ("-5", Some("2026-11-21T12:00:00Z")),
        ("1e18", Some("2036-11-18T11:59:00Z")),
        ("\"soon\"", None),
        ("null", None),
        ("[]", None),
    ] {
        let tokens = granted(&format!(
            r#"{{"access_token": "at", "expires_in": {given}}}"#
        ));
        assert_eq!(
            tokens.expires,
            end.map(|end| end.parse().unwrap()),
            "{given}"
        );
    }
    let due: Timestamp = "2026-11-21T12:30:00Z".parse().unwrap();
    for given in ["\"2026-11-21T12:30:00Z\"", "1795264200", "1795264200000"] {
        let body = format!(r#"{{"access_token": "at", "earliest_refresh_at": {given}}}"#);
        assert_eq!(granted(&body).earliest_refresh, Some(due), "{given}");
    }
}

#[test]
fn a_refusal_is_read_in_every_form() {
    for (status, body, error, description) in [
        (
            400,
            json!({"error": "invalid_grant", "error_description": "gone"}),
            "invalid_grant",
            "gone",
        ),
        (
            200,
            json!({"error": "authorization_pending"}),
            "authorization_pending",
            "",
        ),
        (
            401,
            json!({"error": {"code": "refresh_token_expired", "message": "late"}}),
            "refresh_token_expired",
            "late",
        ),
        (
            400,
            json!({"error": {"type": "invalid_request_error", "message": "no"}}),
            "invalid_request_error",
            "no",
        ),
        (
            400,
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}}),
            "INVALID_ARGUMENT",
            "no",
        ),
        (
            401,
            json!({"__type": "com.amazonaws.ssooidc#InvalidClientException", "message": "no"}),
            "InvalidClientException",
            "no",
        ),
        (
            403,
            json!({"detail": {"code": "not_eligible", "message": "no"}}),
            "not_eligible",
            "no",
        ),
        (403, json!({"detail": "no"}), "", "no"),
        (
            200,
            json!({"success": false, "code": "40001", "message": "no"}),
            "40001",
            "no",
        ),
        (400, json!({"code": "bad", "msg": "no"}), "bad", "no"),
        (429, json!({"error": "slow_down"}), "slow_down", ""),
        (400, json!({}), "", ""),
    ] {
        let (code, words) = refused(status, &body.to_string());
        assert_eq!((&*code, &*words), (error, description), "{body}");
    }
    for body in ["", "<html>", "[]", "{\"error\"", "no"] {
        assert_eq!(refused(401, body), (String::new(), String::new()), "{body}");
    }
}

#[test]
fn what_was_sent_is_not_repeated() {
    let words = "bad\u{1b}[31m token\r\nrt-secret-0123456789 (refresh_token)";
    let body = json!({"error": "invalid_grant", "error_description": words});
    let (_, shown) = refused(400, &body.to_string());
    assert_eq!(shown, "bad[31m token … (refresh_token)");
    let long = json!({"error": "x".repeat(1000), "error_description": "y".repeat(1000)});
    let (code, words) = refused(400, &long.to_string());
    assert_eq!((code.len(), words.len()), (100, 300));
}

#[test]
fn trouble_of_the_server_is_not_a_refusal() {
    for (status, body) in [
        (
            429,
            r#"{"error":{"type":"rate_limit_error","message":"slow"}}"#,
        ),
        (429, ""),
        (500, "oops"),
        (502, "<html>"),
        (503, r#"{"error":"temporarily_unavailable"}"#),
    ] {
        let TokenReply::Busy {
            retry_after,
            status: told,
        } = answered(status, body)
        else {
            panic!("{status} {body}");
        };
        assert_eq!((retry_after, told), (Some(Duration::from_secs(7)), status));
    }
}

#[test]
fn what_is_neither_yes_nor_no_changes_nothing() {
    for (status, body) in [
        (200, ""),
        (200, "{}"),
        (200, "<html>access_token</html>"),
        (200, r#"["access_token"]"#),
        (200, r#"{"access_token":"#),
        (200, r#"{"access_token":"a"} {"access_token":"b"}"#),
        (200, r#"{"access_token":"a","access_token":"b"}"#),
        (200, r#"{"access_token":{"a":1}}"#),
        (200, r#"{"access_token":""}"#),
        (302, r#"{"access_token":"a"}"#),
        (404, "gone"),
    ] {
        let reply = answered(status, body);
        let TokenReply::Unclear(SigninError::Unclear { host, .. }) = reply else {
            panic!("{status} {body}");
        };
        assert_eq!(host, "auth.example");
    }
    let flood = Answer {
        host: "auth.example".to_owned(),
        status: 200,
        retry_after: None,
        body: None,
    };
    let reply = read(&flood, SENT, now());
    assert!(matches!(
        reply,
        TokenReply::Unclear(SigninError::Unclear { .. })
    ));
}
