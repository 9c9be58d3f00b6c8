//! The listening sockets and the connections on them.
//!
//! On loopback both address families are bound, or neither: whoever held the other one would get
//! requests, keys included, that were meant for byokey.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::{Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::engine::{Engine, Shared};
use crate::surface;

/// A caller has this long to send a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// Requests under way have this long to end when byokey stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 8192;
/// Largest head of a request, and the step in which bodies are read, in bytes.
const BUFFER: usize = 64 * 1024;

/// Why byokey cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error(
        "port {} on {} is taken by another program; stop it, or choose another port with --port or \
         `port:` in the configuration",
        address.port(), address.ip()
    )]
    Taken {
        /// What could not be bound.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("cannot listen on {address}: {reason}")]
    Refused {
        /// What could not be bound.
        address: SocketAddr,
        /// The system's reason.
        reason: std::io::Error,
    },
}

/// Open sockets that nobody answers yet.
pub struct Listening {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Engine {
    /// Opens the configured address.
    ///
    /// # Errors
    /// When the port is taken or may not be used. Whoever holds it is left alone.
    pub async fn listen(&self) -> Result<Listening, ListenError> {
        let (host, port) = {
            let view = self.0.view();
            let options = self.0.options();
            (
                options.host.unwrap_or(view.config.host),
                options.port.unwrap_or(view.config.port),
            )
        };
        let first = bind(SocketAddr::new(host, port)).await?;
        let address = first.local_addr().map_err(|reason| ListenError::Refused {
            address: SocketAddr::new(host, port),
            reason,
        })?;
        let mut sockets = vec![first];
        if let Some(twin) = twin(host) {
            match bind(SocketAddr::new(twin, address.port())).await {
                Ok(socket) => sockets.push(socket),
                Err(taken @ ListenError::Taken { .. }) => return Err(taken),
                // A machine without the other address family has no twin to protect.
                Err(ListenError::Refused { .. }) => {}
            }
        }
        Ok(Listening {
            sockets,
            address,
            shared: self.0.clone(),
        })
    }
}

/// The other loopback literal.
fn twin(host: IpAddr) -> Option<IpAddr> {
    match host {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Some(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some(Ipv4Addr::LOCALHOST.into()),
        _ => None,
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|reason| match reason.kind() {
            std::io::ErrorKind::AddrInUse => ListenError::Taken { address },
            _ => ListenError::Refused { address, reason },
        })
}

impl Listening {
    /// The address that was opened.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that programs are given, without a path.
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        if ip.is_unspecified() {
            return format!("http://127.0.0.1:{}", self.address.port());
        }
        format!("http://{}", self.address)
    }

    /// Answers requests until the engine is stopped; then lets those under way end, for at most five
    /// seconds. `managed` answers under `/manage` and `/ui`.
    pub async fn serve(self, managed: Router) {
        let connections = Arc::new(Semaphore::new(CONNECTIONS));
        let mut accepting = JoinSet::new();
        for socket in self.sockets {
            let (shared, managed) = (self.shared.clone(), managed.clone());
            accepting.spawn(accept(socket, shared, managed, connections.clone()));
        }
        while accepting.join_next().await.is_some() {}
        let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
        // All permits are back when the last connection is closed.
        let _ = tokio::time::timeout(DRAIN, connections.acquire_many(all)).await;
    }
}

async fn accept(
    socket: TcpListener,
    shared: Arc<Shared>,
    managed: Router,
    connections: Arc<Semaphore>,
) {
    let mut stop = shared.stop.subscribe();
    let Ok(local) = socket.local_addr() else {
        return;
    };
    loop {
        let accepted = async {
            let permit = connections.clone().acquire_owned().await.ok()?;
            Some((socket.accept().await, permit))
        };
        tokio::select! {
            () = stopped(&mut stop) => return,
            accepted = accepted => match accepted {
                Some((Ok((stream, _)), permit)) => {
                    let connection = connection(stream, local, shared.clone(), managed.clone(), permit);
                    tokio::spawn(connection);
                }
                // Out of descriptors, or the caller left at once: wait a little rather than spin.
                Some((Err(_), _)) => tokio::time::sleep(Duration::from_millis(20)).await,
                None => return,
            },
        }
    }
}

async fn connection(
    stream: TcpStream,
    local: SocketAddr,
    shared: Arc<Shared>,
    managed: Router,
    permit: OwnedSemaphorePermit,
) {
    // A delay of 40 ms per chunk is the price of Nagle's algorithm.
    let _ = stream.set_nodelay(true);
    let mut stop = shared.stop.subscribe();
    let permit = Arc::new(permit);
    let service = service_fn(|mut request: Request<Incoming>| {
        if request.headers().contains_key(header::UPGRADE) {
            request.extensions_mut().insert(Held(permit.clone()));
        }
        let answer = surface::answer(shared.clone(), managed.clone(), local, request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // A caller that breaks its own connection is no fault of ours.
        _ = served.as_mut() => {}
        () = stopped(&mut stop) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

/// The place of a connection among all of them, for one that outlives its HTTP.
#[derive(Clone)]
pub(crate) struct Held(
    #[expect(dead_code, reason = "it is held, and let go")] Arc<OwnedSemaphorePermit>,
);

/// Resolves when the engine was stopped.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone has stopped as well.
    let _ = stop.wait_for(|stop| *stop).await;
}
