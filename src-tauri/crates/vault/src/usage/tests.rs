use std::fs;
use std::io::Write;
use std::path::Path;

use byokey_wire::Usage;
use jiff::Timestamp;

use super::*;
use crate::fixture::{add, in_memory, on_disk, row};
use crate::{AccountId, Actor, ClientKeyId, KeyLimits};

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn groups(log: &UsageLog, since: &str, by: GroupBy) -> Vec<(String, u64)> {
    let totals = log.totals(at(since), by).unwrap();
    totals
        .into_iter()
        .map(|total| (total.group, total.requests))
        .collect()
}

fn journals(dir: &Path) -> Vec<std::path::PathBuf> {
    crate::folder::with_extension(dir, "journal").unwrap()
}

#[test]
fn a_row_comes_back_as_it_was() {
    let vault = in_memory();
    let full = row("full", "2026-11-21T10:00:00.123Z");
    let bare = UsageRow {
        client_key: None,
        client_name: None,
        account: None,
        account_name: None,
        provider: None,
        model: None,
        upstream_dialect: None,
        plan: None,
        stream: false,
        outcome: Outcome::Refused,
        usage: Usage::default(),
        cost_usd: None,
        ttft_ms: None,
        error: Some("no model `fast`\n\"quoted\"".to_owned()),
        ..row("bare", "2026-11-21T10:00:01Z")
    };
    vault.usage().record(full.clone());
    vault.usage().record(bare.clone());
    assert_eq!(vault.usage().recent(10).unwrap(), [bare, full.clone()]);
    assert_eq!(vault.usage().recent(1).unwrap().len(), 1);
}

#[test]
fn totals_group_sum_and_name() {
    let vault = in_memory();
    let log = vault.usage();
    log.record(row("1", "2026-11-20T10:00:00Z"));
    log.record(UsageRow {
        model: Some("gpt-5-mini".into()),
        cost_usd: None,
        outcome: Outcome::Timeout,
        ..row("2", "2026-11-21T10:00:00Z")
    });
    log.record(UsageRow {
        provider: Some("claude".into()),
        account: Some(AccountId(2)),
        client_key: Some(ClientKeyId(2)),
        client_name: Some("desk".into()),
        cost_usd: Some(3.0),
        usage: Usage {
            input: Some(7),
            cache_read: Some(4),
            ..Usage::default()
        },
        outcome: Outcome::ClientGone,
        ..row("3", "2026-11-21T11:00:00Z")
    });
    log.record(UsageRow {
        provider: None,
        account: None,
        model: None,
        client_key: None,
        cost_usd: None,
        usage: Usage::default(),
        outcome: Outcome::Refused,
        ..row("4", "2026-11-21T12:00:00Z")
    });
    let start = "2026-11-01T00:00:00Z";
    let pairs = |pairs: &[(&str, u64)]| -> Vec<(String, u64)> {
        pairs
            .iter()
            .map(|(group, n)| ((*group).to_owned(), *n))
            .collect()
    };
    assert_eq!(
        groups(log, start, GroupBy::Day),
        pairs(&[("2026-11-20", 1), ("2026-11-21", 3)])
    );
    assert_eq!(
        groups(log, start, GroupBy::Model),
        pairs(&[
            ("claude/gpt-5", 1),
            ("openai/gpt-5", 1),
            ("", 1),
            ("openai/gpt-5-mini", 1)
        ])
    );
    assert_eq!(
        groups(log, start, GroupBy::Account),
        pairs(&[("claude/default", 1), ("openai/default", 2), ("", 1)])
    );
    assert_eq!(
        groups(log, start, GroupBy::Client),
        pairs(&[("desk", 1), ("laptop", 2), ("", 1)])
    );
    let by_provider = log.totals(at(start), GroupBy::Provider).unwrap();
    let openai = by_provider
        .iter()
        .find(|total| total.group == "openai")
        .unwrap();
    assert_eq!((openai.requests, openai.failed, openai.unpriced), (2, 1, 1));
    assert_eq!(
        (openai.usage.input, openai.usage.output),
        (Some(20), Some(10))
    );
    assert_eq!((openai.cost_usd, openai.latency_ms), (0.5, 240));
    let refused = by_provider
        .iter()
        .find(|total| total.group.is_empty())
        .unwrap();
    assert_eq!((refused.failed, refused.unpriced), (1, 0));
}

#[test]
fn a_span_that_starts_within_a_day_counts_that_days_rest() {
    let vault = in_memory();
    let log = vault.usage();
    let times = [
        "1969-12-31T23:59:59Z",
        "2026-11-19T23:59:59.999Z",
        "2026-11-20T00:00:00Z",
        "2026-11-20T09:59:59.999Z",
        "2026-11-20T10:00:00Z",
        "2026-11-20T23:59:59.999Z",
        "2026-11-21T00:00:00Z",
    ];
    for time in times {
        log.record(row(time, time));
    }
    let expected = [
        ("2026-11-20T10:00:00Z", 3),
        ("2026-11-20T00:00:00Z", 5),
        ("2026-11-20T00:00:00.001Z", 4),
        ("2026-11-21T00:00:00.001Z", 0),
        ("1970-01-01T00:00:00Z", 6),
        ("1969-12-31T12:00:00Z", 7),
        ("-009999-01-02T01:59:59Z", 7),
        ("9999-12-30T22:00:00Z", 0),
    ];
    for (since, count) in expected {
        let total: u64 = groups(log, since, GroupBy::Day)
            .iter()
            .map(|(_, n)| n)
            .sum();
        assert_eq!(total, count, "{since}");
    }
}

#[test]
fn a_renamed_account_appears_under_its_newest_name() {
    let vault = in_memory();
    vault.usage().record(row("1", "2026-11-20T10:00:00Z"));
    let renamed = UsageRow {
        account_name: Some("work".into()),
        ..row("2", "2026-11-21T10:00:00Z")
    };
    vault.usage().record(renamed);
    let groups = groups(vault.usage(), "2026-01-01T00:00:00Z", GroupBy::Account);
    assert_eq!(groups, [("openai/work".to_owned(), 2)]);
}

#[test]
fn a_row_recorded_twice_counts_once() {
    let vault = in_memory();
    for _ in 0..2 {
        vault.usage().record(row("same", "2026-11-21T10:00:00Z"));
        vault.usage().record(row("same", "2026-11-21T10:00:00Z"));
        vault.usage().flush().unwrap();
    }
    let groups = groups(vault.usage(), "2026-01-01T00:00:00Z", GroupBy::Provider);
    assert_eq!(groups, [("openai".to_owned(), 1)]);
}

#[test]
fn long_errors_are_cut_at_a_character() {
    let vault = in_memory();
    let error = Some("ü".repeat(1000));
    vault.usage().record(UsageRow {
        error,
        ..row("1", "2026-11-21T10:00:00Z")
    });
    let kept = vault.usage().recent(1).unwrap().remove(0).error.unwrap();
    assert_eq!(kept, "ü".repeat(300));
}

#[test]
fn accounts_and_keys_know_their_last_use_and_failure() {
    let vault = in_memory();
    let account = add(&vault, "openai", None, "k").id;
    vault
        .create_client_key("laptop", KeyLimits::default(), Actor::Cli)
        .unwrap();
    let log = vault.usage();
    let state = || {
        log.flush().unwrap();
        let account = vault.accounts().unwrap().remove(0);
        (
            account.last_used,
            account
                .last_error
                .map(|failure| (failure.at, failure.message)),
        )
    };
    assert_eq!(state(), (None, None));
    log.record(row("1", "2026-11-21T10:00:00Z"));
    assert_eq!(state(), (Some(at("2026-11-21T10:00:00Z")), None));
    let failed = |id, time| UsageRow {
        outcome: Outcome::UpstreamError,
        error: Some("no quota".into()),
        ..row(id, time)
    };
    log.record(failed("2", "2026-11-21T10:00:01Z"));
    let failure = Some((at("2026-11-21T10:00:01Z"), "no quota".to_owned()));
    assert_eq!(state(), (Some(at("2026-11-21T10:00:01Z")), failure.clone()));
    // A caller who leaves says nothing about the account.
    let gone = UsageRow {
        outcome: Outcome::ClientGone,
        ..row("3", "2026-11-21T10:00:02Z")
    };
    log.record(gone);
    assert_eq!(state(), (Some(at("2026-11-21T10:00:02Z")), failure));
    log.record(failed("4", "2026-11-21T10:00:03Z"));
    log.record(row("5", "2026-11-21T10:00:04Z"));
    assert_eq!(state(), (Some(at("2026-11-21T10:00:04Z")), None));
    assert_eq!(
        vault.client_keys().unwrap()[0].last_used,
        Some(at("2026-11-21T10:00:04Z"))
    );
    assert_eq!(vault.accounts().unwrap()[0].id, account);
}

#[test]
fn the_writer_moves_rows_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    vault.usage().record(row("1", "2026-11-21T10:00:00Z"));
    // Another connection sees the row once the writer has committed it.
    let other = rusqlite::Connection::open(dir.path().join("usage.db")).unwrap();
    let count = || other.query_row("SELECT count(*) FROM usage", [], |row| row.get(0));
    while count() != Ok(1) {
        std::thread::yield_now();
    }
}

#[test]
fn an_orderly_end_leaves_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    assert!(
        journals(dir.path()).is_empty(),
        "a program that records nothing makes no journal"
    );
    vault.usage().record(row("1", "2026-11-21T10:00:00Z"));
    assert_eq!(journals(dir.path()).len(), 2);
    drop(vault);
    assert!(journals(dir.path()).is_empty());
    assert_eq!(on_disk(dir.path()).usage().recent(10).unwrap().len(), 1);
}

#[test]
fn an_orphan_is_taken_over_once_and_a_live_journal_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let live = on_disk(dir.path());
    live.usage().record(row("live", "2026-11-21T10:00:00Z"));
    let mut orphan = fs::File::create(dir.path().join("usage-dead-0.journal")).unwrap();
    for id in ["a", "b", "a"] {
        let mut line = Vec::new();
        journal::encode(&row(id, "2026-11-21T09:00:00Z"), &mut line).unwrap();
        orphan.write_all(&line).unwrap();
    }
    // What a power cut may leave: zeros, nonsense, half a row.
    orphan
        .write_all(b"\0\0\0\0\nnonsense\n{\"request_id\":\"c\"")
        .unwrap();
    drop(orphan);

    let second = on_disk(dir.path());

    assert_eq!(journals(dir.path()).len(), 2);
    live.usage().flush().unwrap();
    let mut ids: Vec<_> = second
        .usage()
        .recent(10)
        .unwrap()
        .into_iter()
        .map(|row| row.request_id)
        .collect();
    ids.sort();
    assert_eq!(ids, ["a", "b", "live"]);
}

#[test]
fn what_the_database_refuses_stays_until_it_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    let db = rusqlite::Connection::open(dir.path().join("usage.db")).unwrap();
    db.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON usage BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    for n in 0..3 {
        vault
            .usage()
            .record(row(&format!("{n}"), "2026-11-21T10:00:00Z"));
        assert!(vault.usage().flush().is_err());
    }
    db.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(vault.usage().recent(10).unwrap().len(), 3);
}

#[test]
fn what_the_disk_refuses_is_kept_in_memory() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let vault = on_disk(&dir);
    // Nothing can be created under a name that is gone.
    fs::rename(&dir, root.path().join("moved")).unwrap();
    vault.usage().record(row("1", "2026-11-21T10:00:00Z"));
    assert!(journals(&root.path().join("moved")).is_empty());
    fs::rename(root.path().join("moved"), &dir).unwrap();
    assert_eq!(vault.usage().recent(10).unwrap().len(), 1);
}

#[test]
fn many_threads_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = vault.usage();
            scope.spawn(move || {
                for n in 0..500 {
                    log.record(row(&format!("{thread}-{n}"), "2026-11-21T10:00:00Z"));
                    if n % 100 == 0 {
                        log.flush().unwrap();
                    }
                }
            });
        }
    });
    let groups = groups(vault.usage(), "2026-01-01T00:00:00Z", GroupBy::Provider);
    assert_eq!(groups, [("openai".to_owned(), 2000)]);
}
