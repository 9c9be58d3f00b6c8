//! What the usage log costs: on a request's path, in the writer, and for a year's totals.
#![expect(clippy::expect_used, reason = "a bench that cannot run may panic")]

use std::path::Path;

use byokey_vault::{
    AccountId, ClientKeyId, GroupBy, HomeChoice, Outcome, Secret, Units, UsageRow, Vault,
};
use byokey_wire::{Dialect, Plan, Usage};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;

const MASTER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn open(dir: &Path) -> Vault {
    Vault::open(dir, HomeChoice::MasterKey(Secret::new(MASTER))).expect("the vault opens")
}

fn row(n: i64, at: i64) -> UsageRow {
    UsageRow {
        request_id: format!("{at:012x}{n:012x}"),
        at: Timestamp::from_millisecond(at).expect("a time"),
        client_key: Some(ClientKeyId(n % 3 + 1)),
        client_name: Some("laptop".to_owned()),
        account: Some(AccountId(n % 4 + 1)),
        account_name: Some("default".to_owned()),
        provider: Some("openai".to_owned()),
        model: Some(format!("model-{}", n % 8)),
        asked_model: "fast".to_owned(),
        caller_dialect: Dialect::Messages,
        upstream_dialect: Some(Dialect::Chat),
        plan: Some(Plan::Via),
        stream: true,
        status: 200,
        outcome: Outcome::Ok,
        usage: Usage {
            input: Some(12_345),
            output: Some(678),
            ..Usage::default()
        },
        units: Units::default(),
        cost_usd: Some(0.0123),
        latency_ms: 1234,
        ttft_ms: Some(321),
        bytes_in: 65_432,
        bytes_out: 4_321,
        losses: 1,
        lost: vec!["messages[0].name=dropped".into()],
        error: None,
    }
}

fn record(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = open(dir.path());
    let mut n = 0;
    let mut next = || {
        n += 1;
        row(n, 1_700_000_000_000 + n)
    };
    c.bench_function("record", |b| {
        b.iter_batched(
            &mut next,
            |row| vault.usage().record(row),
            BatchSize::SmallInput,
        );
    });
}

fn move_to_database(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = open(dir.path());
    let mut n = 0;
    c.bench_function("record and flush 1,000", |b| {
        b.iter(|| {
            for _ in 0..1000 {
                n += 1;
                vault.usage().record(row(n, 1_700_000_000_000 + n));
            }
            vault.usage().flush().expect("flushed");
        });
    });
}

fn year(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let vault = open(dir.path());
    let start = 1_700_000_000_000 / DAY_MS * DAY_MS;
    for day in 0..365 {
        for n in 0..1000 {
            vault
                .usage()
                .record(row(n, start + day * DAY_MS + n * 80_000));
        }
    }
    vault.usage().flush().expect("flushed");
    let since = Timestamp::from_millisecond(start + DAY_MS / 2).expect("a time");
    for by in [GroupBy::Day, GroupBy::Model] {
        c.bench_function(&format!("a year of 365,000 rows by {by:?}"), |b| {
            b.iter(|| vault.usage().totals(since, by).expect("totals"));
        });
    }
}

criterion_group!(benches, record, move_to_database, year);
criterion_main!(benches);
