//! Cuts a stream of bytes into server-sent events.
//!
//! Bytes arrive cut anywhere; a frame that lies whole within one piece is handed out without a copy,
//! any other is put together first. Lines end with LF, CR LF or CR.

use std::borrow::Cow;

/// Longest frame put together; images and encrypted reasoning take some megabytes. A longer one is
/// left out, so that a provider cannot fill the memory.
const MAX_FRAME: usize = 64 << 20;

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its name, where the stream gives names.
    pub event: Option<&'a str>,
    /// Its data; several data lines are joined by line feeds.
    pub data: Cow<'a, [u8]>,
}

/// The frames of one stream.
#[derive(Debug, Default)]
pub struct Frames {
    /// The frame that is not yet whole.
    held: Vec<u8>,
    /// Where its last line begins.
    line: usize,
    /// The last byte was a CR: an LF right behind it belongs to the same line end.
    after_cr: bool,
    /// The frame has grown too long and is being skipped.
    skipping: bool,
    /// The stream has begun.
    begun: bool,
}

impl Frames {
    /// A new stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and hands out every frame they complete. Frames without data, such as
    /// comments, are not handed out.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Frame<'_>)) {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        if !self.held.is_empty() || self.skipping {
            rest = self.complete_held(rest, &mut each);
        }
        // Here nothing is held, or nothing is left.
        let mut start = 0;
        let mut line = 0;
        while let Some((end, next)) = line_end(rest, line) {
            let blank = end == line;
            self.after_cr = rest[next - 1] == b'\r' && next == rest.len();
            line = next;
            if blank {
                self.dispatch(&rest[start..end], &mut each);
                start = next;
            }
        }
        if start < rest.len() {
            self.held.extend_from_slice(&rest[start..]);
            self.line = line - start;
        }
    }

    /// Says that the stream has ended; a last frame without a blank line behind it counts.
    pub fn finish(&mut self, mut each: impl FnMut(Frame<'_>)) {
        let held = std::mem::take(&mut self.held);
        if !self.skipping {
            self.dispatch(&held, &mut each);
        }
        self.line = 0;
        self.skipping = false;
    }

    /// Whether the stream stands between two frames, so that something may be put in.
    pub fn at_boundary(&self) -> bool {
        self.held.is_empty() && !self.skipping
    }

    /// Adds to the held frame up to its end; returns what is behind it.
    fn complete_held<'b>(&mut self, bytes: &'b [u8], each: &mut impl FnMut(Frame<'_>)) -> &'b [u8] {
        let mut line_is_blank = self.line == self.held.len();
        let mut at = 0;
        while let Some((end, next)) = line_end(bytes, at) {
            let blank = line_is_blank && end == at;
            line_is_blank = true;
            self.after_cr = bytes[next - 1] == b'\r' && next == bytes.len();
            if blank {
                if !self.skipping {
                    let mut held = std::mem::take(&mut self.held);
                    held.extend_from_slice(&bytes[..end]);
                    self.dispatch(&held, each);
                    held.clear();
                    // A buffer that one huge frame needed is not kept for the small ones after it.
                    if held.capacity() <= 1 << 20 {
                        self.held = held;
                    }
                }
                self.skipping = false;
                self.line = 0;
                return &bytes[next..];
            }
            at = next;
        }
        if self.held.len() + bytes.len() > MAX_FRAME {
            self.skipping = true;
            self.held = Vec::new();
        }
        if self.skipping {
            // Only whether the last line is blank so far is still of interest.
            self.held.clear();
            if at < bytes.len() || (at == 0 && !line_is_blank) {
                self.held.push(b':');
            }
            self.line = 0;
        } else {
            if at > 0 {
                self.line = self.held.len() + at;
            }
            self.held.extend_from_slice(bytes);
        }
        &[]
    }

    fn dispatch(&mut self, frame: &[u8], each: &mut impl FnMut(Frame<'_>)) {
        let mut frame = frame;
        if !self.begun {
            self.begun = true;
            frame = frame.strip_prefix(b"\xef\xbb\xbf").unwrap_or(frame);
        }
        let mut event = None;
        let mut data: Option<Cow<'_, [u8]>> = None;
        let mut at = 0;
        while at < frame.len() {
            let (end, next) = line_end(frame, at).unwrap_or((frame.len(), frame.len()));
            let line = &frame[at..end];
            at = next;
            if let Some(value) = field(line, b"data") {
                data = Some(match data {
                    None => Cow::Borrowed(value),
                    Some(before) => {
                        let mut joined = before.into_owned();
                        joined.push(b'\n');
                        joined.extend_from_slice(value);
                        Cow::Owned(joined)
                    }
                });
            } else if let Some(name) = field(line, b"event") {
                event = std::str::from_utf8(name).ok();
            }
        }
        if let Some(data) = data {
            each(Frame { event, data });
        }
    }
}

/// The end of the line that begins at or before `from` and the start of the next one.
fn line_end(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let end = from + memchr::memchr2(b'\n', b'\r', &bytes[from..])?;
    let long = bytes[end] == b'\r' && bytes.get(end + 1) == Some(&b'\n');
    Some((end, end + 1 + usize::from(long)))
}

/// The value of a line, if the line is this field.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(&[]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Event names and data of a stream that arrives in these pieces.
    fn frames<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Vec<(Option<String>, String)> {
        let mut seen = Vec::new();
        let mut frames = Frames::new();
        let mut each = |frame: Frame<'_>| {
            let data = String::from_utf8_lossy(&frame.data).into_owned();
            seen.push((frame.event.map(str::to_owned), data));
        };
        for piece in pieces {
            frames.push(piece, &mut each);
        }
        frames.finish(&mut each);
        seen
    }

    fn data(stream: &[u8]) -> Vec<String> {
        let whole = frames([stream]);
        assert_eq!(whole, frames(stream.chunks(1)), "byte by byte: {stream:?}");
        whole.into_iter().map(|(_, data)| data).collect()
    }

    #[test]
    fn lines_fields_and_ends() {
        for (stream, expected) in [
            (&b"data: a\n\ndata: b\n\n"[..], &["a", "b"][..]),
            (b"data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            (b"data: a\r\rdata: b\r\r", &["a", "b"]),
            (b"data: a\r\n\ndata: b\n\r\n", &["a", "b"]),
            (b"data:a\n\ndata:  b\n\n", &["a", " b"]),
            (b"data: a\ndata: b\ndata:\n\n", &["a\nb\n"]),
            (b"data\n\n", &[""]),
            (b": note\n\ndata: a\n: note\nid: 7\nretry: 1\n\n", &["a"]),
            (b"database: x\nevent: e\n\ndata: a", &["a"]),
            (b"data: a\n", &["a"]),
            (b"\n\n\r\r\ndata: a\n\n\n\n", &["a"]),
            (b"\xef\xbb\xbfdata: a\n\n", &["a"]),
            (b"data: \xff\0\n\n", &["\u{fffd}\0"]),
            (b"", &[]),
            (b"nonsense", &[]),
        ] {
            assert_eq!(data(stream), expected, "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn names() {
        let seen = frames([
            &b"event: ping\ndata: {}\n\ndata: x\nevent:late\n\nevent: \xff\ndata: y\n\n"[..],
        ]);
        let names: Vec<Option<&str>> = seen.iter().map(|(name, _)| name.as_deref()).collect();
        assert_eq!(names, [Some("ping"), Some("late"), None]);
    }

    #[test]
    fn a_whole_frame_is_not_copied() {
        let stream = b"data: abc\n\n";
        let range = stream.as_ptr_range();
        let mut frames = Frames::new();
        frames.push(stream, |frame| {
            assert!(range.contains(&frame.data.as_ptr()))
        });
        assert!(frames.at_boundary());
        frames.push(b"data: x", |_| panic!("not whole yet"));
        assert!(!frames.at_boundary());
        frames.push(b"\r\n\r", |_| {});
        assert!(frames.at_boundary());
        frames.push(b"\n", |_| panic!("nothing new"));
        assert!(frames.at_boundary());
    }

    #[test]
    fn huge_frames_arrive_and_endless_ones_are_left_out() {
        let piece = vec![b'x'; 1 << 20];
        let mut seen = Vec::new();
        let mut frames = Frames::new();
        for megabytes in [8, 65] {
            frames.push(b"data: ", |_| {});
            for _ in 0..megabytes {
                frames.push(&piece, |_| {});
            }
            assert!(frames.held.capacity() <= 2 * MAX_FRAME);
            frames.push(b"\ndata: y\n\ndata: next\n\n", |frame| {
                seen.push(frame.data.len())
            });
        }
        assert_eq!(seen, [(8 << 20) + 2, 4, 4]);
    }

    proptest::proptest! {
        #[test]
        fn cuts_do_not_matter(
            stream in "(data: ?[a-c]{0,3}|event: e|: c|id: 1|[\r\n]|\r\n){0,24}",
            cuts in proptest::collection::vec(0usize..64, 0..6),
        ) {
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            proptest::prop_assert_eq!(frames(pieces), frames([bytes]));
        }
    }
}
