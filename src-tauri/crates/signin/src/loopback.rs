//! The browser's way back over loopback (RFC 8252).
//!
//! The port is open to every program and web page of this computer, so whatever is not the one answer
//! that the sign-in waits for must neither end nor slow it, and must learn nothing. The answer itself
//! counts once; the browser is then led to an address without a query and waits there until the vault
//! has the account.

mod holder;
mod page;
mod ports;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::{Ports, Redirect};
use parking_lot::Mutex;
use reqwest::Url;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use self::ports::Bound;
use self::request::Refused;
use crate::callback::{Callback, Expected};
use crate::scene::Landing;
use crate::{Overrides, SigninError};

/// Connections that are read at a time; one more puts out the oldest, which no browser is.
const MOST_GUESTS: usize = 256;
/// How long the port stays open after the end, for a browser that is on its way to the last page.
const LAST_CALL: Duration = Duration::from_millis(800);
/// How long an answer may take to be written.
const WRITE: Duration = Duration::from_secs(5);

/// A bound port that nobody is heard on yet.
pub(crate) struct Loopback {
    bound: Bound,
    host: String,
    path: String,
}

/// A port on which the answer is awaited. It closes when this is dropped.
pub(crate) struct Listening {
    arrived: mpsc::Receiver<Callback>,
    end: watch::Sender<Option<String>>,
    shared: Arc<Shared>,
    accepting: Vec<AbortHandle>,
}

struct Shared {
    port: u16,
    path: String,
    /// Where the browser is led: an address that holds nothing.
    last: String,
    expected: Arc<Expected>,
    arrived: Mutex<Option<mpsc::Sender<Callback>>>,
    end: watch::Receiver<Option<String>>,
    seen: Notify,
}

impl Loopback {
    /// Binds a port for the row's redirect, or for the one that the user configured. `below` is added
    /// to the path; `again` is the port of an earlier process, and then the only one that will do.
    ///
    /// # Errors
    /// [`SigninError::Port`], [`SigninError::Address`] for a configured redirect that is not on
    /// loopback.
    pub(crate) async fn bind(
        row: &Redirect,
        overrides: &Overrides,
        below: Option<&str>,
        again: Option<u16>,
    ) -> Result<Self, SigninError> {
        let (host, mut path, mut ports) = match &overrides.redirect {
            Some(own) => place(own)?,
            None => (row.host.clone(), row.path.clone(), row.ports.clone()),
        };
        if let Some(below) = below {
            path = format!("{}/{below}", path.trim_end_matches('/'));
        }
        if let Some(port) = again {
            ports = Ports::Only(vec![port]);
        }
        let bound = ports::bind(&host, &ports).await?;
        Ok(Self { bound, host, path })
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.bound.port
    }

    /// The path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The address that the provider sends the browser to.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://{}:{}{}", self.host, self.bound.port, self.path)
    }

    /// Awaits the answer.
    pub(crate) fn listen(self, expected: Arc<Expected>) -> Listening {
        let (arrive, arrived) = mpsc::channel(1);
        let (end, ended) = watch::channel(None);
        let shared = Arc::new(Shared {
            port: self.bound.port,
            last: format!("{}/end", self.path.trim_end_matches('/')),
            path: self.path,
            expected,
            arrived: Mutex::new(Some(arrive)),
            end: ended,
            seen: Notify::new(),
        });
        let accept = |listener| tokio::spawn(accept(listener, shared.clone())).abort_handle();
        Listening {
            arrived,
            end,
            accepting: self.bound.listeners.into_iter().map(accept).collect(),
            shared,
        }
    }
}

impl Listening {
    /// Waits for the answer. It comes at most once.
    pub(crate) async fn arrived(&mut self) -> Callback {
        match self.arrived.recv().await {
            Some(callback) => callback,
            None => std::future::pending().await,
        }
    }

    /// Shows the browser how it ended, and closes the port within a second of that.
    pub(crate) fn see_off(self, landing: oneshot::Receiver<Landing>) {
        tokio::spawn(async move {
            let page = match landing.await {
                Ok(Landing::Done) => page::done(),
                Ok(Landing::Failed(why)) => page::failed(&why),
                Err(_) => page::failed("It was ended in byokey."),
            };
            self.end.send_replace(Some(page));
            // A browser that never comes keeps nothing open.
            let _ = tokio::time::timeout(LAST_CALL, self.shared.seen.notified()).await;
        });
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        for task in &self.accepting {
            task.abort();
        }
    }
}

/// Host, path and ports of a redirect that the user configured.
fn place(own: &str) -> Result<(String, String, Ports), SigninError> {
    let bad = || {
        SigninError::Address(format!(
            "the configured redirect `{own}` must be http on this machine, with a path"
        ))
    };
    let url: Url = own.parse().map_err(|_| bad())?;
    let host = url.host_str().unwrap_or_default();
    let local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if url.scheme() != "http" || !local || !plain {
        return Err(bad());
    }
    let ports = match url.port() {
        Some(port) => Ports::Only(vec![port]),
        None => Ports::Any,
    };
    Ok((host.to_owned(), url.path().to_owned(), ports))
}

/// The connections being read; they end with whoever accepts them.
#[derive(Default)]
struct Guests(VecDeque<AbortHandle>);

impl Guests {
    fn admit(&mut self, guest: AbortHandle) {
        if self.0.len() >= MOST_GUESTS {
            self.0.retain(|guest| !guest.is_finished());
        }
        if self.0.len() >= MOST_GUESTS
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(guest);
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        for guest in &self.0 {
            guest.abort();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut guests = Guests::default();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let guest = tokio::spawn(serve(stream, shared.clone()));
                guests.admit(guest.abort_handle());
            }
            // Out of descriptors, or the guest left at once: the next one may fare better.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Answers one connection.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let asked = match request::read(&mut stream, shared.port).await {
        Ok(asked) => asked,
        Err(refused) => return refuse(stream, refused).await,
    };
    if *asked.path == shared.last {
        return last(stream, &shared).await;
    }
    let found = (*asked.path == shared.path).then(|| Callback::of_query(&asked.query));
    let Some(mut callback) = found.flatten() else {
        return refuse(stream, Refused::Malformed).await;
    };
    callback.path = Some(asked.path);
    let says = callback.code.is_some() || callback.error.is_some();
    if !says || !shared.expected.fits(&callback) {
        return refuse(stream, Refused::Malformed).await;
    }
    // From here on it is the person's own browser, even if it asks twice; only the first time counts.
    let arrived = shared.arrived.lock().take();
    if let Some(arrived) = arrived {
        // Whoever waited may have given up in this moment; the last page says so.
        let _ = arrived.try_send(callback);
    }
    let led = write(
        &mut stream,
        page::response("303 See Other", Some(&shared.last), ""),
    )
    .await;
    if led {
        // Not one of the guests any more: this connection may outlive the port.
        tokio::spawn(async move {
            match request::read(&mut stream, shared.port).await {
                Ok(asked) if *asked.path == shared.last => last(stream, &shared).await,
                _ => {}
            }
        });
    }
}

/// Shows how it ended, once it has.
async fn last(mut stream: TcpStream, shared: &Shared) {
    if shared.arrived.lock().is_some() {
        return refuse(stream, Refused::Malformed).await;
    }
    let mut end = shared.end.clone();
    let page = match end.wait_for(Option::is_some).await {
        Ok(page) => page.clone().unwrap_or_default(),
        Err(_) => page::failed("It was ended in byokey."),
    };
    write(&mut stream, page::response("200 OK", None, &page)).await;
    shared.seen.notify_one();
}

async fn refuse(mut stream: TcpStream, refused: Refused) {
    let status = match refused {
        Refused::Gone => return,
        Refused::TooLarge => "431 Request Header Fields Too Large",
        Refused::Method => "405 Method Not Allowed",
        Refused::Malformed | Refused::Host => "400 Bad Request",
    };
    write(&mut stream, page::response(status, None, &page::foreign())).await;
}

/// Whether it was written.
async fn write(stream: &mut TcpStream, response: Vec<u8>) -> bool {
    let written = tokio::time::timeout(WRITE, async {
        stream.write_all(&response).await?;
        stream.flush().await
    });
    matches!(written.await, Ok(Ok(())))
}

#[cfg(test)]
mod tests;
