//! How a connection gets to its host: straight, or through the network proxy that the user named for
//! a provider. Never straight where a proxy is named.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use byokey_vault::Secret;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use super::BoxError;

/// One way to all hosts.
#[derive(Clone)]
pub(super) enum Road {
    Straight(HttpConnector),
    /// By CONNECT, whether what follows is TLS or not.
    Tunnel(Tunnel<HttpConnector>),
    Socks(SocksV5<HttpConnector>),
}

impl Road {
    /// Without any proxy, whatever the environment says.
    pub(super) fn straight() -> Self {
        Self::Straight(tcp())
    }

    /// Through a proxy: `http://…` or `socks5://…`, with user and password in front of the host if
    /// it wants them.
    ///
    /// # Errors
    /// In words without the address, why it cannot be used.
    pub(super) fn through(proxy: &Secret) -> Result<Self, &'static str> {
        const WANTED: &str = "it must be http://host:port or socks5://host:port";
        let (scheme, rest) = proxy.expose().split_once("://").ok_or(WANTED)?;
        let rest = rest.trim_end_matches('/');
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let place: Uri = format!("http://{place}").parse().map_err(|_| WANTED)?;
        if place.port().is_none() || place.path() != "/" {
            return Err(WANTED);
        }
        let user = user.map(|user| user.split_once(':').unwrap_or((user, "")));
        match scheme {
            "http" => {
                let tunnel = Tunnel::new(place, tcp());
                let Some((name, password)) = user else {
                    return Ok(Self::Tunnel(tunnel));
                };
                let pair = STANDARD.encode(format!("{name}:{password}"));
                let auth = HeaderValue::from_str(&format!("Basic {pair}"));
                let auth = auth.map_err(|_| WANTED)?;
                Ok(Self::Tunnel(tunnel.with_auth(auth)))
            }
            "socks5" | "socks5h" => {
                let socks = SocksV5::new(place, tcp());
                Ok(Self::Socks(match user {
                    Some((name, password)) => socks.with_auth(name.into(), password.into()),
                    None => socks,
                }))
            }
            _ => Err(WANTED),
        }
    }
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    connector.set_happy_eyeballs_timeout(Some(Duration::from_millis(300)));
    connector
}

impl Service<Uri> for Road {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Straight(road) => road.poll_ready(cx).map_err(Into::into),
            Self::Tunnel(road) => road.poll_ready(cx).map_err(Into::into),
            Self::Socks(road) => road.poll_ready(cx).map_err(Into::into),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Self::Straight(road) => {
                let connected = road.call(uri);
                Box::pin(async move { connected.await.map_err(Into::into) })
            }
            Self::Tunnel(road) => {
                let connected = road.call(uri);
                Box::pin(async move { connected.await.map_err(Into::into) })
            }
            Self::Socks(road) => {
                let connected = road.call(uri);
                Box::pin(async move { connected.await.map_err(Into::into) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_understood_or_refused_without_being_quoted() {
        for (proxy, taken) in [
            ("http://127.0.0.1:3128", true),
            ("http://user:p%40ss@proxy.example.org:3128/", true),
            ("socks5://127.0.0.1:1080", true),
            ("socks5h://u:p@[::1]:1080", true),
            ("https://proxy.example.org:443", false),
            ("http://proxy.example.org", false),
            ("http://proxy.example.org:1/path", false),
            ("proxy:3128", false),
            ("", false),
        ] {
            let road = Road::through(&Secret::new(proxy));
            assert_eq!(road.is_ok(), taken, "{proxy}");
        }
    }
}
