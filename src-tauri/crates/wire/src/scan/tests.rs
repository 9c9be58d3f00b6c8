use super::*;

fn whole(body: &[u8]) -> Result<Scan, ScanError> {
    let mut scan = Scan::new();
    scan.push(body)?;
    scan.finish()?;
    Ok(scan)
}

fn bytewise(body: &[u8]) -> Result<Scan, ScanError> {
    let mut scan = Scan::new();
    for byte in body {
        scan.push(std::slice::from_ref(byte))?;
    }
    scan.finish()?;
    Ok(scan)
}

#[test]
fn finds_the_model_wherever_it_stands() {
    for (body, name, literal) in [
        (r#"{"model":"gpt-5"}"#, "gpt-5", r#""gpt-5""#),
        (
            r#"{"messages":[{"model":"no"}], "model" : "yes"}"#,
            "yes",
            r#""yes""#,
        ),
        (
            r#"{"a":{"model":1},"mod\u0065l":"\u00e9\"x"}"#,
            "é\"x",
            r#""\u00e9\"x""#,
        ),
        (
            r#"{"x":"model","y":["model"],"model":"m","z":-1.5e+3}"#,
            "m",
            r#""m""#,
        ),
    ] {
        for scan in [whole(body.as_bytes()), bytewise(body.as_bytes())] {
            let scan = scan.unwrap();
            let model = scan.model().unwrap();
            assert_eq!(model.name, name);
            assert_eq!(&body[model.at.clone()], literal);
        }
    }
}

#[test]
fn reads_stream() {
    for (value, expected) in [("true", true), ("false", false), ("null", false)] {
        let body = format!(r#"{{"stream":{value},"model":"m"}}"#);
        assert_eq!(
            whole(body.as_bytes()).unwrap().stream(),
            expected,
            "{value}"
        );
    }
    assert!(
        !whole(br#"{"model":"m","a":{"stream":true}}"#)
            .unwrap()
            .stream()
    );
    assert_eq!(
        whole(br#"{"stream":1,"model":"m"}"#).unwrap_err(),
        ScanError::BadStream
    );
    assert_eq!(
        whole(br#"{"stream":"true","model":"m"}"#).unwrap_err(),
        ScanError::BadStream
    );
}

#[test]
fn refuses_what_it_cannot_route() {
    for (body, expected) in [
        (&b""[..], ScanError::Empty),
        (b"  ", ScanError::Empty),
        (b"[]", ScanError::NotObject),
        (b"\"x\"", ScanError::NotObject),
        (b"12", ScanError::NotObject),
        (b"<html>", ScanError::NotJson { at: 0 }),
        (b"\xef\xbb\xbf{}", ScanError::NotJson { at: 0 }),
        (b"{}", ScanError::NoModel),
        (br#"{"model":1}"#, ScanError::BadModel),
        (br#"{"model":null}"#, ScanError::BadModel),
        (br#"{"model":"a","model":"b"}"#, ScanError::TwoModels),
        (br#"{"model":"a""#, ScanError::CutShort { at: 12 }),
        (br#"{"model":"a"} x"#, ScanError::NotJson { at: 14 }),
        (br#"{"model":"a",}"#, ScanError::NotJson { at: 13 }),
        (br#"{"model":"a","n":01}"#, ScanError::NotJson { at: 18 }),
        (br#"{"model":"a","n":+1}"#, ScanError::NotJson { at: 17 }),
        (br#"{"model":"a","n":[1}}"#, ScanError::NotJson { at: 19 }),
        (br#"{"model":"a","n":nul}"#, ScanError::NotJson { at: 20 }),
        (
            b"{\"model\":\"a\",\"n\":\"\n\"}",
            ScanError::NotJson { at: 18 },
        ),
        (b"{\"model\":\"\xff\"}", ScanError::NotUtf8 { at: 10 }),
    ] {
        let text = String::from_utf8_lossy(body);
        assert_eq!(whole(body).unwrap_err(), expected, "{text}");
        assert_eq!(
            bytewise(body).unwrap_err(),
            expected,
            "{text}, byte by byte"
        );
    }
}

#[test]
fn depth_is_bounded_and_keys_are_not() {
    let nested = |depth: usize| {
        format!(
            r#"{{"model":"m","x":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    assert!(whole(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
    assert!(matches!(
        whole(nested(100_000).as_bytes()),
        Err(ScanError::TooDeep { .. })
    ));

    let keys: String = (0..100_000)
        .map(|n| format!(r#""key-{n}":null,"#))
        .collect();
    assert!(whole(format!(r#"{{{keys}"model":"m"}}"#).as_bytes()).is_ok());
    let long = "m".repeat(5_000);
    assert!(whole(format!(r#"{{"{long}":1,"model":"m"}}"#).as_bytes()).is_ok());
    let refused = whole(format!(r#"{{"model":"{long}"}}"#).as_bytes());
    assert_eq!(refused.unwrap_err(), ScanError::BadModel);
}

proptest::proptest! {
    /// The syntax check is serde_json's, wherever the body is cut.
    #[test]
    fn agrees_with_serde_json(
        text in r#"[\{\}\[\]",:\\ntrue0-9eE+.\-ué\u{1} ]{0,24}"#,
        cut in 0usize..40,
    ) {
        let body = format!(r#"{{"model":"m","x":{text}}}"#);
        let cut = cut.min(body.len());
        let mut scan = Scan::new();
        let pieces = scan
            .push(&body.as_bytes()[..cut])
            .and_then(|()| scan.push(&body.as_bytes()[cut..]))
            .and_then(|()| scan.finish_any());
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(&body);
        // A second model or an odd stream value is refused here, not there.
        let ours_only = matches!(
            pieces,
            Err(ScanError::TwoModels | ScanError::BadModel | ScanError::BadStream)
        );
        proptest::prop_assert!(ours_only || pieces.is_ok() == theirs.is_ok(), "{body}: {pieces:?}");
    }
}

#[test]
fn marks_what_tells_requests_apart() {
    let marks = |body: &str| {
        let mut scan = Scan::new();
        for byte in body.as_bytes() {
            scan.push(std::slice::from_ref(byte))?;
        }
        scan.finish_any()?;
        Ok::<_, ScanError>(scan.marks().clone())
    };
    let seen = marks(r#"{"a":{"messages":1},"input":[{"store":true}],"store":false}"#).unwrap();
    assert!(seen.input && !seen.messages && !seen.background);
    assert_eq!(seen.store, Some(false));
    let escaped: String = "previous_response_id"
        .bytes()
        .map(|byte| format!("\\u{byte:04x}"))
        .collect();
    for key in ["previous_response_id", &escaped] {
        let seen = marks(&format!(r#"{{"{key}":"resp_1","background":true}}"#)).unwrap();
        assert_eq!(seen.previous_response_id.as_deref(), Some("resp_1"));
        assert!(seen.background);
        let none = marks(&format!(r#"{{"{key}":null,"store":null}}"#)).unwrap();
        assert_eq!(none, Marks::default());
        for bad in [
            format!(r#"{{"{key}":1}}"#),
            format!(r#"{{"{key}":"{}"}}"#, "x".repeat(2000)),
            format!(r#"{{"{key}":"a","previous_response_id":"b"}}"#),
        ] {
            assert_eq!(marks(&bad), Err(ScanError::BadPrevious), "{bad}");
        }
    }
}
