use byokey_vault::Secret;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};

use crate::SigninError;

/// A verifier and its S256 challenge (RFC 7636).
pub(crate) struct Proof {
    /// Sent with the code, to the token endpoint only.
    pub(crate) verifier: Secret,
    /// Sent to the authorization page.
    pub(crate) challenge: String,
}

impl Proof {
    /// A fresh one, of 32 random bytes.
    ///
    /// # Errors
    /// [`SigninError::NoRandomness`].
    pub(crate) fn new() -> Result<Self, SigninError> {
        Ok(Self::of(random()?))
    }

    /// The one with this verifier, which must have 43 to 128 characters of the alphabet of RFC 7636.
    pub(crate) fn of(verifier: Secret) -> Self {
        let of = PkceCodeVerifier::new(verifier.expose().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&of);
        // Its text is wiped like any other secret.
        drop(Secret::new(of.into_secret()));
        Self {
            verifier,
            challenge: challenge.as_str().to_owned(),
        }
    }
}

/// 32 random bytes as 43 characters that need no escape in a URL.
///
/// # Errors
/// [`SigninError::NoRandomness`].
pub(crate) fn random() -> Result<Secret, SigninError> {
    use base64::Engine;
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|_| SigninError::NoRandomness)?;
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(*bytes);
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rfc7636_appendix_b() {
        let proof = Proof::of(Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert_eq!(
            proof.challenge,
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn rfc7636_verifiers_are_long_unlike_and_of_the_right_alphabet() {
        let mut seen = BTreeSet::new();
        for _ in 0..10_000 {
            let proof = Proof::new().unwrap();
            let verifier = proof.verifier.expose();
            assert!((43..=128).contains(&verifier.len()));
            assert!(
                verifier
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
            );
            assert_ne!(verifier, proof.challenge);
            assert!(seen.insert(verifier.to_owned()));
        }
    }
}
