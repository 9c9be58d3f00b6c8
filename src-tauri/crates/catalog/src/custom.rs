mod oauth;

use byokey_wire::{Dialect, Shape, Task};

pub use self::oauth::CustomOauth;
use crate::endpoint::Endpoint;
use crate::snapshot::blank;
use crate::{
    Auth, CatalogError, Flow, Key, Kind, ListModels, ListShape, Provider, Route, Service, Standing,
    Status,
};

/// A provider that the user's configuration describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomProvider {
    /// Its id: `a-z`, `0-9`, `-`, `_`, `.`.
    pub id: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Its base: https, or http to this machine.
    pub base_url: String,
    /// How its key is sent; `None` means as the dialect's own provider has it.
    pub auth: Option<Auth>,
    /// Models it serves, as far as the user names them.
    pub models: Vec<String>,
    /// How people sign in there, beside using keys.
    pub oauth: Option<CustomOauth>,
}

impl CustomProvider {
    /// Makes a row of it.
    ///
    /// # Errors
    /// [`CatalogError::BadName`] and [`CatalogError::Insecure`].
    pub(crate) fn into_provider(self) -> Result<Provider, CatalogError> {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if self.id.is_empty() || !self.id.bytes().all(plain) {
            return Err(CatalogError::BadName(self.id));
        }
        if !is_safe(&self.base_url) {
            return Err(CatalogError::Insecure { url: self.base_url });
        }
        let mut routes = vec![key_route()];
        if let Some(oauth) = self.oauth {
            routes.extend(oauth.into_routes()?);
        }
        let (own_auth, path, stream_path, list) = conventions(self.dialect);
        let mut models: Vec<_> = self.models.iter().map(|id| blank(id)).collect();
        models.sort_by(|left, right| left.id.cmp(&right.id));
        models.dedup_by(|left, right| left.id == right.id);
        Ok(Provider {
            name: self.id.clone(),
            id: self.id,
            aliases: Vec::new(),
            kind: Kind::Custom,
            as_of: None,
            auth: self.auth.unwrap_or(own_auth),
            headers: match self.dialect {
                Dialect::Messages => {
                    [("anthropic-version".to_owned(), "2023-06-01".to_owned())].into()
                }
                _ => [].into(),
            },
            forward_headers: Vec::new(),
            env: Vec::new(),
            key_prefixes: Vec::new(),
            fields: Vec::new(),
            sign_in: [].into(),
            routes,
            endpoints: vec![Endpoint {
                dialect: self.dialect,
                base_url: self.base_url.clone(),
                path: path.to_owned(),
                stream_path: stream_path.map(str::to_owned),
                count_path: count_path(self.dialect).map(str::to_owned),
                routes: Vec::new(),
                models: Vec::new(),
                auth: None,
                headers: [].into(),
                regions: Vec::new(),
                quirks: [].into(),
            }],
            services: services(self.dialect, &self.base_url),
            native_hosts: Vec::new(),
            base_url: self.base_url,
            lockouts: Vec::new(),
            check: None,
            list_models: list.into_iter().collect(),
            quirks: [].into(),
            families: Vec::new(),
            docs_url: None,
            models: models.into(),
        })
    }
}

/// Credential, paths and list of a dialect's own provider.
fn conventions(dialect: Dialect) -> (Auth, &'static str, Option<&'static str>, Option<ListModels>) {
    let list = |path: &str, shape| {
        Some(ListModels {
            base_url: None,
            path: path.to_owned(),
            shape,
            routes: Vec::new(),
            public: false,
        })
    };
    match dialect {
        Dialect::Chat => (
            Auth::Bearer,
            "/chat/completions",
            None,
            list("/models", ListShape::Data),
        ),
        Dialect::Responses => (
            Auth::Bearer,
            "/responses",
            None,
            list("/models", ListShape::Data),
        ),
        Dialect::Messages => (
            Auth::Header("x-api-key".to_owned()),
            "/v1/messages",
            None,
            list("/v1/models", ListShape::Data),
        ),
        Dialect::Gemini => (
            Auth::Header("x-goog-api-key".to_owned()),
            "/models/{model}:generateContent",
            Some("/models/{model}:streamGenerateContent?alt=sse"),
            list("/models?pageSize=1000", ListShape::Gemini),
        ),
        Dialect::Kiro => (Auth::Bearer, "/generateAssistantResponse", None, None),
    }
}

/// What servers of a dialect usually do beside conversations.
fn services(dialect: Dialect, base: &str) -> Vec<Service> {
    let gemini = "/models/{model}:{method}";
    let own: &[(Task, Shape, &str)] = match dialect {
        Dialect::Chat | Dialect::Responses => &[
            (Task::Embeddings, Shape::OpenAi, "/embeddings"),
            (Task::Speech, Shape::OpenAi, "/audio/speech"),
            (Task::Transcriptions, Shape::OpenAi, "/audio/transcriptions"),
            (Task::Translations, Shape::OpenAi, "/audio/translations"),
            (Task::Images, Shape::OpenAi, "/images/generations"),
        ],
        Dialect::Gemini => &[
            (Task::Embeddings, Shape::Gemini, gemini),
            (Task::Speech, Shape::Gemini, gemini),
            (Task::Transcriptions, Shape::Gemini, gemini),
            (Task::Images, Shape::Gemini, gemini),
        ],
        Dialect::Messages | Dialect::Kiro => &[],
    };
    let service = |(task, shape, path): &(Task, Shape, &str)| Service {
        base_url: base.to_owned(),
        ..Service::at(*task, *shape, path)
    };
    own.iter().map(service).collect()
}

/// Where a dialect's own provider counts tokens.
fn count_path(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Messages => Some("/v1/messages/count_tokens"),
        Dialect::Responses => Some("/responses/input_tokens"),
        Dialect::Gemini => Some("/models/{model}:countTokens"),
        Dialect::Chat | Dialect::Kiro => None,
    }
}

fn key_route() -> Route {
    Route {
        id: "api-key".to_owned(),
        name: "API key".to_owned(),
        standing: Standing::Official,
        status: Status::Active,
        since: None,
        retired: None,
        reason: None,
        replacement: None,
        notice: None,
        auth: None,
        headers: [].into(),
        flow: Flow::Key(Key::default()),
        identity: None,
        stage: None,
        revoke: None,
        sessions_page: None,
        imports: Vec::new(),
        unusable_tokens: Vec::new(),
    }
}

/// Whether a URL is https, or http to this machine, and holds no user name.
pub(crate) fn is_safe(url: &str) -> bool {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || url.contains(char::is_whitespace) {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = || {
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    };
    !host.is_empty() && (secure || loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custom(id: &str, base_url: &str) -> CustomProvider {
        CustomProvider {
            id: id.into(),
            dialect: Dialect::Messages,
            base_url: base_url.into(),
            auth: None,
            models: vec!["b".into(), "a".into(), "b".into()],
            oauth: None,
        }
    }

    #[test]
    fn follows_the_dialects_conventions() {
        let provider = custom("my-gateway", "http://127.0.0.1:9")
            .into_provider()
            .unwrap();
        let endpoint = provider
            .endpoint(Dialect::Messages, "api-key", "a")
            .unwrap();
        assert_eq!(
            endpoint.url(None, "a", false),
            "http://127.0.0.1:9/v1/messages"
        );
        assert_eq!(provider.auth, Auth::Header("x-api-key".into()));
        assert_eq!(provider.headers["anthropic-version"], "2023-06-01");
        let ids: Vec<&str> = provider.models.iter().map(|model| &*model.id).collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn refuses_bad_names() {
        for id in ["", "My", "a/b", "a b", "ä"] {
            let refused = custom(id, "https://a.example").into_provider();
            assert!(matches!(refused, Err(CatalogError::BadName(_))), "{id}");
        }
    }

    #[test]
    fn plain_http_only_to_this_machine() {
        for good in [
            "https://a.example/v1",
            "http://127.0.0.1:1/v1",
            "http://[::1]:8080",
            "http://localhost/x",
            "http://127.9.9.9",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "https://user:pw@a.example",
            "ftp://127.0.0.1",
            "https://",
            "http://[::2]",
            "a.example",
            "http://0.0.0.0",
            "https://a .example",
            "http://evil.example\\@127.0.0.1",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
