use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        host: "auth.example.org".to_owned(),
        status,
        retry_after: None,
        body: Some(body.as_bytes().to_vec().into()),
    }
}

fn read(body: &str) -> Result<WaitingCode, SigninError> {
    let asked: Url = "https://auth.example.org/device".parse().unwrap();
    let hosts = ["www.example.org".to_owned()];
    let pages = Pages {
        overrides: &Overrides::default(),
        row: asked.as_str(),
        asked: &asked,
        hosts: &hosts,
        named: None,
    };
    WaitingCode::read("Example", &answer(200, body), &[], &pages, 600)
}

fn with_pages(page: &str, complete: &str) -> Result<WaitingCode, SigninError> {
    let given = serde_json::json!({"device_code": "d", "user_code": "ABCD-EFGH",
        "verification_uri": page, "verification_uri_complete": complete, "expires_in": 900});
    read(&given.to_string())
}

#[test]
fn a_code_is_read_in_every_form() {
    for (body, interval) in [
        (
            r#"{"device_code":"d","user_code":"ABCD","verification_uri":"https://auth.example.org/a",
                "expires_in":900,"interval":7}"#,
            Some(7.0),
        ),
        (
            r#"{"device_code":"d","user_code":" ABCD ","verification_url":"https://auth.example.org/a"}"#,
            None,
        ),
        (
            r#"{"deviceCode":"d","userCode":"ABCD","verificationUri":"https://auth.example.org/a",
                "expiresIn":600,"interval":1}"#,
            Some(1.0),
        ),
        (
            r#"{"deviceCode":"d","userCode":"ABCD","verificationUri":"https://auth.example.org/a",
                "intervalInMilliseconds":2500,"expiresInMilliseconds":600000}"#,
            Some(2.5),
        ),
        (
            r#"{"device_auth_id":"d","usercode":"ABCD","interval":"5",
                "verification_uri":"https://auth.example.org/a"}"#,
            Some(5.0),
        ),
    ] {
        let code = read(body).unwrap_or_else(|error| panic!("{body}: {error}"));
        assert_eq!((code.device.as_str(), code.user.as_str()), ("d", "ABCD"));
        assert_eq!(code.interval_s, interval);
        assert_eq!(code.host, "auth.example.org");
    }
}

#[test]
fn a_page_that_knows_the_code_is_opened_on_the_providers_hosts_only() {
    let page = "https://auth.example.org/device";
    for (complete, opened) in [
        ("https://auth.example.org/device?user_code=A", true),
        ("https://www.example.org/device?user_code=A", true),
        ("http://auth.example.org/device?user_code=A", false),
        ("https://auth.example.org.evil.net/device", false),
        ("https://evil.net/auth.example.org", false),
        ("https://a@auth.example.org/", false),
        ("javascript:alert(1)", false),
        ("file:///etc/passwd", false),
        ("no url", false),
    ] {
        let code = with_pages(page, complete).unwrap();
        assert_eq!(code.direct.is_some(), opened, "{complete}");
        assert_eq!(code.page, page);
    }
}

#[test]
fn a_page_for_the_code_is_encrypted() {
    for page in [
        "http://auth.example.org/device",
        "file:///x",
        "ftp://a.b/",
        "",
    ] {
        let refused = with_pages(page, "https://auth.example.org/?c=A");
        let unclear = matches!(refused, Err(SigninError::Unclear { .. }));
        assert!(unclear, "{page}");
    }
    // On a host that nobody knows it is shown with that host, and not opened.
    let code = with_pages("https://elsewhere.net/a", "https://elsewhere.net/a?c=A").unwrap();
    assert_eq!((code.host.as_str(), &code.direct), ("elsewhere.net", &None));
}

#[test]
fn what_is_no_code_is_refused() {
    for body in [
        "{}",
        "[]",
        "<html>",
        r#"{"device_code":"","user_code":"A","verification_uri":"https://auth.example.org/a"}"#,
        r#"{"device_code":"d","user_code":"","verification_uri":"https://auth.example.org/a"}"#,
        r#"{"device_code":"d","user_code":"A\u001b[2J","verification_uri":"https://auth.example.org/a"}"#,
        r#"{"device_code":"d","user_code":"A\u202eB","verification_uri":"https://auth.example.org/a"}"#,
        r#"{"device_code":"d","user_code":"A"}"#,
    ] {
        let refused = read(body);
        assert!(
            matches!(refused, Err(SigninError::Unclear { .. })),
            "{body}"
        );
    }
    let long = "A".repeat(65);
    assert!(with_pages("https://auth.example.org/a", "").is_ok());
    let body = format!(
        r#"{{"device_code":"d","user_code":"{long}","verification_uri":"https://auth.example.org/a"}}"#
    );
    assert!(read(&body).is_err());
}

#[test]
fn a_lifetime_is_brought_within_reason() {
    for (lifetime, least, most) in [
        ("0", 0, 1),
        ("1e9", 3599, 3600),
        ("-1", 0, 1),
        ("\"x\"", 599, 600),
    ] {
        let body = format!(
            r#"{{"device_code":"d","user_code":"A","verification_uri":"https://auth.example.org/a",
                "expires_in":{lifetime}}}"#
        );
        let left = read(&body).unwrap().ends.duration_since(Timestamp::now());
        assert!(
            (least..=most).contains(&left.as_secs()),
            "{lifetime}: {left}"
        );
    }
}
