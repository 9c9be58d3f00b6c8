//! The address of a native call. The host is fixed; the rest must stay below it.

use byokey_wire::{Fault, FaultKind};
use http::Uri;

use crate::surface::decoded;

/// How often a path may be escaped anew; each layer is one more server that resolves it.
const LAYERS: usize = 3;

/// The caller's path and query behind the account's base. Members of the query that hold a client
/// key are left out.
///
/// # Errors
/// When the path would leave its place.
pub(super) fn uri(base: &str, path: &str, query: Option<&str>) -> Result<Uri, Fault> {
    check(path)?;
    let mut url = format!("{base}{path}");
    let members: Vec<_> = query
        .unwrap_or_default()
        .split('&')
        .filter(|member| !member.contains("=byk_") && !member.is_empty())
        .collect();
    for (at, member) in members.iter().enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        url.push_str(member);
    }
    url.parse().map_err(|_| bad("it is no path of a URL"))
}

/// Refuses what a server on the way could resolve to another place: dots between slashes, slashes
/// that begin an address, however they are escaped.
fn check(path: &str) -> Result<(), Fault> {
    let mut path = path.to_owned();
    for _ in 0..=LAYERS {
        if path.contains("//") {
            return Err(bad("it holds an empty segment or another address"));
        }
        if path.contains(['\\', '#']) || path.contains(char::is_control) {
            return Err(bad("it holds characters that paths do not have"));
        }
        if path.split('/').any(|segment| {
            let segment = segment.split(';').next().unwrap_or_default();
            matches!(segment, "." | "..")
        }) {
            return Err(bad("it holds `.` or `..`"));
        }
        let inner = decoded(&path);
        if inner == path {
            return Ok(());
        }
        path = inner;
    }
    Err(bad("it is escaped too many times"))
}

fn bad(why: &str) -> Fault {
    Fault::new(
        FaultKind::BadRequest,
        format!("this path cannot go to a provider: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://api.a.example";

    #[test]
    fn a_path_goes_on_as_it_is() {
        for path in [
            "/",
            "/v1/x",
            "/v1/a%2Fb:go",
            "/2010-04-01/Accounts/AC1/Messages.json",
            "/v1/x..y/...",
            "/v1/a%20b/@c",
        ] {
            assert_eq!(
                uri(BASE, path, None).unwrap().to_string(),
                format!("{BASE}{path}")
            );
        }
        let both = uri(BASE, "/v1/x", Some("a=%2F&b&a=2")).unwrap();
        assert_eq!(both.to_string(), format!("{BASE}/v1/x?a=%2F&b&a=2"));
        let keyed = uri(BASE, "/v1/x", Some("key=byk_secret&b=1")).unwrap();
        assert_eq!(keyed.to_string(), format!("{BASE}/v1/x?b=1"));
    }

    #[test]
    fn a_path_never_leaves_its_place() {
        for path in [
            "//evil.example/x",
            "/http://evil.example",
            "/..",
            "/v1/../admin",
            "/v1/%2e%2e/admin",
            "/v1/%252e%252e/admin",
            "/v1/.%2e/x",
            "/v1/..%2fadmin",
            "/v1/..;x/admin",
            "/./x",
            "/v1/%5c..%5cx",
            "/v1/x%00",
            "/v1/%0d%0ahost:%20x",
            "/v1/%2f%2fevil.example",
            "/v1/%25252525252e",
        ] {
            assert!(uri(BASE, path, None).is_err(), "{path}");
        }
    }
}
