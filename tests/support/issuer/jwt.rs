//! RS256 tokens and the published key. The key was made for this file and opens nothing.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

/// The published key's name.
const KEY_ID: &str = "sim-key-1";

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    Good,
    /// `alg: none`, no signature.
    Unsigned,
    /// A signature over other words.
    Bad,
    /// A good signature under a name that is not published.
    UnknownKey,
}

/// Signs tokens.
#[derive(Debug)]
pub(crate) struct Signer(RsaKeyPair);

impl Signer {
    #[expect(clippy::expect_used, reason = "the key lies beside this file")]
    pub(crate) fn new() -> Self {
        let key = RsaKeyPair::from_pkcs8(include_bytes!("signing.der"));
        Self(key.expect("a key in PKCS #8"))
    }

    /// The published key set.
    pub(crate) fn keys(&self) -> Value {
        let public: PublicKeyComponents<Vec<u8>> = self.0.public().into();
        json!({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
            "n": BASE64.encode(public.n), "e": BASE64.encode(public.e)}]})
    }

    #[expect(
        clippy::expect_used,
        reason = "signing fails only for want of randomness"
    )]
    pub(crate) fn sign(&self, claims: &Value, seal: Seal) -> String {
        let header = match seal {
            Seal::Unsigned => json!({"alg": "none", "typ": "JWT"}),
            Seal::UnknownKey => json!({"alg": "RS256", "typ": "JWT", "kid": "sim-key-9"}),
            _ => json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}),
        };
        let [header, claims] = [&header, claims].map(|part| BASE64.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        if seal == Seal::Unsigned {
            return format!("{message}.");
        }
        let signed: &[u8] = match seal {
            Seal::Bad => b"other words",
            _ => message.as_bytes(),
        };
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed,
                &mut signature,
            )
            .expect("a signature");
        format!("{message}.{}", BASE64.encode(signature))
    }
}
