//! How a subcommand reaches accounts, keys and usage, whether the engine runs or not.

use anyhow::Result;
use byokey_gateway::{Engine, Options, config};
use byokey_manage::{Client, Desk, Setting};
use byokey_vault::Actor;

use crate::settings::Settings;

/// The management API of this data folder.
pub(super) struct Reach<'a> {
    /// Its client.
    pub(super) client: Client,
    settings: &'a Settings,
    /// The engine within this process; `None` where one of another process answers.
    here: Option<Engine>,
}

impl<'a> Reach<'a> {
    /// Finds the running engine, or opens the data folder.
    ///
    /// # Errors
    /// When configuration or vault cannot be opened, or a running engine does not answer.
    pub(super) async fn open(settings: &'a Settings) -> Result<Self> {
        if let Some(client) = Client::running(&settings.data_dir, Actor::Cli).await? {
            return Ok(Self {
                client,
                settings,
                here: None,
            });
        }
        let catalog = byokey_catalog::Catalog::bundled()?;
        let configured = config::load(&settings.config_path, &catalog)?.vault;
        let vault = settings.open_vault(configured.as_deref())?;
        let options = Options {
            config_path: settings.config_path.clone(),
            port: None,
            host: None,
        };
        // It is never told to listen.
        let engine = Engine::new(vault, options).await?;
        let setting = Setting {
            data_dir: settings.data_dir.clone(),
            url: None,
        };
        Ok(Self {
            client: Client::here(Desk::new(engine.clone(), setting), Actor::Cli)?,
            settings,
            here: Some(engine),
        })
    }

    /// As [`open`](Self::open), and goes on with sign-ins that an earlier process left waiting.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) async fn to_sign_in(settings: &'a Settings) -> Result<Self> {
        let reach = Self::open(settings).await?;
        if let Some(engine) = &reach.here {
            engine.resume_sign_ins().await?;
        }
        Ok(reach)
    }

    /// To be called after a change. An engine that started while the change was made may have read
    /// the vault just before it; it reads it again when it is told, or when it has said where it
    /// listens, whichever comes later.
    ///
    /// # Errors
    /// When such an engine does not answer.
    pub(super) async fn changed(&self) -> Result<()> {
        if self.here.is_none() {
            return Ok(());
        }
        if let Some(client) = Client::running(&self.settings.data_dir, Actor::Cli).await? {
            client.reload().await?;
        }
        Ok(())
    }
}
