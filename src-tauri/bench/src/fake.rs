//! The fake provider: answers chat and messages, whole or streamed, as the prompt wishes.
//!
//! It has to be so cheap that the proxies are what is measured, and it has to notice at once when
//! its caller leaves, because how soon a proxy lets it know is one of the figures.

mod replies;

use std::{
    io::{self, ErrorKind, Write},
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    clock,
    dialect::Dialect,
    http1::{Head, Kind, Reader},
    wish::Wish,
};

const PORTION: usize = 64 << 10;

/// A running fake provider; it ends with the runtime.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    /// The moments at which a caller left a stream unfinished.
    pub(crate) freed: mpsc::UnboundedReceiver<u64>,
}

impl Fake {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free loopback port")?;
        let address = listener.local_addr().context("no loopback address")?;
        let (left, freed) = mpsc::unbounded_channel();
        tokio::spawn(accept(listener, left));
        Ok(Self { address, freed })
    }
}

async fn accept(listener: TcpListener, left: mpsc::UnboundedSender<u64>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let left = left.clone();
                // A caller that breaks off is told of through `left`; the rest shows at the caller.
                tokio::spawn(async move { serve(socket, &left).await });
            }
            // Too many open files, say: the callers' own errors tell of it.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(mut socket: TcpStream, left: &mpsc::UnboundedSender<u64>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = Reader::new(PORTION);
    let mut body = Vec::new();
    let mut last: Option<(Dialect, Wish, Vec<u8>)> = None;
    while let Some(head) = reader.head(&mut socket, Kind::Request).await? {
        let Head::Request(path) = head else {
            return Err(ErrorKind::InvalidData.into());
        };
        body.clear();
        while let Some(piece) = reader.piece(&mut socket).await? {
            body.extend_from_slice(piece);
        }
        match (Dialect::at(&path), Wish::find(&body)) {
            (Some(dialect), Some(wish @ Wish::Whole { text })) => {
                if last
                    .as_ref()
                    .is_none_or(|(d, w, _)| (*d, *w) != (dialect, wish))
                {
                    last = Some((dialect, wish, whole(dialect, text)));
                }
                if let Some((_, _, reply)) = &last {
                    socket.write_all(reply).await?;
                }
            }
            (Some(dialect), Some(wish)) => {
                let told = stream(&mut socket, dialect, wish).await;
                if told.is_err() {
                    // The receiver lives as long as the measurement.
                    let _ = left.send(clock::now());
                }
                told?;
            }
            _ => {
                let body = "{\"error\":{\"message\":\"no wish\",\"type\":\"bad_request\"}}";
                socket.write_all(&message("400 Bad Request", body)).await?;
            }
        }
    }
    Ok(())
}

fn whole(dialect: Dialect, text: usize) -> Vec<u8> {
    message("200 OK", &replies::whole(dialect, text))
}

fn message(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n\
         {body}"
    )
    .into_bytes()
}

async fn stream(socket: &mut TcpStream, dialect: Dialect, wish: Wish) -> io::Result<()> {
    let Wish::Stream {
        chunks,
        gap,
        pad,
        hold,
    } = wish
    else {
        return Ok(());
    };
    let begun = Instant::now();
    if !hold.is_zero() {
        pause(socket, begun + hold).await?;
    }
    let pad = replies::filler(pad);
    let mut next = begun + hold;
    let mut out = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
        Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    frame(&mut out, &replies::opening(dialect))?;
    for _ in 0..chunks {
        frame(&mut out, &replies::delta(dialect, clock::now(), &pad))?;
        socket.write_all(&out).await?;
        out.clear();
        if !gap.is_zero() {
            next += gap;
            pause(socket, next).await?;
        }
    }
    frame(&mut out, &replies::closing(dialect, chunks))?;
    out.extend_from_slice(b"0\r\n\r\n");
    socket.write_all(&out).await
}

/// Waits; an error as soon as the caller leaves.
async fn pause(socket: &TcpStream, until: Instant) -> io::Result<()> {
    tokio::select! {
        () = sleep_until(until) => Ok(()),
        // Callers here send one request at a time: what can be read now is the connection's end.
        readable = socket.readable() => {
            readable?;
            let mut byte = [0];
            match socket.try_read(&mut byte) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    sleep_until(until).await;
                    Ok(())
                }
                _ => Err(ErrorKind::BrokenPipe.into()),
            }
        }
    }
}

fn frame(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    write!(out, "{:x}\r\n{text}\r\n", text.len())
}
