//! Mutations of seeds, the same on each run.

/// Pieces of JSON and of streams that have made readers stumble.
const WORDS: [&[u8]; 30] = [
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"[[]]",
    b"{\"\":{}}",
    b"-0",
    b"1e400",
    b"-1",
    b"18446744073709551616",
    b"0.1",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0000",
    b"\"",
    b"\\",
    b",",
    b":",
    b"\n\n",
    b"\r",
    b"data: ",
    b"event: x\n",
    b"data: [DONE]\n\n",
    b"\xff",
    b"\xe2\x82",
    b"\xef\xbb\xbf",
    b"\"type\":",
    b"\"id\":\"\"",
    b"byok1:6:origin:",
];

/// Changes seeds.
pub(crate) struct Mutator(u64);

impl Mutator {
    /// A mutator that begins at the beginning.
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// A changed seed, perhaps with a piece of another one.
    pub(crate) fn mutated(&mut self, seed: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(3) {
            self.change(&mut bytes, others);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        let range = self.range(bytes.len());
        match self.below(8) {
            0 => {
                if let Some(byte) = bytes.get_mut(range.start) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => drop(bytes.drain(range)),
            2 => {
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, piece);
            }
            3 => bytes.truncate(range.start),
            4 => {
                let other = &others[self.below(others.len())];
                let piece = other[self.range(other.len())].to_vec();
                bytes.splice(range, piece);
            }
            5 => {
                // A whole value gives way to another.
                let end = bytes[range.start..]
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']'))
                    .map_or(bytes.len(), |length| range.start + length);
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(range.start..end, word.iter().copied());
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(range.start..range.start, word.iter().copied());
            }
        }
    }

    /// A range within a length, mostly a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 32 };
        start..length.min(start + self.below(most + 1))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}
