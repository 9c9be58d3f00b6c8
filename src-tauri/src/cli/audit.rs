use std::process::ExitCode;

use anyhow::Result;
use byokey_manage::AuditResponse;

use super::output::Output;
use super::reach::Reach;
use super::table::Table;
use crate::settings::Settings;

/// Which part of the audit trail.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// Check that nothing was changed, added or cut off
    #[arg(long)]
    verify: bool,
    /// How many acts to show, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl Audit {
    /// Exits with 1 if the trail is not intact.
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<ExitCode> {
        let reach = Reach::open(settings).await?;
        let found = reach.client.audit(self.limit, self.verify).await?;
        output.data(&found, text)?;
        let intact = found.verdict.is_none_or(|verdict| verdict.intact);
        Ok(if intact {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

fn text(found: &AuditResponse) -> String {
    let mut table = Table::new(&[">NO.", "WHEN", "WHO", "WHAT", "ON"]);
    for entry in &found.entries {
        table.row([
            entry.seq.to_string(),
            entry.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            entry.actor.clone(),
            entry.action.clone(),
            entry.subject.clone(),
        ]);
    }
    let verdict = match found.verdict {
        None => String::new(),
        Some(verdict) if verdict.intact => {
            format!("The trail is intact: {} entries.\n", verdict.entries)
        }
        Some(verdict) => format!(
            "The trail was changed: only its first {} entries are as they were written.\n",
            verdict.entries
        ),
    };
    table.text() + &verdict
}
