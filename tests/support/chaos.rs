//! A TCP proxy that makes trouble between a program and a simulated provider.
//!
//! What an HTTP server cannot be told to do (a reset, a half-closed connection, one byte at a
//! time) happens here, below HTTP. Requests pass untouched; the trouble is in the replies.

use std::{
    future, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    task::{JoinHandle, JoinSet},
};

use crate::Sim;

/// What happens to the replies on each connection. The default is: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// What ends a connection early, if anything.
    pub end: Option<End>,
    /// Writes every byte by itself.
    pub single_bytes: bool,
    /// Waits this long before each write.
    pub delay: Duration,
}

/// How a connection ends early, counted in reply bytes (head included).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A TCP reset after this many bytes; with 0 as soon as the reply begins.
    Reset(usize),
    /// A close of the reply's direction after this many bytes, while requests are still taken.
    HalfClose(usize),
}

/// A running chaos proxy. Dropping it closes its port and every connection.
#[derive(Debug)]
pub struct Chaos {
    address: SocketAddr,
    base_url: String,
    trouble: Arc<Mutex<Trouble>>,
    accepting: JoinHandle<()>,
}

impl Chaos {
    /// Starts a proxy on a free loopback port in front of `sim`.
    ///
    /// # Panics
    /// When loopback cannot be listened on.
    #[expect(
        clippy::expect_used,
        reason = "without its port a fixture is of no use to anybody"
    )]
    pub async fn start(sim: &Sim, trouble: Trouble) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a loopback port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let base_url = sim
            .base_url()
            .replace(&sim.address().to_string(), &address.to_string());
        let trouble = Arc::new(Mutex::new(trouble));
        let accepting = tokio::spawn(accept(listener, sim.address(), Arc::clone(&trouble)));
        Self {
            address,
            base_url,
            trouble,
            accepting,
        }
    }

    /// The simulator's base URL with this proxy's port.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the trouble for connections made from now on.
    pub fn set(&self, trouble: Trouble) {
        *self.trouble.lock() = trouble;
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, trouble: Arc<Mutex<Trouble>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((caller, _)) = accepted {
                let trouble = *trouble.lock();
                // An error ends one connection, which is what this proxy is for.
                connections.spawn(async move { connection(caller, upstream, trouble).await.ok() });
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(
    mut caller: TcpStream,
    upstream: SocketAddr,
    trouble: Trouble,
) -> io::Result<()> {
    caller.set_nodelay(true)?;
    let mut upstream = TcpStream::connect(upstream).await?;
    upstream.set_nodelay(true)?;
    let (mut requests, mut to_caller) = caller.split();
    let (mut replies, mut to_upstream) = upstream.split();
    // Whichever direction ends first ends the connection, so a caller that leaves is noticed.
    let reset = tokio::select! {
        _ = tokio::io::copy(&mut requests, &mut to_upstream) => false,
        ended = relay(&mut replies, &mut to_caller, trouble) => ended?,
    };
    if reset {
        caller.set_zero_linger()
    } else {
        Ok(())
    }
}

/// Passes a reply on with its trouble, and says whether the connection is to be reset.
async fn relay(
    replies: &mut ReadHalf<'_>,
    to_caller: &mut WriteHalf<'_>,
    trouble: Trouble,
) -> io::Result<bool> {
    let limit = match trouble.end {
        Some(End::Reset(limit) | End::HalfClose(limit)) => limit,
        None => usize::MAX,
    };
    let mut passed = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = replies.read(&mut buffer).await?;
        let allowed = read.min(limit - passed);
        let step = if trouble.single_bytes {
            1
        } else {
            allowed.max(1)
        };
        for bytes in buffer[..allowed].chunks(step) {
            if !trouble.delay.is_zero() {
                tokio::time::sleep(trouble.delay).await;
            }
            to_caller.write_all(bytes).await?;
        }
        passed += allowed;
        if read == 0 {
            return Ok(false);
        }
        if passed == limit {
            if matches!(trouble.end, Some(End::Reset(_))) {
                return Ok(true);
            }
            to_caller.shutdown().await?;
            // The other direction stays open until the caller gives up.
            future::pending::<()>().await;
        }
    }
}
