//! The public face of a simulated provider: its address, what it saw, and what is still open.

mod port;

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

pub(crate) use self::port::{Desk, Port};
use crate::{
    Counts, Kind, Reply, Script,
    route::{PLAN, Provider},
};

/// A running simulated provider. Dropping it closes its port and every connection.
#[derive(Debug)]
pub struct Sim {
    port: Port,
    provider: Arc<Provider>,
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
    pub async fn start_on(port: u16, kind: Kind, script: Script) -> Self {
        let provider = Arc::new(Provider::new(kind, script));
        let desk = Desk::Provider(Arc::clone(&provider));
        let port = Port::open(Port::bind(port).await, desk);
        Self { port, provider }
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
        format!("http://{}{path}", self.address())
    }

    /// What it simulates.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.provider.kind()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Every request so far, in order of arrival (of the whole body).
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.port.requests()
    }

    /// What each answer of the scripted model cost, in order. Queued replies and errors cost
    /// nothing.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        self.provider.counts()
    }

    /// How many requests are being answered right now: neither sent to the end nor given up by
    /// the other side.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        self.port.open_streams()
    }

    /// How many body bytes it has handed to the network, over all replies.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.port.bytes_sent()
    }

    /// Queues an exact reply, see [`Script::reply`].
    pub fn reply(&self, reply: Reply) {
        self.provider.queue(reply);
    }

    /// Waits until `holds` is true of this simulator. It is asked again whenever a request has
    /// arrived, bytes have left or a reply has ended.
    ///
    /// # Panics
    /// When it is not true within 20 seconds.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool) {
        self.port.wait_until(|| holds(self)).await;
    }
}
