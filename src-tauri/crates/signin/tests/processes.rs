//! Renewal by two processes at once, and by one that is killed in the middle of it.
//!
//! The children are this test program, started again with a folder in its environment. The issuer
//! here ends a login when an old refresh token comes back, as the strict ones do.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use byokey_catalog::Catalog;
use byokey_signin::{Keeper, Overrides, TokenAsk};
use byokey_vault::{
    Account, Actor, Condition, HomeChoice, Login, NewSignIn, Secret, TokenSet, Vault,
};
use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};

const FOLDER: &str = "BYOKEY_RENEWAL_TEST_FOLDER";
const ISSUER: &str = "BYOKEY_RENEWAL_TEST_ISSUER";
const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// More for a nightly run: `BYOKEY_RENEWAL_ROUNDS=300`.
const ROUNDS: usize = 20;

fn rounds() -> usize {
    std::env::var("BYOKEY_RENEWAL_ROUNDS").map_or(ROUNDS, |n| n.parse().unwrap())
}

fn open(dir: &Path) -> Vault {
    Vault::open(dir, HomeChoice::MasterKey(Secret::new(MASTER))).expect("the vault opens")
}

fn ask(account: Account, issuer: String) -> TokenAsk {
    TokenAsk {
        account,
        catalog: Arc::new(Catalog::bundled().unwrap()),
        overrides: Arc::new(Overrides {
            token_url: Some(issuer),
            ..Overrides::default()
        }),
    }
}

/// Renews whenever a line comes, with fifty callers, and tells what they got.
#[test]
fn child() {
    let (Some(dir), Ok(issuer)) = (std::env::var_os(FOLDER), std::env::var(ISSUER)) else {
        return;
    };
    let vault = open(Path::new(&dir));
    let account = vault.accounts().unwrap().remove(0);
    let ask = ask(account, issuer);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let keeper = Keeper::new(vault);
        let mut used = keeper.token(&ask).await.unwrap();
        for line in std::io::stdin().lock().lines() {
            line.unwrap();
            let callers = (0..50).map(|_| {
                let (keeper, ask, used) = (keeper.clone(), ask.clone(), used.clone());
                tokio::spawn(async move { keeper.refused(&ask, &used, "no").await })
            });
            let mut told = None;
            for caller in callers.collect::<Vec<_>>() {
                match caller.await.unwrap() {
                    Ok(token) => {
                        let text = token.secret().expose().to_owned();
                        assert!(told.is_none_or(|told| told == text));
                        (told, used) = (Some(text), token);
                    }
                    Err(trouble) => told = Some(format!("trouble: {trouble}")),
                }
            }
            let mut out = std::io::stdout().lock();
            writeln!(out, "got {}", told.unwrap()).unwrap();
            out.flush().unwrap();
        }
    });
}

/// A child under the parent's control; dropping it kills it.
struct Process {
    child: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Process {
    fn start(dir: &Path, issuer: &Issuer) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env(FOLDER, dir)
            .env(ISSUER, issuer.url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            say: child.stdin.take().unwrap(),
            hear: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn go(&mut self) {
        self.say.write_all(b"go\n").unwrap();
        self.say.flush().unwrap();
    }

    fn got(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.hear.read_line(&mut line).unwrap() > 0, "it ended");
            // The test harness has words of its own.
            if let Some((_, got)) = line.split_once("got ") {
                return got.trim().to_owned();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Rotates; a token that was used before ends everything.
struct Issuer {
    port: u16,
    state: Arc<Mutex<State>>,
    changed: Arc<Condvar>,
}

#[derive(Default)]
struct State {
    /// The caller's port of the connection that was taken last.
    last_port: u16,
    /// Connections that were taken and not answered.
    open: usize,
    /// Number of the living pair; `None` once the login was ended.
    living: Option<u64>,
    posts: u64,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let changed = Arc::new(Condvar::new());
        let (shared, tell) = (state.clone(), changed.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared, tell) = (stream.unwrap(), shared.clone(), tell.clone());
                let mut state = shared.lock();
                state.last_port = stream.peer_addr().map_or(0, |peer| peer.port());
                state.open += 1;
                drop(state);
                tell.notify_all();
                std::thread::spawn(move || {
                    serve(stream, &shared);
                    shared.lock().open -= 1;
                    tell.notify_all();
                });
            }
        });
        Self {
            port,
            state,
            changed,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    fn state(&self) -> (Option<u64>, u64) {
        let state = self.state.lock();
        (state.living, state.posts)
    }

    /// Waits until all that was sent so far has been answered. Connections are taken in their order,
    /// so once the last one was taken none is left out.
    fn settle(&self) {
        let last = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let port = last.local_addr().unwrap().port();
        let mut state = self.state.lock();
        while state.last_port != port {
            self.changed.wait(&mut state);
        }
        drop(last);
        while state.open > 0 {
            self.changed.wait(&mut state);
        }
    }

    /// Signs in anew, from pair `number` on.
    fn sign_in(&self, vault: &Vault, number: u64) -> Account {
        self.state.lock().living = Some(number);
        let now = Timestamp::now();
        let set = TokenSet {
            access: Secret::new(format!("access-{number}")),
            refresh: Some(Secret::new(format!("refresh-{number}"))),
            expires: Some(now + jiff::SignedDuration::from_hours(1)),
            obtained: now,
            earliest_refresh: None,
            scope: None,
            client: None,
            second: None,
            extra: BTreeMap::new(),
        };
        let new = NewSignIn {
            provider: "openai",
            name: Some("ann"),
            route: "codex-pkce",
            identity: Some("ann"),
            label: None,
            plan: None,
            base_origin: None,
            fields: &[],
        };
        let signed_in = vault.sign_in(new, Login::Tokens(&set), Actor::Cli);
        signed_in.unwrap().account
    }
}

/// A child that was killed breaks its connection off.
fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let number = loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((_, rest)) = text.split_once("\"refresh-")
            && let Some((number, _)) = rest.split_once('"')
            && text.ends_with('}')
        {
            break number.parse::<u64>().unwrap();
        }
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    };
    let mut state = state.lock();
    state.posts += 1;
    let (status, body) = if state.living == Some(number) {
        let next = number + 1;
        state.living = Some(next);
        let body = format!(
            r#"{{"access_token":"access-{next}","refresh_token":"refresh-{next}","expires_in":3600}}"#
        );
        ("200 OK", body)
    } else {
        state.living = None;
        ("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned())
    };
    drop(state);
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

#[test]
fn two_processes_renew_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = Issuer::start();
    issuer.sign_in(&open(dir.path()), 0);
    let mut processes = [(); 2].map(|()| Process::start(dir.path(), &issuer));
    for round in 1..=rounds() as u64 {
        for process in &mut processes {
            process.go();
        }
        for process in &mut processes {
            assert_eq!(process.got(), format!("access-{round}"));
        }
        assert_eq!(issuer.state(), (Some(round), round));
    }
}

#[test]
fn a_killed_renewal_leaves_a_whole_pair() {
    let dir = tempfile::tempdir().unwrap();
    let issuer = Issuer::start();
    let vault = open(dir.path());
    let id = issuer.sign_in(&vault, 0).id;
    let mut lost = 0;
    for round in 0..rounds() as u64 {
        let mut process = Process::start(dir.path(), &issuer);
        process.go();
        assert!(process.got().starts_with("access-"), "round {round}");
        process.go();
        // At the beginning of a renewal in some rounds, at its end in others.
        #[expect(
            clippy::disallowed_methods,
            reason = "a random moment is what is wanted"
        )]
        std::thread::sleep(Duration::from_micros(round * 997 % 20_000));
        drop(process);
        issuer.settle();

        let stored = vault.tokens(id).unwrap().tokens;
        let number = |secret: &Secret| {
            let text = secret.expose();
            text.rsplit('-').next().unwrap().parse::<u64>().unwrap()
        };
        let pair = number(&stored.access);
        assert_eq!(
            number(stored.refresh.as_ref().unwrap()),
            pair,
            "a torn pair"
        );
        assert_eq!(vault.account(id).unwrap().condition, Condition::Ready);
        let living = issuer.state().0.expect("nothing was used twice");
        assert!(
            living == pair || living == pair + 1,
            "{living} after {pair}"
        );
        if living != pair {
            // Killed between the issuer's answer and the commit: what nobody can prevent.
            lost += 1;
            issuer.sign_in(&vault, living);
        }
    }
    println!(
        "{lost} of {} renewals were killed in the one bad moment",
        rounds()
    );
}
