//! JSON as others write it: what is valid is taken and kept, what is not is refused.

use byokey_wire::FaultKind;
use serde_json::Value;

use crate::requests::{with_schema, with_text, with_unknown};
use crate::{CALLERS, send};

/// Values that are JSON, however odd.
const VALID: [&str; 41] = [
    "0",
    "-0",
    "-0.0",
    "1",
    "-1",
    "1.0",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1E-2147483648",
    "1e400",
    "-1e400",
    "123456789012345678901234567890",
    "0.1234567890123456789012345678901234567890",
    "18446744073709551616",
    "-9223372036854775809",
    "5e-324",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "\"\\u0000\"",
    "\"\\u001f\\b\\f\\n\\r\\t\\/\\\\\\\"\"",
    "\"\\uD83D\\uDE00\"",
    "\"\u{7f}\"",
    "\"\u{2028}\u{2029}\"",
    "\"é😀\u{10ffff}\"",
    "\"\u{fffe}\u{ffff}\"",
    "\"\u{feff}\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":0}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":{},\"b\":[{}]}",
    "[1,2,[3,{\"a\":null}]]",
    "[null,1,\"1\",{}]",
    "{\"\\u0061\":1}",
    "{\"a\\u0000b\":1}",
];

/// Texts that are no JSON.
const INVALID: [&[u8]; 76] = [
    b"",
    b" ",
    b"01",
    b"-01",
    b"+1",
    b".5",
    b"1.",
    b"-",
    b"--1",
    b"1e",
    b"1e+",
    b"1eE2",
    b"0e",
    b"0x1F",
    b"1_000",
    b"1 2",
    b"1a",
    b"-a",
    b"NaN",
    b"-NaN",
    b"Infinity",
    b"-Infinity",
    b"nul",
    b"nulll",
    b"True",
    b"TRUE",
    b"undefined",
    b"None",
    b"a",
    b"'a'",
    b"`a`",
    b"\"",
    b"\"a",
    b"\"\\\"",
    b"\"\\x41\"",
    b"\"\\u12\"",
    b"\"\\u12G4\"",
    b"\"\\u\"",
    b"\"\\'\"",
    b"\"\\a\"",
    b"\"\\ \"",
    b"\"a\nb\"",
    b"\"a\tb\"",
    b"\"a\rb\"",
    b"\"a\x00b\"",
    b"\"a\x1fb\"",
    b"\"\xff\"",
    b"\"\xc0\xaf\"",
    b"\"\xe2\x82\"",
    b"\"\xed\xa0\x80\"",
    b"\"\xf4\x90\x80\x80\"",
    b"\"\xf0\x80\x80\x80\"",
    b"\xff",
    b"\xef\xbb\xbf1",
    b"\xc2\xa01",
    b"[",
    b"]",
    b"[1",
    b"[1,",
    b"[1,]",
    b"[,1]",
    b"[,]",
    b"[1,,2]",
    b"[1 2]",
    b"[1:2]",
    b"[1}",
    b"{",
    b"}",
    b"{\"a\"}",
    b"{\"a\":}",
    b"{\"a\":1,}",
    b"{,}",
    b"{a:1}",
    b"{1:1}",
    b"{\"a\":1]",
    b"// c\n1",
];

fn filled(pattern: &str, value: &[u8]) -> Vec<u8> {
    let (before, behind) = pattern.split_once('%').unwrap();
    [before.as_bytes(), value, behind.as_bytes()].concat()
}

fn default_of(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).unwrap();
    let start = body.find("\"default\":")? + "\"default\":".len();
    // The value is followed by the end of the object that it stands in.
    let mut values = serde_json::Deserializer::from_str(&body[start..])
        .into_iter::<Box<serde_json::value::RawValue>>();
    values.next()?.ok()?;
    Some(&body[start..start + values.byte_offset()])
}

#[test]
fn what_is_valid_is_kept() {
    for caller in CALLERS {
        for value in VALID {
            let body = filled(with_schema(caller), value.as_bytes());
            send(caller, &body, |upstream, result| {
                let translated = result.unwrap();
                let kept = default_of(&translated.body);
                // Repairs of half pairs aside, the caller's own bytes.
                assert_eq!(kept, Some(value), "{caller:?} to {upstream:?}");
            });
            let body = filled(&with_unknown(caller), value.as_bytes());
            send(caller, &body, |upstream, result| {
                assert!(result.is_ok(), "{caller:?} to {upstream:?}: {value}");
            });
        }
    }
}

#[test]
fn texts_are_kept() {
    for caller in CALLERS {
        for value in VALID.into_iter().filter(|value| value.starts_with('"')) {
            let text: String = serde_json::from_str(value).unwrap();
            if text.trim().is_empty() {
                continue;
            }
            let body = filled(with_text(caller), value.as_bytes());
            send(caller, &body, |upstream, result| {
                let sent: Value = serde_json::from_slice(&result.unwrap().body).unwrap();
                assert!(holds(&sent, &text), "{caller:?} to {upstream:?}: {sent}");
            });
        }
    }
}

fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(members) => members.values().any(|member| holds(member, text)),
        _ => false,
    }
}

#[test]
fn half_characters_become_the_sign_for_them() {
    for caller in CALLERS {
        for half in [
            r#""a\ud83d""#,
            r#""\udc00a""#,
            r#""\ud800a\udc00""#,
            r#""\ud800\ud800a""#,
        ] {
            let body = filled(with_text(caller), half.as_bytes());
            send(caller, &body, |upstream, result| {
                let sent = String::from_utf8(result.unwrap().body).unwrap();
                let told = sent.contains('\u{fffd}') || sent.contains("\\ufffd");
                assert!(told, "{caller:?} to {upstream:?}: {sent}");
            });
            let body = filled(with_schema(caller), half.as_bytes());
            send(caller, &body, |upstream, result| {
                assert!(result.is_ok(), "{caller:?} to {upstream:?}: {half}");
            });
        }
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for caller in CALLERS {
        for value in INVALID {
            for pattern in [
                with_schema(caller).to_owned(),
                with_text(caller).to_owned(),
                with_unknown(caller),
            ] {
                let body = filled(&pattern, value);
                send(caller, &body, |upstream, result| {
                    let shown = value.escape_ascii();
                    let fault = result
                        .err()
                        .unwrap_or_else(|| panic!("{caller:?} to {upstream:?}: takes {shown}"));
                    assert_eq!(fault.kind, FaultKind::BadRequest);
                    assert!(told(&fault.message), "{shown}: {fault:?}");
                });
            }
        }
    }
}

/// What stands before the slip may be of the wrong type as well, and is told first.
fn told(message: &str) -> bool {
    ["JSON", "UTF-8", "wrong type"]
        .iter()
        .any(|words| message.contains(words))
}

#[test]
fn whole_bodies_that_are_none() {
    for caller in CALLERS {
        let good = with_text(caller).replace('%', "\"u\"");
        for body in [
            String::new(),
            " ".to_owned(),
            format!("\u{feff}{good}"),
            format!("{good}{good}"),
            format!("{good},"),
            format!("{good}\0"),
            good[..good.len() - 1].to_owned(),
            good.replace('"', "'"),
            format!("[{good}]"),
            "null".to_owned(),
            "7".to_owned(),
            "\"x\"".to_owned(),
            "[]".to_owned(),
        ] {
            send(caller, body.as_bytes(), |upstream, result| {
                assert!(result.is_err(), "{caller:?} to {upstream:?}: {body}");
            });
        }
        send(
            caller,
            format!(" \n\t{good}\r\n ").as_bytes(),
            |_, result| {
                assert!(result.is_ok());
            },
        );
        // Of a member given twice the last one counts.
        let twice = good.replacen('{', "{\"stream\":false,\"stream\":true,", 1);
        send(caller, twice.as_bytes(), |_, result| {
            assert!(result.is_ok())
        });
    }
}
