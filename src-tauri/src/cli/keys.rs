use anyhow::{Context, Result};
use byokey_manage::{CreateKeyParams, KeyInfo, KeysResponse, LimitsInfo};
use jiff::{SignedDuration, Timestamp};

use super::output::{Output, say};
use super::reach::Reach;
use super::table::Table;
use super::when::ago;
use crate::settings::Settings;

/// What to do with client keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Keys {
    /// Make a key; it is shown only once
    Create(Create),
    /// List the keys
    List,
    /// End a key
    Revoke {
        /// Its name or number
        name: String,
    },
}

/// A key to be made.
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// A name, such as the program that will use it
    name: String,
    /// Print the key alone
    #[arg(long)]
    print: bool,
    /// Models it may ask for, separated by commas; `gpt-5*` means all that begin so
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    models: Vec<String>,
    /// Requests it may make in a minute
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rpm: Option<u32>,
    /// Estimated cost it may cause in all, in USD
    #[arg(long, value_name = "USD")]
    budget: Option<f64>,
    /// Days until it stops working
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..))]
    expires: Option<u32>,
}

impl Keys {
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        match self {
            Self::Create(create) => create.run(settings, output).await,
            Self::List => {
                let reach = Reach::open(settings).await?;
                let found = reach.client.keys().await?;
                if found.keys.is_empty() && !output.is_json() {
                    say("There are no client keys yet: byokey keys create my-tool");
                    return Ok(());
                }
                output.data(&found, text)?;
                Ok(())
            }
            Self::Revoke { name } => {
                let reach = Reach::open(settings).await?;
                let revoked = reach.client.revoke_key(&name).await?;
                reach.changed().await?;
                if output.is_json() {
                    output.data(&revoked, |_| String::new())?;
                } else {
                    say(&format!("The client key `{name}` is revoked."));
                }
                Ok(())
            }
        }
    }
}

impl Create {
    async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let expires = self.expires.map(|days| {
            let span = SignedDuration::from_hours(i64::from(days) * 24);
            Timestamp::now().checked_add(span)
        });
        let expires = expires.transpose().context("--expires is too far away")?;
        let reach = Reach::open(settings).await?;
        let params = CreateKeyParams {
            name: self.name,
            limits: LimitsInfo {
                models: self.models,
                rpm: self.rpm,
                budget_usd: self.budget,
                expires,
            },
        };
        let made = reach.client.create_key(&params).await?;
        reach.changed().await?;
        if output.is_json() && !self.print {
            output.data(&made, |_| String::new())?;
            return Ok(());
        }
        if !self.print {
            say(&format!(
                "The client key `{}`. It is shown only now; give it to your program as its API key:",
                made.key.name
            ));
        }
        output.line(&made.secret)?;
        Ok(())
    }
}

fn text(found: &KeysResponse) -> String {
    let mut table = Table::new(&["ID", "NAME", "KEY", "LAST USED", ">SPENT", "STATE"]);
    for key in &found.keys {
        table.row([
            key.id.to_string(),
            key.name.clone(),
            key.hint.clone(),
            ago(key.last_used),
            format!("${:.2}", key.spent_usd),
            state(key),
        ]);
    }
    table.text()
}

fn state(key: &KeyInfo) -> String {
    let limits = &key.limits;
    if key.revoked.is_some() {
        return "revoked".to_owned();
    }
    if limits.expires.is_some_and(|end| end <= Timestamp::now()) {
        return "expired".to_owned();
    }
    let parts = [
        (!limits.models.is_empty()).then(|| limits.models.join(", ")),
        limits.rpm.map(|rpm| format!("{rpm} requests a minute")),
        limits.budget_usd.map(|budget| format!("${budget} in all")),
        limits
            .expires
            .map(|end| format!("until {}", end.strftime("%Y-%m-%d"))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "valid".to_owned()
    } else {
        format!("valid: {}", parts.join("; "))
    }
}
