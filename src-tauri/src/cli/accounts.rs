use anyhow::Result;
use byokey_manage::{AccountInfo, AccountsResponse};

use super::output::{Output, say};
use super::reach::Reach;
use super::table::Table;
use super::when::ago;
use crate::settings::Settings;

/// Which accounts.
#[derive(Debug, clap::Args)]
pub(super) struct Accounts {
    /// Only those of one provider
    provider: Option<String>,
}

impl Accounts {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let reach = Reach::open(settings).await?;
        let found = reach.client.accounts(self.provider.as_deref()).await?;
        if found.accounts.is_empty() && !output.is_json() {
            say("There are no accounts yet: byokey add-key PROVIDER");
            return Ok(());
        }
        output.data(&found, text)?;
        Ok(())
    }
}

fn text(found: &AccountsResponse) -> String {
    let mut table = Table::new(&["PROVIDER", "ACCOUNT", "KEY", "LAST USED", "STATE"]);
    for account in &found.accounts {
        table.row([
            account.provider.clone(),
            account.name.clone(),
            account.key_hint.clone(),
            ago(account.last_used),
            state(account),
        ]);
    }
    table.text()
}

fn state(account: &AccountInfo) -> String {
    if !account.enabled {
        return "off".to_owned();
    }
    if let Some(reason) = &account.idle {
        return format!("not used: {reason}");
    }
    if let Some(failure) = &account.last_error {
        return format!("failed {}: {}", ago(Some(failure.at)), failure.message);
    }
    if account.limited {
        "ready (restricted key)"
    } else {
        "ready"
    }
    .to_owned()
}
