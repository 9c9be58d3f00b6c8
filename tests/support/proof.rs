//! Reasoning proofs. A real one is a seal that only the provider can make; what a proxy has to show
//! is that it comes back unchanged, at its place, and to nobody else. So every proof names its
//! maker and fits exactly one text or one id.

use base64::{Engine, prelude::BASE64_STANDARD};

/// The proof that belongs to a text which comes back beside it.
pub(crate) fn of_text(maker: &str, text: &str) -> String {
    BASE64_STANDARD.encode(format!("simulated {}", seal(maker, text)))
}

/// A proof that comes back alone: it carries the id it was made for.
pub(crate) fn of_id(maker: &str, id: &str) -> String {
    BASE64_STANDARD.encode(format!("simulated {id} {}", seal(maker, id)))
}

/// Whether this is a proof of [`of_id`] by this maker.
pub(crate) fn is_of_id(maker: &str, proof: &str) -> bool {
    let inside = BASE64_STANDARD.decode(proof).unwrap_or_default();
    let mut words = inside.split(|byte| *byte == b' ').map(std::str::from_utf8);
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(Ok("simulated")), Some(Ok(id)), Some(Ok(found)), None) => found == seal(maker, id),
        _ => false,
    }
}

/// A hash (FNV-1a) that tells makers and texts apart; it keeps no secret.
fn seal(maker: &str, text: &str) -> String {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let both = maker.bytes().chain([0]).chain(text.bytes());
    let hash = both.fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_fits_its_maker_and_its_text_only() {
        assert_eq!(of_text("a", "x"), of_text("a", "x"));
        assert_ne!(of_text("a", "x"), of_text("b", "x"));
        assert_ne!(of_text("a", "x"), of_text("a", "y"));
        let proof = of_id("a", "rs_1");
        assert!(is_of_id("a", &proof) && !is_of_id("b", &proof));
        assert!(!is_of_id("a", &of_text("a", "rs_1")) && !is_of_id("a", "other"));
    }
}
