//! One listening socket of a simulator: what it saw, what is still open, and how a reply's parts
//! reach the network.

use std::{
    convert::Infallible,
    future,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Seen;
use crate::{Part, Reply, issuer::House, route::Provider, socket};

/// How long [`Port::wait_until`] waits: far more than anything on loopback takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Who answers.
#[derive(Debug)]
pub(crate) enum Desk {
    /// A provider of models.
    Provider(Arc<Provider>),
    /// One of the houses at which a provider signs people in.
    House(House),
}

impl Desk {
    fn reply(&self, seen: &Seen) -> Reply {
        match self {
            Self::Provider(provider) => provider.reply(seen),
            Self::House(house) => house.reply(seen),
        }
    }

    /// Why a websocket may not be opened.
    fn refusal(&self, seen: &Seen) -> Option<Reply> {
        match self {
            Self::Provider(provider) => provider.refusal(seen),
            Self::House(house) => Some(house.reply(seen)),
        }
    }

    fn said(&self, seen: &Seen) -> Option<Reply> {
        match self {
            Self::Provider(provider) => provider.said(seen),
            Self::House(_) => None,
        }
    }
}

/// A listening socket with everything that came to it. Dropping it closes it and every connection.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Port {
    /// Listens on this loopback port (0 for a free one).
    ///
    /// # Panics
    /// When the port cannot be listened on.
    #[expect(
        clippy::expect_used,
        reason = "without its port a simulator is of no use to anybody"
    )]
    pub(crate) async fn bind(port: u16) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .expect("a loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        (listener, address)
    }

    /// Answers on a bound socket.
    pub(crate) fn open((listener, address): (TcpListener, SocketAddr), desk: Desk) -> Self {
        let shared = Arc::new(Shared {
            desk,
            seen: Mutex::default(),
            open: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            sockets: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            accepting,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    pub(crate) fn open_streams(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    pub(crate) fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Waits until `holds`; it is asked again whenever a request has arrived, bytes have left or a
    /// reply has ended.
    ///
    /// # Panics
    /// When it is not true within 20 seconds.
    pub(crate) async fn wait_until(&self, holds: impl Fn() -> bool) {
        let mut changes = self.shared.changed.subscribe();
        let waited = tokio::time::timeout(DEADLINE, async {
            while !holds() && changes.changed().await.is_ok() {}
        });
        assert!(
            waited.await.is_ok(),
            "waited in vain: {} requests seen, {} open, {} bytes sent",
            self.requests().len(),
            self.open_streams(),
            self.bytes_sent(),
        );
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.sockets.lock().abort_all();
    }
}

#[derive(Debug)]
struct Shared {
    desk: Desk,
    seen: Mutex<Vec<Seen>>,
    open: AtomicUsize,
    sent: AtomicU64,
    /// Connections that speak websocket by now; they outlive the task that accepted them.
    sockets: Mutex<JoinSet<()>>,
    changed: watch::Sender<()>,
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The set dies with this task, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                connections.spawn(serve(socket, Arc::clone(&shared)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    // Frames have to leave when they are written; a failure here only costs speed.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| handle(request, Arc::clone(&shared)));
    // An error here is a connection that one side broke off, which is part of the play.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
        .await;
}

/// The reply was cut before its head.
#[derive(Debug)]
struct CutShort;

impl std::fmt::Display for CutShort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the simulator was told to drop the connection here")
    }
}

impl std::error::Error for CutShort {}

type Body = Either<Full<Bytes>, http_body_util::combinators::UnsyncBoxBody<Bytes, CutShort>>;

async fn handle(
    mut request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, CutShort> {
    let upgrade = request.headers().contains_key(header::SEC_WEBSOCKET_KEY);
    let upgrade = upgrade.then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| CutShort)?.to_bytes();
    let path = head
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let seen = Seen {
        method: head.method,
        path,
        headers: head.headers,
        body,
    };
    let open = Open::new(&shared);
    shared.seen.lock().push(seen.clone());
    shared.changed.send_replace(());
    if let Some(upgrade) = upgrade {
        return Ok(open_socket(upgrade, seen, &shared, open));
    }
    let mut reply = shared.desk.reply(&seen);
    for part in std::mem::take(&mut reply.before) {
        match part {
            Part::Cut => return Err(CutShort),
            Part::Bytes(_) => {}
            pause => wait(pause).await,
        }
    }
    Ok(respond(reply, open))
}

/// Accepts a websocket and lets it talk by itself; it counts as open until it ends.
fn open_socket(upgrade: OnUpgrade, seen: Seen, shared: &Arc<Shared>, open: Open) -> Response<Body> {
    if let Some(refusal) = shared.desk.refusal(&seen) {
        return respond(refusal, open);
    }
    let key = seen.headers.get(header::SEC_WEBSOCKET_KEY);
    let accept = derive_accept_key(key.map_or(&[], |key| key.as_bytes()));
    let talking = Arc::clone(shared);
    shared.sockets.lock().spawn(async move {
        let open = open;
        if let Ok(upgraded) = upgrade.await {
            let answer = |said: &Seen| {
                talking.seen.lock().push(said.clone());
                open.count(said.body.len());
                talking.desk.said(said)
            };
            socket::talk(upgraded, &seen, answer).await;
        }
    });
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

fn respond(reply: Reply, open: Open) -> Response<Body> {
    let body = match reply.whole() {
        Some(bytes) => {
            open.count(bytes.len());
            Either::Left(Full::new(bytes))
        }
        None => Either::Right(parts_body(reply.body, open).boxed_unsync()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn parts_body(
    parts: Vec<Part>,
    open: Open,
) -> impl hyper::body::Body<Data = Bytes, Error = CutShort> + Send + 'static {
    StreamBody::new(stream::unfold(
        (parts.into_iter(), open),
        |(mut parts, open)| async move {
            loop {
                match parts.next()? {
                    Part::Bytes(bytes) => {
                        open.count(bytes.len());
                        return Some((Ok(Frame::data(bytes)), (parts, open)));
                    }
                    Part::Cut => {
                        // The server writes out what it holds only when the body makes it wait.
                        tokio::task::yield_now().await;
                        return Some((Err(CutShort), (parts, open)));
                    }
                    pause => wait(pause).await,
                }
            }
        },
    ))
}

async fn wait(part: Part) {
    match part {
        Part::Pause(time) => tokio::time::sleep(time).await,
        Part::Wait(notify) => notify.notified().await,
        Part::Hang => match future::pending::<Infallible>().await {},
        Part::Bytes(_) | Part::Cut => {}
    }
}

/// Counts a request as open for as long as its reply lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }

    fn count(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Ordering::SeqCst);
        self.0.changed.send_replace(());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.send_replace(());
    }
}
