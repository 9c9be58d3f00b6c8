//! A port for the way back. It is bound before the browser opens, in every address family that the
//! redirect's host may mean, so that nobody else can be the one who gets the code.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use byokey_catalog::Ports;
use tokio::net::TcpListener;

use super::holder;
use crate::SigninError;

/// Sockets on one port.
pub(super) struct Bound {
    pub(super) listeners: Vec<TcpListener>,
    pub(super) port: u16,
}

/// A free port may be taken in the other family; so many are tried.
const TRIES: usize = 16;

/// Binds one of `ports` for `host`.
///
/// # Errors
/// [`SigninError::Port`], with the names of those who hold them; what else would do is the caller's to
/// add.
pub(super) async fn bind(host: &str, ports: &Ports) -> Result<Bound, SigninError> {
    let (named, any): (&[u16], bool) = match ports {
        Ports::Any => (&[], true),
        Ports::Prefer(ports) => (ports, true),
        Ports::Only(ports) => (ports, false),
    };
    let mut taken = Vec::new();
    for &port in named {
        match bind_port(host, port).await {
            Ok(bound) => return Ok(bound),
            Err(error) => taken.push((port, error)),
        }
    }
    if any {
        let mut last = Error::from(ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            match bind_port(host, 0).await {
                Ok(bound) => return Ok(bound),
                Err(error) => last = error,
            }
        }
        return Err(SigninError::Port(format!(
            "no port of this computer is free for the browser to come back to: {last}"
        )));
    }
    let mut reasons = Vec::new();
    for (port, error) in taken {
        reasons.push(reason(port, &error).await);
    }
    Err(SigninError::Port(reasons.join("; ")))
}

async fn bind_port(host: &str, port: u16) -> std::io::Result<Bound> {
    let v4 = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let (first, second) = match host {
        "localhost" => (v4, Some(v6)),
        "[::1]" | "::1" => (v6, None),
        _ => (v4, None),
    };
    let listener = TcpListener::bind(SocketAddr::new(first, port)).await?;
    let port = listener.local_addr()?.port();
    let mut listeners = vec![listener];
    if let Some(second) = second {
        match TcpListener::bind(SocketAddr::new(second, port)).await {
            Ok(listener) => listeners.push(listener),
            // Without that family nobody can be reached, or wait, over it.
            Err(error) if absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Bound { listeners, port })
}

fn absent(error: &Error) -> bool {
    const NO_SUCH_FAMILY: [i32; 3] = [97, 47, 10047];
    matches!(
        error.kind(),
        ErrorKind::AddrNotAvailable | ErrorKind::Unsupported
    ) || error
        .raw_os_error()
        .is_some_and(|code| NO_SUCH_FAMILY.contains(&code))
}

async fn reason(port: u16, error: &Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => match holder::of(port).await {
            Some(holder) => format!("port {port} is held by {holder}"),
            None => format!("port {port} is held by another program"),
        },
        // Windows sets whole ranges aside.
        ErrorKind::PermissionDenied => format!("port {port} is reserved by the system"),
        _ => format!("port {port} cannot be used: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(address: &str) -> (TcpListener, u16) {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    #[tokio::test]
    async fn rfc8252_7_3_both_families_are_bound_for_localhost() {
        let bound = bind("localhost", &Ports::Any).await.unwrap();
        let addresses: Vec<_> = bound
            .listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().to_string())
            .collect();
        let port = bound.port;
        assert_eq!(
            addresses,
            [format!("127.0.0.1:{port}"), format!("[::1]:{port}")]
        );
        let literal = bind("127.0.0.1", &Ports::Any).await.unwrap();
        assert_eq!(literal.listeners.len(), 1);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_in_one_family_is_refused_and_its_holder_named() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (_held, port) = taken(address).await;
            let refused = bind("localhost", &Ports::Only(vec![port])).await;
            let Err(SigninError::Port(text)) = refused else {
                panic!("{address} must be refused");
            };
            assert!(text.contains(&port.to_string()), "{text}");
            if cfg!(target_os = "linux") {
                let own = std::process::id().to_string();
                assert!(text.contains(&own), "{text}");
            }
        }
    }

    #[tokio::test]
    async fn the_next_port_of_a_list_is_taken() {
        let (_held, first) = taken("127.0.0.1:0").await;
        let (free, second) = taken("127.0.0.1:0").await;
        drop(free);
        let only = Ports::Only(vec![first, second]);
        assert_eq!(bind("localhost", &only).await.unwrap().port, second);
        let bound = bind("localhost", &Ports::Prefer(vec![first]))
            .await
            .unwrap();
        assert_ne!(bound.port, first);
    }
}
