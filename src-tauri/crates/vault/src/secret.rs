use zeroize::Zeroizing;

/// A key, token or passphrase. Its memory is wiped when it is dropped.
///
/// It cannot be printed, serialised or copied, so that it cannot reach a log or a reply by
/// accident:
///
/// ```compile_fail
/// println!("{:?}", byokey_vault::Secret::new("k".to_owned()));
/// ```
/// ```compile_fail
/// println!("{}", byokey_vault::Secret::new("k".to_owned()));
/// ```
/// ```compile_fail
/// let _ = byokey_vault::Secret::new("k".to_owned()).clone();
/// ```
/// ```compile_fail
/// fn needs(_: impl serde::Serialize) {}
/// needs(byokey_vault::Secret::new("k".to_owned()));
/// ```
/// The same lines with the text itself do compile, which shows that the type is what refuses:
///
/// ```
/// fn needs(_: impl serde::Serialize + std::fmt::Debug + Clone) {}
/// needs(byokey_vault::Secret::new("k".to_owned()).expose());
/// ```
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over the text. Copies that the caller made before are the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Takes over bytes that must be UTF-8; otherwise they are wiped.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NotText> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(text)),
            Err(refused) => {
                drop(Zeroizing::new(refused.into_bytes()));
                Err(NotText)
            }
        }
    }

    /// The text itself: the one way in. Do not keep what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// The bytes given as a secret are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not UTF-8 text")]
pub struct NotText;
