//! Kiro's binary stream: cuts change nothing, the fold of the stream is the reply, and damage is told.

use byokey_wire::Dialect;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::event_stream::stream;
use crate::said::{Piece, Said, answer, hear_reply, hear_stream, said, translated};

/// The reply as Kiro sends it.
fn frames(said: &Said) -> Vec<Value> {
    let event = |name: &str, payload: Value| json!({ "event": name, "payload": payload });
    let mut frames = Vec::new();
    for (nth, piece) in said.pieces.iter().enumerate() {
        match piece {
            Piece::Text(parts) => frames.extend(
                parts
                    .iter()
                    .map(|text| event("assistantResponseEvent", json!({ "content": text }))),
            ),
            Piece::Thinking(parts) => {
                frames.extend(
                    parts
                        .iter()
                        .map(|text| event("reasoningContentEvent", json!({ "text": text }))),
                );
                frames.push(event(
                    "reasoningContentEvent",
                    json!({ "signature": "sig" }),
                ));
            }
            Piece::Call { name, arguments } => {
                let id = format!("tooluse_{nth}");
                let fragment =
                    |more: Value| json!({ "toolUseId": id, "name": name, "input": more });
                frames.extend(
                    arguments
                        .iter()
                        .map(|part| event("toolUseEvent", fragment(json!(part)))),
                );
                frames.push(event(
                    "toolUseEvent",
                    json!({ "toolUseId": id, "name": name, "stop": true }),
                ));
            }
        }
    }
    let usage = said.usage.map(|(fresh, read, written, output)| {
        json!({
            "uncachedInputTokens": fresh, "cacheReadInputTokens": read,
            "cacheWriteInputTokens": written, "outputTokens": output
        })
    });
    frames.push(event(
        "metadataEvent",
        json!({ "tokenUsage": usage, "stopReason": "END_TURN" }),
    ));
    frames
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn cut_folded_and_damaged(
        said in said(),
        piece in 1usize..99,
        flip in any::<proptest::sample::Index>(),
    ) {
        let bytes = stream(&frames(&said));
        for caller in [Dialect::Chat, Dialect::Messages] {
            let answer = answer(caller, Dialect::Kiro);
            let whole = translated(&answer, [&*bytes]);
            prop_assert_eq!(&whole, &translated(&answer, bytes.chunks(piece)));

            let heard = hear_stream(caller, &whole);
            let reply = answer.reply(&bytes, 0).unwrap();
            prop_assert_eq!(&heard.calls.len(), &hear_reply(caller, &reply.body).calls.len());
            prop_assert_eq!(&heard.content, &hear_reply(caller, &reply.body).content);
            prop_assert_eq!(&heard.reasoning, &hear_reply(caller, &reply.body).reasoning);
            prop_assert_eq!(&heard.usage, &hear_reply(caller, &reply.body).usage);

            let mut damaged = bytes.clone();
            let bit = flip.index(damaged.len() * 8);
            damaged[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(answer.reply(&damaged, 0).is_err());
        }
    }
}
