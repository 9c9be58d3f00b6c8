use std::io::IsTerminal;

use byokey_catalog::{NoticeKind, Offer, Standing};
use byokey_manage::{NoticeInfo, ProviderInfo, RouteInfo, SignInInfo, StepInfo, WorkInfo};

use super::super::output::{plain, say};
use super::browser::Browser;

/// Says by which way byokey is about to sign in, and what is to be known of it.
pub(super) fn introduce(provider: &ProviderInfo, route: &RouteInfo) {
    let standing = match route.standing {
        Standing::Official => "official",
        Standing::Bridge => "your own program makes the calls",
        Standing::Unofficial => "unofficial",
        Standing::Retired => "ended by the provider",
    };
    say(&format!(
        "Signing in to {}: {} ({standing})",
        provider.name, route.name
    ));
    if let (Some(program), Some(false)) = (&route.program, route.installed) {
        let page = route.install_url.as_deref().unwrap_or_default();
        say(&format!(
            "  `{program}` was not found here; install it: {page}"
        ));
    }
    if let Some(told) = route
        .notice
        .as_ref()
        .filter(|_| route.offer != Offer::Greyed)
    {
        notice(told);
    }
    if route.standing == Standing::Unofficial {
        alternative(provider, route);
    }
}

/// The words of a notice, whole as long as they are not accepted.
fn notice(notice: &NoticeInfo) {
    if notice.accepted_at.is_some() && notice.kind != NoticeKind::Text {
        say(&format!("  Notice `{}` is accepted.", notice.id));
        return;
    }
    say(&format!("  {}", notice.text));
    if let Some(source) = &notice.source {
        say(&format!("  {source} (read {})", notice.read));
    }
}

/// The ways that are safer: what the row recommends in its place, and the person's own program.
fn alternative(provider: &ProviderInfo, route: &RouteInfo) {
    let replacement = route.replacement.as_deref();
    let safer = provider
        .routes
        .iter()
        .filter(|it| it.standing == Standing::Bridge || Some(it.id.as_str()) == replacement);
    for way in safer {
        let how = match (&way.install_url, way.installed) {
            (Some(page), Some(false)) => format!("to be installed first: {page}"),
            _ if way.login => format!("byokey login {} --route {}", provider.id, way.id),
            _ => format!("byokey add-key {}", provider.id),
        };
        say(&format!("  Safer: {} ({how})", way.name));
    }
}

/// What the terminal shows already, so that nothing is said twice.
#[derive(Default)]
pub(super) struct Shown {
    last: Option<StepInfo>,
    /// A page that a program wanted opened.
    url: Option<String>,
}

impl Shown {
    /// Shows a step. `pastes` says that standard input is read for what the person pastes.
    pub(super) fn step(&mut self, sign_in: &SignInInfo, browser: &mut Browser, pastes: bool) {
        if self.last.as_ref() == Some(&sign_in.step) {
            return;
        }
        match &sign_in.step {
            StepInfo::Starting | StepInfo::Failed { .. } => {}
            StepInfo::Browser { url, listens } => page(sign_in, url, *listens, browser, pastes),
            StepInfo::Code {
                code,
                page,
                direct,
                host,
            } => {
                let direct = direct.as_deref().unwrap_or(page);
                device_code(code, page, host, browser.open(direct));
            }
            StepInfo::Program { program, line, url } => self.program(program, line, url.as_deref()),
            StepInfo::Working { work } => say(doing(*work)),
            StepInfo::Done {
                name,
                label,
                renewed,
                ..
            } => done(sign_in, name, label.as_deref(), *renewed),
        }
        self.last = Some(sign_in.step.clone());
    }

    fn program(&mut self, program: &str, line: &str, url: Option<&str>) {
        let before = match &self.last {
            Some(StepInfo::Program { line, .. }) => Some(line.as_str()),
            _ => None,
        };
        if before != Some(line) && !line.is_empty() {
            say(&format!("  {program}: {}", plain(line)));
        }
        if let Some(url) = url
            && self.url.as_deref() != Some(url)
        {
            say(&format!(
                "If no browser opened, open this page:\n\n  {}\n",
                plain(url)
            ));
            self.url = Some(url.to_owned());
        }
    }
}

fn page(sign_in: &SignInInfo, url: &str, listens: bool, browser: &mut Browser, pastes: bool) {
    if browser.open(url) {
        say(&format!(
            "Your browser shows a page of {}: sign in there. If it does not, open it yourself:",
            sign_in.provider_name
        ));
    } else {
        say("Open this page in a browser and sign in there:");
    }
    say(&format!("\n  {}\n", plain(url)));
    if !pastes {
        return;
    }
    say(if listens {
        "Is the browser on another computer? Then paste the address at which it ended, or the code \
         that the page shows (what you paste is not shown), and press Enter:"
    } else {
        "Paste the code that the page shows, or the address at which the browser ended (what you \
         paste is not shown), and press Enter:"
    });
}

fn device_code(code: &str, page: &str, host: &str, opened: bool) {
    let code = plain(code);
    let line = "─".repeat(code.chars().count() + 6);
    let (bold, normal) = if std::io::stderr().is_terminal() {
        ("\u{1b}[1m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    say(&format!(
        "\n    ┌{line}┐\n    │   {bold}{code}{normal}   │\n    └{line}┘\n\n\
         {} {bold}{}{normal} and type this code there, on this or any other device:\n\n  {}\n\n\
         Type it nowhere else, and never a code that somebody sent you.",
        if opened {
            "Your browser shows a page of"
        } else {
            "Open the page of"
        },
        plain(host),
        plain(page)
    ));
}

fn doing(work: WorkInfo) -> &'static str {
    match work {
        WorkInfo::Exchange => "Signed in; getting the tokens …",
        WorkInfo::Identity => "Asking whose account it is …",
        WorkInfo::Setup => "Getting what requests need …",
        WorkInfo::Sealing => "Sealing the account …",
    }
}

fn done(sign_in: &SignInInfo, name: &str, label: Option<&str>, renewed: bool) {
    let whose = label.map_or_else(String::new, |label| format!(" ({})", plain(label)));
    let how = if renewed {
        "signed in again"
    } else {
        "signed in"
    };
    say(&format!("{}/{name}{whose} is {how}.", sign_in.provider));
}
