use anyhow::{Result, bail};
use byokey_manage::AccountInfo;

use super::output::{Output, plain, say};
use super::reach::Reach;
use crate::settings::Settings;

/// An account to be forgotten.
#[derive(Debug, clap::Args)]
pub(super) struct Logout {
    /// The provider
    provider: String,
    /// Which of its accounts; needed when it has several
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
}

impl Logout {
    /// Forgets the account, and says whether the provider ended its login.
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let reach = Reach::open(settings).await?;
        let accounts = reach.client.accounts(Some(&self.provider)).await?.accounts;
        let account = one_of(&accounts, &self.provider, self.account.as_deref())?;
        let gone = reach.client.remove_account(account.id).await?;
        reach.changed().await?;
        if output.is_json() {
            output.data(&gone, |_| String::new())?;
        } else {
            say(&plain(&gone.message));
        }
        Ok(())
    }
}

/// The account that is meant: the named one, or the only one.
///
/// # Errors
/// When there is none, or several and none is named.
pub(super) fn one_of<'a>(
    accounts: &'a [AccountInfo],
    provider: &str,
    name: Option<&str>,
) -> Result<&'a AccountInfo> {
    match (name, accounts) {
        (Some(name), accounts) => named(accounts, provider, name),
        (None, [only]) => Ok(only),
        (None, []) => bail!("{provider} has no account"),
        (None, several) => bail!(
            "{provider} has several accounts; say which with --account: {}",
            names(several)
        ),
    }
}

/// The account of this name, label or number, in this order.
///
/// # Errors
/// When there is none or a label means several, with the names there are.
pub(super) fn named<'a>(
    accounts: &'a [AccountInfo],
    provider: &str,
    name: &str,
) -> Result<&'a AccountInfo> {
    let find = |fits: &dyn Fn(&AccountInfo) -> bool| accounts.iter().find(|it| fits(it));
    let labelled: Vec<_> = accounts
        .iter()
        .filter(|it| it.label.as_deref() == Some(name))
        .collect();
    let by_name = find(&|it| it.name == name);
    if by_name.is_none() && labelled.len() > 1 {
        bail!(
            "{provider} has several accounts of {name}; say which: {}",
            names(labelled)
        );
    }
    let found = by_name
        .or_else(|| labelled.first().copied())
        .or_else(|| find(&|it| it.id.to_string() == name));
    match found {
        Some(account) => Ok(account),
        None if accounts.is_empty() => bail!("{provider} has no account"),
        None => bail!(
            "{provider} has no account `{name}`; it has {}",
            names(accounts)
        ),
    }
}

fn names<'a>(accounts: impl IntoIterator<Item = &'a AccountInfo>) -> String {
    let names = accounts.into_iter().map(|account| &*account.name);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use byokey_manage::{AccountState, StateKind};
    use byokey_vault::AccountKind;

    use super::*;

    fn account(id: i64, name: &str, label: Option<&str>) -> AccountInfo {
        AccountInfo {
            id,
            provider: "claude".to_owned(),
            name: name.to_owned(),
            route: "oauth-pkce".to_owned(),
            kind: AccountKind::Tokens,
            label: label.map(ToOwned::to_owned),
            plan: None,
            owner: None,
            source: None,
            expires: None,
            renewed: None,
            state: AccountState {
                kind: StateKind::Fresh,
                since: None,
                words: None,
                next: None,
            },
            enabled: true,
            priority: 0,
            limited: false,
            base_origin: None,
            fields: [].into(),
            key_hint: String::new(),
            created: jiff::Timestamp::UNIX_EPOCH,
            last_used: None,
            last_error: None,
            idle: None,
        }
    }

    #[test]
    fn an_account_is_found_by_name_label_and_number() {
        let all = [
            account(1, "work", Some("ada@example.org")),
            account(2, "ada@example.com", Some("bob@example.org")),
            account(3, "org", Some("ada@example.org")),
            account(4, "other", Some("ada@example.com")),
        ];
        let id = |name| named(&all, "claude", name).map(|account| account.id);
        assert_eq!(id("work").unwrap(), 1);
        assert_eq!(id("bob@example.org").unwrap(), 2);
        // A name goes before another account's label.
        assert_eq!(id("ada@example.com").unwrap(), 2);
        assert_eq!(id("3").unwrap(), 3);
        let several = id("ada@example.org").unwrap_err().to_string();
        assert!(several.contains("work, org"), "{several}");
        assert!(id("nobody").is_err());
        assert!(one_of(&all, "claude", None).is_err());
        assert_eq!(one_of(&all[..1], "claude", None).unwrap().id, 1);
    }
}
