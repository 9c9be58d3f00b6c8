use byokey_catalog::Catalog;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const KEY: &str = "sk-canary-0123456789";

/// A provider that gives each caller the same answer and hands out what it was asked.
async fn provider(answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8(request).unwrap().to_ascii_lowercase()
    });
    (base, asked)
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// With this base in place of the row's.
fn at(base: &str) -> Overrides {
    Overrides {
        base_url: Some(base.to_owned()),
        ..Overrides::default()
    }
}

async fn check(id: &str, base: &str, key: &str) -> Result<Verdict, SigninError> {
    let catalog = Catalog::bundled().unwrap();
    let row = catalog.provider(id).unwrap();
    check_key(
        &Http::new().unwrap(),
        row,
        &at(base),
        &BTreeMap::new(),
        &Secret::new(key),
    )
    .await
}

/// Asks a provider that gives this answer.
async fn asked(id: &str, status: &str, body: &str) -> (Result<Verdict, SigninError>, String) {
    let (base, asked) = provider(answer(status, body)).await;
    let verdict = check(id, &base, KEY).await;
    (verdict, asked.await.unwrap())
}

#[tokio::test]
async fn each_answer_has_its_verdict() {
    for (status, verdict) in [
        ("200 OK", Verdict::Accepted),
        ("403 Forbidden", Verdict::Limited),
        ("429 Too Many Requests", Verdict::Exhausted),
        ("402 Payment Required", Verdict::Exhausted),
    ] {
        assert_eq!(
            asked("openai", status, "{}").await.0,
            Ok(verdict),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_key_goes_out_the_way_its_provider_wants_it() {
    let version = concat!("user-agent: byokey/", env!("CARGO_PKG_VERSION"), "\r\n");
    for (id, line, header) in [
        (
            "openai",
            "get /models http/1.1",
            format!("authorization: bearer {KEY}\r\n"),
        ),
        (
            "claude",
            "get /v1/models?limit=1 http/1.1",
            format!("x-api-key: {KEY}\r\n"),
        ),
        (
            "deepgram",
            "get /v1/projects http/1.1",
            format!("authorization: token {KEY}\r\n"),
        ),
    ] {
        let (verdict, request) = asked(id, "200 OK", "{}").await;
        assert_eq!(verdict, Ok(Verdict::Accepted));
        assert!(request.starts_with(line), "{request}");
        assert!(
            request.contains(&header) && request.contains(version),
            "{request}"
        );
        assert_eq!(request.matches(KEY).count(), 1, "the key is sent once");
    }
    let (_, request) = asked("claude", "200 OK", "{}").await;
    assert!(request.contains("anthropic-version: 2023-06-01\r\n"));
}

#[tokio::test]
async fn configured_headers_go_along_but_do_not_replace_the_key() {
    let (base, asked) = provider(answer("200 OK", "{}")).await;
    let catalog = Catalog::bundled().unwrap();
    let headers = [("x-team", "a"), ("authorization", "Bearer other")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let overrides = Overrides {
        headers: headers.into(),
        ..at(&base)
    };
    let row = catalog.provider("openai").unwrap();
    let key = Secret::new(KEY);
    check_key(
        &Http::new().unwrap(),
        row,
        &overrides,
        &BTreeMap::new(),
        &key,
    )
    .await
    .unwrap();
    let request = asked.await.unwrap();
    assert!(request.contains("x-team: a\r\n"));
    assert!(
        request.contains(&format!("authorization: bearer {KEY}")) && !request.contains("other")
    );
}

#[tokio::test]
async fn a_refused_key_comes_with_the_providers_words_but_not_with_the_key() {
    let body =
        format!(r#"{{"error":{{"message":"Incorrect key: {KEY}.\nSee \u001b[1mthe page"}}}}"#);
    let refused = asked("openai", "401 Unauthorized", &body).await.0;
    let message = "Incorrect key: …. See [1mthe page".to_owned();
    assert_eq!(
        refused,
        Err(SigninError::BadKey {
            provider: "OpenAI".into(),
            message
        })
    );
    let long = format!(r#"{{"message":"{}"}}"#, "ü".repeat(1000));
    match asked("openai", "401 Unauthorized", &long).await.0 {
        Err(SigninError::BadKey { message, .. }) => assert_eq!(message.chars().count(), 300),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn gemini_says_bad_key_with_status_400() {
    let body = r#"{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    let refused = asked("gemini", "400 Bad Request", body).await.0;
    assert!(
        matches!(refused, Err(SigninError::BadKey { .. })),
        "{refused:?}"
    );
    let unclear = asked("gemini", "400 Bad Request", "{}").await.0;
    assert!(
        matches!(unclear, Err(SigninError::Unexpected { status: 400, .. })),
        "{unclear:?}"
    );
}

#[tokio::test]
async fn answers_that_say_nothing_are_not_taken_for_a_verdict() {
    let endless = format!("{{\"message\":\"{}", "x".repeat(1_000_000));
    for (status, body, expected) in [
        ("500 Internal Server Error", r#"{"error":"down"}"#, 500),
        ("404 Not Found", "<html>not here</html>", 404),
        ("502 Bad Gateway", "", 502),
        ("503 Service Unavailable", endless.as_str(), 503),
    ] {
        match asked("openai", status, body).await.0 {
            Err(SigninError::Unexpected { status, host, .. }) => {
                assert_eq!((status, host.as_str()), (expected, "127.0.0.1"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn no_redirect_gets_the_key() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let redirect = format!(
            "HTTP/1.1 {status}\r\nlocation: http://{target}/models\r\ncontent-length: 0\r\n\
             connection: close\r\n\r\n"
        );
        let (base, _) = provider(redirect).await;
        let answered = check("openai", &base, KEY).await;
        assert!(
            matches!(answered, Err(SigninError::Unexpected { .. })),
            "{answered:?}"
        );
    }
    // Nobody has come: a caller would be waiting in the queue.
    let waiting = std::future::poll_fn(|context| {
        std::task::Poll::Ready(elsewhere.poll_accept(context).is_ready())
    });
    assert!(!waiting.await);
}

#[tokio::test]
async fn an_unreachable_host_is_named_without_the_key() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    match check("openai", &base, KEY).await {
        Err(error @ SigninError::Unreachable { .. }) => {
            let text = error.to_string();
            assert!(
                text.starts_with("127.0.0.1 could not be reached: "),
                "{text}"
            );
            assert!(!text.contains(KEY));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_is_never_sent_in_the_clear_or_to_an_odd_address() {
    for base in [
        "http://example.org",
        "ftp://example.org",
        "https://user:pw@example.org",
        "nonsense",
    ] {
        let refused = check("openai", base, KEY).await;
        assert!(
            matches!(refused, Err(SigninError::Address(_))),
            "{base}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_a_header_is_refused_before_it_is_sent() {
    let refused = check("openai", "http://127.0.0.1:9", "sk-1\r\nx: y").await;
    assert_eq!(refused, Err(SigninError::Shape(KeyTrouble::Control)));
}

#[tokio::test]
async fn values_beside_the_key_stand_in_path_and_user() {
    let catalog = Catalog::bundled().unwrap();
    let row = catalog.provider("twilio").unwrap();
    let key = Secret::new(KEY);
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (fields, user) in [
        (vec![field("account_sid", "AC1")], "AC1"),
        (
            vec![field("account_sid", "AC1"), field("user", "SK2")],
            "SK2",
        ),
    ] {
        let (base, asked) = provider(answer("200 OK", "{}")).await;
        let fields = fields.into_iter().collect();
        let http = Http::new().unwrap();
        let verdict = check_key(&http, row, &at(&base), &fields, &key).await;
        assert_eq!(verdict, Ok(Verdict::Accepted));
        let asked = asked.await.unwrap();
        assert!(
            asked.starts_with("get /accounts/ac1.json http/1.1"),
            "{asked}"
        );
        let basic = STANDARD
            .encode(format!("{user}:{KEY}"))
            .to_ascii_lowercase();
        assert!(asked.contains(&format!("authorization: basic {basic}\r\n")));
    }
    let http = Http::new().unwrap();
    let none = check_key(&http, row, &Overrides::default(), &BTreeMap::new(), &key).await;
    assert!(matches!(none, Err(SigninError::Address(_))));
}

#[tokio::test]
async fn what_the_row_cannot_prove_is_said() {
    let mut row = Catalog::bundled()
        .unwrap()
        .provider("openai")
        .unwrap()
        .clone();
    row.check = None;
    let key = Secret::new(KEY);
    let told = check_key(
        &Http::new().unwrap(),
        &row,
        &Overrides::default(),
        &BTreeMap::new(),
        &key,
    )
    .await;
    assert_eq!(
        told,
        Err(SigninError::NoCheck {
            provider: "OpenAI".into()
        })
    );
}

#[tokio::test]
async fn a_kind_of_key_that_the_provider_refuses_is_not_sent() {
    let catalog = Catalog::bundled().unwrap();
    let (row, prefix) = catalog
        .providers()
        .find_map(|row| {
            let flow = row.routes.iter().find_map(|route| match &route.flow {
                Flow::Key(flow) => flow.refused_prefixes.first(),
                _ => None,
            });
            Some((row, flow?))
        })
        .expect("a row with a refused kind of key");
    let key = Secret::new(format!("{prefix}{KEY}"));
    let refused = check_key(
        &Http::new().unwrap(),
        row,
        &Overrides::default(),
        &BTreeMap::new(),
        &key,
    )
    .await;
    assert_eq!(
        refused,
        Err(SigninError::Refused {
            provider: row.name.clone()
        })
    );
}

#[tokio::test]
async fn a_moved_provider_is_asked_where_it_was_moved_to() {
    let (base, asked) = provider(answer("200 OK", "{}")).await;
    let catalog = Catalog::bundled().unwrap();
    let row = catalog.provider("openai").unwrap();
    let overrides = Overrides {
        origins: [("https://api.openai.com".to_owned(), base)].into(),
        ..Overrides::default()
    };
    let (http, key) = (Http::new().unwrap(), Secret::new(KEY));
    let verdict = check_key(&http, row, &overrides, &BTreeMap::new(), &key).await;
    assert_eq!(verdict, Ok(Verdict::Accepted));
    assert!(asked.await.unwrap().starts_with("get /v1/models http/1.1"));
}
