//! Cuts change nothing: however the provider's stream is split, ended, spaced and commented, the
//! caller's is the same.

use proptest::prelude::*;

use crate::said::{answer, pairs, said, translated};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn cuts_line_ends_and_comments_change_nothing(
        said in said(),
        piece in 1usize..9,
        line_end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        comment in any::<bool>(),
        last_blank in any::<bool>(),
    ) {
        for (caller, upstream) in pairs() {
            let answer = answer(caller, upstream);
            let stream = said.stream(upstream);
            let plain = translated(&answer, [&*stream]);

            let mut odd = String::from_utf8(stream).unwrap();
            if !last_blank {
                odd.truncate(odd.trim_end().len());
            }
            if comment {
                odd = odd.replace("data: ", ": a comment\ndata:");
            }
            let odd = odd.replace('\n', line_end).into_bytes();
            let cut = translated(&answer, odd.chunks(piece));
            prop_assert_eq!(
                String::from_utf8(plain).unwrap(),
                String::from_utf8(cut).unwrap(),
                "{:?} to {:?}", upstream, caller
            );
        }
    }
}
