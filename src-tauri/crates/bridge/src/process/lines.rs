//! Lines of a child's output, with a bound, so that a program that writes without end cannot fill
//! the memory.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Longest line, in bytes: a message with pictures in base64 fits.
const LONGEST: usize = 64 * 1024 * 1024;

/// Reads lines. Giving up [`next`](Self::next) half-way loses nothing.
pub(crate) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    is_told: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(64 * 1024, reader),
            line: Vec::new(),
            is_told: false,
        }
    }

    /// The next line without its end; `None` at the end of the output. What stands behind the last
    /// line end is a line, too.
    ///
    /// # Errors
    /// When reading fails, or a line is longer than any that makes sense.
    pub(crate) async fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if self.is_told {
            self.line.clear();
            self.is_told = false;
        }
        loop {
            let ready = self.reader.fill_buf().await?;
            let Some(end) = ready.iter().position(|byte| *byte == b'\n') else {
                let taken = ready.len();
                if taken == 0 {
                    self.is_told = true;
                    return Ok(Some(self.line.as_slice()).filter(|line| !line.is_empty()));
                }
                self.line.extend_from_slice(ready);
                self.reader.consume(taken);
                if self.line.len() > LONGEST {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a line without end",
                    ));
                }
                continue;
            };
            self.line.extend_from_slice(&ready[..end]);
            self.reader.consume(end + 1);
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            self.is_told = true;
            return Ok(Some(&self.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_and_without_their_ends() {
        let mut lines = Lines::new(&b"one\r\n\ntwo\nlast"[..]);
        for expected in ["one", "", "two", "last"] {
            assert_eq!(lines.next().await.unwrap(), Some(expected.as_bytes()));
        }
        assert_eq!(lines.next().await.unwrap(), None);
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn giving_up_half_way_loses_nothing() {
        let (mut writer, reader) = tokio::io::duplex(64);
        let mut lines = Lines::new(reader);
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"ha")
            .await
            .unwrap();
        tokio::select! {
            biased;
            _ = lines.next() => panic!("there is no line yet"),
            () = tokio::task::yield_now() => {}
        }
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"lf\n")
            .await
            .unwrap();
        assert_eq!(lines.next().await.unwrap(), Some(&b"half"[..]));
    }
}
