//! What comes back from the provider's page, whichever way it took: over loopback, as a link, or
//! pasted. Only a query is ever read: tokens in a fragment are nobody's (RFC 9700, section 2.1.2).

use byokey_catalog::StateRule;
use byokey_vault::Secret;
use reqwest::Url;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SigninError;

/// An answer of an authorization page. The provider may put more into it, which is not read.
#[derive(Default)]
pub(crate) struct Callback {
    pub(crate) code: Option<Secret>,
    pub(crate) state: Option<Secret>,
    /// The error code of a page that said no.
    pub(crate) error: Option<String>,
    /// Its words.
    pub(crate) description: Option<String>,
    /// Who says it (RFC 9207).
    pub(crate) iss: Option<String>,
    /// A client id that was issued to this installation.
    pub(crate) client_id: Option<String>,
    /// The path it came to, where one is known.
    pub(crate) path: Option<Zeroizing<String>>,
}

/// What an answer must have to belong to a sign-in.
pub(crate) struct Expected {
    rule: StateRule,
    /// The state, or with [`StateRule::NonceInPath`] the whole path that ends in the nonce.
    mark: Secret,
    /// Whether a code alone will not do.
    whole: bool,
}

/// Longer ones are no answer of anybody.
const MOST_QUERY: usize = 8 * 1024;
const MOST_PASTED: usize = 16 * 1024;
/// Codes are opaque; this only keeps out what was copied by mistake.
const LONGEST_CODE: usize = 4 * 1024;

impl Callback {
    /// Reads a query. `None` if it is no query, or has a member twice: of two codes nobody knows which
    /// is meant.
    pub(crate) fn of_query(query: &str) -> Option<Self> {
        if query.len() > MOST_QUERY {
            return None;
        }
        let members: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
        let mut callback = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "code" => once(&mut callback.code, Secret::new(value))?,
                "state" => once(&mut callback.state, Secret::new(value))?,
                "error" => once(&mut callback.error, value)?,
                "error_description" => once(&mut callback.description, value)?,
                "iss" => once(&mut callback.iss, value)?,
                "client_id" => once(&mut callback.client_id, value)?,
                _ => {}
            }
        }
        Some(callback)
    }

    /// Reads what a person pasted: the address at which the browser ended, its query, `code#state`, or
    /// the bare code.
    ///
    /// # Errors
    /// [`SigninError::NotACode`].
    pub(crate) fn of_pasted(text: &str, separator: char) -> Result<Self, SigninError> {
        let text = text.trim().trim_matches(['"', '\'', '`', '<', '>']);
        if text.is_empty() || text.len() > MOST_PASTED {
            return Err(SigninError::NotACode);
        }
        let found = if text.contains("://") {
            let url = Url::parse(text).map_err(|_| SigninError::NotACode)?;
            let callback = url.query().and_then(Self::of_query);
            callback.map(|callback| Self {
                path: Some(Zeroizing::new(url.path().to_owned())),
                ..callback
            })
        } else if text.starts_with('?') || text.contains("code=") || text.contains("error=") {
            let query = text.split_once('?').map_or(text, |(_, query)| query);
            Self::of_query(query.split('#').next().unwrap_or_default())
        } else {
            let (code, state) = match text.split_once(separator) {
                Some((code, state)) => (code, Some(state)),
                None => (text, None),
            };
            let opaque = |text: &str| {
                (4..=LONGEST_CODE).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_graphic())
            };
            (opaque(code) && state.is_none_or(opaque)).then(|| Self {
                code: Some(Secret::new(code)),
                state: state.map(Secret::new),
                ..Self::default()
            })
        };
        found
            .filter(|it| it.code.is_some() || it.error.is_some())
            .ok_or(SigninError::NotACode)
    }

    /// Whether it is a code alone, without anything that says which sign-in it belongs to. Only a
    /// person can bring one; that it is theirs shows when the verifier fits.
    fn is_bare(&self) -> bool {
        self.code.is_some() && self.state.is_none() && self.path.is_none() && self.error.is_none()
    }
}

impl Expected {
    /// An answer with this state.
    pub(crate) fn state(state: Secret) -> Self {
        Self {
            rule: StateRule::State,
            mark: state,
            whole: false,
        }
    }

    /// An answer at this path, which ends in a nonce.
    pub(crate) fn path(path: Secret) -> Self {
        Self {
            rule: StateRule::NonceInPath,
            mark: path,
            whole: false,
        }
    }

    /// The same, with everything that the page's answer holds beside the code.
    pub(crate) fn whole(self) -> Self {
        Self {
            whole: true,
            ..self
        }
    }

    /// Whether the answer belongs to this sign-in; takes the same time for every wrong one of a length.
    pub(crate) fn fits(&self, callback: &Callback) -> bool {
        let mark = match self.rule {
            StateRule::State => callback.state.as_ref().map(Secret::expose),
            StateRule::NonceInPath => callback.path.as_ref().map(|path| path.as_str()),
        };
        let wanted = self.mark.expose().as_bytes();
        mark.is_some_and(|mark| mark.as_bytes().ct_eq(wanted).into())
    }

    /// As [`fits`](Self::fits), for what a person pasted: a bare code needs no mark.
    pub(crate) fn fits_pasted(&self, callback: &Callback) -> bool {
        (callback.is_bare() && !self.whole) || self.fits(callback)
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pasted(text: &str) -> Option<(String, Option<String>)> {
        let callback = Callback::of_pasted(text, '#').ok()?;
        let state = callback.state.map(|state| state.expose().to_owned());
        Some((callback.code?.expose().to_owned(), state))
    }

    #[test]
    fn every_form_of_paste_is_read() {
        for (text, code, state) in [
            ("abcd", "abcd", None),
            ("  4/0Ab_c-d\n", "4/0Ab_c-d", None),
            ("abcd#stst", "abcd", Some("stst")),
            (
                "http://localhost:1455/auth/callback?code=a%2Fb&state=s1",
                "a/b",
                Some("s1"),
            ),
            (
                "\"http://localhost:1455/cb?state=s1&code=c1&scope=x\"",
                "c1",
                Some("s1"),
            ),
            (
                "http://localhost:1/cb?code=c1&state=s1#frag",
                "c1",
                Some("s1"),
            ),
            ("byokey://signin/claude?code=c1&state=s1", "c1", Some("s1")),
            ("?code=c1&state=s1", "c1", Some("s1")),
            ("code=c1&state=s1", "c1", Some("s1")),
            ("localhost:1/cb?code=c1&state=s1", "c1", Some("s1")),
        ] {
            let expected = Some((code.to_owned(), state.map(str::to_owned)));
            assert_eq!(pasted(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let long = "x".repeat(20_000);
        for text in [
            "",
            "abc",
            "two words",
            "https://example.org/",
            "https://example.org/?state=s1",
            "http://localhost:1/cb?code=a&code=b",
            "http://localhost:1/cb?code=a&state=s&state=t",
            "caf\u{e9}code",
            "abcd#",
            &long,
        ] {
            assert_eq!(pasted(text), None, "{text}");
        }
    }

    #[test]
    fn rfc9700_2_1_2_tokens_in_a_fragment_are_ignored() {
        for text in [
            "http://localhost:1/cb#access_token=t&state=s1",
            "http://localhost:1/cb#code=c1&state=s1",
            "http://localhost:1/cb?state=s1#code=c1",
        ] {
            assert_eq!(pasted(text), None, "{text}");
        }
    }

    #[test]
    fn a_mark_must_be_equal_in_every_byte() {
        let expected = Expected::state(Secret::new("s1"));
        for (query, fits) in [
            ("code=c&state=s1", true),
            ("code=c&state=s2", false),
            ("code=c&state=s", false),
            ("code=c&state=s11", false),
            ("code=c&state=S1", false),
            ("code=c&state=", false),
            ("code=c", false),
        ] {
            let callback = Callback::of_query(query).unwrap();
            assert_eq!(expected.fits(&callback), fits, "{query}");
        }
        let bare = Callback::of_pasted("abcd", '#').unwrap();
        assert!(expected.fits_pasted(&bare) && !expected.fits(&bare));
        let foreign = Callback::of_pasted("abcd#s2s2", '#').unwrap();
        assert!(!expected.fits_pasted(&foreign));
        let path = Expected::path(Secret::new("/cb/n1"));
        for (text, fits) in [
            ("http://localhost:1/cb/n1?code=cccc", true),
            ("http://localhost:1/cb/n2?code=cccc", false),
            ("http://localhost:1/cb?code=cccc", false),
            ("cccc", true),
        ] {
            let callback = Callback::of_pasted(text, '#').unwrap();
            assert_eq!(path.fits_pasted(&callback), fits, "{text}");
        }
    }
}
