use anyhow::Result;
use byokey_manage::{AccountInfo, AccountsResponse};
use byokey_vault::AccountKind;
use jiff::Timestamp;

use super::output::{Output, say};
use super::reach::Reach;
use super::state::in_words;
use super::table::Table;
use super::when::{ago, ahead};
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
            say(
                "There are no accounts yet: byokey login PROVIDER, byokey add-key PROVIDER, or \
                 byokey import all --dry-run",
            );
            return Ok(());
        }
        output.data(&found, text)?;
        Ok(())
    }
}

fn text(found: &AccountsResponse) -> String {
    let now = Timestamp::now();
    let mut table = Table::new(&[
        "PROVIDER",
        "ACCOUNT",
        "WHO",
        "PLAN",
        "LOGIN",
        "EXPIRES",
        "LAST USED",
        "STATE",
    ]);
    for account in &found.accounts {
        table.row([
            account.provider.clone(),
            account.name.clone(),
            account.label.clone().unwrap_or_default(),
            account.plan.clone().unwrap_or_default(),
            held_by(account),
            account
                .expires
                .map_or_else(String::new, |end| ahead(end, now)),
            ago(account.last_used),
            in_words(account),
        ]);
    }
    table.text()
}

fn held_by(account: &AccountInfo) -> String {
    match account.kind {
        AccountKind::Key if account.key_hint.is_empty() => "key".to_owned(),
        AccountKind::Key => format!("key {}", account.key_hint),
        AccountKind::Tokens => "byokey's own".to_owned(),
        AccountKind::Followed => account.owner.clone().unwrap_or_default(),
        AccountKind::Bridge => "your program".to_owned(),
    }
}
