//! Who may come in. Decided from the head of a request, before its body is read.
//!
//! Loopback is no wall: every web page and every user of the computer can reach it. So a request
//! must name this endpoint as its host, must not come from a web page, and must carry a client key.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use byokey_wire::{Dialect, Fault, FaultKind};
use http::request::Parts;
use http::{HeaderMap, Version, header};
use jiff::Timestamp;

use crate::engine::View;
use crate::roster::Caller;

/// Refuses what was not meant for this endpoint: a foreign or doubtful `Host`, a web page.
pub(crate) fn check_origin(
    parts: &Parts,
    local: SocketAddr,
    names: &[String],
) -> Result<(), Fault> {
    let foreign = |what: &str| Err(Fault::new(FaultKind::Forbidden, what.to_owned()));
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) if parts.version == Version::HTTP_10 => "",
        _ => return foreign("send exactly one Host header"),
    };
    let target = parts.uri.authority().map(|authority| authority.as_str());
    if !is_ours(host, local, names) || target.is_some_and(|target| target != host) {
        return foreign(
            "the Host header does not name this endpoint; use the address that byokey shows, or \
             add the name to `names` in the configuration",
        );
    }
    let from_page = "requests from web pages are refused; call byokey from a program";
    let site = parts
        .headers
        .get("sec-fetch-site")
        .map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return foreign(from_page);
    }
    if let Some(origin) = parts.headers.get(header::ORIGIN) {
        let ours = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"));
        if ours != Some(host) {
            return foreign(from_page);
        }
    }
    Ok(())
}

/// Whether a `Host` is a literal of the loopback address with our port, the very address we listen
/// on, or a declared name. Literals cannot be made to point elsewhere, as names can.
fn is_ours(host: &str, local: SocketAddr, names: &[String]) -> bool {
    let port = local.port();
    let with_port = |name: &str| {
        host.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(':'))
            .is_some_and(|digits| digits == port.to_string())
    };
    let plain = |name: &str| port == 80 && host == name;
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|name| with_port(name) || plain(name))
        || (!local.ip().is_unspecified() && host == local.to_string())
        || names.iter().any(|name| host == name || with_port(name))
}

/// Names under which clients of the known dialects send their key.
const KEY_HEADERS: [&str; 5] = [
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "xi-api-key",
];

/// The client keys of a request, wherever its program puts them. Some programs fill two places, one
/// of them with a word of their own.
fn keys(headers: &HeaderMap) -> impl Iterator<Item = Cow<'_, str>> {
    KEY_HEADERS.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        if *name != "authorization" {
            return Some(value.trim().into());
        }
        let (scheme, key) = value.split_once(' ')?;
        let key = key.trim();
        match scheme.to_ascii_lowercase().as_str() {
            // Deepgram's programs say `Token`.
            "bearer" | "token" => Some(key.into()),
            "basic" => password(key).map(Cow::Owned),
            _ => None,
        }
    })
}

/// The password of Basic credentials; Twilio's programs send a key as that.
fn password(encoded: &str) -> Option<String> {
    let both = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    let both = String::from_utf8(both).ok()?;
    Some(both.split_once(':')?.1.to_owned())
}

/// Finds out who calls; `None` when the configuration lets anybody in and the key is unknown.
pub(crate) fn check_key(headers: &HeaderMap, view: &View) -> Result<Option<Arc<Caller>>, Fault> {
    let refused = |message: &str| Err(Fault::new(FaultKind::ClientKey, message.to_owned()));
    let Some(caller) = keys(headers).find_map(|key| view.roster.caller(&key)) else {
        if !view.config.auth.require_key {
            return Ok(None);
        }
        return match keys(headers).next() {
            None => refused(
                "no client key was sent; make one with `byokey keys create NAME` and send it as \
                 Authorization: Bearer byk_…",
            ),
            Some(_) => refused(
                "this client key is not known; it may be revoked or belong to another byokey. Make \
                 one with `byokey keys create NAME`",
            ),
        };
    };
    if caller.expired(Timestamp::now()) {
        return refused(
            "this client key has expired; make a new one with `byokey keys create NAME`",
        );
    }
    if let Some(limit) = caller.key.limits.rpm
        && let Err(wait) = caller.pace.take(limit)
    {
        let seconds = wait.as_secs() + 1;
        let mut fault = Fault::new(
            FaultKind::RateLimit,
            format!(
                "the client key `{}` may make {limit} requests a minute; try again in {seconds} s",
                caller.key.name
            ),
        );
        fault.retry_after_s = Some(seconds);
        return Err(fault);
    }
    Ok(Some(caller.clone()))
}

/// A refusal for want of a key, in better words when a key stood in the URL: those end up in logs
/// and histories, so none is taken from there.
pub(crate) fn key_in_url(fault: Fault, query: Option<&str>) -> Fault {
    let given = query.unwrap_or_default().split('&');
    if fault.kind != FaultKind::ClientKey || !given.into_iter().any(|it| it.starts_with("key=")) {
        return fault;
    }
    Fault {
        message: "byokey takes no key from the URL, where it would end up in logs; send it in the \
                  header x-goog-api-key"
            .into(),
        ..fault
    }
}

/// The dialect in which to answer a request whose path says nothing about it.
pub(crate) fn guess_dialect(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") || headers.contains_key("x-api-key") {
        Dialect::Messages
    } else if headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::Chat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[(&str, &str)], target: &str) -> Result<(), Fault> {
        let mut request = http::Request::builder().uri(target);
        for (name, value) in head {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let local = SocketAddr::from(([127, 0, 0, 1], 8018));
        check_origin(&parts, local, &["gate.example".into()])
    }

    #[test]
    fn the_address_we_listen_on_is_ours() {
        for (local, host, ours) in [
            ("192.168.1.5:8018", "192.168.1.5:8018", true),
            ("192.168.1.5:8018", "192.168.1.6:8018", false),
            ("[fd00::5]:8018", "[fd00::5]:8018", true),
            ("0.0.0.0:8018", "0.0.0.0:8018", false),
            ("0.0.0.0:8018", "192.168.1.5:8018", false),
        ] {
            let local = local.parse().unwrap();
            assert_eq!(is_ours(host, local, &[]), ours, "{host} at {local}");
        }
    }

    #[test]
    fn only_our_own_hosts_pass() {
        for host in [
            "127.0.0.1:8018",
            "localhost:8018",
            "[::1]:8018",
            "gate.example",
        ] {
            assert!(check(&[("host", host)], "/").is_ok(), "{host}");
        }
        for host in [
            "",
            " ",
            "localhost",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1:08018",
            "127.0.0.1:8018.",
            "127.0.0.1.:8018",
            "127.0.0.1:8018/",
            "127.0.0.1:8018@evil.example",
            "evil.example@127.0.0.1:8018",
            "localhost:8018/#@x",
            "localhost:80180",
            "localhost.:8018",
            "LOCALHOST.evil.example:8018",
            "127.0.0.1.nip.io:8018",
            "evil.example",
            "evil.example:8018",
            "0.0.0.0:8018",
            "[::]:8018",
            "[::ffff:127.0.0.1]:8018",
            "2130706433:8018",
            "0x7f.1:8018",
            "127.1:8018",
            "127.0.0.2:8018",
            "[::1]:8018.evil.example",
            "gate.example.evil.example",
            "evil-gate.example",
            "localhost:8018,evil.example",
            "localhost:8018 evil.example",
        ] {
            assert!(check(&[("host", host)], "/").is_err(), "{host:?}");
        }
        assert!(check(&[], "/").is_err());
        let twice = [("host", "localhost:8018"), ("host", "localhost:8018")];
        assert!(check(&twice, "/").is_err());
        assert!(check(&[("host", "localhost:8018")], "http://evil.example/").is_err());
        assert!(check(&[("host", "localhost:8018")], "http://localhost:8018/").is_ok());
    }

    #[test]
    fn web_pages_are_refused() {
        let host = ("host", "127.0.0.1:8018");
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:9999"),
            ("origin", "http://localhost:8018"),
            ("origin", "https://127.0.0.1:8018"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "anything"),
        ] {
            assert!(
                check(&[host, (name, value)], "/").is_err(),
                "{name}: {value}"
            );
        }
        assert!(check(&[host, ("origin", "http://127.0.0.1:8018")], "/").is_ok());
        assert!(check(&[host, ("sec-fetch-site", "same-origin")], "/").is_ok());
    }

    #[test]
    fn finds_the_key_in_every_clients_place() {
        for (name, value) in [
            ("authorization", "Bearer byk_1"),
            ("authorization", "bearer  byk_1"),
            ("x-api-key", "byk_1"),
            ("x-goog-api-key", "byk_1"),
            ("api-key", "byk_1 "),
            ("xi-api-key", "byk_1"),
            ("authorization", "Token byk_1"),
            ("authorization", "Basic QUMxOmJ5a18x"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(
                keys(&headers).next().as_deref(),
                Some("byk_1"),
                "{name}: {value}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Basic byk_1".parse().unwrap());
        assert_eq!(keys(&headers).next(), None);
        headers.insert("x-api-key", "byk_2".parse().unwrap());
        headers.insert("authorization", "Bearer own".parse().unwrap());
        assert_eq!(keys(&headers).collect::<Vec<_>>(), ["own", "byk_2"]);
    }
}
