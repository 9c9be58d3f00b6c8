//! A folded stream is the reply: both say the same.

use proptest::prelude::*;

use crate::said::{Heard, answer, hear_reply, hear_stream, pairs, said, translated};

/// Arguments mean the same whatever their spacing.
fn settled(mut heard: Heard) -> Heard {
    for (_, _, arguments) in &mut heard.calls {
        let value: serde_json::Value = serde_json::from_str(arguments).unwrap();
        *arguments = value.to_string();
    }
    heard
}

proptest! {
    #[test]
    fn the_folded_stream_is_the_reply(said in said()) {
        for (caller, upstream) in pairs() {
            let answer = answer(caller, upstream);
            let stream = translated(&answer, [&*said.stream(upstream)]);
            let reply = answer.reply(&said.reply(upstream), 0).unwrap();
            let streamed = settled(hear_stream(caller, &stream));
            prop_assert_eq!(&streamed, &settled(hear_reply(caller, &reply.body)));
            prop_assert_eq!(streamed.calls.len(), reply_calls(&said));
        }
    }
}

fn reply_calls(said: &crate::said::Said) -> usize {
    said.pieces
        .iter()
        .filter(|piece| matches!(piece, crate::said::Piece::Call { .. }))
        .count()
}
