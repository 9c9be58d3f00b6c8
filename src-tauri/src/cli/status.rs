use anyhow::Result;
use byokey_manage::{Client, IdleAccount, StatusResponse};
use byokey_vault::Actor;
use serde::Serialize;

use super::output::{Output, plain};
use super::state::attention;
use super::when::ago;
use crate::settings::Settings;

/// The status of an engine that does not run; members as in [`StatusResponse`].
#[derive(Serialize)]
struct Stopped {
    running: bool,
    url: Option<String>,
    version: &'static str,
    data_dir: String,
    config_path: String,
}

/// Shows whether the engine runs. Opens no vault, so it never asks for anything.
pub(super) async fn run(settings: &Settings, output: &mut Output) -> Result<()> {
    if let Some(client) = Client::running(&settings.data_dir, Actor::Cli).await? {
        output.data(&client.status().await?, text)?;
        return Ok(());
    }
    let stopped = Stopped {
        running: false,
        url: None,
        version: env!("CARGO_PKG_VERSION"),
        data_dir: settings.data_dir.display().to_string(),
        config_path: settings.config_path.display().to_string(),
    };
    output.data(&stopped, |stopped| {
        format!(
            "byokey does not run\n  data folder:    {}\n  configuration:  {}\n",
            stopped.data_dir, stopped.config_path
        )
    })?;
    Ok(())
}

fn text(status: &StatusResponse) -> String {
    let url = status.url.as_deref().unwrap_or_default();
    let mut text = format!(
        "byokey {} runs at {url} (process {}, started {})\n\
         \x20 OpenAI clients:     base URL {url}/v1\n\
         \x20 Anthropic clients:  base URL {url}\n\
         \x20 accounts:           {} ({} enabled)\n\
         \x20 client keys:        {}{}\n\
         \x20 models:             {}\n\
         \x20 vault:              {}\n\
         \x20 data folder:        {}\n\
         \x20 configuration:      {}\n",
        status.version,
        status.pid,
        ago(Some(status.started)),
        status.accounts.total,
        status.accounts.enabled,
        status.keys,
        if status.require_key {
            ""
        } else {
            " (not required: every local program may call)"
        },
        status.models,
        status.vault,
        status.data_dir,
        status.config_path,
    );
    if let Some(error) = &status.config_error {
        text.push_str(&format!("  not in force:       {error}\n"));
    }
    for account in &status.accounts.attention {
        text.push_str(&format!(
            "  needs you:          {}/{}: {}\n",
            account.provider,
            account.name,
            plain(&attention(account))
        ));
    }
    let told = |idle: &&IdleAccount| {
        let mut attention = status.accounts.attention.iter();
        !attention.any(|account| account.id == idle.id)
    };
    for idle in status.accounts.idle.iter().filter(told) {
        text.push_str(&format!(
            "  not used:           {}/{}: {}\n",
            idle.provider, idle.name, idle.reason
        ));
    }
    text
}
