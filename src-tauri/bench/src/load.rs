//! The load: one connection, and what one request on it came to.

mod pace;

use std::{fmt, io, ops::ControlFlow, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

pub(crate) use pace::{flat_out, steady};

use crate::{
    clock,
    http1::{Head, Kind, Reader},
    stamp::Stamps,
    target::Target,
};

/// The longest that any request may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an error's text that are kept.
const EXCERPT: usize = 300;

/// A connection to one target.
pub(crate) struct Line {
    socket: TcpStream,
    reader: Reader,
}

/// Why a request counts as failed.
#[derive(Debug)]
pub(crate) enum Fault {
    Network(io::Error),
    TooSlow,
    Status {
        status: u16,
        text: String,
    },
    /// A stream ended with fewer chunks than were sent.
    Short {
        chunks: usize,
        of: usize,
    },
}

/// A stream as it arrived.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// Nanoseconds from the request to the first chunk.
    pub(crate) first: u64,
    /// Nanoseconds each chunk took from the provider to the caller.
    pub(crate) lags: Vec<u64>,
}

impl Line {
    /// Connects; `portion` is the size of its buffer.
    pub(crate) async fn open(target: &Target, portion: usize) -> Result<Self, Fault> {
        let socket = TcpStream::connect(target.address).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            reader: Reader::new(portion),
        })
    }

    /// Sends a request and reads its reply to the end; true while the connection can be used
    /// again.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<bool, Fault> {
        timeout(PATIENCE, self.exchange(request))
            .await
            .map_err(|_| Fault::TooSlow)?
    }

    /// Sends a request for a stream of `chunks` and reads it to its end.
    pub(crate) async fn follow(
        &mut self,
        request: &[u8],
        chunks: usize,
    ) -> Result<Arrivals, Fault> {
        let arrivals = self.follow_until(request, usize::MAX).await?;
        if arrivals.lags.len() == chunks {
            Ok(arrivals)
        } else {
            Err(Fault::Short {
                chunks: arrivals.lags.len(),
                of: chunks,
            })
        }
    }

    /// Sends a request for a stream and reads until so many chunks have come.
    pub(crate) async fn follow_until(
        &mut self,
        request: &[u8],
        enough: usize,
    ) -> Result<Arrivals, Fault> {
        let begun = clock::now();
        self.send(request).await?;
        self.chunks(begun, enough).await
    }

    /// Sends a request and reads nothing.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<(), Fault> {
        Ok(self.socket.write_all(request).await?)
    }

    /// Reads the stream that was asked for at `begun` until so many chunks have come.
    pub(crate) async fn chunks(&mut self, begun: u64, enough: usize) -> Result<Arrivals, Fault> {
        let (mut stamps, mut arrivals) = (Stamps::default(), Arrivals::default());
        let reading = self.receive(|piece| {
            let now = clock::now();
            stamps.read(piece, |sent| {
                if arrivals.lags.is_empty() {
                    arrivals.first = now - begun;
                }
                arrivals.lags.push(now.saturating_sub(sent));
            });
            if arrivals.lags.len() < enough {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        timeout(PATIENCE, reading)
            .await
            .map_err(|_| Fault::TooSlow)??;
        Ok(arrivals)
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<bool, Fault> {
        self.send(request).await?;
        self.receive(|_| ControlFlow::Continue(())).await
    }

    async fn receive(
        &mut self,
        mut on: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool, Fault> {
        let head = self.reader.head(&mut self.socket, Kind::Reply).await?;
        let Some(Head::Reply { status, closes }) = head else {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        };
        let mut text = Vec::new();
        while let Some(piece) = self.reader.piece(&mut self.socket).await? {
            if status == 200 {
                if on(piece).is_break() {
                    return Ok(false);
                }
            } else if text.len() < EXCERPT {
                text.extend_from_slice(&piece[..piece.len().min(EXCERPT)]);
            }
        }
        if status == 200 {
            return Ok(!closes);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Err(Fault::Status { status, text })
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Network(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(error) => write!(f, "{error}"),
            Self::TooSlow => write!(f, "no end of the reply after {} s", PATIENCE.as_secs()),
            Self::Status { status, text } => write!(f, "status {status}: {text}"),
            Self::Short { chunks, of } => write!(f, "{chunks} of {of} chunks"),
        }
    }
}

impl std::error::Error for Fault {}
