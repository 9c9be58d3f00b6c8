//! `kill -9` in a loop: nothing that was acknowledged may be lost, nothing may come back damaged.
//!
//! The child is this test program, started again with a folder in its environment. It works on the
//! vault as fast as it can and prints each step once the call for it has returned.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use byokey_vault::{
    Actor, GroupBy, HomeChoice, NewAccount, Outcome, Secret, Units, UsageRow, Vault,
};
use byokey_wire::{Dialect, Usage};
use jiff::Timestamp;

const FOLDER: &str = "BYOKEY_KILL_TEST_FOLDER";
const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// More for a nightly run: `BYOKEY_KILL_ROUNDS=1000`.
const ROUNDS: u32 = 25;

fn open(dir: &Path) -> Vault {
    Vault::open(dir, HomeChoice::MasterKey(Secret::new(MASTER))).expect("the vault opens")
}

#[test]
fn child() {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return;
    };
    let vault = open(Path::new(&dir));
    let mut out = std::io::stdout().lock();
    let mine = std::process::id();
    for n in 0.. {
        let id = format!("{mine}-{n}");
        if n % 7 == 0 {
            // Also a rotation: each name is written twice, with a new secret the second time.
            let name = format!("{mine}-{}", n / 14);
            let new = NewAccount {
                provider: "openai",
                name: Some(&name),
                route: "api-key",
                base_origin: None,
                limited: false,
                fields: &[],
            };
            vault
                .add_key(new, Secret::new(id.as_str()), Actor::Engine)
                .unwrap();
            writeln!(out, "account {name} {id}").unwrap();
        } else {
            vault.usage().record(row(&id));
            writeln!(out, "usage {id}").unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let rounds = std::env::var("BYOKEY_KILL_ROUNDS").map_or(ROUNDS, |n| n.parse().unwrap());
    let mut accounts: HashMap<String, String> = HashMap::new();
    let mut requests: HashSet<String> = HashSet::new();
    let mut unsure = 0;
    for round in 0..rounds {
        // Early in some rounds, in the midst of the writer's work in others.
        let until = 1 + (round as usize * 37) % 400;
        for line in run_and_kill(dir.path(), until) {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some("account"), Some(name), Some(key)) => {
                    accounts.insert(name.to_owned(), key.to_owned());
                }
                (Some("usage"), Some(id), None) => {
                    requests.insert(id.to_owned());
                }
                _ => {}
            }
        }
        // One call may have been done but not yet told.
        unsure += 1;
        check(dir.path(), &accounts, &requests, unsure);
    }
}

/// Returns the complete lines that the child told before it died.
fn run_and_kill(dir: &Path, until: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut told = Vec::new();
    while told.len() < until {
        let mut line = String::new();
        assert!(
            output.read_line(&mut line).unwrap() > 0,
            "the child ended by itself"
        );
        told.push(line.trim_end().to_owned());
    }
    kill(&mut child);
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        told.push(line.trim_end().to_owned());
        line.clear();
    }
    told
}

/// On Unix this is SIGKILL.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn check(
    dir: &Path,
    accounts: &HashMap<String, String>,
    requests: &HashSet<String>,
    unsure: usize,
) {
    let vault = open(dir);
    let found: HashMap<_, _> = vault
        .accounts()
        .unwrap()
        .into_iter()
        .map(|a| (a.name, a.id))
        .collect();
    assert!(found.len() <= accounts.len() + unsure);
    for (name, key) in accounts {
        let credential = vault.credential(found[name]).unwrap();
        let opened = credential.secret.expose();
        // A rotation that was done but not told is newer than what was told.
        let number = |key: &str| key.rsplit('-').next().unwrap().parse::<u32>().unwrap();
        assert!(
            number(opened) >= number(key),
            "{name}: {opened} is older than {key}"
        );
    }
    vault.verify_audit().unwrap();

    let rows = vault.usage().recent(u32::MAX).unwrap();
    let ids: HashSet<_> = rows.iter().map(|row| row.request_id.as_str()).collect();
    assert_eq!(ids.len(), rows.len());
    for id in requests {
        assert!(
            ids.contains(id.as_str()),
            "{id} was acknowledged and is gone"
        );
    }
    assert!(ids.len() <= requests.len() + unsure);
    let totals = vault
        .usage()
        .totals(Timestamp::UNIX_EPOCH, GroupBy::Provider)
        .unwrap();
    let counted: u64 = totals.iter().map(|total| total.requests).sum();
    assert_eq!(
        counted,
        rows.len() as u64,
        "the daily sums are those of the rows"
    );
}

fn row(id: &str) -> UsageRow {
    UsageRow {
        request_id: id.to_owned(),
        at: Timestamp::now(),
        client_key: None,
        client_name: None,
        account: None,
        account_name: None,
        provider: Some("openai".to_owned()),
        model: Some("gpt-5".to_owned()),
        asked_model: "gpt-5".to_owned(),
        caller_dialect: Dialect::Chat,
        upstream_dialect: Some(Dialect::Chat),
        plan: None,
        stream: false,
        status: 200,
        outcome: Outcome::Ok,
        usage: Usage {
            input: Some(1),
            output: Some(1),
            ..Usage::default()
        },
        units: Units::default(),
        cost_usd: None,
        latency_ms: 1,
        ttft_ms: None,
        bytes_in: 1,
        bytes_out: 1,
        losses: 0,
        lost: Vec::new(),
        error: None,
    }
}
