use std::io::{IsTerminal, Read};

use anyhow::{Context, Result};
use byokey_manage::{AddAccountParams, AddAccountResponse, CheckOutcome, KeyInput};
use byokey_vault::Secret;
use zeroize::Zeroizing;

use super::output::{Output, say};
use super::reach::Reach;
use crate::settings::Settings;

/// More of standard input is not read, in bytes: no key is that long.
const LONGEST: u64 = 64 * 1024;

/// A key to be added.
#[derive(Debug, clap::Args)]
pub(super) struct AddKey {
    /// The provider, such as `openai`, or one of your own configuration
    provider: String,
    /// Name of the account; an account of that name gets the new key
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Store the key without asking the provider whether it works
    #[arg(long)]
    no_check: bool,
}

impl AddKey {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let key = read(&self.provider)?;
        let reach = Reach::open(settings).await?;
        let params = AddAccountParams {
            provider: self.provider,
            name: self.account,
            key: Some(KeyInput(key)),
            check: !self.no_check,
        };
        let added = reach.client.add_account(&params).await?;
        reach.changed().await?;
        if output.is_json() {
            output.data(&added, |_| String::new())?;
        } else {
            say(&told(&added));
        }
        Ok(())
    }
}

/// Reads the key from the terminal, hidden, or from whatever standard input is.
fn read(provider: &str) -> Result<Secret> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        let typed = rpassword::prompt_password(format!("Key of {provider} (not shown): "));
        return Ok(Secret::new(typed.context("no key was given")?));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let reading = input.by_ref().take(LONGEST).read_to_end(&mut bytes);
    reading.context("no key can be read from standard input")?;
    let key = Secret::from_bytes(std::mem::take(&mut *bytes));
    key.context("this is not text, so it is no key")
}

fn told(added: &AddAccountResponse) -> String {
    let account = &added.account;
    let name = format!("{}/{}", account.provider, account.name);
    let said = match added.outcome {
        CheckOutcome::Accepted => "the provider accepts the key",
        CheckOutcome::Limited => "the provider accepts the key, but it may not do everything",
        CheckOutcome::Exhausted => "the key is genuine, but its quota or credit is used up for now",
        CheckOutcome::Refused
        | CheckOutcome::Unreachable
        | CheckOutcome::Unclear
        | CheckOutcome::Unchecked => "whether the key works shows with the first request",
    };
    let idle = account.idle.as_ref();
    let idle = idle.map_or_else(String::new, |why| format!("\nIt is not used yet: {why}"));
    format!("Stored {name}: {said}.{idle}")
}
