//! The engine: one data folder, one vault, one endpoint.
//!
//! Everything a request needs is in one [`View`], replaced as a whole when the vault or the
//! configuration changes, so that no request ever sees half of a change.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use byokey_bridge::Bridges;
use byokey_catalog::{Catalog, CatalogError, CustomProvider};
use byokey_signin::{Keeper, SignIns};
use byokey_vault::{Account, Actor, NewAccount, Secret, Vault, VaultError};
use jiff::Timestamp;
use tokio::sync::{broadcast, watch};

use crate::config::{self, Config, ConfigError, ConfigKey, OauthOverride};
use crate::count::Estimator;
use crate::live::{Asking, Lists};
use crate::models::{self, ModelFacts};
use crate::proofs::ProofStore;
use crate::refused::Refused;
use crate::resolve::{Known, Resolved};
use crate::roster::{Roster, origin};
use crate::sign_ins::{self, TakenOver};
use crate::stored::Stored;
use crate::tokens;
use crate::upstream::Upstream;

/// Where the engine finds things, and what the command line overrules.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration file; it need not exist.
    pub config_path: PathBuf,
    /// Port in place of the configured one.
    pub port: Option<u16>,
    /// Address in place of the configured one.
    pub host: Option<std::net::IpAddr>,
}

/// Why the engine could not start or take over a change.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The configuration was refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The vault failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The rows do not fit together.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// No port could be opened.
    #[error(transparent)]
    Listen(#[from] crate::ListenError),
}

/// Something that viewers may want to show at once.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Notice {
    /// Accounts or client keys changed.
    Accounts,
    /// A sign-in began, moved on or ended.
    Signin,
    /// A link waits for the person, or was put away.
    Link,
    /// The configuration was read again; the text says what was wrong with it, if anything.
    Config {
        /// Why the file was refused, if it was.
        error: Option<String>,
    },
    /// A request has ended.
    Request {
        /// Its id in the usage records.
        id: String,
    },
}

/// The engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) vault: Vault,
    bundled: Catalog,
    options: Options,
    view: ArcSwap<View>,
    /// Held while a new view is made, so that a later change is never overwritten by an earlier one.
    changing: tokio::sync::Mutex<()>,
    pub(crate) stored: Stored,
    pub(crate) asking: Asking,
    pub(crate) estimator: Estimator,
    pub(crate) proofs: ProofStore,
    pub(crate) refused: Refused,
    pub(crate) bridges: Arc<Bridges>,
    pub(crate) keeper: Keeper,
    pub(crate) sign_ins: SignIns,
    pub(crate) taken_over: TakenOver,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) started: Timestamp,
    boot: u64,
    requests: AtomicU64,
}

/// What requests see.
pub(crate) struct View {
    pub(crate) config: Arc<Config>,
    pub(crate) config_error: Option<String>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) lists: Arc<Lists>,
    pub(crate) resolved: Resolved,
    direct: Arc<Upstream>,
    /// By provider, for those with a network proxy.
    proxied: HashMap<String, Arc<Upstream>>,
}

impl View {
    /// The connections to a provider.
    pub(crate) fn upstream(&self, provider: &str) -> &Upstream {
        self.proxied.get(provider).unwrap_or(&self.direct)
    }

    pub(crate) fn known(&self) -> Known<'_> {
        Known {
            catalog: &self.catalog,
            config: &self.config,
            roster: &self.roster,
            lists: &self.lists,
        }
    }

    /// The same for a change; answers found before it count no more.
    fn again(&self) -> Self {
        Self {
            config: self.config.clone(),
            config_error: self.config_error.clone(),
            catalog: self.catalog.clone(),
            roster: self.roster.clone(),
            lists: self.lists.clone(),
            resolved: Resolved::default(),
            direct: self.direct.clone(),
            proxied: self.proxied.clone(),
        }
    }
}

impl Engine {
    /// Reads configuration and vault. Nothing listens yet: see [`Engine::listen`].
    ///
    /// # Errors
    /// When the configuration is wrong or the vault cannot be read.
    pub async fn new(vault: Vault, options: Options) -> Result<Self, EngineError> {
        let bundled = Catalog::bundled()?;
        let path = options.config_path.clone();
        let config = config::load(&path, &bundled)?;
        let (vault, bundled, view) = blocking(move || {
            let view = view(&vault, &bundled, config.into(), None)?;
            Ok((vault, bundled, view))
        })
        .await?;
        let mut boot = [0; 8];
        // A failing random source leaves the clock, which is enough for an id.
        if getrandom::fill(&mut boot).is_err() {
            boot = Timestamp::now().as_nanosecond().to_le_bytes()[..8]
                .try_into()
                .unwrap_or(boot);
        }
        let boot = u64::from_le_bytes(boot);
        let keeper = Keeper::new(vault.clone());
        let renewals = keeper.changes();
        keeper.follow(&view.roster.asks());
        let bridges = Arc::new(Bridges::new(programs_folder(&vault, boot)));
        let sign_ins = SignIns::new(vault.clone(), Arc::clone(&bridges));
        let changes = sign_ins.changes();
        let shared = Arc::new(Shared {
            vault,
            bundled,
            options,
            view: ArcSwap::from_pointee(view),
            changing: tokio::sync::Mutex::new(()),
            stored: Stored::default(),
            asking: Asking::default(),
            estimator: Estimator::default(),
            proofs: ProofStore::default(),
            refused: Refused::default(),
            bridges,
            keeper,
            sign_ins,
            taken_over: TakenOver::default(),
            notices: broadcast::channel(64).0,
            stop: watch::channel(false).0,
            started: Timestamp::now(),
            boot,
            requests: AtomicU64::new(0),
        });
        tokio::spawn(sign_ins::follow(Arc::downgrade(&shared), changes));
        tokio::spawn(tokens::follow(Arc::downgrade(&shared), renewals));
        Ok(Self(shared))
    }

    /// The vault behind the engine.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The catalogue, with the providers of the user's own.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.view().catalog.clone()
    }

    /// The configuration in force.
    pub fn config(&self) -> Config {
        Config::clone(&self.0.view().config)
    }

    /// Where the configuration is read from.
    pub fn config_path(&self) -> &std::path::Path {
        &self.0.options.config_path
    }

    /// Why the configuration file is not in force, if it is not.
    pub fn config_error(&self) -> Option<String> {
        self.0.view().config_error.clone()
    }

    /// When the engine started.
    pub fn started(&self) -> Timestamp {
        self.0.started
    }

    /// Enabled accounts that cannot be asked, and why.
    pub fn idle_accounts(&self) -> Vec<(Account, String)> {
        self.0.view().roster.idle.clone()
    }

    /// The models that the accounts serve now, as far as is known without asking anybody.
    pub fn known_models(&self) -> Vec<ModelFacts> {
        self.0.view().known().offered()
    }

    /// The models that the accounts serve now. Asks for live lists that are missing or old, and waits
    /// a few seconds at most for those that were never read.
    pub async fn models(&self) -> Vec<ModelFacts> {
        let view = self.0.look_up_models(models::PATIENCE).await;
        view.known().offered()
    }

    /// News for viewers.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.0.notices.subscribe()
    }

    /// Takes over a change in the vault.
    ///
    /// # Errors
    /// When the vault cannot be read; the engine keeps what it had.
    pub async fn accounts_changed(&self) -> Result<(), EngineError> {
        let _changing = self.0.changing.lock().await;
        let last = self.0.view();
        self.0
            .replace(last.config.clone(), last.config_error.clone())
            .await?;
        self.0.announce(Notice::Accounts);
        Ok(())
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// When it was refused; the old one stays in force.
    pub async fn reload(&self) -> Result<(), EngineError> {
        let _changing = self.0.changing.lock().await;
        let loaded = config::load(&self.0.options.config_path, &self.0.bundled);
        let result = match loaded {
            Ok(config) => self.0.replace(config.into(), None).await,
            Err(error) => Err(error.into()),
        };
        let error = result.as_ref().err().map(ToString::to_string);
        if let Some(error) = &error {
            tracing::warn!(%error, "configuration refused, the old one stays in force");
            let last = self.0.view();
            let config = last.config.clone();
            // Nothing but the remark changes, so a failure here would be a failure of the vault,
            // which the next request reports better.
            let _ = self.0.replace(config, Some(error.clone())).await;
        }
        self.0.announce(Notice::Config { error });
        result
    }

    /// Reloads the configuration whenever its file changes, until the future is dropped.
    pub async fn follow_config(&self) {
        let path = self.0.options.config_path.clone();
        let watched = config::watch(path, async || {
            // Told to viewers and the log already.
            let _ = self.reload().await;
        });
        if let Err(error) = watched.await {
            tracing::warn!(%error, "the configuration file cannot be watched; use `byokey reload`");
        }
    }

    /// Tells viewers that a link waits for the person, or was put away.
    pub fn announce_link(&self) {
        self.0.announce(Notice::Link);
    }

    /// Stops listening; requests under way have a few seconds to end.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    /// Resolves when [`Engine::stop`] was called.
    pub async fn stopping(&self) {
        let mut stop = self.0.stop.subscribe();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

impl Shared {
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn announce(&self, notice: Notice) {
        // Nobody listening is fine.
        let _ = self.notices.send(notice);
    }

    /// A number that rises with every request, for taking turns.
    pub(crate) fn turn(&self) -> usize {
        usize::try_from(self.requests.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// A new request id, unique over restarts.
    pub(crate) fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("req_{:016x}{number:08x}", self.boot)
    }

    /// Takes over a change that needs nothing but memory.
    pub(crate) async fn change_view(&self, change: impl FnOnce(&mut View)) {
        let _changing = self.changing.lock().await;
        let mut view = self.view().again();
        change(&mut view);
        self.view.store(Arc::new(view));
    }

    async fn replace(
        &self,
        config: Arc<Config>,
        config_error: Option<String>,
    ) -> Result<(), EngineError> {
        let (vault, bundled, last) = (self.vault.clone(), self.bundled.clone(), self.view());
        let keeper = self.keeper.clone();
        let made = blocking(move || {
            let mut view = view(&vault, &bundled, config, Some(&last))?;
            view.config_error = config_error;
            keeper.keep_only(&view.roster.accounts);
            keeper.follow(&view.roster.asks());
            Ok(view)
        });
        self.view.store(Arc::new(made.await?));
        Ok(())
    }
}

/// Where the user's own programs run. The folder keeps its place, since some remember where they ran;
/// with a vault in memory there is no such place.
fn programs_folder(vault: &Vault, boot: u64) -> PathBuf {
    match vault.dir() {
        Some(folder) => folder.join("programs"),
        None => std::env::temp_dir().join(format!("byokey-programs-{boot:016x}")),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

fn view(
    vault: &Vault,
    bundled: &Catalog,
    config: Arc<Config>,
    last: Option<&View>,
) -> Result<View, EngineError> {
    let mut catalog = bundled.clone();
    for (id, settings) in &config.providers {
        if bundled.provider(id).is_none()
            && let (Some(dialect), Some(base_url)) = (settings.dialect, &settings.base_url)
        {
            catalog = catalog.with_custom(CustomProvider {
                id: id.clone(),
                dialect,
                base_url: base_url.clone(),
                auth: None,
                models: settings.models.clone(),
                oauth: settings.oauth.as_ref().map(OauthOverride::own_provider),
            })?;
        }
    }
    for (id, settings) in &config.providers {
        if let Some(key) = &settings.api_key {
            take_key(vault, &catalog, id, key, settings.base_url.as_deref())?;
        }
    }
    let catalog = Arc::new(catalog);
    let roster = Roster::take(vault, &catalog, &config, last.map(|last| &*last.roster))?;
    let connect = config.timeouts.connect();
    // Pools outlive a change, or each would close all connections.
    let last_pools = last.filter(|last| last.config.timeouts.connect() == connect);
    let direct = match last_pools {
        Some(last) => last.direct.clone(),
        None => Arc::new(Upstream::new(connect)),
    };
    let mut proxied = HashMap::new();
    for (id, settings) in &config.providers {
        let Some(proxy) = &settings.proxy else {
            continue;
        };
        let same = |last: &&View| {
            let before = last.config.providers.get(id);
            before.is_some_and(|before| before.proxy == settings.proxy)
        };
        let known = last_pools
            .filter(same)
            .and_then(|last| last.proxied.get(id));
        let pool = known
            .cloned()
            .unwrap_or_else(|| Arc::new(Upstream::through(connect, proxy.value().as_ref())));
        // Accounts name the row's own id, the configuration may use another name of it.
        let id = catalog.provider(id).map_or(id, |provider| &provider.id);
        proxied.insert(id.clone(), pool);
    }
    Ok(View {
        config,
        config_error: None,
        catalog,
        roster: Arc::new(roster),
        lists: last.map(|last| last.lists.clone()).unwrap_or_default(),
        resolved: Resolved::default(),
        direct,
        proxied,
    })
}

/// Name of the account that holds a key from the configuration file.
const FROM_CONFIG: &str = "config";

/// Takes a key from the configuration into the vault.
fn take_key(
    vault: &Vault,
    catalog: &Catalog,
    id: &str,
    key: &ConfigKey,
    base_url: Option<&str>,
) -> Result<(), EngineError> {
    let Some(provider) = catalog.provider(id) else {
        return Ok(());
    };
    let text = match key.variable() {
        Some(name) => match std::env::var(name) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            _ => {
                tracing::warn!(
                    provider = id,
                    variable = name,
                    "the variable for its key is not set"
                );
                return Ok(());
            }
        },
        None => {
            tracing::warn!(
                provider = id,
                "an API key stands readable in the configuration file; it is in the vault now, so \
                 take it out of the file"
            );
            key.expose().trim().to_owned()
        }
    };
    let known = vault
        .accounts()?
        .into_iter()
        .find(|account| account.provider == provider.id && account.name == FROM_CONFIG);
    if let Some(account) = known
        && vault.credential(account.id)?.secret.expose() == text
    {
        return Ok(());
    }
    let bound = origin(base_url.unwrap_or(&provider.base_url));
    let new = NewAccount {
        provider: &provider.id,
        name: Some(FROM_CONFIG),
        route: "api-key",
        base_origin: base_url.and(bound.as_deref()),
        limited: false,
        fields: &[],
    };
    vault.add_key(new, Secret::new(text), Actor::Config)?;
    Ok(())
}
