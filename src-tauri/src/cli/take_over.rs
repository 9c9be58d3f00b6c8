use std::io::Write;

use anyhow::{Result, bail};
use byokey_vault::AccountKind;

use super::logout::one_of;
use super::output::{Output, say};
use super::reach::Reach;
use crate::settings::{Settings, somebody_is_there};

/// A followed login that becomes byokey's own.
#[derive(Debug, clap::Args)]
pub(super) struct TakeOver {
    /// The provider
    provider: String,
    /// Which of its accounts; needed when it has several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// I know that the other program will have to sign in again
    #[arg(long)]
    yes: bool,
}

impl TakeOver {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let reach = Reach::open(settings).await?;
        let accounts = reach.client.accounts(Some(&self.provider)).await?.accounts;
        let account = one_of(&accounts, &self.provider, self.account.as_deref())?;
        if account.kind != AccountKind::Followed {
            bail!(
                "{}/{} follows no other program",
                account.provider,
                account.name
            );
        }
        let owner = account.owner.as_deref().unwrap_or("the other program");
        if !self.yes && !agreed(owner)? {
            bail!("nothing was changed");
        }
        let own = reach.client.take_over(account.id).await?;
        reach.changed().await?;
        if output.is_json() {
            output.data(&own, |_| String::new())?;
        } else {
            say(&format!(
                "{}/{} is byokey's own login now; {owner} will have to sign in again.",
                own.provider, own.name
            ));
        }
        Ok(())
    }
}

fn agreed(owner: &str) -> Result<bool> {
    if !somebody_is_there() {
        bail!("{owner} would have to sign in again: say that this is meant with --yes");
    }
    let mut terminal = std::io::stderr();
    write!(
        terminal,
        "byokey will renew this login from now on, and {owner} will have to sign in again. Go on? \
         [y/N] "
    )?;
    terminal.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
