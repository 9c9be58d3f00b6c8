use anyhow::Result;

use super::logout::named;
use super::output::{Output, say};
use super::reach::Reach;
use crate::settings::Settings;

/// An account to be used first.
#[derive(Debug, clap::Args)]
pub(super) struct Switch {
    /// The provider
    provider: String,
    /// Which of its accounts: its name, its label (an e-mail address) or its number
    account: String,
}

impl Switch {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let reach = Reach::open(settings).await?;
        let accounts = reach.client.accounts(Some(&self.provider)).await?.accounts;
        let account = named(&accounts, &self.provider, &self.account)?;
        let first = reach.client.make_first(account.id).await?;
        reach.changed().await?;
        if output.is_json() {
            output.data(&first, |_| String::new())?;
        } else {
            say(&format!("{}/{} is used first.", first.provider, first.name));
        }
        Ok(())
    }
}
