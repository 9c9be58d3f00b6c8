//! Whose reasoning proof is it?
//!
//! A signature is worth something only to the provider that made it; to any other it is a 400. So
//! every proof shown to a caller carries its origin, and on its return it goes back to that origin
//! alone. What is foreign, unknown or untagged is dropped and named in the ledger.

use std::borrow::Cow;

use crate::history::path;
use crate::{Action, Body, Ledger, Proof, Reason, Thinking, Turn};

const MARK: &str = "byok1:";

/// A proof in the form that callers see: mark, length of the origin, origin, proof.
pub(crate) fn tag(proof: &str, origin: &str) -> String {
    format!("{MARK}{}:{origin}:{proof}", origin.len())
}

/// The proof as its origin made it, if `origin` is the one.
pub(crate) fn untag<'p>(tagged: &'p str, origin: &str) -> Option<&'p str> {
    let (length, rest) = tagged.strip_prefix(MARK)?.split_once(':')?;
    let proof = rest.strip_prefix(origin)?.strip_prefix(':')?;
    (length.parse() == Ok(origin.len()) && !proof.is_empty()).then_some(proof)
}

/// Makes the conversation's reasoning fit for `origin`: own proofs are unwrapped, reasoning without
/// one loses its proof and, unless `keep_text`, goes altogether.
pub(crate) fn settle(turn: &mut Turn<'_>, origin: &str, keep_text: bool, ledger: &mut Ledger) {
    for message in &mut turn.messages {
        let at = message.at;
        message.blocks.retain_mut(|block| {
            let Body::Thinking(thinking) = &mut block.body else {
                return true;
            };
            if unwrap(thinking, origin) {
                return true;
            }
            thinking.proof = None;
            let keep = keep_text && !thinking.text.is_empty();
            let action = if keep {
                Action::Approximated
            } else {
                Action::Dropped
            };
            ledger.note(path(at), action, Reason::ForeignSignature);
            keep
        });
    }
}

/// Takes the tag off a proof of this origin; false when the proof is another's or missing.
fn unwrap(thinking: &mut Thinking<'_>, origin: &str) -> bool {
    let Some(Proof::Signature(proof) | Proof::Redacted(proof)) = &mut thinking.proof else {
        return false;
    };
    let own = match proof {
        Cow::Borrowed(tagged) => untag(tagged, origin).map(Cow::Borrowed),
        Cow::Owned(tagged) => untag(tagged, origin).map(|own| Cow::Owned(own.to_owned())),
    };
    let Some(own) = own else { return false };
    *proof = own;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Message, Role};

    #[test]
    fn only_the_origin_gets_its_proof_back() {
        let tagged = tag("Ep:8/x==", "claude");
        assert_eq!(untag(&tagged, "claude"), Some("Ep:8/x=="));
        for (proof, origin) in [
            (tagged.as_str(), "openai"),
            (&tagged, "claud"),
            (&tagged, "claude:Ep"),
            ("Ep:8/x==", "claude"),
            ("byok1:6:claude:", "claude"),
            ("", "claude"),
        ] {
            assert_eq!(untag(proof, origin), None, "{proof} for {origin}");
        }
        assert_eq!(untag(&tag("x", "a"), "a:"), None);
        assert_eq!(untag(&tag("b:x", "a"), "a:b"), None);
    }

    #[test]
    fn foreign_reasoning_is_named_and_dropped_or_kept_as_text() {
        let thinking = |text: &'static str, proof: Option<String>| {
            Block::new(Body::Thinking(Thinking {
                text: text.into(),
                proof: proof.map(|proof| Proof::Signature(proof.into())),
            }))
        };
        let turn = || Turn {
            messages: vec![Message::new(
                Role::Assistant,
                4,
                vec![
                    thinking("mine", Some(tag("sig", "claude"))),
                    thinking("other", Some(tag("sig", "grok"))),
                    thinking("raw", Some("sig".to_owned())),
                    thinking("bare", None),
                ],
            )],
            ..Turn::default()
        };
        for (keep_text, left, action) in
            [(false, 1, Action::Dropped), (true, 4, Action::Approximated)]
        {
            let (mut turn, mut ledger) = (turn(), Ledger::default());
            settle(&mut turn, "claude", keep_text, &mut ledger);
            assert_eq!(turn.messages[0].blocks.len(), left);
            assert_eq!(ledger.entries().len(), 3);
            for loss in ledger.entries() {
                assert_eq!((loss.path.as_str(), loss.action), ("messages[4]", action));
                assert_eq!(loss.reason, Reason::ForeignSignature);
            }
            let Body::Thinking(first) = &turn.messages[0].blocks[0].body else {
                panic!("gone")
            };
            assert_eq!(first.proof, Some(Proof::Signature("sig".into())));
        }
    }
}
