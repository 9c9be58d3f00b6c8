use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use byokey_catalog::{Catalog, Standing};
use byokey_gateway::config;
use byokey_manage::{
    AccountInfo, AddAccountParams, Client, FoundInfo, FoundKindInfo, ImportParams, ImportResponse,
    ImportsResponse, KeyInput, RefusedImport, VerdictKind,
};
use byokey_signin::{Importer, Machine, Overrides};
use byokey_vault::Secret;
use jiff::Timestamp;

use super::output::{Output, plain, say};
use super::reach::Reach;
use super::table::Table;
use crate::settings::{Settings, somebody_is_there};

/// What to import.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Logins of other programs are followed: byokey reads them where their program keeps them, each time
anew, and never renews or writes them. Keys become accounts of their own, proved by a free call
first. What is in use already stays as it is. Everything is shown before anything is taken.")]
pub(super) struct Import {
    /// claude-code, codex, gemini, copilot, kiro, antigravity, qwen, kimi, iflow, env, byokey, … or
    /// all; a wrong name lists what there is
    #[arg(required = true)]
    sources: Vec<String>,
    /// Only show what could be taken
    #[arg(long)]
    dry_run: bool,
    /// I have read the notices of these ways and accept them
    #[arg(long)]
    accept_notice: bool,
    /// Take everything that can be taken, without asking; with `all` also keys of the environment
    #[arg(long)]
    yes: bool,
}

/// The name of the environment's keys.
const ENVIRONMENT: &str = "env";
/// The name of all sources.
const ALL: &str = "all";

impl Import {
    /// Exits with 1 if something could not be taken, or a named source holds nothing.
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<ExitCode> {
        let reach = Reach::open(settings).await?;
        let here = Here::new(settings)?;
        let found = self.plan(&reach.client, &here).await?;
        if self.dry_run {
            output.data(&ImportsResponse { found }, |plan| table(&plan.found))?;
            return Ok(ExitCode::SUCCESS);
        }
        if found.is_empty() {
            say("Nothing was found.");
        } else {
            say(table(&found).trim_end());
        }
        let chosen = self.chosen(&found);
        if chosen.is_empty() || !self.confirmed(chosen.len())? {
            return self.nothing(&found, output);
        }
        let done = self.take(&reach.client, &here, &chosen).await?;
        reach.changed().await?;
        for refused in &done.refused {
            say(&format!("Not taken: {}", plain(&refused.message)));
        }
        let bad = !done.refused.is_empty();
        output.data(&done, |done| done.taken.iter().map(line).collect())?;
        Ok(code(bad))
    }

    fn is_all(&self) -> bool {
        self.sources.iter().any(|source| source == ALL)
    }

    /// What there is. The environment is this process's own; an engine may have another.
    async fn plan(&self, client: &Client, here: &Here) -> Result<Vec<FoundInfo>> {
        let mut found = Vec::new();
        if self.is_all() {
            found.extend(client.imports(None).await?.found);
        } else {
            let asked: BTreeSet<_> = self
                .sources
                .iter()
                .filter(|it| *it != ENVIRONMENT)
                .collect();
            for source in asked {
                found.extend(client.imports(Some(source)).await?.found);
            }
        }
        found.retain(|it| it.source != ENVIRONMENT);
        if self.is_all() || self.sources.iter().any(|source| source == ENVIRONMENT) {
            let accounts = client.accounts(None).await?.accounts;
            found.extend(here.keys(&accounts)?);
        }
        Ok(found)
    }

    /// What will be taken. Keys of the environment are offered, and not taken among everything else.
    fn chosen<'a>(&self, found: &'a [FoundInfo]) -> Vec<&'a FoundInfo> {
        let unasked = self.is_all() && !self.yes && !somebody_is_there();
        let mut chosen: Vec<_> = found
            .iter()
            .filter(|it| it.verdict.can_be_taken())
            .collect();
        if unasked && chosen.iter().any(|it| it.source == ENVIRONMENT) {
            say("Keys of the environment stay where they are: byokey import env takes them.");
            chosen.retain(|it| it.source != ENVIRONMENT);
        }
        chosen
    }

    fn confirmed(&self, count: usize) -> Result<bool> {
        if self.yes || !somebody_is_there() {
            return Ok(true);
        }
        let mut terminal = std::io::stderr();
        write!(terminal, "Take {count} of these? [y/N] ")?;
        terminal.flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(matches!(line.trim(), "y" | "Y" | "yes"))
    }

    fn nothing(&self, found: &[FoundInfo], output: &mut Output) -> Result<ExitCode> {
        let here = found
            .iter()
            .any(|it| it.verdict.kind == VerdictKind::AlreadyHere);
        say("Nothing was taken.");
        let none = ImportResponse {
            taken: Vec::new(),
            refused: Vec::new(),
        };
        output.data(&none, |_| String::new())?;
        Ok(code(!here && !self.is_all()))
    }

    async fn take(
        &self,
        client: &Client,
        here: &Here,
        chosen: &[&FoundInfo],
    ) -> Result<ImportResponse> {
        let (keys, logins): (Vec<&FoundInfo>, Vec<&FoundInfo>) =
            chosen.iter().partition(|it| it.source == ENVIRONMENT);
        let params = ImportParams {
            ids: logins.iter().map(|it| it.id.clone()).collect(),
            accept_notice: self.accept_notice,
        };
        let mut done = client.import(&params).await?;
        for found in keys {
            match here.add(client, found).await {
                Ok(account) => done.taken.push(account),
                Err(error) => done.refused.push(RefusedImport {
                    id: found.id.clone(),
                    message: format!("{}: {error:#}", found.place),
                }),
            }
        }
        Ok(done)
    }
}

/// The environment of this process, which a running engine does not see.
struct Here {
    machine: Machine,
    catalog: Catalog,
    config: config::Config,
}

impl Here {
    fn new(settings: &Settings) -> Result<Self> {
        let catalog = Catalog::bundled()?;
        let config = config::load(&settings.config_path, &catalog)?;
        Ok(Self {
            machine: Machine::here(),
            catalog,
            config,
        })
    }

    /// The keys of the environment. One whose end an account shows already is taken for that one.
    fn keys(&self, accounts: &[AccountInfo]) -> Result<Vec<FoundInfo>> {
        let found = self.with(|importer| importer.plan(&[ENVIRONMENT]))?;
        let mut infos = Vec::new();
        for found in found {
            let hint = self
                .with(|importer| importer.key(&found))
                .map(|(key, _)| hint(&key));
            let mut info = FoundInfo::from(found);
            let known = accounts.iter().find(|account| {
                let same = hint.as_ref().is_ok_and(|hint| *hint == account.key_hint);
                same && account.provider == info.provider && !account.key_hint.is_empty()
            });
            if let Some(account) = known {
                info.verdict.kind = VerdictKind::AlreadyHere;
                info.verdict.text = format!("is the account `{}` already", account.name);
                info.verdict.account = Some(account.id);
            }
            infos.push(info);
        }
        Ok(infos)
    }

    /// Adds a key of the environment in the ordinary way, proved by its provider.
    async fn add(&self, client: &Client, found: &FoundInfo) -> Result<AccountInfo> {
        let (key, fields) = self.with(|importer| {
            let plan = importer.plan(&[ENVIRONMENT])?;
            let same = plan.iter().find(|it| it.id == found.id);
            importer.key(same.ok_or(byokey_signin::KeyTrouble::Empty)?)
        })?;
        let params = AddAccountParams {
            provider: found.provider.clone(),
            name: None,
            key: Some(KeyInput(key)),
            check: true,
            fields,
        };
        Ok(client.add_account(&params).await?.account)
    }

    fn with<T, E>(&self, work: impl FnOnce(&Importer<'_>) -> Result<T, E>) -> Result<T, E> {
        let overrides = |id: &str| {
            let settings = self.config.providers.get(id);
            settings.map_or_else(Overrides::default, |it| it.overrides())
        };
        work(&Importer {
            machine: &self.machine,
            catalog: &self.catalog,
            vault: None,
            overrides: &overrides,
            now: Timestamp::now(),
        })
    }
}

/// The end of a key, as accounts show it.
fn hint(key: &Secret) -> String {
    let text: Vec<char> = key.expose().chars().collect();
    match text.len() {
        16.. => format!("…{}", text[text.len() - 4..].iter().collect::<String>()),
        _ => String::new(),
    }
}

fn table(found: &[FoundInfo]) -> String {
    let mut table = Table::new(&["SOURCE", "PROVIDER", "WHO", "BECOMES", "PLACE", "VERDICT"]);
    for it in found {
        let who = [&it.label, &it.plan].into_iter().flatten();
        let who: Vec<&str> = who.map(String::as_str).collect();
        table.row([
            it.source.clone(),
            it.provider.clone(),
            who.join(", "),
            becomes(it),
            it.place.clone(),
            verdict(it),
        ]);
    }
    match found {
        [] => "Nothing was found.\n".to_owned(),
        _ => table.text(),
    }
}

fn becomes(found: &FoundInfo) -> String {
    let what = match found.kind {
        FoundKindInfo::Key => "a key account".to_owned(),
        FoundKindInfo::Follow => format!("follows {}", found.owner),
        FoundKindInfo::Token => "a token account".to_owned(),
    };
    match found.standing {
        Standing::Unofficial => format!("{what} (unofficial)"),
        _ => what,
    }
}

fn verdict(found: &FoundInfo) -> String {
    let mut text = found.verdict.text.clone();
    if let (VerdictKind::NeedsNotice, Some(notice)) = (found.verdict.kind, &found.notice) {
        text.push_str(&format!(" (--accept-notice): {}", notice.text));
    }
    if found.open_to_others {
        text.push_str("; other users of this computer can read it there");
    }
    text
}

fn line(account: &AccountInfo) -> String {
    let label = account.label.as_deref().map(plain);
    let label = label.map_or_else(String::new, |label| format!("  {label}"));
    format!("{}/{}{label}\n", account.provider, account.name)
}

fn code(bad: bool) -> ExitCode {
    if bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
