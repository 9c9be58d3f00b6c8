use std::path::Path;
use std::time::Duration;

use byokey_gateway::{Engine, Options};
use byokey_sim::{Kind, Script, Sim};
use byokey_vault::{Actor, HomeChoice, KeyLimits, NewAccount, Secret, UsageRow, Vault};
use serde_json::Value;
use tempfile::TempDir;

/// An engine on a throw-away data folder, listening on a free port.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) key: String,
    pub(crate) http: reqwest::Client,
    folder: TempDir,
}

impl Rig {
    /// An engine whose configuration is `settings` and the given providers, an account for each.
    pub(crate) async fn start(providers: &[(&str, &Sim)], settings: &str) -> Self {
        let bases: Vec<_> = providers
            .iter()
            .map(|(id, sim)| (*id, sim.kind().dialect(), sim.base_url()))
            .collect();
        Self::with(&bases, settings).await
    }

    /// As [`start`](Self::start), for providers at other addresses.
    pub(crate) async fn with(providers: &[(&str, &str, String)], settings: &str) -> Self {
        let mut config = format!("{settings}\n");
        if !providers.is_empty() {
            config.push_str("providers:\n");
        }
        for (id, dialect, base) in providers {
            config.push_str(&format!(
                "  {id}:\n    dialect: {dialect}\n    base_url: {base}\n    models: [{id}-model]\n"
            ));
        }
        Self::configured(&config, |vault| {
            for (id, _, _) in providers {
                add_account(vault, id, None, Script::KEY);
            }
        })
        .await
    }

    /// An engine with this configuration and the accounts that `fill` puts into its vault.
    pub(crate) async fn configured(config: &str, fill: impl FnOnce(&Vault)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, format!("port: 0\n{config}")).unwrap();

        let vault = Vault::open(&folder.path().join("data"), HomeChoice::Memory).unwrap();
        fill(&vault);
        let (_, key) = vault
            .create_client_key("test", KeyLimits::default(), Actor::Cli)
            .unwrap();
        let options = Options {
            config_path: path,
            port: None,
            host: None,
        };
        let engine = Engine::new(vault, options).await.unwrap();
        let listening = engine.listen().await.unwrap();
        let url = listening.url();
        tokio::spawn(listening.serve(axum::Router::new()));
        // A second installation finds the first one in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            engine,
            url,
            key: key.expose().to_owned(),
            http,
            folder,
        }
    }

    pub(crate) fn config_path(&self) -> &Path {
        self.engine.config_path()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A POST with the client key.
    pub(crate) fn post(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
            .body(body)
    }

    pub(crate) async fn chat(&self, body: Value) -> reqwest::Response {
        self.post("/v1/chat/completions", body.to_string())
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn messages(&self, body: Value) -> reqwest::Response {
        self.post("/v1/messages", body.to_string())
            .send()
            .await
            .unwrap()
    }

    /// The usage rows, oldest first, once there are `count` of them.
    pub(crate) async fn usage(&self, count: usize) -> Vec<UsageRow> {
        let mut notices = self.engine.notices();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            let vault = self.engine.vault().clone();
            let rows = tokio::task::spawn_blocking(move || vault.usage().recent(100)).await;
            let mut rows = rows.unwrap().unwrap();
            if rows.len() >= count {
                rows.reverse();
                return rows;
            }
            let news = tokio::time::timeout_at(deadline, notices.recv()).await;
            assert!(news.is_ok(), "{} usage rows instead of {count}", rows.len());
        }
    }
}

pub(crate) fn add_account(vault: &Vault, provider: &str, name: Option<&str>, key: &str) {
    let new = NewAccount {
        provider,
        name,
        route: "api-key",
        base_origin: None,
        limited: false,
        fields: &[],
    };
    vault.add_key(new, Secret::new(key), Actor::Cli).unwrap();
}

pub(crate) async fn chat_sim() -> Sim {
    Sim::start(Kind::Chat, Script::default()).await
}

pub(crate) async fn messages_sim() -> Sim {
    Sim::start(Kind::Messages, Script::default()).await
}

/// A chat request with one user message.
pub(crate) fn chat_body(model: &str, text: &str, stream: bool) -> Value {
    serde_json::json!({
        "model": model,
        "stream": stream,
        "messages": [{ "role": "user", "content": text }],
    })
}

/// A messages request with one user message.
pub(crate) fn messages_body(model: &str, text: &str, stream: bool) -> Value {
    serde_json::json!({
        "model": model,
        "max_tokens": 1024,
        "stream": stream,
        "messages": [{ "role": "user", "content": text }],
    })
}

/// The events of a stream that are JSON.
pub(crate) fn events(stream: &str) -> Vec<Value> {
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}
