//! `byokey login` as a person on a machine without a browser sees it, with and without a running
//! engine.

use std::{process::Stdio, sync::Arc};

use byokey_sim::{Issuer, Realm, User};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin},
    sync::watch,
};

use crate::rig::{House, both_ways, soon};

/// A call that goes on, its lines on standard error read as they come.
struct Terminal {
    child: Child,
    stdin: ChildStdin,
    lines: Arc<Mutex<Vec<String>>>,
    more: watch::Receiver<()>,
}

impl Terminal {
    fn of(house: &House, arguments: &[&str]) -> Self {
        let mut child = house
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (come, more) = watch::channel(());
        let kept = Arc::clone(&lines);
        tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                kept.lock().push(line);
                come.send_replace(());
            }
        });
        Self {
            child,
            stdin,
            lines,
            more,
        }
    }

    /// Waits for a line of which `read` makes something.
    async fn line<T>(&mut self, what: &str, read: impl Fn(&str) -> Option<T>) -> T {
        let found = async {
            loop {
                self.more.mark_unchanged();
                if let Some(found) = self.lines.lock().iter().find_map(|line| read(line)) {
                    return found;
                }
                assert!(
                    self.more.changed().await.is_ok(),
                    "it ended: {:?}",
                    self.lines.lock()
                );
            }
        };
        soon(what, found).await
    }

    /// The page that it prints in full.
    async fn page(&mut self) -> String {
        // It stands alone in its line; pages that are only mentioned do not.
        let url = |line: &str| {
            let alone = line.trim();
            (alone.starts_with("http") && !alone.contains(' ')).then(|| alone.to_owned())
        };
        self.line("the page's address", url).await
    }

    /// The code that it shows large.
    async fn code(&mut self) -> String {
        let boxed = |line: &str| {
            let inside = line.trim().strip_prefix('│')?.strip_suffix('│')?;
            Some(inside.trim().to_owned())
        };
        self.line("the code", boxed).await
    }

    async fn types(&mut self, text: &str) {
        self.stdin
            .write_all(format!("{text}\n").as_bytes())
            .await
            .unwrap();
    }

    /// Its exit code, what it wrote to standard output, and what a person read.
    async fn ended(self) -> (Option<i32>, String, String) {
        let Self {
            child,
            stdin,
            lines,
            mut more,
        } = self;
        let output = soon("the end of the call", child.wait_with_output())
            .await
            .unwrap();
        drop(stdin);
        while more.changed().await.is_ok() {}
        let read = lines.lock().join("\n");
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            read,
        )
    }
}

const CLAUDE: [&str; 5] = ["login", "claude", "--route", "oauth-pkce", "--no-browser"];

fn accepted<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--accept-notice"]].concat()
}

fn config(issuer: &Issuer, providers: &[&str]) -> String {
    let providers = providers.iter().map(|id| issuer.provider_yaml(id));
    "port: 0\nproviders:\n".to_owned() + &providers.collect::<String>()
}

#[tokio::test]
async fn the_address_at_which_a_browser_elsewhere_ended_is_pasted() {
    let issuer = Issuer::start().await;
    both_ways(&config(&issuer, &["claude"]), async |house, _| {
        let mut call = Terminal::of(house, &accepted(&CLAUDE));
        let page = call.page().await;
        let browser = issuer.browser(User::new("ada"));
        let ended_at = browser.redirect(&page).await.unwrap();
        call.types("not a code").await;
        call.types(&ended_at).await;
        let (code, out, read) = call.ended().await;
        assert_eq!(code, Some(0), "{read}");
        assert!(
            out.starts_with("claude/") && out.contains("ada@example.org"),
            "{out}"
        );
        // What was pasted is no more shown than what it opens.
        assert!(
            !read.contains(&ended_at) && !out.contains("sk-ant"),
            "{read}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_code_that_the_page_shows_is_pasted() {
    let issuer = Issuer::start().await;
    both_ways(&config(&issuer, &["claude"]), async |house, _| {
        let mut call = Terminal::of(house, &accepted(&CLAUDE));
        let page = call.page().await;
        let copied = issuer.browser(User::new("ada")).copies(&page).await;
        call.types(&copied).await;
        let (code, _, read) = call.ended().await;
        assert_eq!(code, Some(0), "{read}");
    })
    .await;
}

#[tokio::test]
async fn a_browser_on_this_machine_comes_back_by_itself() {
    let issuer = Issuer::start().await;
    let arguments = ["login", "openrouter", "--no-browser", "--json"];
    both_ways(&config(&issuer, &["openrouter"]), async |house, _| {
        let mut call = Terminal::of(house, &arguments);
        let page = call.page().await;
        let end = issuer.browser(User::new("ada")).consents(&page).await;
        assert_eq!(end.status, 200, "{}", end.body);
        let (code, out, read) = call.ended().await;
        assert_eq!(code, Some(0), "{read}");
        let account: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(account["provider"], "openrouter");
    })
    .await;
}

#[tokio::test]
async fn a_device_code_is_shown_large_with_the_host_to_type_it_at() {
    let issuer = Issuer::start().await;
    issuer.interval(1);
    for (name, host) in [("copilot", "github.com"), ("codex", "auth.openai.com")] {
        let provider = if name == "codex" { "openai" } else { name };
        both_ways(&config(&issuer, &[provider]), async |house, _| {
            let mut arguments = vec!["login", name, "--no-browser"];
            if name == "codex" {
                arguments.extend(["--route", "codex-device", "--accept-notice"]);
            }
            let mut call = Terminal::of(house, &arguments);
            let code = call.code().await;
            assert!(issuer.browser(User::new("ada")).types(&code), "{code}");
            let (ended, _, read) = call.ended().await;
            assert_eq!(ended, Some(0), "{read}");
            assert!(read.contains(host) || read.contains("127.0.0.1"), "{read}");
        })
        .await;
    }
}

#[tokio::test]
async fn the_notice_is_shown_whole_before_it_is_accepted() {
    let issuer = Issuer::start().await;
    both_ways(&config(&issuer, &["claude"]), async |house, _| {
        let refused = house.run(&CLAUDE).await.ends(1);
        refused.says(&[
            "Consumer Terms",
            "--accept-notice",
            "unofficial",
            "nothing was started",
        ]);
        assert!(issuer.everything().is_empty());
        let mut call = Terminal::of(house, &accepted(&CLAUDE));
        call.page().await;
        call.child.kill().await.unwrap();
        // Accepted once, it is not asked for again.
        let mut call = Terminal::of(house, &[&CLAUDE[..], &["--anew"]].concat());
        call.page().await;
    })
    .await;
}

#[tokio::test]
async fn an_ended_way_says_when_why_and_what_instead() {
    let issuer = Issuer::start().await;
    both_ways(
        &config(&issuer, &["qwen", "iflow", "gemini"]),
        async |house, _| {
            for (arguments, words) in [
                (&["login", "qwen"][..], ["2026-04-15", "alibaba"]),
                (&["login", "iflow"], ["2026-04-17", "zai"]),
                (
                    &["login", "gemini", "--route", "code-assist-individual"],
                    ["2026-06-18", "api-key"],
                ),
            ] {
                let refused = house.run(&accepted(arguments)).await.ends(1);
                refused.says(&words);
            }
        },
    )
    .await;
    assert!(issuer.everything().is_empty());
}

#[tokio::test]
async fn a_program_that_is_missing_is_an_instruction() {
    let issuer = Issuer::start().await;
    both_ways(&config(&issuer, &["claude"]), async |house, _| {
        let missing = house
            .run(&["login", "claude", "--route", "claude-cli"])
            .await;
        missing.ends(1).says(&["claude", "https://code.claude.com"]);
    })
    .await;
}

#[tokio::test]
async fn a_closed_terminal_is_taken_up_again_by_the_same_command() {
    let issuer = Issuer::start().await;
    let house = House::configured(&config(&issuer, &["claude"]));
    let _server = house.serve().await;
    let mut call = Terminal::of(&house, &accepted(&CLAUDE));
    let page = call.page().await;
    call.child.kill().await.unwrap();
    let mut call = Terminal::of(&house, &CLAUDE);
    assert_eq!(call.page().await, page);
    issuer.browser(User::new("ada")).consents(&page).await;
    let (code, _, read) = call.ended().await;
    assert_eq!(code, Some(0), "{read}");
    assert_eq!(issuer.alive(Realm::Claude), 1);
}
