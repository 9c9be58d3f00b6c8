use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use byokey_gateway::{Engine, Options, config};
use byokey_manage::{Desk, Endpoint, ManageToken, Published, Setting, router};
use byokey_vault::FolderLock;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::settings::Settings;

/// Requests under way have five seconds to end; nothing waits much longer than that.
const LONGEST_STOP: Duration = Duration::from_secs(7);

/// A running engine and all that stands while it runs.
pub(crate) struct House {
    /// The engine.
    pub(crate) engine: Engine,
    /// The URL that programs are given.
    pub(crate) url: String,
    /// The operations, for what does not come through the window.
    pub(crate) desk: Desk,
    /// Management API and page, as they are behind the port as well.
    pub(crate) router: Router,
    /// The proof for calls of the window; it goes no further than the scheme's handler.
    pub(crate) token: ManageToken,
    standing: Mutex<Option<Standing>>,
}

/// What ends with the engine.
struct Standing {
    serving: JoinHandle<()>,
    published: Published,
    held: FolderLock,
}

impl House {
    /// Starts the engine.
    ///
    /// # Errors
    /// When another engine holds the folder, or configuration, vault or port cannot be used.
    pub(crate) async fn open(settings: &Settings, port: Option<u16>) -> Result<Self> {
        let folder = &settings.data_dir;
        let held = FolderLock::acquire(folder)?;
        let catalog = byokey_catalog::Catalog::bundled()?;
        let configured = config::load(&settings.config_path, &catalog)?.vault;
        let vault = settings.open_vault(configured.as_deref())?;
        let options = Options {
            config_path: settings.config_path.clone(),
            port,
            host: None,
        };
        let engine = Engine::new(vault, options).await?;
        let listening = engine.listen().await?;
        let url = listening.url();
        let token = ManageToken::random()?;
        token
            .save(folder)
            .context("cannot write the management token")?;
        let published = Endpoint::publish(folder, &url).context("cannot write endpoint.json")?;
        let setting = Setting {
            data_dir: folder.clone(),
            url: Some(url.clone()),
        };
        let desk = Desk::new(engine.clone(), setting);
        let router = router(desk.clone(), token.clone());
        let (runtime, served) = (Handle::current(), engine.clone());
        let answering = listening.serve(router.clone());
        // On a thread of its own: what follows the configuration file cannot move between threads.
        let serving = spawn_blocking(move || runtime.block_on(serve(served, answering)));
        Ok(Self {
            engine,
            url,
            desk,
            router,
            token,
            standing: Mutex::new(Some(Standing {
                serving,
                published,
                held,
            })),
        })
    }

    /// Stops the engine and waits until its last request has ended and its usage is written.
    pub(crate) async fn close(&self) {
        self.engine.stop();
        let Some(standing) = self.standing.lock().take() else {
            return;
        };
        if tokio::time::timeout(LONGEST_STOP, standing.serving)
            .await
            .is_err()
        {
            tracing::warn!("requests under way were cut off");
        }
        drop(standing.published);
        let engine = self.engine.clone();
        let flushed = spawn_blocking(move || engine.vault().usage().flush()).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("usage stays in its journal until the next start");
        }
        drop(standing.held);
    }
}

/// Answers requests and takes over changes of the configuration file, until the engine stops.
async fn serve(engine: Engine, serving: impl Future<Output = ()>) {
    // A command may have written into the vault before it could know of this engine.
    if let Err(error) = engine.accounts_changed().await {
        tracing::warn!(%error, "the vault could not be read again");
    }
    if let Err(error) = engine.resume_sign_ins().await {
        tracing::warn!(%error, "sign-ins that were waiting cannot go on");
    }
    let following = async {
        engine.follow_config().await;
        std::future::pending::<()>().await;
    };
    let asked = async {
        terminated().await;
        engine.stop();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = serving => {}
        () = following => {}
        () = asked => {}
    }
}

/// Resolves when the system or the terminal asks the program to end.
#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn terminated() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
