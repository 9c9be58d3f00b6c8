use std::process::ExitCode;

use anyhow::Result;
use byokey_manage::{CheckOutcome, CheckResponse};
use serde::Serialize;

use super::output::{Output, say};
use super::reach::Reach;
use super::table::Table;
use crate::settings::Settings;

/// Which accounts to check.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Only those of one provider
    provider: Option<String>,
}

#[derive(Serialize)]
struct Checked {
    provider: String,
    account: String,
    #[serde(flatten)]
    result: CheckResponse,
}

impl Check {
    /// Exits with 1 if a provider refuses a key or login or cannot be asked, or a program is missing or
    /// signed out.
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<ExitCode> {
        let reach = Reach::open(settings).await?;
        let accounts = reach
            .client
            .accounts(self.provider.as_deref())
            .await?
            .accounts;
        if accounts.is_empty() {
            say("There are no accounts to check.");
        }
        let mut all = Vec::new();
        for account in accounts {
            let result = reach.client.check_account(account.id).await?;
            all.push(Checked {
                provider: account.provider,
                account: account.name,
                result,
            });
        }
        reach.changed().await?;
        let bad = all.iter().any(|checked| is_bad(checked.result.outcome));
        output.data(&all, |all| text(all))?;
        Ok(if bad {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn is_bad(outcome: CheckOutcome) -> bool {
    matches!(
        outcome,
        CheckOutcome::Refused | CheckOutcome::Unreachable | CheckOutcome::Unclear
    )
}

fn text(all: &[Checked]) -> String {
    let mut table = Table::new(&["PROVIDER", "ACCOUNT", "RESULT"]);
    for checked in all {
        let outcome = match checked.result.outcome {
            CheckOutcome::Accepted => "accepted",
            CheckOutcome::Limited => "accepted, with restrictions",
            CheckOutcome::Exhausted => "genuine, but used up for now",
            CheckOutcome::Refused => "refused",
            CheckOutcome::Unreachable => "unreachable",
            CheckOutcome::Unclear => "unclear",
            CheckOutcome::Unchecked => "not checked: there is no free call for it",
        };
        let result = match (checked.result.outcome, &checked.result.message) {
            (CheckOutcome::Unchecked, Some(message)) => format!("not checked: {message}"),
            (_, Some(message)) => format!("{outcome}: {message}"),
            (_, None) => outcome.to_owned(),
        };
        table.row([checked.provider.clone(), checked.account.clone(), result]);
    }
    if all.is_empty() {
        String::new()
    } else {
        table.text()
    }
}
