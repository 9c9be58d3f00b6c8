use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use byokey_vault::Secret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::private_file;

const FILE: &str = "manage.token";

/// The proof that a caller may manage this byokey: 32 random bytes, new at each start. Whoever can
/// read the data folder has it, and nobody else.
#[derive(Clone)]
pub struct ManageToken(std::sync::Arc<Secret>);

impl ManageToken {
    /// Makes a new token.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn random() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..]).map_err(io::Error::other)?;
        Ok(Self::of(URL_SAFE_NO_PAD.encode(&bytes[..])))
    }

    /// Puts the token where other programs of this user find it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, data_dir: &Path) -> io::Result<()> {
        private_file::write(&data_dir.join(FILE), self.0.expose().as_bytes())
    }

    /// Reads the token of the engine that holds this data folder.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn load(data_dir: &Path) -> io::Result<Self> {
        let text = Zeroizing::new(std::fs::read_to_string(data_dir.join(FILE))?);
        Ok(Self::of(text.trim()))
    }

    /// The text itself, for the one header that carries it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Compares in a time that tells nothing about the token.
    pub(crate) fn matches(&self, given: &str) -> bool {
        self.expose().as_bytes().ct_eq(given.as_bytes()).into()
    }

    fn of(text: impl Into<String>) -> Self {
        Self(std::sync::Arc::new(Secret::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_token_is_found_again_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let token = ManageToken::random().unwrap();
        token.save(dir.path()).unwrap();
        // A second start replaces it.
        let second = ManageToken::random().unwrap();
        second.save(dir.path()).unwrap();
        let found = ManageToken::load(dir.path()).unwrap();
        assert!(second.matches(found.expose()) && !token.matches(found.expose()));
        assert_eq!(found.expose().len(), 43);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = std::fs::metadata(dir.path().join(FILE)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_the_whole_token_matches() {
        let token = ManageToken::random().unwrap();
        assert!(token.matches(token.expose()));
        for wrong in ["", &token.expose()[1..], "' OR '1'='1"] {
            assert!(!token.matches(wrong));
        }
    }
}
