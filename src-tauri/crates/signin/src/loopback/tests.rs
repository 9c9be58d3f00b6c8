use byokey_vault::Secret;
use tokio::io::AsyncReadExt;

use super::*;

fn row(ports: Ports) -> Redirect {
    Redirect {
        host: "localhost".to_owned(),
        localhost_because: Some("a test".to_owned()),
        path: "/auth/callback".to_owned(),
        ports,
        parameter: "redirect_uri".to_owned(),
    }
}

async fn listening(state: &str) -> (Listening, u16) {
    let bound = Loopback::bind(&row(Ports::Any), &Overrides::default(), None, None).await;
    let bound = bound.unwrap();
    let port = bound.port();
    let expected = Expected::state(Secret::new(state));
    (bound.listen(Arc::new(expected)), port)
}

async fn get(port: u16, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    send(port, &request).await
}

async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A refused request may be cut off.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn is_closed(port: u16) -> bool {
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn the_answer_leads_to_a_page_without_a_query_that_waits_for_the_end() {
    let (mut listening, port) = listening("s1").await;
    let led = get(port, "/auth/callback?code=c-123&state=s1").await;
    assert!(led.starts_with("HTTP/1.1 303 "), "{led}");
    assert!(led.contains("Location: /auth/callback/end\r\n"), "{led}");
    assert!(!led.contains("c-123"));
    let callback = listening.arrived().await;
    assert_eq!(callback.code.unwrap().expose(), "c-123");
    let (tell, told) = oneshot::channel();
    listening.see_off(told);
    let mut page = tokio::spawn(get(port, "/auth/callback/end"));
    let early = tokio::time::timeout(Duration::from_millis(50), &mut page).await;
    assert!(
        early.is_err(),
        "nothing may be said before the account is stored"
    );
    assert!(tell.send(Landing::Done).is_ok());
    let page = page.await.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("You can go back to byokey"));
    assert!(page.contains("byokey://open") && !page.contains("c-123") && !page.contains("s1"));
    assert!(is_closed(port).await);
}

#[tokio::test]
async fn one_connection_carries_the_browser_past_the_closing_of_the_port() {
    let (mut listening, port) = listening("s1").await;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let ask = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    let first = ask("/auth/callback?error=access_denied&state=s1");
    stream.write_all(first.as_bytes()).await.unwrap();
    let callback = listening.arrived().await;
    assert_eq!(callback.error.as_deref(), Some("access_denied"));
    let (tell, told) = oneshot::channel();
    listening.see_off(told);
    assert!(tell.send(Landing::Failed("<b>no</b>".to_owned())).is_ok());
    assert!(is_closed(port).await);
    stream
        .write_all(ask("/auth/callback/end").as_bytes())
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("&lt;b&gt;no&lt;/b&gt;"), "{answer}");
}

#[tokio::test]
async fn rfc9700_4_1_3_only_the_exact_redirect_counts() {
    let (mut listening, port) = listening("s1").await;
    let good = "/auth/callback?code=c&state=s1";
    for target in [
        "/",
        "/favicon.ico",
        "/auth/callback/?code=c&state=s1",
        "/auth/callback/x?code=c&state=s1",
        "/auth/callbacks?code=c&state=s1",
        "/AUTH/callback?code=c&state=s1",
        "//auth/callback?code=c&state=s1",
        "/auth/./callback?code=c&state=s1",
        "/auth%2Fcallback?code=c&state=s1",
        "/auth/callback",
        "/auth/callback/end",
        "/auth/callback#code=c&state=s1",
        "/auth/callback?code=c",
        "/auth/callback?code=c&state=",
        "/auth/callback?code=c&state=s2",
        "/auth/callback?state=s1",
        "/auth/callback?code=c&code=d&state=s1",
        "/auth/callback?code=c&state=s1&state=s1",
    ] {
        let answer = get(port, target).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
    }
    for (host, method, status) in [
        ("evil.example", "GET", 400),
        ("localhost", "GET", 400),
        ("localhost:1", "GET", 400),
        ("127.0.0.1.nip.io", "GET", 400),
        (&*format!("localhost:{port}"), "POST", 405),
        (&*format!("localhost:{port}"), "HEAD", 405),
    ] {
        let request = format!("{method} {good} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = send(port, &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host} {method}: {answer}"
        );
    }
    // None of it ended the sign-in.
    assert!(get(port, good).await.starts_with("HTTP/1.1 303 "));
    assert!(listening.arrived().await.code.is_some());
}

#[tokio::test]
async fn rfc9700_2_1_1_an_answer_counts_once() {
    let (mut listening, port) = listening("s1").await;
    get(port, "/auth/callback?code=first&state=s1").await;
    get(port, "/auth/callback?code=second&state=s1").await;
    assert_eq!(listening.arrived().await.code.unwrap().expose(), "first");
    let more = tokio::time::timeout(Duration::from_millis(50), listening.arrived()).await;
    assert!(more.is_err());
}

#[tokio::test]
async fn rfc8252_8_3_the_port_is_open_only_while_somebody_waits() {
    let (cancelled, port) = listening("s1").await;
    // One that was connected before is let go, too.
    let mut guest = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    drop(cancelled);
    assert!(is_closed(port).await);
    assert!(!matches!(guest.read(&mut [0; 1]).await, Ok(1..)));
    let (mut listening, port) = listening("s1").await;
    get(port, "/auth/callback?code=c&state=s1").await;
    listening.arrived().await;
    let (tell, told) = oneshot::channel();
    listening.see_off(told);
    // The sign-in was cancelled while its code was being exchanged.
    drop(tell);
    assert!(is_closed(port).await);
}

/// Row 21 of the security promises.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_survives_10_000_junk_connections_and_100_drips() {
    let (mut listening, port) = listening("s1").await;
    let mut drips = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"GET /auth/callback?co").await.unwrap();
        drips.push(stream);
    }
    let junk = async {
        for number in 0..10_000_u32 {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else {
                continue;
            };
            let _ = match number % 5 {
                0 => Ok(()),
                1 => stream.write_all(b"\x16\x03\x01\x02\x00").await,
                2 => {
                    stream
                        .write_all(b"GET /favicon.ico HTTP/1.1\r\nHost: a\r\n\r\n")
                        .await
                }
                3 => {
                    let request = format!(
                        "GET /auth/callback?code=x&state=guess{number} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
                    );
                    stream.write_all(request.as_bytes()).await
                }
                _ => stream.write_all(&[b'a'; 4096]).await,
            };
        }
    };
    junk.await;
    let led = get(port, "/auth/callback?code=c&state=s1").await;
    assert!(led.starts_with("HTTP/1.1 303 "), "{led}");
    assert_eq!(listening.arrived().await.code.unwrap().expose(), "c");
    drop(drips);
}

#[tokio::test]
async fn a_configured_redirect_goes_before_the_rows() {
    let own = |redirect: &str| Overrides {
        redirect: Some(redirect.to_owned()),
        ..Overrides::default()
    };
    let free = Loopback::bind(&row(Ports::Any), &Overrides::default(), None, None).await;
    let port = free.unwrap().port();
    let uri = format!("http://127.0.0.1:{port}/mine");
    let bound = Loopback::bind(&row(Ports::Only(vec![1])), &own(&uri), None, None).await;
    assert_eq!(bound.unwrap().redirect_uri(), uri);
    for bad in [
        "https://127.0.0.1:1/cb",
        "http://example.org/cb",
        "http://127.0.0.1:1/cb?x=1",
        "http://a@127.0.0.1:1/cb",
        "byokey://signin/other",
    ] {
        let refused = Loopback::bind(&row(Ports::Any), &own(bad), None, None).await;
        assert!(matches!(refused, Err(SigninError::Address(_))), "{bad}");
    }
}

#[tokio::test]
async fn an_earlier_processs_port_is_taken_up_again() {
    let first = Loopback::bind(&row(Ports::Any), &Overrides::default(), Some("n1"), None).await;
    let first = first.unwrap();
    let (port, uri) = (first.port(), first.redirect_uri());
    assert!(uri.ends_with("/auth/callback/n1"));
    let again = || async {
        Loopback::bind(
            &row(Ports::Any),
            &Overrides::default(),
            Some("n1"),
            Some(port),
        )
        .await
    };
    assert!(matches!(again().await, Err(SigninError::Port(_))));
    drop(first);
    assert_eq!(again().await.unwrap().redirect_uri(), uri);
}
