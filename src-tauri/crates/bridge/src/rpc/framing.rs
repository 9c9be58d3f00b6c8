use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::process::Lines;

/// Longest message behind a header, in bytes, as for lines.
const LONGEST: u64 = 64 * 1024 * 1024;

/// How messages are told apart on a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One message per line, without the version member.
    Lines,
    /// A `Content-Length` header before each message, as language servers have it.
    Headers,
}

impl Framing {
    /// The bytes of a message.
    pub(crate) fn frame(self, mut message: Value) -> Vec<u8> {
        match self {
            Self::Lines => (message.to_string() + "\n").into_bytes(),
            Self::Headers => {
                message["jsonrpc"] = "2.0".into();
                let body = message.to_string();
                format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
            }
        }
    }
}

/// The messages on a pipe.
pub(super) enum Messages<R> {
    Lines(Lines<R>),
    Headers { reader: BufReader<R>, body: Vec<u8> },
}

impl<R: AsyncRead + Unpin> Messages<R> {
    pub(super) fn new(pipe: R, framing: Framing) -> Self {
        match framing {
            Framing::Lines => Self::Lines(Lines::new(pipe)),
            Framing::Headers => Self::Headers {
                reader: BufReader::new(pipe),
                body: Vec::new(),
            },
        }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// When reading fails or the framing is broken, so that no further message can be found.
    pub(super) async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        match self {
            Self::Lines(lines) => lines.next().await,
            Self::Headers { reader, body } => {
                let Some(length) = header(reader).await? else {
                    return Ok(None);
                };
                body.clear();
                let read = (&mut *reader).take(length).read_to_end(body).await?;
                Ok((read as u64 == length).then_some(body.as_slice()))
            }
        }
    }
}

/// Reads header lines up to the empty one; `None` at the end of the pipe.
async fn header<R: AsyncRead + Unpin>(reader: &mut BufReader<R>) -> io::Result<Option<u64>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "no length before a message");
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // Headers are short; whoever writes more is not writing headers.
        let mut short = (&mut *reader).take(4096);
        if short.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let line = str::from_utf8(&line).map_err(|_| broken())?.trim();
        if line.is_empty() {
            return length
                .filter(|length| *length <= LONGEST)
                .map(Some)
                .ok_or_else(broken);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_is_framed_is_read_again() {
        for framing in [Framing::Lines, Framing::Headers] {
            let mut pipe = framing.frame(json!({"id": 1, "method": "é\n"}));
            pipe.extend(framing.frame(json!({"id": 2})));
            let mut messages = Messages::new(pipe.as_slice(), framing);
            for id in [1, 2] {
                let message = messages.next().await.unwrap().unwrap();
                let message: Value = serde_json::from_slice(message).unwrap();
                assert_eq!(message["id"], id);
            }
            assert!(messages.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn broken_headers_end_the_conversation() {
        for (pipe, is_error) in [
            ("Content-Length: 5\r\n\r\n{}", false),
            ("Content-Length: x\r\n\r\n{}", true),
            ("Content-Length: 99999999999\r\n\r\n{}", true),
            ("hello\n\n{}", true),
            ("", false),
        ] {
            let mut messages = Messages::new(pipe.as_bytes(), Framing::Headers);
            match messages.next().await {
                Ok(message) => assert!(message.is_none() && !is_error, "{pipe}"),
                Err(_) => assert!(is_error, "{pipe}"),
            }
        }
    }
}
