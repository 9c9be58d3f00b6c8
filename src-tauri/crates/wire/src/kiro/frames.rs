//! Cuts a stream of bytes into the frames of an AWS event stream.
//!
//! A frame is, big endian: its whole length, the length of its headers, a CRC-32 of these eight
//! bytes, the headers, the payload, and a CRC-32 of all before it. Bytes arrive cut anywhere; a
//! frame that lies whole within one piece is handed out without a copy. Nothing is believed before
//! its checksum fits, and after damage nothing is: there is no mark to find the next frame by.

/// Bytes before the headers.
const PRELUDE: usize = 12;
/// Bytes of the checksum behind the payload.
const TRAILER: usize = 4;
/// Longest headers that the format allows.
const MAX_HEADERS: usize = 128 << 10;
/// Longest payload that the format allows.
const MAX_PAYLOAD: usize = 16 << 20;
/// A buffer larger than this is not kept after the frame that needed it.
const KEPT: usize = 1 << 20;

/// What a frame says, by its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind<'a>,
    /// JSON, as far as Kiro is concerned.
    pub(super) payload: &'a [u8],
}

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Part of the reply, by the name of its type.
    Event(&'a str),
    /// A fault that the service knows, by the name of its type; the payload describes it.
    Exception(&'a str),
    /// A fault of the service's machinery; there is no payload.
    Error { code: &'a str, message: &'a str },
    /// Something that is not known yet.
    Unknown,
}

/// The stream is not what it should be; says in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged(pub(super) &'static str);

/// The frames of one stream.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The frame that is not yet whole.
    held: Vec<u8>,
}

impl Frames {
    /// Takes the next bytes and hands out every frame they complete.
    ///
    /// # Errors
    /// When the stream is damaged; the frames before that were handed out.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Frame<'_>),
    ) -> Result<(), Damaged> {
        let mut rest = bytes;
        if !self.held.is_empty() {
            self.take(&mut rest, PRELUDE);
            let Some(total) = length(&self.held)? else {
                return Ok(());
            };
            self.take(&mut rest, total);
            if self.held.len() < total {
                return Ok(());
            }
            each(parse(&self.held)?);
            self.held.clear();
            if self.held.capacity() > KEPT {
                self.held = Vec::new();
            }
        }
        while let Some(total) = length(rest)?
            && let Some((frame, behind)) = rest.split_at_checked(total)
        {
            each(parse(frame)?);
            rest = behind;
        }
        self.held.extend_from_slice(rest);
        Ok(())
    }

    /// Whether the stream stands between two frames.
    pub(super) fn at_boundary(&self) -> bool {
        self.held.is_empty()
    }

    /// Moves bytes into the held frame until it has `upto` of them. Room is made only for bytes that
    /// are there, whatever length a frame claims.
    fn take(&mut self, bytes: &mut &[u8], upto: usize) {
        let wanted = upto.saturating_sub(self.held.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(wanted);
        self.held.extend_from_slice(taken);
        *bytes = rest;
    }
}

/// The length of the frame that begins here, once its prelude is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Damaged> {
    let Some(prelude) = bytes.first_chunk::<PRELUDE>() else {
        return Ok(None);
    };
    if crc32fast::hash(&prelude[..8]) != number(prelude, 8) {
        return Err(Damaged("a frame's beginning does not match its checksum"));
    }
    let (total, headers) = (number(prelude, 0) as usize, number(prelude, 4) as usize);
    let Some(room) = total.checked_sub(PRELUDE + TRAILER) else {
        return Err(Damaged("a frame claims to be shorter than its own frame"));
    };
    if headers > room || headers > MAX_HEADERS || room - headers > MAX_PAYLOAD {
        return Err(Damaged("a frame claims an impossible length"));
    }
    Ok(Some(total))
}

/// Reads a whole frame whose prelude has been checked.
fn parse(frame: &[u8]) -> Result<Frame<'_>, Damaged> {
    let end = frame.len() - TRAILER;
    if crc32fast::hash(&frame[..end]) != number(frame, end) {
        return Err(Damaged("a frame does not match its checksum"));
    }
    let (headers, payload) = frame[PRELUDE..end].split_at(number(frame, 4) as usize);
    let kind = kind(headers).ok_or(Damaged("a frame's headers make no sense"))?;
    Ok(Frame { kind, payload })
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let digits = bytes.get(at..).and_then(<[u8]>::first_chunk);
    u32::from_be_bytes(digits.copied().unwrap_or_default())
}

/// What the headers say; `None` when they cannot be read.
fn kind(headers: &[u8]) -> Option<Kind<'_>> {
    let (mut message, mut event, mut exception) = ("event", "", "");
    let (mut code, mut text) = ("", "");
    let mut rest = headers;
    while let Some((&length, behind)) = rest.split_first() {
        let (name, behind) = behind.split_at_checked(usize::from(length))?;
        let (value, behind) = value(behind)?;
        rest = behind;
        let slot = match name {
            b":message-type" => &mut message,
            b":event-type" => &mut event,
            b":exception-type" => &mut exception,
            b":error-code" => &mut code,
            b":error-message" => &mut text,
            _ => continue,
        };
        *slot = value.unwrap_or_default();
    }
    Some(match message {
        "event" => Kind::Event(event),
        "exception" => Kind::Exception(exception),
        "error" => Kind::Error {
            code,
            message: text,
        },
        _ => Kind::Unknown,
    })
}

/// A header's value, if it is text, and what is behind it; `None` when it is cut or of no known type.
fn value(bytes: &[u8]) -> Option<(Option<&str>, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (length, rest) = match kind {
        // True and false have no value of their own.
        0 | 1 => (0, rest),
        // Whole numbers of 8 to 64 bits.
        2..=5 => (1 << (kind - 2), rest),
        // Bytes and text.
        6 | 7 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        // A time, in milliseconds.
        8 => (8, rest),
        // A UUID.
        9 => (16, rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    let text = match kind {
        7 => Some(std::str::from_utf8(value).ok()?),
        _ => None,
    };
    Some((text, rest))
}

#[cfg(test)]
pub(super) mod tests;
