//! Whose reasoning proof is it?
//!
//! A signature is worth something only to the provider that made it; to any other it is a 400. So
//! every proof shown to a caller carries its origin, and on its return it goes back to that origin
//! alone. What is foreign, unknown or untagged is dropped and named in the ledger. What the caller's
//! dialect could not carry comes back out of byokey's memory.

use std::borrow::Cow;

use crate::{
    Action, Block, Body, Ledger, Memory, Message, Proof, Proofs, Reason, Role, Target, Thinking,
    Turn,
};

const MARK: &str = "byok1:";
/// The mark of encrypted reasoning, for dialects that have one place for both kinds of proofs.
const REDACTED_MARK: &str = "byok1x:";

/// A proof in the form that callers see: mark, length of the origin, origin, proof.
pub(crate) fn tag(proof: &str, origin: &str) -> String {
    format!("{MARK}{}:{origin}:{proof}", origin.len())
}

/// Encrypted reasoning in the form that callers see, told apart from a signature by its mark.
pub(crate) fn tag_redacted(data: &str, origin: &str) -> String {
    format!("{REDACTED_MARK}{}:{origin}:{data}", origin.len())
}

/// Whether a text is a proof in the form that callers see.
pub(crate) fn is_tagged(text: &str) -> bool {
    text.starts_with(MARK) || text.starts_with(REDACTED_MARK)
}

/// What a caller sends in a place for both kinds of proofs: a signature, or encrypted reasoning if
/// the mark says so.
pub(crate) fn proof<'p>(tagged: impl Into<Cow<'p, str>>) -> Proof<'p> {
    let tagged = tagged.into();
    if tagged.starts_with(REDACTED_MARK) {
        Proof::Redacted(tagged)
    } else {
        Proof::Signature(tagged)
    }
}

/// The proof as its origin made it, if `origin` is the one.
pub(crate) fn untag<'p>(tagged: &'p str, origin: &str) -> Option<&'p str> {
    let marked = tagged
        .strip_prefix(MARK)
        .or_else(|| tagged.strip_prefix(REDACTED_MARK));
    let (length, rest) = marked?.split_once(':')?;
    let proof = rest.strip_prefix(origin)?.strip_prefix(':')?;
    (length.parse() == Ok(origin.len()) && !proof.is_empty()).then_some(proof)
}

/// Makes the conversation's reasoning fit for the target: proofs of its origin are unwrapped, those
/// that byokey remembers put back; reasoning without one loses its proof and, unless `keep_text`,
/// goes altogether. On a second try after a refusal nothing counts as the origin's.
pub(crate) fn settle(
    turn: &mut Turn<'_>,
    target: &Target<'_>,
    keep_text: bool,
    ledger: &mut Ledger,
) {
    let stripped = matches!(target.proofs, Proofs::Stripped);
    let words = turn.words;
    for message in &mut turn.messages {
        if let (Proofs::Recalled(recall), Role::Assistant) = (target.proofs, message.role) {
            put_back(message, target.origin, recall);
        }
        let at = message.at;
        message.blocks.retain_mut(|block| match &mut block.body {
            Body::Thinking(thinking) => {
                if !stripped && unwrap(&mut thinking.proof, target.origin) {
                    return true;
                }
                thinking.proof = None;
                let keep = keep_text && !thinking.text.is_empty();
                let action = if keep {
                    Action::Approximated
                } else {
                    Action::Dropped
                };
                ledger.note(words.message(at), action, Reason::ForeignSignature);
                keep
            }
            Body::Call(call) if call.proof.is_some() => {
                if stripped || !unwrap(&mut call.proof, target.origin) {
                    call.proof = None;
                    ledger.note(words.message(at), Action::Dropped, Reason::ForeignSignature);
                }
                true
            }
            _ => true,
        });
    }
}

/// Puts back what the caller's dialect could not carry of this reply. The caller's own proofs go
/// first: it may have them of the same origin already.
fn put_back(message: &mut Message<'_>, origin: &str, recall: &dyn Fn(&str) -> Option<Memory>) {
    let own = |proof: &Proof<'_>| untag(proof.text(), origin).is_some();
    let has_own = message.blocks.iter().any(|block| {
        matches!(&block.body, Body::Thinking(Thinking { proof: Some(proof), .. }) if own(proof))
    });
    let mut thoughts = Vec::new();
    for block in &mut message.blocks {
        let Body::Call(call) = &mut block.body else {
            continue;
        };
        let Some(memory) = recall(&call.id) else {
            continue;
        };
        if call.proof.is_none() {
            let kept = memory.call.map(|kept| Proof::Signature(kept.into()));
            call.proof = kept.filter(|kept| own(kept));
        }
        if thoughts.is_empty() && !has_own {
            thoughts = memory.thinking;
            thoughts.retain(|(_, proof)| own(proof));
        }
    }
    if thoughts.is_empty() {
        return;
    }
    message
        .blocks
        .retain(|block| !matches!(block.body, Body::Thinking(_)));
    let thoughts = thoughts.into_iter().map(|(text, proof)| {
        Block::new(Body::Thinking(Thinking {
            text: text.into(),
            proof: Some(proof),
        }))
    });
    message.blocks.splice(0..0, thoughts);
}

/// Takes the tag off a proof of this origin; false when the proof is another's or missing.
fn unwrap(proof: &mut Option<Proof<'_>>, origin: &str) -> bool {
    let Some(Proof::Signature(proof) | Proof::Redacted(proof)) = proof else {
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
    use crate::{Call, Capabilities};

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
            let caps = Capabilities::default();
            settle(
                &mut turn,
                &Target::new("m", &caps, "claude"),
                keep_text,
                &mut ledger,
            );
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

    /// An assistant's message with a call, after `settle`: what is left, and the number of losses.
    fn settled(blocks: Vec<Block<'static>>, proofs: Proofs<'_>) -> (Vec<String>, usize) {
        let mut turn = Turn {
            messages: vec![Message::new(Role::Assistant, 0, blocks)],
            ..Turn::default()
        };
        let caps = Capabilities::default();
        let target = Target {
            proofs,
            ..Target::new("m", &caps, "claude")
        };
        let mut ledger = Ledger::default();
        settle(&mut turn, &target, false, &mut ledger);
        let show = |block: &Block<'_>| match &block.body {
            Body::Thinking(Thinking { text, proof }) => format!("{text} {proof:?}"),
            Body::Call(call) => format!("{} {:?}", call.id, call.proof),
            other => format!("{other:?}"),
        };
        let left = turn.messages[0].blocks.iter().map(show).collect();
        (left, ledger.entries().len())
    }

    fn thinking(text: &'static str, proof: Option<Proof<'static>>) -> Block<'static> {
        Block::new(Body::Thinking(Thinking {
            text: text.into(),
            proof,
        }))
    }

    fn call(id: &'static str) -> Block<'static> {
        Block::new(Body::Call(Call::new(id, "f", "")))
    }

    #[test]
    fn what_is_remembered_comes_back_to_its_origin() {
        let of = |origin: &str| Memory {
            thinking: vec![
                ("hm".into(), Proof::Signature(tag("s", origin).into())),
                ("".into(), Proof::Redacted(tag("r", origin).into())),
            ],
            call: Some(tag("c", origin)),
        };
        let recall = |id: &str| match id {
            "a" => Some(of("claude")),
            "b" => Some(of("grok")),
            _ => None,
        };
        let proofs = Proofs::Recalled(&recall);
        let whole = [
            r#"hm Some(Signature("s"))"#,
            r#" Some(Redacted("r"))"#,
            r#"a Some(Signature("c"))"#,
        ];
        let bare = || thinking("unsigned", None);
        assert_eq!(
            settled(vec![bare(), call("a")], proofs),
            (whole.map(str::to_owned).to_vec(), 0)
        );
        for id in ["b", "x"] {
            let left = vec![format!("{id} None")];
            assert_eq!(settled(vec![call(id)], proofs), (left.clone(), 0));
            assert_eq!(settled(vec![bare(), call(id)], proofs), (left, 1));
        }
        // What the caller kept itself is not doubled.
        let own = thinking("own", Some(Proof::Signature(tag("o", "claude").into())));
        let (left, losses) = settled(vec![own, call("a")], proofs);
        assert_eq!((left.len(), losses), (2, 0));
        assert_eq!(left[0], r#"own Some(Signature("o"))"#);
    }

    #[test]
    fn a_second_try_has_no_proofs() {
        let own = thinking("own", Some(Proof::Signature(tag("o", "claude").into())));
        let proven = Block::new(Body::Call(Call {
            proof: Some(Proof::Signature(tag("c", "claude").into())),
            ..Call::new("a", "f", "")
        }));
        let (left, losses) = settled(vec![own, proven], Proofs::Stripped);
        assert_eq!((left, losses), (vec!["a None".to_owned()], 2));
    }

    #[test]
    fn both_kinds_in_one_place() {
        let redacted = tag_redacted("data", "claude");
        assert_eq!(untag(&redacted, "claude"), Some("data"));
        assert!(matches!(proof(redacted), Proof::Redacted(_)));
        assert!(matches!(proof(tag("s", "claude")), Proof::Signature(_)));
    }
}
