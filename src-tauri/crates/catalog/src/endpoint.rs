use std::collections::{BTreeMap, BTreeSet};

use byokey_wire::Dialect;
use serde::{Deserialize, Serialize};

use crate::{Auth, CatalogError, Quirk};

/// One address at which a provider takes requests of one dialect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What is spoken there.
    pub dialect: Dialect,
    /// Base that configuration may replace; the provider's own unless the row names another. May
    /// hold `{name}` of a [`Field`](crate::Field).
    #[serde(default)]
    pub base_url: String,
    /// Path behind the base; may hold `{model}`.
    pub path: String,
    /// Path for streams where it is another.
    pub stream_path: Option<String>,
    /// Path of the call that counts a prompt's tokens, where there is one; as `path`.
    pub count_path: Option<String>,
    /// Routes whose credential it takes; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Models it serves, as ids or prefixes ending in `*`; empty means all.
    #[serde(default)]
    pub models: Vec<String>,
    /// How the credential is sent where it is not the provider's way.
    pub auth: Option<Auth>,
    /// Constant headers in addition to the provider's.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The same service in other places.
    #[serde(default)]
    pub regions: Vec<Region>,
    /// Departures that hold only here.
    #[serde(default)]
    pub quirks: BTreeSet<Quirk>,
}

/// Another place of the same service; keys of one are usually not known in another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Short name, such as `cn`.
    pub id: String,
    /// Base that goes in place of the endpoint's.
    pub base_url: String,
}

impl Endpoint {
    /// Whether it takes the credential of this route.
    pub fn takes(&self, route: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|id| id == route)
    }

    /// Whether it serves this model.
    pub fn serves(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| matches(pattern, model))
    }

    /// Address for a request, still with the `{name}`s of the account's fields: see [`fill`].
    /// `configured` goes in place of the base; a model name is escaped where the path holds it.
    pub fn url(&self, configured: Option<&str>, model: &str, stream: bool) -> String {
        let path = match &self.stream_path {
            Some(path) if stream => path,
            _ => &self.path,
        };
        self.at(path, configured, model)
    }

    /// Address of the call that counts tokens, if there is one; otherwise as [`url`](Self::url).
    pub fn count_url(&self, configured: Option<&str>, model: &str) -> Option<String> {
        let path = self.count_path.as_deref()?;
        Some(self.at(path, configured, model))
    }

    fn at(&self, path: &str, configured: Option<&str>, model: &str) -> String {
        let base = configured.unwrap_or(&self.base_url).trim_end_matches('/');
        match path.split_once("{model}") {
            Some((before, after)) => format!("{base}{before}{}{after}", escape(model)),
            None => format!("{base}{path}"),
        }
    }
}

/// A call that lists what an account may use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListModels {
    /// Base of the call where it is not the provider's own.
    pub base_url: Option<String>,
    /// Path and query, put behind the base.
    pub path: String,
    /// Form of the answer.
    pub shape: ListShape,
    /// Routes whose credential it takes; empty means all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Whether it answers without a credential.
    #[serde(default)]
    pub public: bool,
}

impl ListModels {
    /// Address of the call; bases as in [`Check::url`](crate::Check::url).
    pub fn url(&self, configured: Option<&str>, own: &str) -> String {
        let base = configured.or(self.base_url.as_deref()).unwrap_or(own);
        format!("{}{}", base.trim_end_matches('/'), self.path)
    }

    /// Whether it takes the credential of this route.
    pub fn takes(&self, route: &str) -> bool {
        self.routes.is_empty() || self.routes.iter().any(|id| id == route)
    }
}

/// Form of a provider's model list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListShape {
    /// `data[].id`.
    Data,
    /// A bare array of `{id}`.
    BareArray,
    /// `models[].name` with `models/` before the id.
    Gemini,
    /// `models[].slug`; only those with `visibility` `list` are offered.
    Slugs,
    /// Ollama's `models[].model`.
    Tags,
    /// LM Studio's `models[].key`.
    LmStudio,
    /// `data[]` with `capabilities.type`, `model_picker_enabled` and `policy.state`.
    Copilot,
    /// `models[].modelId`.
    Kiro,
    /// `models` as an object by id.
    Antigravity,
    /// A bare array of `{model_id}`.
    ElevenLabs,
    /// `stt[]` and `tts[]` of `{canonical_name}`.
    Deepgram,
    /// `modelSummaries[].modelId`.
    Bedrock,
}

/// Puts an account's values into the `{name}`s of an address. Values come from a person, so they may
/// hold only characters that cannot leave their place in a host or path.
///
/// # Errors
/// [`CatalogError::Missing`] for a name without a value, [`CatalogError::BadValue`] for a value with
/// other characters than letters, digits, `-`, `_` and `.`.
pub fn fill<'a>(
    template: &str,
    value: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, CatalogError> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        let value = value(name).ok_or_else(|| CatalogError::Missing {
            name: name.to_owned(),
        })?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if value.is_empty() || value.starts_with('.') || !value.bytes().all(plain) {
            return Err(CatalogError::BadValue {
                name: name.to_owned(),
            });
        }
        filled.push_str(before);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether `name` is the pattern, or begins with it where the pattern ends in `*`.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// Escapes everything that would end a path segment or start a template or query.
pub(crate) fn escape(segment: &str) -> String {
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b':' | b'@') {
            escaped.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            escaped.push('%');
            escaped.push(char::from(HEX[usize::from(byte >> 4)]));
            escaped.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(toml: &str) -> Endpoint {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn joins_base_and_path_once() {
        let endpoint = endpoint(
            "dialect = 'chat'\nbase_url = 'https://a.example/v1'\npath = '/chat/completions'",
        );
        assert_eq!(
            endpoint.url(None, "m", true),
            "https://a.example/v1/chat/completions"
        );
        assert_eq!(
            endpoint.url(Some("http://127.0.0.1:1/"), "m", false),
            "http://127.0.0.1:1/chat/completions"
        );
    }

    #[test]
    fn a_model_name_stays_in_its_segment() {
        let endpoint = endpoint(
            "dialect = 'gemini'\nbase_url = 'https://a.example'\npath = '/models/{model}:generateContent'\nstream_path = '/models/{model}:streamGenerateContent?alt=sse'",
        );
        assert_eq!(
            endpoint.url(None, "../x?y#{z}/é", true),
            "https://a.example/models/..%2Fx%3Fy%23%7Bz%7D%2F%C3%A9:streamGenerateContent?alt=sse"
        );
    }

    #[test]
    fn serves_ids_and_prefixes() {
        let endpoint =
            endpoint("dialect = 'messages'\npath = '/m'\nmodels = ['claude-*', 'exact']");
        assert!(endpoint.serves("claude-x") && endpoint.serves("exact"));
        assert!(!endpoint.serves("exactly") && !endpoint.serves("xclaude-"));
    }

    #[test]
    fn fills_only_plain_values() {
        let url = "https://{resource}.example/{region}/x";
        let value = |name: &str| match name {
            "resource" => Some("my-res"),
            "region" => Some("eu-1"),
            _ => None,
        };
        assert_eq!(fill(url, value).unwrap(), "https://my-res.example/eu-1/x");
        assert!(
            matches!(fill(url, |_| None), Err(CatalogError::Missing { name }) if name == "resource")
        );
        for bad in ["evil.example/", "a@b", "", "a?b", "..", "a%2f", "a b", "ä"] {
            assert!(
                matches!(fill(url, |_| Some(bad)), Err(CatalogError::BadValue { .. })),
                "{bad}"
            );
        }
    }
}
