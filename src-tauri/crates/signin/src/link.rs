//! `byokey://` links. Any web page and any program can make one, and on two of three systems everybody
//! can read it, so a link brings nothing but an answer that is already awaited, or a wish that a person
//! must confirm on a page of byokey's own. This is only the grammar; it reads nothing and calls nobody.

use std::net::IpAddr;

use byokey_wire::Dialect;
use reqwest::Url;

use crate::callback::Callback;

/// What a link asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It brings the answer of a provider's page: hand it to [`SignIns::link`](crate::SignIns::link).
    SignIn {
        /// The provider's id.
        provider: String,
    },
    /// To show the page on which a person may import from this source, if it is a known one.
    Import {
        /// The source's name.
        source: String,
    },
    /// To show the page on which a person may add a provider of their own.
    AddProvider {
        /// Its id.
        name: String,
        /// Where it is reached: https, or http on this machine. Shown in full before it is used.
        base_url: String,
        /// What it speaks.
        dialect: Dialect,
    },
    /// To bring the window to the front.
    Open,
}

/// The link is none of byokey's, or brings what a link must not bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a link that byokey follows")]
pub struct BadLink;

const LONGEST: usize = 4 * 1024;
const LONGEST_NAME: usize = 40;

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// [`BadLink`] for everything that is not exactly one of the known forms.
    pub fn parse(text: &str) -> Result<Self, BadLink> {
        let parts = Parts::of(text).ok_or(BadLink)?;
        match (parts.host, parts.path, parts.query) {
            ("open", "" | "/", None) => Ok(Self::Open),
            ("signin", path, Some(query)) => {
                let provider = name(path).ok_or(BadLink)?;
                answer_of(query).ok_or(BadLink)?;
                Ok(Self::SignIn { provider })
            }
            ("import", path, None) => {
                let source = name(path).ok_or(BadLink)?;
                Ok(Self::Import { source })
            }
            ("provider", "/add", Some(query)) => new_provider(query).ok_or(BadLink),
            _ => Err(BadLink),
        }
    }
}

/// The provider and the answer that a sign-in link brings; `None` for any other link.
pub(crate) fn answer(text: &str) -> Option<(String, Callback)> {
    let parts = Parts::of(text).filter(|parts| parts.host == "signin")?;
    Some((name(parts.path)?, answer_of(parts.query?)?))
}

struct Parts<'a> {
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        let rest = text.strip_prefix("byokey://").filter(|_| plain)?;
        if rest.contains('#') {
            return None;
        }
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        Some(Self { host, path, query })
    }
}

/// The one segment of a path.
fn name(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?;
    is_name(name).then(|| name.to_owned())
}

fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(plain) && !looks_like_key(text)
}

fn answer_of(query: &str) -> Option<Callback> {
    const KNOWN: [&str; 5] = ["code", "state", "iss", "error", "error_description"];
    members(query)?
        .iter()
        .all(|(name, _)| KNOWN.contains(&name.as_str()))
        .then_some(())?;
    let answer = Callback::of_query(query)?;
    let says = answer.code.is_some() != answer.error.is_some();
    (says && answer.state.is_some()).then_some(answer)
}

fn new_provider(query: &str) -> Option<Link> {
    let (mut id, mut base, mut speaks) = (None, None, None);
    for (name, value) in members(query)? {
        let place = match name.as_str() {
            "name" => &mut id,
            "base_url" => &mut base,
            "dialect" => &mut speaks,
            _ => return None,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    let name = id.filter(|name| is_name(name))?;
    let base_url = base.filter(|url| is_base(url))?;
    let dialect = match speaks?.as_str() {
        "chat" => Dialect::Chat,
        "responses" => Dialect::Responses,
        "messages" => Dialect::Messages,
        "gemini" => Dialect::Gemini,
        _ => return None,
    };
    Some(Link::AddProvider {
        name,
        base_url,
        dialect,
    })
}

/// Names and values, none of them empty or with characters that hide something.
fn members(query: &str) -> Option<Vec<(String, String)>> {
    let members: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| !c.is_control() && c != char::REPLACEMENT_CHARACTER)
    };
    let all = members
        .iter()
        .all(|(name, value)| plain(name) && plain(value));
    (all && !members.is_empty()).then_some(members)
}

/// An address that a provider may have: https, or http on this machine; never one that hands out
/// credentials of a cloud, and never with a credential inside.
fn is_base(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else {
        return false;
    };
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let Some(host) = url.host_str().map(|host| host.trim_matches(['[', ']'])) else {
        return false;
    };
    let address: Option<IpAddr> = host.parse().ok();
    let address = address.map(|address| address.to_canonical());
    let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    let barred = match address {
        Some(IpAddr::V4(v4)) => v4.is_link_local() || v4.is_unspecified() || v4.is_multicast(),
        Some(IpAddr::V6(v6)) => {
            v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast()
        }
        None => host == "metadata.google.internal",
    };
    let plain = text.is_ascii() && !text.contains(['\\', '%', '{', '}', ' ']);
    let secure = url.scheme() == "https" || (url.scheme() == "http" && local);
    bare && plain && secure && !barred && !url.path().split('/').any(looks_like_key)
}

/// Long, and of letters and digits in turn: keys are, names are not.
fn looks_like_key(text: &str) -> bool {
    let body = text.rsplit(['-', '_', '.']).next().unwrap_or_default();
    let digits = body.bytes().filter(u8::is_ascii_digit).count();
    text.starts_with("sk-") || (body.len() >= 20 && digits >= 3)
}

#[cfg(test)]
mod tests;
