//! Stamps in streamed text: when a chunk was sent, read back where it arrives.

use std::fmt;

use memchr::memmem;

const OPENING: &[u8] = b"@t=";
/// The longest stamp: opening, twenty digits, closing.
const LONGEST: usize = 24;

/// A moment of [`crate::clock`], in the form it travels in.
pub(crate) struct Stamp(pub(crate) u64);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@t={};", self.0)
    }
}

/// Finds stamps in a stream that arrives in arbitrary pieces.
#[derive(Default)]
pub(crate) struct Stamps {
    /// The end of the last piece, as far as a stamp may begin in it.
    carried: Vec<u8>,
}

impl Stamps {
    /// Hands every stamp that is complete with this piece to `found`.
    pub(crate) fn read(&mut self, piece: &[u8], mut found: impl FnMut(u64)) {
        self.carried.extend_from_slice(piece);
        let mut from = 0;
        while let Some(at) = memmem::find(&self.carried[from..], OPENING) {
            let begin = from + at;
            let digits = &self.carried[begin + OPENING.len()..];
            let Some(length) = memchr::memchr(b';', &digits[..digits.len().min(LONGEST)]) else {
                if digits.len() < LONGEST {
                    // Its end is still to come.
                    from = begin;
                    break;
                }
                from = begin + OPENING.len();
                continue;
            };
            let sent = str::from_utf8(&digits[..length]).ok();
            if let Some(sent) = sent.and_then(|digits| digits.parse().ok()) {
                found(sent);
            }
            from = begin + OPENING.len() + length;
        }
        let keep = from.max(self.carried.len().saturating_sub(LONGEST));
        self.carried.drain(..keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_however_the_stream_is_cut() {
        let text = format!("data: {} x {}\n\n@t=no; @t", Stamp(17), Stamp(u64::MAX));
        for size in 1..text.len() {
            let (mut stamps, mut found) = (Stamps::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                stamps.read(piece, |sent| found.push(sent));
            }
            assert_eq!(found, [17, u64::MAX], "pieces of {size}");
        }
    }
}
