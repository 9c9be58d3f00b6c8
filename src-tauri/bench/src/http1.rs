//! Just enough HTTP/1.1 to read messages, for the fake provider and for the load.
//!
//! Both share one core with each other and must stay well below the cost of the proxies under
//! test; a full HTTP library on both sides would itself be what is measured.

use std::io::{self, ErrorKind};

use tokio::{io::AsyncReadExt, net::TcpStream};

/// Reads messages from one connection.
pub(crate) struct Reader {
    buffer: Vec<u8>,
    /// Start of what was not handed out yet.
    at: usize,
    body: Body,
    /// Bytes asked of the system at once.
    portion: usize,
}

/// The first part of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// Path of a request.
    Request(String),
    /// Status of a reply, and whether the connection ends with it.
    Reply { status: u16, closes: bool },
}

/// What is still to come of a message's body.
enum Body {
    Sized(u64),
    /// Bytes left of the current chunk; `started` is false before the first one.
    Chunks {
        left: u64,
        started: bool,
    },
    UntilClosed,
}

impl Reader {
    pub(crate) fn new(portion: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(portion),
            at: 0,
            body: Body::Sized(0),
            portion,
        }
    }

    /// The next message's head; nothing when the connection ended before one.
    pub(crate) async fn head(
        &mut self,
        socket: &mut TcpStream,
        kind: Kind,
    ) -> io::Result<Option<Head>> {
        loop {
            let waiting = &self.buffer[self.at..];
            if !waiting.is_empty()
                && let Some((length, head, body)) = parse(waiting, kind)?
            {
                self.at += length;
                self.body = body;
                return Ok(Some(head));
            }
            if !self.fill(socket).await? {
                return if self.at == self.buffer.len() {
                    Ok(None)
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The next piece of the body, without framing; nothing at its end.
    pub(crate) async fn piece(&mut self, socket: &mut TcpStream) -> io::Result<Option<&[u8]>> {
        loop {
            let waiting = (self.buffer.len() - self.at) as u64;
            let ready = match &mut self.body {
                Body::Sized(0) => return Ok(None),
                Body::Sized(left) | Body::Chunks { left, .. } if *left > 0 => {
                    let ready = waiting.min(*left);
                    *left -= ready;
                    ready as usize
                }
                Body::UntilClosed => waiting as usize,
                Body::Sized(_) | Body::Chunks { .. } => match self.next_chunk()? {
                    Next::Chunk => continue,
                    Next::End => return Ok(None),
                    Next::Unknown => 0,
                },
            };
            if ready > 0 {
                let from = self.at;
                self.at += ready;
                return Ok(Some(&self.buffer[from..self.at]));
            }
            if !self.fill(socket).await? {
                return if matches!(self.body, Body::UntilClosed) {
                    Ok(None)
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// Steps over the frame in front of the next chunk.
    fn next_chunk(&mut self) -> io::Result<Next> {
        let Body::Chunks { left, started } = &mut self.body else {
            return Ok(Next::End);
        };
        let end_of_last = if *started { 2 } else { 0 };
        let waiting = self.buffer.get(self.at + end_of_last..).unwrap_or(&[]);
        match httparse::parse_chunk_size(waiting) {
            Ok(httparse::Status::Partial) => Ok(Next::Unknown),
            // No proxy here sends trailers: an empty line ends the message.
            Ok(httparse::Status::Complete((length, 0))) if waiting.len() >= length + 2 => {
                self.at += end_of_last + length + 2;
                self.body = Body::Sized(0);
                Ok(Next::End)
            }
            Ok(httparse::Status::Complete((_, 0))) => Ok(Next::Unknown),
            Ok(httparse::Status::Complete((length, size))) => {
                self.at += end_of_last + length;
                (*left, *started) = (size, true);
                Ok(Next::Chunk)
            }
            Err(_) => Err(ErrorKind::InvalidData.into()),
        }
    }

    /// Reads more; false at the end of the connection.
    async fn fill(&mut self, socket: &mut TcpStream) -> io::Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.reserve(self.portion);
        Ok(socket.read_buf(&mut self.buffer).await? > 0)
    }
}

/// Which kind of message a side reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Reply,
}

enum Next {
    Chunk,
    End,
    /// More has to be read first.
    Unknown,
}

fn parse(bytes: &[u8], kind: Kind) -> io::Result<Option<(usize, Head, Body)>> {
    let mut room = [httparse::EMPTY_HEADER; 64];
    let invalid = |_| io::Error::from(ErrorKind::InvalidData);
    match kind {
        Kind::Request => {
            let mut request = httparse::Request::new(&mut room);
            let httparse::Status::Complete(length) = request.parse(bytes).map_err(invalid)? else {
                return Ok(None);
            };
            let head = Head::Request(request.path.unwrap_or_default().to_owned());
            let body = framing(request.headers).unwrap_or(Body::Sized(0));
            Ok(Some((length, head, body)))
        }
        Kind::Reply => {
            let mut reply = httparse::Response::new(&mut room);
            let httparse::Status::Complete(length) = reply.parse(bytes).map_err(invalid)? else {
                return Ok(None);
            };
            let body = framing(reply.headers).unwrap_or(Body::UntilClosed);
            let head = Head::Reply {
                status: reply.code.unwrap_or_default(),
                closes: matches!(body, Body::UntilClosed)
                    || value(reply.headers, "connection")
                        .is_some_and(|value| value.eq_ignore_ascii_case(b"close")),
            };
            Ok(Some((length, head, body)))
        }
    }
}

fn framing(headers: &[httparse::Header<'_>]) -> Option<Body> {
    if value(headers, "transfer-encoding").is_some() {
        return Some(Body::Chunks {
            left: 0,
            started: false,
        });
    }
    let length = str::from_utf8(value(headers, "content-length")?).ok()?;
    Some(Body::Sized(length.parse().ok()?))
}

fn value<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    let found = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| header.value)
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    /// Sends `bytes` one by one and reads one message.
    async fn read(bytes: &'static [u8], kind: Kind) -> io::Result<(Option<Head>, Vec<u8>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut from = TcpStream::connect(listener.local_addr()?).await?;
        let (mut to, _) = listener.accept().await?;
        let sending = tokio::spawn(async move {
            for byte in bytes.chunks(1) {
                from.write_all(byte).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut reader = Reader::new(16);
        let head = reader.head(&mut to, kind).await?;
        let mut body = Vec::new();
        while let Some(piece) = reader.piece(&mut to).await? {
            body.extend_from_slice(piece);
        }
        sending.await.unwrap();
        Ok((head, body))
    }

    #[tokio::test]
    async fn all_framings_are_read() {
        let (head, body) = read(
            b"POST /v1/messages HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            Kind::Request,
        )
        .await
        .unwrap();
        assert_eq!(head, Some(Head::Request("/v1/messages".to_owned())));
        assert_eq!(body, b"hello");
        let (head, body) = read(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
            Kind::Reply,
        )
        .await
        .unwrap();
        assert_eq!(
            head,
            Some(Head::Reply {
                status: 200,
                closes: false
            })
        );
        assert_eq!(body, b"hello");
        let (head, body) = read(b"HTTP/1.1 502 Bad\r\n\r\nno", Kind::Reply)
            .await
            .unwrap();
        assert_eq!(
            head,
            Some(Head::Reply {
                status: 502,
                closes: true
            })
        );
        assert_eq!(body, b"no");
    }

    #[tokio::test]
    async fn half_a_message_is_an_error() {
        let cut: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
            b"HTTP/1.1 200",
        ];
        for bytes in cut {
            assert!(read(bytes, Kind::Reply).await.is_err());
        }
        assert!(matches!(read(b"", Kind::Reply).await, Ok((None, _))));
    }
}
