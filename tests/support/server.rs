//! The listening side of a simulator: sockets, what was seen, and what is still open.

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
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    Counts, Kind, Part, Reply, Script,
    route::{PLAN, Provider},
    socket,
};

/// How long [`Sim::wait_until`] waits: far more than anything on loopback takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running simulated provider. Dropping it closes its port and every connection.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path with the query.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, byte for byte.
    pub body: Bytes,
}

impl Seen {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header's value; empty when it is missing or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Sim {
    /// Starts a simulated provider on a free loopback port.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    pub async fn start(kind: Kind, script: Script) -> Self {
        Self::start_on(0, kind, script).await
    }

    /// Starts a simulated provider on this loopback port (0 for a free one).
    ///
    /// # Panics
    /// When the port cannot be listened on.
    #[expect(
        clippy::expect_used,
        reason = "without its port a simulator is of no use to anybody"
    )]
    pub async fn start_on(port: u16, kind: Kind, script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .expect("a loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            provider: Provider::new(kind, script),
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

    /// What a client calls its base URL: with `/v1` for OpenAI's dialects, with `/v1beta` for
    /// Gemini, bare for the others.
    #[must_use]
    pub fn base_url(&self) -> String {
        match self.kind() {
            Kind::Chat | Kind::Responses => self.url("/v1"),
            Kind::Gemini => self.url("/v1beta"),
            Kind::Messages | Kind::Kiro => self.url(""),
        }
    }

    /// The base URL of the same provider as ChatGPT's plans have it; for [`Kind::Responses`].
    #[must_use]
    pub fn plan_base_url(&self) -> String {
        self.url(PLAN)
    }

    /// Its address with this path, which is empty or begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it simulates.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.shared.provider.kind()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in order of arrival (of the whole body).
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// What each answer of the scripted model cost, in order. Queued replies and errors cost
    /// nothing.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        self.shared.provider.counts()
    }

    /// How many requests are being answered right now: neither sent to the end nor given up by
    /// the other side.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many body bytes it has handed to the network, over all replies.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Queues an exact reply, see [`Script::reply`].
    pub fn reply(&self, reply: Reply) {
        self.shared.provider.queue(reply);
    }

    /// Waits until `holds` is true of this simulator. It is asked again whenever a request has
    /// arrived, bytes have left or a reply has ended.
    ///
    /// # Panics
    /// When it is not true within 20 seconds.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        let waited = tokio::time::timeout(DEADLINE, async {
            while !holds(self) && changes.changed().await.is_ok() {}
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

impl Drop for Sim {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.sockets.lock().abort_all();
    }
}

#[derive(Debug)]
struct Shared {
    provider: Provider,
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
    let mut reply = shared.provider.reply(&seen);
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
    if let Some(refusal) = shared.provider.refusal(&seen) {
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
                talking.provider.said(said)
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
