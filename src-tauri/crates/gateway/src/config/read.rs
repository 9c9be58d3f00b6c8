use std::net::IpAddr;
use std::path::{Path, PathBuf};

use byokey_catalog::Catalog;
use byokey_wire::Dialect;
use serde_saphyr::Error as Yaml;

use super::Config;
use super::file::ProviderConfig;

/// Why a configuration file was refused. Quotes keys, never values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// The file is no YAML, or holds a word that byokey does not know.
    #[error("{}: line {line}, column {column}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: u64,
        /// 1-based column.
        column: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A value that cannot work.
    #[error("{}: {key}: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Path of the member.
        key: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
}

/// Reads a configuration file; a file that does not exist is an empty one.
///
/// # Errors
/// [`ConfigError`], naming the place.
pub fn load(path: &Path, catalog: &Catalog) -> Result<Config, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) => {
            return Err(ConfigError::Unreadable {
                path: path.into(),
                reason: error.to_string(),
            });
        }
    };
    parse(path, &text, catalog)
}

fn parse(path: &Path, text: &str, catalog: &Catalog) -> Result<Config, ConfigError> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Config::default());
    }
    let config: Config = serde_saphyr::from_str(text).map_err(|error| syntax(path, &error))?;
    let wrong = |key: String, reason: &str| ConfigError::Value {
        path: path.into(),
        key,
        reason: reason.into(),
    };
    if !config.auth.require_key && !config.host.is_loopback() {
        return Err(wrong(
            "auth.require_key".into(),
            "only a loopback address may do without client keys; set host to 127.0.0.1",
        ));
    }
    if !config.auth.require_key && !config.names.is_empty() {
        return Err(wrong(
            "names".into(),
            "a name makes byokey reachable from outside; that needs auth.require_key: true",
        ));
    }
    if config.max_body_mib == 0 {
        return Err(wrong("max_body_mib".into(), "must be at least 1"));
    }
    if let Some(vault) = &config.vault
        && !matches!(vault.as_str(), "keychain" | "passphrase" | "key-file")
    {
        return Err(wrong(
            "vault".into(),
            "must be keychain, passphrase or key-file",
        ));
    }
    for (id, provider) in &config.providers {
        check_provider(id, provider, catalog)
            .map_err(|(key, reason)| wrong(format!("providers.{id}{key}"), reason))?;
    }
    for (alias, targets) in &config.models.aliases {
        let key = format!("models.aliases.{alias}");
        if targets.is_empty() {
            return Err(wrong(key, "must name at least one model"));
        }
        if targets
            .iter()
            .any(|target| config.models.aliases.contains_key(target))
        {
            return Err(wrong(key, "an alias cannot name another alias"));
        }
    }
    Ok(config)
}

type Wrong = (&'static str, &'static str);

fn check_provider(id: &str, provider: &ProviderConfig, catalog: &Catalog) -> Result<(), Wrong> {
    if catalog.provider(id).is_none() {
        if id.is_empty() || id.contains('/') || id.chars().any(char::is_whitespace) {
            return Err(("", "a provider's id must not hold spaces or slashes"));
        }
        match provider.dialect {
            Some(Dialect::Kiro) | None => {
                return Err((
                    ".dialect",
                    "no row knows this provider, so say what it speaks: chat, responses, messages \
                     or gemini",
                ));
            }
            Some(_) => {}
        }
        if provider.base_url.is_none() {
            return Err((
                ".base_url",
                "a provider of your own needs the URL it is reached at",
            ));
        }
    }
    if let Some(url) = &provider.base_url {
        check_url(url).map_err(|reason| (".base_url", reason))?;
    }
    for (name, value) in &provider.headers {
        if http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err()
        {
            return Err((".headers", "holds a name or value that HTTP does not allow"));
        }
    }
    for (from, to) in &provider.origins {
        for url in [from, to] {
            check_url(url).map_err(|reason| (".origins", reason))?;
        }
    }
    if let Some(oauth) = &provider.oauth {
        let urls = [
            &oauth.authorize_url,
            &oauth.token_url,
            &oauth.device_url,
            &oauth.revoke_url,
            &oauth.issuer,
        ];
        for url in urls.into_iter().flatten() {
            check_url(url).map_err(|reason| (".oauth", reason))?;
        }
        if let Some(redirect) = &oauth.redirect {
            check_redirect(id, redirect).map_err(|reason| (".oauth.redirect", reason))?;
        }
    }
    Ok(())
}

/// A page of this machine, or byokey's own link for the provider.
fn check_redirect(id: &str, redirect: &str) -> Result<(), &'static str> {
    if redirect.strip_prefix("byokey://signin/") == Some(id) {
        return Ok(());
    }
    let wrong =
        "must be http on this machine with a path, or byokey://signin/ with the provider's id";
    match redirect.starts_with("http://") {
        true => check_url(redirect).map_err(|_| wrong),
        false => Err(wrong),
    }
}

/// Only https, or http to this machine; never an address that hands out cloud credentials.
fn check_url(url: &str) -> Result<(), &'static str> {
    let uri: http::Uri = url.parse().map_err(|_| "is not a URL")?;
    let host = uri
        .host()
        .ok_or("must begin with https://")?
        .trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>().ok();
    let loopback = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err("must not hold a user name or password");
    }
    if uri.query().is_some() {
        return Err("must not hold a query");
    }
    let link_local = match address {
        Some(IpAddr::V4(v4)) => v4.is_link_local(),
        Some(IpAddr::V6(v6)) => v6.is_unicast_link_local(),
        None => false,
    };
    if link_local {
        return Err("must not be a link-local address");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if loopback => Ok(()),
        Some("http") => Err("must be https; http is for this machine only"),
        _ => Err("must begin with https://"),
    }
}

fn syntax(path: &Path, error: &Yaml) -> ConfigError {
    let error = error.without_snippet();
    let reason = match error {
        Yaml::SerdeUnknownField {
            field, expected, ..
        } => {
            format!(
                "`{field}` is not known here; known are {}",
                expected.join(", ")
            )
        }
        Yaml::SerdeUnknownVariant { expected, .. } => {
            format!("must be one of {}", expected.join(", "))
        }
        Yaml::SerdeInvalidType { expected, .. } | Yaml::SerdeInvalidValue { expected, .. } => {
            format!("the value should be {expected}")
        }
        Yaml::SerdeMissingField { field, .. } => format!("`{field}` is missing"),
        Yaml::DuplicateMappingKey { .. } => "this key stands here twice".into(),
        Yaml::Eof { .. } => "the file ends in the middle of a value".into(),
        _ => "this is not valid here".into(),
    };
    let (line, column) = error
        .location()
        .map_or((1, 1), |at| (at.line(), at.column()));
    ConfigError::Syntax {
        path: path.into(),
        line,
        column,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let catalog = Catalog::bundled().unwrap();
        parse(Path::new("byokey.yaml"), text, &catalog).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(read("").unwrap(), Config::default());
        assert_eq!(read("# nothing yet\n\n").unwrap(), Config::default());
    }

    #[test]
    fn reads_every_section() {
        let config = read(
            "port: 9000\nhost: \"::1\"\nauth: { require_key: false }\nstrict: true\n\
             timeouts: { idle_s: 5 }\nproviders:\n  claude:\n    enabled: false\n  mine:\n    \
             dialect: chat\n    base_url: http://127.0.0.1:1/v1\n    api_key: ${MINE}\n    \
             models: [m]\nmodels:\n  aliases: { fast: [mine/m, claude/x] }\n",
        )
        .unwrap();
        assert_eq!(config.port, 9000);
        assert!(config.host.is_loopback());
        assert_eq!(config.timeouts.idle_s, 5);
        assert_eq!(config.timeouts.connect_s, 10);
        assert!(!config.provider_enabled("claude"));
        assert_eq!(
            config.providers["mine"].api_key.as_ref().unwrap().expose(),
            "${MINE}"
        );
        assert_eq!(config.models.aliases["fast"], ["mine/m", "claude/x"]);
    }

    #[test]
    fn reads_the_documented_example() {
        let config = read(
            r#"
port: 8018
host: 127.0.0.1
auth: { require_key: true }
strict: false
routing: { affinity: true, wait_max_s: 5 }
timeouts: { connect_s: 10, headers_s: 300, idle_s: 300 }
providers:
  claude:
    api_key: "sk-ant-example"
    base_url: https://api.anthropic.com
    enabled: true
    headers: {}
    oauth: { client_id: mine, authorize_url: "https://a.example/a", token_url: "https://a.example/t" }
  my-gateway:
    dialect: chat
    base_url: https://llm.example.org/v1
    api_key: ${MY_KEY}
    models: [my-model]
models:
  aliases: { fast: [claude/claude-haiku-4-5, openai/gpt-5-mini] }
"#,
        )
        .unwrap();
        let plain = Config::default();
        assert_eq!(config.routing, plain.routing);
        assert_eq!(config.timeouts, plain.timeouts);
        assert_eq!(config.providers.len(), 2);
    }

    #[test]
    fn a_redirect_stays_on_this_machine() {
        let read_with = |redirect: &str| {
            read(&format!(
                "providers:\n  mine:\n    dialect: chat\n    base_url: https://a.example\n    \
                 oauth: {{ issuer: https://i.example, redirect: \"{redirect}\" }}\n"
            ))
        };
        for good in [
            "http://127.0.0.1:9/cb",
            "http://localhost:9/cb",
            "byokey://signin/mine",
        ] {
            assert!(read_with(good).is_ok(), "{good}");
        }
        for bad in [
            "https://a.example/cb",
            "http://a.example/cb",
            "byokey://signin/other",
            "x",
        ] {
            assert!(read_with(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_the_line_and_the_key() {
        for (text, expected) in [
            ("port: 1\nprot: 2\n", "line 2"),
            ("port: 1\nprot: 2\n", "`prot` is not known here"),
            ("port: many\n", "line 1"),
            ("timeouts:\n  idle: 3\n", "line 2"),
            ("providers:\n  x: {}\n", "providers.x.dialect"),
            ("providers:\n  x: {dialect: chat}\n", "providers.x.base_url"),
            ("providers:\n  x: {dialect: klingon}\n", "must be one of"),
            (
                "providers:\n  openai: {base_url: 'http://example.org'}\n",
                "must be https",
            ),
            (
                "providers:\n  openai: {base_url: 'https://169.254.169.254/x'}\n",
                "link-local",
            ),
            (
                "providers:\n  openai: {base_url: 'https://a:b@example.org'}\n",
                "user name",
            ),
            (
                "host: 0.0.0.0\nauth: {require_key: false}\n",
                "auth.require_key",
            ),
            ("models: {aliases: {a: []}}\n", "models.aliases.a"),
            ("models: {aliases: {a: [b], b: [c]}}\n", "another alias"),
            ("port: 1\nport: 2\n", "twice"),
            ("port: [\n", "line"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(error.starts_with("byokey.yaml: "), "{error}");
        }
    }

    #[test]
    fn no_error_quotes_a_value() {
        for text in [
            "providers: {openai: {api_key: [sk-canary-secret]}}\n",
            "providers: {openai: {enabled: sk-canary-secret}}\n",
            "providers: {openai: sk-canary-secret}\n",
            "port: sk-canary-secret\n",
            "host: sk-canary-secret\n",
            "providers: {openai: {api_key: sk-canary-secret\n",
            "providers:\n  openai:\n    api_key: sk-canary-secret\n   oops: 1\n",
        ] {
            let error = read(text).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
        let config = read("providers: {openai: {api_key: sk-canary-secret}}\n").unwrap();
        assert!(!format!("{config:?}").contains("canary"));
    }
}
