use std::net::IpAddr;

use anyhow::{Context, Result};
use byokey_gateway::{Engine, Options, config};
use byokey_manage::{Desk, Endpoint, ManageToken, Setting, router};
use byokey_vault::{FolderLock, Vault};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC, ctrl_c};

use super::output::say;
use crate::settings::Settings;

/// More threads than this only wait for each other.
const MOST_THREADS: usize = 4;

/// Where the engine listens.
#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    /// Port to listen on, in place of the configured one; 0 lets the system choose
    #[arg(short, long)]
    pub(super) port: Option<u16>,
    /// Address to listen on, in place of the configured one
    #[arg(long)]
    pub(super) host: Option<IpAddr>,
}

impl Serve {
    /// Runs the engine until it is stopped.
    ///
    /// # Errors
    /// When another engine holds the folder, or configuration, vault or port cannot be used.
    pub(super) fn run(&self, settings: &Settings) -> Result<()> {
        let _held = FolderLock::acquire(&settings.data_dir)?;
        let catalog = byokey_catalog::Catalog::bundled()?;
        let configured = config::load(&settings.config_path, &catalog)?.vault;
        let vault = settings.open_vault(configured.as_deref())?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.min(MOST_THREADS))
            .enable_all()
            .build()?;
        runtime.block_on(self.serve(settings, vault))
    }

    async fn serve(&self, settings: &Settings, vault: Vault) -> Result<()> {
        let options = Options {
            config_path: settings.config_path.clone(),
            port: self.port,
            host: self.host,
        };
        let engine = Engine::new(vault, options).await?;
        let listening = engine.listen().await?;
        let signals = Signals::take().context("cannot take over signals")?;
        let url = listening.url();
        let token = ManageToken::random()?;
        let folder = &settings.data_dir;
        token
            .save(folder)
            .context("cannot write the management token")?;
        let published = Endpoint::publish(folder, &url).context("cannot write endpoint.json")?;
        let setting = Setting {
            data_dir: folder.clone(),
            url: Some(url.clone()),
        };
        let desk = Desk::new(engine.clone(), setting);
        // Whoever reads the greeting finds them.
        if let Err(error) = engine.resume_sign_ins().await {
            tracing::warn!(%error, "sign-ins that were waiting cannot go on");
        }
        greet(&engine, &url);
        let signals = tokio::spawn(signals.follow(engine.clone()));
        tokio::select! {
            () = listening.serve(router(desk, token)) => {}
            () = follow_config(&engine) => {}
        }
        signals.abort();
        drop(published);
        let flushed = tokio::task::spawn_blocking(move || engine.vault().usage().flush());
        // What cannot be written now stays in the journal for the next start.
        flushed.await?.context("usage stays in its journal")
    }
}

/// Takes over changes of the configuration file. A command that wrote into the vault before it could
/// know of this engine is caught up with first. Never ends.
async fn follow_config(engine: &Engine) {
    if let Err(error) = engine.accounts_changed().await {
        tracing::warn!(%error, "the vault could not be read again");
    }
    engine.follow_config().await;
    std::future::pending().await
}

fn greet(engine: &Engine, url: &str) {
    let version = env!("CARGO_PKG_VERSION");
    say(&format!(
        "byokey {version} listens at {url}\n\
         \x20 OpenAI clients:      base URL {url}/v1\n\
         \x20 Anthropic clients:   base URL {url}\n\
         \x20 a plan of yours:     byokey login PROVIDER\n\
         \x20 a provider's key:    byokey add-key PROVIDER\n\
         \x20 a key for a program: byokey keys create my-tool"
    ));
    if !engine.config().auth.require_key {
        tracing::warn!(
            "every program and every user of this computer may use your accounts: auth.require_key is false"
        );
    }
    for (account, reason) in engine.idle_accounts() {
        tracing::warn!(
            provider = account.provider,
            account = account.name,
            "not used: {reason}"
        );
    }
}

/// What the system or a terminal tells the engine.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals over; until then they end the process at once.
    fn take() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn follow(mut self, engine: Engine) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => break,
                _ = self.terminate.recv() => break,
                _ = self.hangup.recv() => {
                    // Told to viewers and the log already.
                    let _ = engine.reload().await;
                }
            }
        }
        engine.stop();
    }
}

/// What a terminal tells the engine.
#[cfg(windows)]
struct Signals {
    interrupt: CtrlC,
}

#[cfg(windows)]
impl Signals {
    /// Takes Ctrl-C over; until then it ends the process at once.
    fn take() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
        })
    }

    async fn follow(mut self, engine: Engine) {
        if self.interrupt.recv().await.is_some() {
            engine.stop();
        }
    }
}
