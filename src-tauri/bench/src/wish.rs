//! What a reply shall look like, said by a control word in the prompt.
//!
//! A prompt is the one part of a request that every proxy and every translation hands on, so the
//! fake provider needs no side channel that a proxy might cut.

use std::{fmt, time::Duration};

use memchr::memmem;

const OPENING: &str = "[[bench ";
const CLOSING: &str = "]]";
/// Where the word is looked for first: a long body has it near its beginning or its end.
const NEAR: usize = 4096;

/// What the fake provider shall answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A whole reply with this many bytes of text.
    Whole { text: usize },
    /// A stream, its first byte after `hold`.
    Stream {
        chunks: usize,
        gap: Duration,
        /// Bytes of text per chunk besides the stamp.
        pad: usize,
        hold: Duration,
    },
}

impl Wish {
    /// A stream that begins at once.
    pub(crate) fn stream(chunks: usize, gap: Duration, pad: usize) -> Self {
        Self::Stream {
            chunks,
            gap,
            pad,
            hold: Duration::ZERO,
        }
    }

    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    /// The wish that a request's body carries.
    pub(crate) fn find(body: &[u8]) -> Option<Self> {
        let head = &body[..body.len().min(NEAR)];
        let tail = &body[body.len().saturating_sub(NEAR)..];
        [head, tail, body].into_iter().find_map(read)
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { text } => write!(f, "{OPENING}whole {text}{CLOSING}"),
            Self::Stream {
                chunks,
                gap,
                pad,
                hold,
            } => {
                let (gap, hold) = (gap.as_micros(), hold.as_micros());
                write!(f, "{OPENING}stream {chunks} {gap} {pad} {hold}{CLOSING}")
            }
        }
    }
}

fn read(text: &[u8]) -> Option<Wish> {
    let rest = &text[memmem::find(text, OPENING.as_bytes())? + OPENING.len()..];
    let word = &rest[..memmem::find(rest, CLOSING.as_bytes())?];
    let (kind, numbers) = str::from_utf8(word).ok()?.split_once(' ')?;
    let numbers: Option<Vec<u64>> = numbers.split(' ').map(|word| word.parse().ok()).collect();
    match (kind, numbers?.as_slice()) {
        ("whole", &[text]) => Some(Wish::Whole {
            text: text as usize,
        }),
        ("stream", &[chunks, gap, pad, hold]) => Some(Wish::Stream {
            chunks: chunks as usize,
            gap: Duration::from_micros(gap),
            pad: pad as usize,
            hold: Duration::from_micros(hold),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_survives_the_way_through_a_prompt() {
        let wishes = [
            Wish::Whole { text: 256 },
            Wish::stream(3, Duration::from_millis(20), 24),
            Wish::Stream {
                chunks: 1,
                gap: Duration::ZERO,
                pad: 0,
                hold: Duration::from_secs(2),
            },
        ];
        for wish in wishes {
            let near = format!("{{\"content\":\"do it {wish} now\"}}");
            assert_eq!(Wish::find(near.as_bytes()), Some(wish));
            let deep = format!("{}{wish}{}", "a".repeat(9_000), "b".repeat(9_000));
            assert_eq!(Wish::find(deep.as_bytes()), Some(wish));
        }
        assert_eq!(Wish::find(b"[[bench whole x]]"), None);
        assert_eq!(Wish::find(b"hello"), None);
    }
}
