//! The one place that opens connections to providers for callers' requests.
//!
//! Built on hyper's pooled client rather than a richer one: at a thousand requests a second the
//! difference is a third of all work. No redirect is ever followed, since a credential belongs to
//! the origin it was entered for.

mod road;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use byokey_vault::Secret;
use byokey_wire::{Fault, FaultKind};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower::Service;

use self::road::Road;
use crate::feed::{Feed, Outgoing};
use crate::flow::Flow;

/// Idle connections are closed after this long; providers do so after one to five minutes.
const POOL_IDLE: Duration = Duration::from_secs(60);
/// Most that is read or queued on one connection at a time, in bytes.
const BUFFER: usize = 64 * 1024;
/// Idle connections kept per provider.
const POOL_SIZE: usize = 64;

/// Pooled connections over one road.
pub(crate) struct Upstream {
    connect: Duration,
    /// Why there is none.
    road: Result<Road, &'static str>,
    plain: Client<Limited<Road>, Outgoing>,
    /// Made with the first https request: loading the system's certificates takes megabytes.
    tls: OnceLock<Result<TlsClient, Arc<str>>>,
}

type TlsClient = Client<Limited<HttpsConnector<Road>>, Outgoing>;

/// Why a request got no head of a reply.
pub(crate) enum NoHead {
    /// The caller's own body was bad.
    Caller(Fault),
    /// There was no connection, or it broke.
    Unreachable(Fault),
    /// The provider took the request and said nothing in time.
    Silent(Fault),
}

/// The caller's body behind a request, which may still be arriving while the request is sent.
pub(crate) enum Sent<'a> {
    /// One that is read as JSON.
    Feed(&'a Feed),
    /// One that passes through.
    Flow(&'a Flow),
}

impl<'a> From<&'a Feed> for Sent<'a> {
    fn from(feed: &'a Feed) -> Self {
        Self::Feed(feed)
    }
}

impl<'a> From<&'a Flow> for Sent<'a> {
    fn from(flow: &'a Flow) -> Self {
        Self::Flow(flow)
    }
}

impl Sent<'_> {
    fn fault(&self) -> Option<Fault> {
        match self {
            Self::Feed(feed) => feed.fault(),
            Self::Flow(flow) => flow.fault(),
        }
    }

    fn ended(&self) -> Option<tokio::time::Instant> {
        match self {
            Self::Feed(feed) => feed.ended(),
            Self::Flow(flow) => flow.ended(),
        }
    }
}

impl Upstream {
    /// A pool whose connections must stand within `connect`, TLS included.
    pub(crate) fn new(connect: Duration) -> Self {
        Self::over(connect, Ok(Road::straight()))
    }

    /// The same through a network proxy. Where it cannot be used, nothing is sent at all.
    pub(crate) fn through(connect: Duration, proxy: Option<&Secret>) -> Self {
        let road = proxy.ok_or("the variable that names it is not set");
        Self::over(connect, road.and_then(Road::through))
    }

    fn over(connect: Duration, road: Result<Road, &'static str>) -> Self {
        let inner = road.clone().unwrap_or_else(|_| Road::straight());
        Self {
            connect,
            road,
            plain: client(Limited {
                inner,
                limit: connect,
            }),
            tls: OnceLock::new(),
        }
    }

    /// Sends a request and waits for the reply's head.
    ///
    /// `body` is the caller's body behind the request, when it may still be arriving: the limit on
    /// waiting counts from its last byte.
    ///
    /// # Errors
    /// [`NoHead`], which says whose fault it was.
    pub(crate) async fn send<'a>(
        &self,
        request: Request<Outgoing>,
        body: impl Into<Sent<'a>>,
        headers: Duration,
    ) -> Result<Response<Incoming>, NoHead> {
        let body = body.into();
        let road = self.road.as_ref().map_err(|why| {
            let message = format!("the provider's network proxy cannot be used: {why}");
            NoHead::Unreachable(Fault::new(FaultKind::Internal, message))
        })?;
        let host = request
            .uri()
            .authority()
            .map(|at| at.as_str().to_owned())
            .unwrap_or_default();
        let sent = if request.uri().scheme() == Some(&http::uri::Scheme::HTTPS) {
            let client = self
                .tls
                .get_or_init(|| tls(road.clone(), self.connect))
                .as_ref()
                .map_err(|reason| {
                    NoHead::Unreachable(Fault::new(
                        FaultKind::Internal,
                        format!("TLS is not available: {reason}"),
                    ))
                })?;
            client.request(request)
        } else {
            self.plain.request(request)
        };
        let mut sent = std::pin::pin!(sent);
        let mut wait = headers;
        loop {
            match tokio::time::timeout(wait, &mut sent).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => {
                    return Err(match body.fault() {
                        Some(fault) => NoHead::Caller(fault),
                        None => NoHead::Unreachable(unreachable(&host, &error)),
                    });
                }
                Err(_) => {
                    wait = body
                        .ended()
                        .map_or(headers, |ended| headers.saturating_sub(ended.elapsed()));
                    if wait.is_zero() {
                        let seconds = headers.as_secs();
                        return Err(NoHead::Silent(Fault::new(
                            FaultKind::Timeout,
                            format!("{host} did not answer within {seconds} s"),
                        )));
                    }
                }
            }
        }
    }
}

fn client<C>(connector: C) -> Client<C, Outgoing>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_SIZE)
        .http1_max_buf_size(BUFFER)
        .build(connector)
}

fn tls(road: Road, connect: Duration) -> Result<TlsClient, Arc<str>> {
    use rustls_platform_verifier::BuilderVerifierExt;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| error.to_string())?
        .with_no_client_auth();
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .wrap_connector(road);
    Ok(client(Limited {
        inner: https,
        limit: connect,
    }))
}

fn unreachable(host: &str, error: &hyper_util::client::legacy::Error) -> Fault {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = if error.is_connect() {
        "cannot be reached"
    } else {
        "broke the connection"
    };
    Fault::new(FaultKind::Upstream, format!("{host} {what}: {cause}"))
}

/// A connector that gives up in time.
#[derive(Clone)]
struct Limited<C> {
    inner: C,
    limit: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
struct ConnectTimeout(Duration);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<C> Service<Uri> for Limited<C>
where
    C: Service<Uri>,
    C::Error: Into<BoxError>,
    C::Future: Send + 'static,
    C::Response: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connected, limit) = (self.inner.call(uri), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connected).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(ConnectTimeout(limit).into()),
            }
        })
    }
}
