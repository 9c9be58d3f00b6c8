//! One request, read as far as its head. Everything but a plain `GET` from this machine is answered
//! without being looked at.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroizing;

/// Cookies of other programs on localhost come along, so a head may be long.
const MOST_HEAD: usize = 32 * 1024;
/// A browser sends its head at once.
const HEAD: Duration = Duration::from_secs(5);

/// What a request asks for.
pub(super) struct Asked {
    pub(super) path: Zeroizing<String>,
    pub(super) query: Zeroizing<String>,
}

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It never came, or not in time: there is nobody to answer.
    Gone,
    TooLarge,
    Malformed,
    Method,
    Host,
}

/// Reads a request to `port`.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin), port: u16) -> Result<Asked, Refused> {
    let whole = tokio::time::timeout(HEAD, async {
        let mut head = Zeroizing::new(Vec::with_capacity(8 * 1024));
        let mut chunk = Zeroizing::new([0; 2048]);
        loop {
            let read = match from.read(chunk.as_mut()).await {
                Ok(0) | Err(_) => return Err(Refused::Gone),
                Ok(read) => read,
            };
            if head.len() + read > MOST_HEAD {
                return Err(Refused::TooLarge);
            }
            let before = head.len().saturating_sub(3);
            head.extend_from_slice(&chunk[..read]);
            if head[before..].windows(4).any(|end| end == b"\r\n\r\n") {
                return parse(&head, port);
            }
        }
    });
    whole.await.unwrap_or(Err(Refused::Gone))
}

fn parse(head: &[u8], port: u16) -> Result<Asked, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooLarge),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Refused::Malformed),
    }
    if request.method != Some("GET") {
        return Err(Refused::Method);
    }
    let mut hosts = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("host"));
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refused::Host);
    };
    if !is_own(host.value, port) {
        return Err(Refused::Host);
    }
    let target = request.path.unwrap_or_default();
    if !target.starts_with('/') {
        return Err(Refused::Malformed);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Asked {
        path: Zeroizing::new(path.to_owned()),
        query: Zeroizing::new(query.to_owned()),
    })
}

/// Whether a `Host` names this listener; any other name may be a web page's (DNS rebinding).
fn is_own(host: &[u8], port: u16) -> bool {
    let Ok(host) = std::str::from_utf8(host) else {
        return false;
    };
    let Some((name, number)) = host.rsplit_once(':') else {
        return false;
    };
    let known = ["127.0.0.1", "localhost", "[::1]"];
    known.iter().any(|known| name.eq_ignore_ascii_case(known)) && number == port.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(request: &str) -> Result<(String, String), Refused> {
        let asked = read(&mut request.as_bytes(), 1455).await?;
        Ok((asked.path.to_string(), asked.query.to_string()))
    }

    #[tokio::test]
    async fn a_get_from_this_machine_is_read() {
        for host in [
            "localhost:1455",
            "127.0.0.1:1455",
            "[::1]:1455",
            "LOCALHOST:1455",
        ] {
            let request = format!("GET /cb?code=a HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let expected = ("/cb".to_owned(), "code=a".to_owned());
            assert_eq!(asked(&request).await, Ok(expected), "{host}");
        }
    }

    #[tokio::test]
    async fn everything_else_is_not_looked_at() {
        let host = "Host: localhost:1455\r\n";
        let many = format!("GET / HTTP/1.1\r\n{host}{}\r\n", "a: b\r\n".repeat(200));
        let long = format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(MOST_HEAD));
        for (request, refused) in [
            (format!("POST /cb HTTP/1.1\r\n{host}\r\n"), Refused::Method),
            (format!("HEAD /cb HTTP/1.1\r\n{host}\r\n"), Refused::Method),
            (format!("OPTIONS * HTTP/1.1\r\n{host}\r\n"), Refused::Method),
            (
                format!("GET http://localhost:1455/cb HTTP/1.1\r\n{host}\r\n"),
                Refused::Malformed,
            ),
            ("\u{16}\u{3}\u{1}\0\r\n\r\n".to_owned(), Refused::Malformed),
            ("\u{16}\u{3}\u{1}\0".to_owned(), Refused::Gone),
            ("GET /cb HTTP/1.1\r\n\r\n".to_owned(), Refused::Host),
            (
                format!("GET /cb HTTP/1.1\r\n{host}{host}\r\n"),
                Refused::Host,
            ),
            (
                "GET /cb HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
                Refused::Host,
            ),
            (
                "GET /cb HTTP/1.1\r\nHost: localhost:1456\r\n\r\n".to_owned(),
                Refused::Host,
            ),
            (
                "GET /cb HTTP/1.1\r\nHost: 127.0.0.1.nip.io:1455\r\n\r\n".to_owned(),
                Refused::Host,
            ),
            (
                "GET /cb HTTP/1.1\r\nHost: evil.example:1455\r\n\r\n".to_owned(),
                Refused::Host,
            ),
            (
                "GET /cb HTTP/1.1\r\nHost: localhost.:1455\r\n\r\n".to_owned(),
                Refused::Host,
            ),
            (
                "GET /cb HTTP/1.1\r\nHost: a@localhost:1455\r\n\r\n".to_owned(),
                Refused::Host,
            ),
            (many, Refused::TooLarge),
            (long, Refused::TooLarge),
            ("GET /cb HTTP/1.1\r\nHost".to_owned(), Refused::Gone),
            (String::new(), Refused::Gone),
        ] {
            assert_eq!(asked(&request).await, Err(refused), "{request:.80}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_drip_is_given_up() {
        let (mut near, far) = tokio::io::duplex(64);
        let started = tokio::time::Instant::now();
        let refused = read(&mut near, 1455).await;
        assert_eq!(refused.err(), Some(Refused::Gone));
        assert_eq!(started.elapsed(), HEAD);
        drop(far);
    }
}
