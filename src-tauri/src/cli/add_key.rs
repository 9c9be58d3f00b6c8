use std::collections::BTreeMap;
use std::io::{IsTerminal, Read, Write};

use anyhow::{Context, Result};
use byokey_manage::{
    AccountInfo, AddAccountParams, AddAccountResponse, CheckOutcome, FieldInfo, KeyInput,
    ProviderInfo,
};
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
    /// A value that the provider needs beside the key, such as `resource=my-resource`; may be given
    /// several times [default: the provider's environment variables, else it is asked for]
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Store the key without asking the provider whether it works
    #[arg(long)]
    no_check: bool,
}

impl AddKey {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let reach = Reach::open(settings).await?;
        let mut fields: BTreeMap<_, _> = self.fields.into_iter().collect();
        let providers = reach.client.providers().await?.providers;
        if let Some(provider) = named(&providers, &self.provider) {
            let accounts = reach.client.accounts(Some(&provider.id)).await?.accounts;
            let known = accounts
                .iter()
                .find(|known| Some(&known.name) == self.account.as_ref());
            ask_fields(provider, known, &mut fields)?;
        }
        let key = read(&self.provider)?;
        let params = AddAccountParams {
            provider: self.provider,
            name: self.account,
            key: Some(KeyInput(key)),
            check: !self.no_check,
            fields,
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

/// `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn named<'a>(providers: &'a [ProviderInfo], name: &str) -> Option<&'a ProviderInfo> {
    let fits = |provider: &&ProviderInfo| {
        provider.id == name || provider.aliases.iter().any(|alias| alias == name)
    };
    providers.iter().find(fits)
}

/// Adds the fields that nobody gave: from the environment, or from the person at the terminal. What
/// is missing after that is for the management API to say.
fn ask_fields(
    provider: &ProviderInfo,
    known: Option<&AccountInfo>,
    given: &mut BTreeMap<String, String>,
) -> Result<()> {
    // Which kind of account it becomes shows only with the key, so what not all have is not asked.
    let asked = provider.fields.iter().filter(|field| {
        field.routes.is_empty() && known.is_none_or(|known| !known.fields.contains_key(&field.name))
    });
    for field in asked {
        if given.contains_key(&field.name) {
            continue;
        }
        let variable = field.env.iter().find_map(|name| {
            let value = std::env::var(name).ok()?;
            (!value.trim().is_empty()).then(|| (name, value.trim().to_owned()))
        });
        if let Some((name, value)) = variable {
            say(&format!("{}: {value} (from {name})", field.label));
            given.insert(field.name.clone(), value);
        } else if std::io::stdin().is_terminal() {
            let value = ask(field)?;
            if !value.is_empty() {
                given.insert(field.name.clone(), value);
            }
        }
    }
    Ok(())
}

/// Asks for one value; empty is the default.
pub(super) fn ask(field: &FieldInfo) -> Result<String> {
    let default = match field.default.as_deref() {
        Some(default) if default.starts_with('{') => " [none]".to_owned(),
        Some(default) => format!(" [{default}]"),
        None => String::new(),
    };
    let mut terminal = std::io::stderr();
    write!(terminal, "{}{default}: ", field.label)?;
    terminal.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
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
