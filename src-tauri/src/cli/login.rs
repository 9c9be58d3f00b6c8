//! Signing in from a terminal: what the way stands on, one browser, a code or a paste, the account.
//!
//! The sign-in itself runs in the engine, or in this process where none runs. A person who closes the
//! terminal finds it again with the same command for ten minutes.

mod browser;
mod show;
mod typed;

use std::collections::BTreeMap;
use std::io::IsTerminal;

use anyhow::{Context, Result, bail};
use byokey_manage::{
    AccountInfo, Client, ClientError, Code, KeyInput, ManageError, PasteParams, ProviderInfo,
    RouteInfo, SignInInfo, StartSignInParams, StepInfo,
};
use byokey_vault::Secret;

use self::browser::Browser;
use self::show::{Shown, introduce};
use self::typed::Typed;
use super::add_key::{ask, pair};
use super::output::{Output, plain, say};
use super::reach::Reach;
use crate::settings::Settings;

/// A sign-in.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Names: claude, codex, chatgpt, copilot, gemini, kiro, antigravity, qwen, kimi, iflow, openrouter, or
any provider that is signed in to. Without --route the best way is taken that the provider leaves
open. Ways that it does not offer to other programs wait until you accept their notice; ways that it
has ended are refused, unless the configuration says `allow_retired: true`.")]
pub(super) struct Login {
    /// The provider, such as `claude` or `copilot`
    provider: String,
    /// The way to sign in, in place of the best one; a wrong name lists what there is
    #[arg(long, value_name = "ROUTE")]
    route: Option<String>,
    /// Name of the account; signing in to a known identity again updates its account
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// A value that the way asks for, such as `auth_region=eu-central-1`; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Whom to sign in with where there is a choice, such as `google` or `github`
    #[arg(long = "with", value_name = "WHOM")]
    choice: Option<String>,
    /// Print the page's full address instead of opening it, and read what you paste from standard
    /// input: the code, or the address at which the browser ended
    #[arg(long)]
    no_browser: bool,
    /// I have read the notice of this way and accept it
    #[arg(long)]
    accept_notice: bool,
    /// Start anew, even if a sign-in of this provider is waiting already
    #[arg(long)]
    anew: bool,
}

impl Login {
    /// Signs in and shows the account.
    pub(super) async fn run(self, settings: &Settings, output: &mut Output) -> Result<()> {
        let reach = Reach::to_sign_in(settings).await?;
        let providers = reach.client.providers().await?.providers;
        let found = providers.iter().find_map(|it| self.best_of(it));
        let waiting = match found {
            // Whoever says how it is to be done means a new one.
            Some((provider, _)) if !self.anew && self.says_nothing_more() => {
                self.waiting(&reach.client, provider).await?
            }
            _ => None,
        };
        let begun = match waiting {
            Some(waiting) => {
                say(&format!(
                    "Going on with the sign-in to {} ({}) that waits already; `--anew` starts another.",
                    waiting.provider_name, waiting.route_name
                ));
                waiting
            }
            None => self.begin(&reach.client, found).await?,
        };
        let browser = Browser::new(!self.no_browser && settings.environment.display);
        let account = follow(&reach.client, begun, browser, self.no_browser).await?;
        reach.changed().await?;
        output.data(&account, one_line)?;
        Ok(())
    }

    /// Whether nothing but the provider and perhaps the route is named.
    fn says_nothing_more(&self) -> bool {
        self.account.is_none() && self.fields.is_empty() && self.choice.is_none()
    }

    /// The provider, if it is the one that is meant, and the route that will be taken.
    fn best_of<'a>(
        &self,
        provider: &'a ProviderInfo,
    ) -> Option<(&'a ProviderInfo, Option<&'a RouteInfo>)> {
        let name = &self.provider;
        let route = |id: &str| provider.routes.iter().find(|route| route.id == id);
        let best = match (&self.route, provider.sign_in.get(name)) {
            (Some(id), _) => route(id),
            (None, Some(ways)) => ways.first().and_then(|id| route(id)),
            (None, None) => provider.routes.iter().find(|route| route.best),
        };
        let is_meant = provider.id == *name
            || provider.sign_in.contains_key(name)
            || provider.aliases.contains(name);
        is_meant.then_some((provider, best))
    }

    /// A sign-in of this provider that waits for a person.
    async fn waiting(
        &self,
        client: &Client,
        provider: &ProviderInfo,
    ) -> Result<Option<SignInInfo>> {
        let all = client.sign_ins().await?.signins.into_iter();
        let mut fitting = all.filter(|it| {
            let same_route = self.route.as_ref().is_none_or(|route| *route == it.route);
            it.provider == provider.id && same_route && !it.step.is_over()
        });
        Ok(fitting.next_back())
    }

    async fn begin(
        &self,
        client: &Client,
        found: Option<(&ProviderInfo, Option<&RouteInfo>)>,
    ) -> Result<SignInInfo> {
        let mut fields: BTreeMap<_, _> = self.fields.iter().cloned().collect();
        // What does not exist or takes no sign-in is for the management API to refuse.
        if let Some((provider, Some(route))) = found {
            introduce(provider, route);
            ask_fields(provider, route, &mut fields)?;
        }
        let params = StartSignInParams {
            provider: self.provider.clone(),
            route: self.route.clone(),
            name: self.account.clone(),
            fields,
            choice: self.choice.clone(),
            headless: self.no_browser,
            accept_notice: self.accept_notice,
        };
        match client.start_sign_in(&params).await {
            Ok(begun) => Ok(begun),
            Err(ClientError::Refused(refused)) => Err(told(refused)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why it did not begin. The words of a notice stand on the screen already.
fn told(refused: ManageError) -> anyhow::Error {
    match (refused.code, &refused.notice) {
        (Code::NeedsNotice, Some(_)) => anyhow::anyhow!(
            "nothing was started: this way is open once you accept its notice. To accept it, run the \
             same command with --accept-notice"
        ),
        _ => refused.into(),
    }
}

/// Asks for what has no default and nobody gave. What is missing after that is for the flow to say.
fn ask_fields(
    provider: &ProviderInfo,
    route: &RouteInfo,
    given: &mut BTreeMap<String, String>,
) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Ok(());
    }
    let asked = provider.fields.iter().filter(|field| {
        route.fields.contains(&field.name)
            && field.default.is_none()
            && !given.contains_key(&field.name)
    });
    let mut answers = Vec::new();
    for field in asked {
        answers.push((field.name.clone(), ask(field)?));
    }
    given.extend(answers.into_iter().filter(|(_, value)| !value.is_empty()));
    Ok(())
}

/// Shows each step until the account is stored.
async fn follow(
    client: &Client,
    mut sign_in: SignInInfo,
    mut browser: Browser,
    by_hand: bool,
) -> Result<AccountInfo> {
    let mut shown = Shown::default();
    let mut typed = Typed::new(by_hand);
    loop {
        shown.step(&sign_in, &mut browser, typed.is_read());
        match &sign_in.step {
            StepInfo::Done { account, .. } => return stored(client, *account).await,
            StepInfo::Failed { message, .. } => bail!("{}", plain(message)),
            StepInfo::Browser { .. } | StepInfo::Program { .. } => typed.begin(),
            _ => {}
        }
        sign_in = next_step(client, &sign_in, &mut typed).await?;
    }
}

/// Waits for another step, and hands over what the person pastes meanwhile.
async fn next_step(client: &Client, now: &SignInInfo, typed: &mut Typed) -> Result<SignInInfo> {
    let mut next = std::pin::pin!(client.sign_in(&now.id, Some(&now.mark)));
    loop {
        tokio::select! {
            next = &mut next => return next.context(
                "byokey went away; the same command goes on with this sign-in for ten minutes",
            ),
            Some(text) = typed.next() => hand_over(client, &now.id, text).await?,
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                typed.end();
                // One that is over by now needs no cancelling.
                let _ = client.cancel_sign_in(&now.id).await;
                bail!("cancelled; nothing was stored");
            }
        }
    }
}

async fn hand_over(client: &Client, id: &str, text: Secret) -> Result<()> {
    let text = KeyInput(text);
    match client.paste(id, &PasteParams { text }).await {
        // It ended at this moment; the next step says how.
        Err(ClientError::Refused(refused)) if refused.code == Code::NotFound => Ok(()),
        Err(ClientError::Refused(refused)) => {
            say(&plain(&refused.message));
            Ok(())
        }
        done => Ok(done?),
    }
}

async fn stored(client: &Client, id: i64) -> Result<AccountInfo> {
    let accounts = client.accounts(None).await?.accounts;
    let account = accounts.into_iter().find(|account| account.id == id);
    account.context("the account was stored, but is gone already")
}

fn one_line(account: &AccountInfo) -> String {
    let known = [account.label.as_deref(), account.plan.as_deref()];
    let mut line = format!("{}/{}", account.provider, account.name);
    for word in known.into_iter().flatten() {
        line.push_str("  ");
        line.push_str(&plain(word));
    }
    line.push('\n');
    line
}
