use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use byokey_manage::Client;
use byokey_vault::Actor;

use super::output::{Output, say};
use crate::settings::Settings;

/// The name of the tray app's program, which stands beside this one.
const DESKTOP: &str = "byokey-desktop";

/// Which view of byokey.
#[derive(Debug, clap::Args)]
pub(super) struct Open {
    /// The page of the running engine in a browser: print a link that works once
    #[arg(long)]
    web: bool,
}

impl Open {
    /// Opens the tray app's window, or prints a link to the page.
    ///
    /// # Errors
    /// When no engine runs (`--web`), or there is no tray app beside this program.
    pub(super) async fn run(&self, settings: &Settings, output: &mut Output) -> Result<()> {
        if !self.web {
            return window(settings);
        }
        let client = Client::running(&settings.data_dir, Actor::Cli).await?;
        let client = client.context("byokey does not run; start it with `byokey start`")?;
        let url = client.status().await?.url.unwrap_or_default();
        let link = client.page_link().await?;
        say(&format!(
            "Open this link in a browser of this computer. It works once, for {} minutes, and whoever \
             opens it manages byokey:",
            link.expires_s / 60
        ));
        output.line(&format!("{url}{}", link.path))?;
        Ok(())
    }
}

/// Starts the tray app with its window; one that runs already only opens it.
fn window(settings: &Settings) -> Result<()> {
    let program = std::env::current_exe()?
        .with_file_name(DESKTOP)
        .with_extension(std::env::consts::EXE_EXTENSION);
    if !program.exists() {
        bail!("{DESKTOP} is not installed here; `byokey open --web` gives a link for a browser");
    }
    let mut desktop = Command::new(&program);
    desktop
        .arg("--open")
        .arg("--data-dir")
        .arg(&settings.data_dir);
    if settings.config_path.exists() {
        desktop.arg("--config").arg(&settings.config_path);
    }
    desktop.stdin(Stdio::null()).stdout(Stdio::null());
    desktop
        .spawn()
        .with_context(|| format!("{} does not start", program.display()))?;
    Ok(())
}
