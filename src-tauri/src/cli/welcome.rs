use anyhow::Result;
use byokey_manage::Client;
use byokey_vault::Actor;

use super::output::Output;
use crate::settings::Settings;

/// Says where byokey is and what to do next.
pub(super) async fn run(settings: &Settings, output: &mut Output) -> Result<()> {
    let running = Client::running(&settings.data_dir, Actor::Cli).await?;
    let status = match &running {
        Some(client) => Some(client.status().await?),
        None => None,
    };
    let url = status.as_ref().and_then(|status| status.url.as_deref());
    let first = match url {
        Some(url) => format!(
            "byokey runs at {url}\n\
             \x20 OpenAI clients:        base URL {url}/v1\n\
             \x20 Anthropic clients:     base URL {url}\n"
        ),
        None => "byokey does not run\n  start it:              byokey start (or `byokey serve` to \
                 watch it)\n"
            .to_owned(),
    };
    output.line(&format!(
        "{first}\
         \x20 a plan of yours:       byokey login PROVIDER\n\
         \x20 logins you have:       byokey import all --dry-run\n\
         \x20 a provider's key:      byokey add-key PROVIDER\n\
         \x20 a key for a program:   byokey keys create my-tool\n\
         \x20 what was used:         byokey usage\n\
         \x20 everything else:       byokey --help"
    ))?;
    Ok(())
}
