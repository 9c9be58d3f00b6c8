//! Sealing of single values with AES-256-GCM.
//!
//! Each envelope is bound to its place (install, tenant, provider, account, field, key, origin) by
//! the associated data, so a row that is edited or moved to another account does not open.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{Secret, VaultError};

/// The key from which all others are derived; 32 random bytes.
pub(crate) type DataKey = Zeroizing<[u8; 32]>;

/// Everything belongs to this tenant until there are more.
const TENANT: &str = "local";
const VERSION: u8 = 1;
const NONCE: usize = 12;
const HEADER: usize = 1 + 4 + NONCE;

/// Opens and seals values of one vault.
pub(crate) struct Sealer {
    cipher: Aes256Gcm,
    audit: Zeroizing<[u8; 32]>,
    install: String,
    key_id: u32,
}

/// Where a sealed value belongs.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) provider: &'a str,
    pub(crate) account: i64,
    pub(crate) field: &'a str,
    /// The only origin the value may be sent to; empty when the provider's own hosts are meant.
    pub(crate) origin: &'a str,
    /// What the account has beside its key, in one fixed form; empty when it has nothing.
    pub(crate) fields: &'a str,
}

/// An envelope was altered, moved, or sealed by another key.
#[derive(Debug)]
pub(crate) struct Unsealable;

impl Sealer {
    pub(crate) fn new(data_key: &DataKey, install: &str, key_id: u32) -> Self {
        let source = Hkdf::<Sha256>::new(Some(install.as_bytes()), &data_key[..]);
        let seal = derive(&source, &format!("byokey/1|seal|{TENANT}|{key_id}"));
        Self {
            cipher: Aes256Gcm::new((&*seal).into()),
            audit: derive(&source, "byokey/1|audit"),
            install: install.to_owned(),
            key_id,
        }
    }

    pub(crate) fn key_id(&self) -> u32 {
        self.key_id
    }

    /// version ‖ key id ‖ nonce ‖ ciphertext and tag.
    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce: [u8; NONCE] = random()?;
        let aad = self.associated_data(place);
        let sealed = self
            .cipher
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: aad.as_bytes(),
                },
            )
            .map_err(|_| VaultError::KeyWornOut)?;
        let mut envelope = Vec::with_capacity(HEADER + sealed.len());
        envelope.push(VERSION);
        envelope.extend_from_slice(&self.key_id.to_be_bytes());
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&sealed);
        Ok(envelope)
    }

    pub(crate) fn open(&self, place: Place<'_>, envelope: &[u8]) -> Result<Secret, Unsealable> {
        let (header, sealed) = envelope.split_at_checked(HEADER).ok_or(Unsealable)?;
        let (tag, nonce) = header.split_at(HEADER - NONCE);
        if tag[0] != VERSION || tag[1..] != self.key_id.to_be_bytes() {
            return Err(Unsealable);
        }
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| Unsealable)?;
        let aad = self.associated_data(place);
        let plain = self
            .cipher
            .decrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: sealed,
                    aad: aad.as_bytes(),
                },
            )
            .map_err(|_| Unsealable)?;
        Secret::from_bytes(plain).map_err(|_| Unsealable)
    }

    /// What stands for this installation towards outsiders: says nothing about its number, nor about
    /// what it is for another purpose.
    pub(crate) fn digest_for(&self, purpose: &str) -> [u8; 32] {
        Sha256::digest(format!("byokey/1|device|{}|{purpose}", self.install)).into()
    }

    /// The keyed digest of the audit trail: HMAC-SHA-256, as HKDF's expand step computes it.
    #[expect(
        clippy::expect_used,
        reason = "key and digest have the hash's own length"
    )]
    pub(crate) fn audit_digest(&self, message: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        Hkdf::<Sha256>::from_prk(&self.audit[..])
            .expect("a key of 32 bytes")
            .expand(message, &mut digest)
            .expect("a digest of 32 bytes");
        digest
    }

    /// None of the parts can hold a `|`: names are checked before they are stored.
    fn associated_data(&self, place: Place<'_>) -> String {
        let Place {
            provider,
            account,
            field,
            origin,
            fields,
        } = place;
        let (install, key) = (&self.install, self.key_id);
        let mut data =
            format!("byokey/1|{install}|{TENANT}|{provider}|{account}|{field}|{key}|{origin}");
        if !fields.is_empty() {
            data.push('|');
            data.push_str(fields);
        }
        data
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

#[expect(
    clippy::expect_used,
    reason = "32 bytes are within HKDF's limit of 255 digests"
)]
fn derive(source: &Hkdf<Sha256>, info: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    source
        .expand(info.as_bytes(), &mut key[..])
        .expect("a key of 32 bytes");
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> = Place {
        provider: "openai",
        account: 7,
        field: "key",
        origin: "https://a.example",
        fields: "",
    };

    fn sealer(key: u8, install: &str, key_id: u32) -> Sealer {
        Sealer::new(&Zeroizing::new([key; 32]), install, key_id)
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let sealer = sealer(1, "here", 1);
        let envelope = sealer.seal(PLACE, b"sk-canary").unwrap();
        for bit in 0..envelope.len() * 8 {
            let mut changed = envelope.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open(PLACE, &changed).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_envelope_opens_at_its_own_place_only() {
        let own = sealer(1, "here", 1);
        let envelope = own.seal(PLACE, b"sk-canary").unwrap();
        assert_eq!(
            own.open(PLACE, &envelope).ok().unwrap().expose(),
            "sk-canary"
        );
        for elsewhere in [
            Place {
                provider: "claude",
                ..PLACE
            },
            Place {
                account: 8,
                ..PLACE
            },
            Place {
                field: "refresh",
                ..PLACE
            },
            Place {
                origin: "https://b.example",
                ..PLACE
            },
            Place {
                origin: "",
                ..PLACE
            },
            Place {
                fields: "region=eu",
                ..PLACE
            },
        ] {
            assert!(own.open(elsewhere, &envelope).is_err());
        }
        for other in [
            sealer(2, "here", 1),
            sealer(1, "there", 1),
            sealer(1, "here", 2),
        ] {
            assert!(other.open(PLACE, &envelope).is_err());
        }
    }

    #[test]
    fn the_same_text_never_gives_the_same_envelope() {
        let sealer = sealer(1, "here", 1);
        let nonces: std::collections::HashSet<_> = (0..1000)
            .map(|_| sealer.seal(PLACE, b"x").unwrap()[HEADER - NONCE..HEADER].to_vec())
            .collect();
        assert_eq!(nonces.len(), 1000);
    }

    proptest! {
        #[test]
        fn what_is_sealed_comes_back(text in ".{0,200}") {
            let sealer = sealer(1, "here", 1);
            let envelope = sealer.seal(PLACE, text.as_bytes()).unwrap();
            let back = sealer.open(PLACE, &envelope).ok().unwrap();
            prop_assert_eq!(back.expose(), text);
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_panic(bytes: Vec<u8>) {
            prop_assert!(sealer(1, "here", 1).open(PLACE, &bytes).is_err());
        }
    }
}
