//! Reasoning proofs as callers of Gemini see them.
//!
//! Google's libraries decode `thoughtSignature` to bytes and encode it anew, in whichever base64
//! alphabet they like. So the tagged proof is wrapped once more: what comes back decodes to the same
//! bytes, and the proof within keeps every letter.

use std::borrow::Cow;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{Proof, origin};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A proof of this origin as the caller sees it.
pub(super) fn show(proof: &str, origin: &str) -> String {
    ENGINE.encode(origin::tag(proof, origin))
}

/// Encrypted reasoning of this origin as the caller sees it.
pub(super) fn show_redacted(data: &str, origin: &str) -> String {
    ENGINE.encode(origin::tag_redacted(data, origin))
}

/// What a caller sent back: the tagged proof, or whatever else it was.
pub(super) fn read(signature: Cow<'_, str>) -> Proof<'_> {
    match decode(&signature) {
        Some(text) if origin::is_tagged(&text) => origin::proof(text),
        _ => Proof::Signature(signature),
    }
}

/// The text behind base64 of either alphabet, with or without padding.
pub(super) fn decode(base64: &str) -> Option<String> {
    let plain = base64.replace('-', "+").replace('_', "/");
    String::from_utf8(ENGINE.decode(plain).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn proofs_survive_decoding_and_encoding() {
        for proof in ["Ep:8/x==", "a", "??>>~~", "ErkECrYEARFNMg/Gnu1B", "é"] {
            let shown = show(proof, "google");
            let bytes = STANDARD.decode(&shown).unwrap();
            for again in [
                shown.clone(),
                URL_SAFE.encode(&bytes),
                URL_SAFE_NO_PAD.encode(&bytes),
                STANDARD_NO_PAD.encode(&bytes),
            ] {
                let Proof::Signature(tagged) = read(again.into()) else {
                    panic!("redacted")
                };
                assert_eq!(origin::untag(&tagged, "google"), Some(proof));
                assert_eq!(origin::untag(&tagged, "claude"), None);
            }
        }
        let shown = show_redacted("data", "claude");
        let Proof::Redacted(tagged) = read(shown.into()) else {
            panic!("signature")
        };
        assert_eq!(origin::untag(&tagged, "claude"), Some("data"));
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        for raw in [
            "",
            "c2ln",
            "skip_thought_signature_validator",
            "%%%",
            "ErkECrYEARFNMg/G",
        ] {
            assert_eq!(read(raw.into()), Proof::Signature(raw.into()));
        }
    }
}
