//! The inside of a string, many bytes at a time.
//!
//! Source code in a JSON string has an escape every dozen bytes. Going from one to the next byte by
//! byte costs four times as much as finding all of them in a vector register.

use wide::u8x32;

const BLOCK: usize = 32;

/// Length of the run of plain bytes and simple escapes at the start of `bytes`. It ends at the
/// string's end, a control byte, an escape of another kind, or an escape that the piece cuts.
pub(super) fn run(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>) {
        let block = u8x32::from(*block);
        let slashes = block.simd_eq(u8x32::splat(b'\\'));
        let others = block.simd_eq(u8x32::splat(b'"')) | block.simd_lt(u8x32::splat(b' '));
        let mut marks = (slashes | others).to_bitmask();
        let slashes = slashes.to_bitmask();
        let mut length = BLOCK;
        while marks != 0 {
            let mark = marks.trailing_zeros();
            let found = at + mark as usize;
            if slashes >> mark & 1 == 0 || !escapes(bytes.get(found + 1)) {
                return found;
            }
            // What is escaped is no mark, wherever the block ends.
            marks &= !(0b11 << mark);
            length = length.max(mark as usize + 2);
        }
        at += length;
    }
    at + tail(&bytes[at..])
}

/// As [`run`], byte by byte.
fn tail(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at += match bytes.get(at) {
            Some(b'\\') if escapes(bytes.get(at + 1)) => 2,
            None | Some(b'\\' | b'"' | ..b' ') => return at,
            Some(_) => 1,
        };
    }
}

fn escapes(byte: Option<&u8>) -> bool {
    const SIMPLE: [bool; 256] = {
        let mut table = [false; 256];
        let (letters, mut at) = (b"\"\\/bfnrt", 0);
        while at < letters.len() {
            table[letters[at] as usize] = true;
            at += 1;
        }
        table
    };
    byte.is_some_and(|byte| SIMPLE[usize::from(*byte)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_end_where_bytes_do(
            bytes in proptest::collection::vec(
                prop_oneof![8 => Just(b'x'), 4 => Just(b'\\'), 2 => Just(b'n'), 1 => any::<u8>()],
                0..200,
            )
        ) {
            prop_assert_eq!(run(&bytes), tail(&bytes));
        }
    }

    #[test]
    fn an_escape_over_the_edge_of_a_block_is_one() {
        for before in 29..35 {
            let mut bytes = vec![b'x'; before];
            bytes.extend(b"\\\"\\\\abc\"rest");
            assert_eq!(run(&bytes), before + 7);
            assert_eq!(run(&bytes[..=before]), before);
        }
    }
}
