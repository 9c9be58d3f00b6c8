//! `usage.db`: the rows, their daily sums, and when accounts and keys were last used.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use byokey_wire::{Dialect, Plan, Usage};
use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as WordError;

use super::days::{self, DayKey, DaySum};
use super::row::{GroupBy, Outcome, Units, UsageRow, UsageTotal};
use crate::schema::{self, Settings};
use crate::vault::{from_millis, now_millis};
use crate::{AccountFailure, AccountId, ClientKeyId, UsageLog, VaultError};

const ACCOUNT: &str = "account";
const CLIENT: &str = "client";

pub(crate) struct Store {
    db: Connection,
}

/// When an account was last used, and its failure if that failed.
pub(crate) struct LastUse {
    pub(crate) at: Timestamp,
    pub(crate) failure: Option<AccountFailure>,
}

impl UsageLog {
    pub(crate) fn account_uses(&self) -> Result<HashMap<i64, LastUse>, VaultError> {
        self.store().uses(ACCOUNT)
    }

    pub(crate) fn client_uses(&self) -> Result<HashMap<i64, Timestamp>, VaultError> {
        Ok(self
            .store()
            .uses(CLIENT)?
            .into_iter()
            .map(|(id, last)| (id, last.at))
            .collect())
    }
}

impl Store {
    pub(super) fn open(dir: Option<&Path>) -> Result<Self, VaultError> {
        let path = dir.map(|dir| dir.join("usage.db"));
        // Not read through at the start: it may be large, and nothing but figures depends on it.
        let settings = Settings {
            synchronous: "NORMAL",
            check: false,
            steps: schema::USAGE,
        };
        let opened = schema::open(path.as_deref(), settings);
        let db = match (opened, &path) {
            (Err(VaultError::Corrupt), Some(path)) => {
                set_aside(path)?;
                schema::open(Some(path), settings)?
            }
            (opened, _) => opened?,
        };
        Ok(Self { db })
    }

    /// Adds rows in one transaction, each at most once ever.
    pub(super) fn add(
        &mut self,
        rows: impl Iterator<Item = io::Result<UsageRow>>,
    ) -> Result<(), VaultError> {
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut days: HashMap<DayKey, DaySum> = HashMap::new();
        let mut uses: HashMap<(&str, i64), Use> = HashMap::new();
        for row in rows {
            let row = row.map_err(VaultError::io("read", Path::new("the usage journal")))?;
            if insert(&tx, &row)? {
                note_use(&mut uses, &row);
                days.entry(DayKey::of(&row)).or_default().add(&row);
            }
        }
        for (key, sum) in &days {
            sum.store(&tx, key)?;
        }
        for ((kind, id), last) in &uses {
            last.store(&tx, kind, *id)?;
        }
        tx.commit()?;
        Ok(())
    }

    pub(super) fn totals(
        &self,
        since: Timestamp,
        by: GroupBy,
    ) -> Result<Vec<UsageTotal>, VaultError> {
        days::totals(&self.db, since, by)
    }

    pub(super) fn recent(&self, limit: u32) -> Result<Vec<UsageRow>, VaultError> {
        let mut query = self.db.prepare_cached(
            "SELECT request_id, at, client_key, client_name, account, account_name, provider, \
             model, asked_model, caller_dialect, upstream_dialect, plan, stream, status, outcome, \
             input, cache_read, cache_write, output, reasoning, cost_usd, latency_ms, ttft_ms, \
             bytes_in, bytes_out, losses, error, characters, audio_ms, images, lost FROM usage \
             ORDER BY at DESC, id DESC LIMIT ?1",
        )?;
        let rows = query.query_map([limit], from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn uses(&self, kind: &str) -> Result<HashMap<i64, LastUse>, VaultError> {
        let mut query = self
            .db
            .prepare_cached("SELECT id, at, error_at, error FROM last_use WHERE kind = ?1")?;
        let uses = query.query_map([kind], |row| {
            let at = from_millis(row.get(1)?);
            let error_at: Option<i64> = row.get(2)?;
            let message: Option<String> = row.get(3)?;
            let failure = error_at.map(|error_at| AccountFailure {
                at: from_millis(error_at),
                message: message.unwrap_or_default(),
            });
            Ok((row.get(0)?, LastUse { at, failure }))
        })?;
        Ok(uses.collect::<Result<_, _>>()?)
    }
}

/// Moves a damaged database out of the way: figures must not keep the chat from working.
fn set_aside(path: &Path) -> Result<(), VaultError> {
    let aside = path.with_added_extension(format!("damaged-{}", now_millis()));
    tracing::error!(kept = %aside.display(), "usage.db is damaged; a new one is begun");
    for side in ["-wal", "-shm"] {
        let mut side_file = path.as_os_str().to_owned();
        side_file.push(side);
        // Mostly absent; they mean nothing without their database.
        let _ = fs::remove_file(side_file);
    }
    fs::rename(path, &aside).map_err(VaultError::io("set aside", path))
}

/// Returns whether the row is new.
fn insert(tx: &Transaction<'_>, row: &UsageRow) -> Result<bool, VaultError> {
    let mut query = tx.prepare_cached(
        "INSERT OR IGNORE INTO usage (request_id, at, client_key, client_name, account, \
         account_name, provider, model, asked_model, caller_dialect, upstream_dialect, plan, \
         stream, status, outcome, input, cache_read, cache_write, output, reasoning, cost_usd, \
         latency_ms, ttft_ms, bytes_in, bytes_out, losses, error, characters, audio_ms, images, \
         lost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, \
         ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31)",
    )?;
    let inserted = query.execute(params![
        row.request_id,
        row.at.as_millisecond(),
        row.client_key.map(|id| id.0),
        row.client_name,
        row.account.map(|id| id.0),
        row.account_name,
        row.provider,
        row.model,
        row.asked_model,
        row.caller_dialect.name(),
        row.upstream_dialect.map(Dialect::name),
        row.plan.map(plan_name),
        row.stream,
        row.status,
        row.outcome.name(),
        row.usage.input.map(count),
        row.usage.cache_read.map(count),
        row.usage.cache_write.map(count),
        row.usage.output.map(count),
        row.usage.reasoning.map(count),
        row.cost_usd,
        count(row.latency_ms),
        row.ttft_ms.map(count),
        count(row.bytes_in),
        count(row.bytes_out),
        row.losses,
        row.error,
        row.units.characters.map(count),
        row.units.audio_ms.map(count),
        row.units.images.map(count),
        (!row.lost.is_empty()).then(|| row.lost.join(BETWEEN_LOSSES)),
    ])?;
    Ok(inserted == 1)
}

/// What a batch of rows says about one account or client key.
struct Use {
    at: i64,
    /// The outcome of the newest row that speaks of the account: its failure, or none.
    verdict: Option<(i64, Option<String>)>,
}

fn note_use(uses: &mut HashMap<(&'static str, i64), Use>, row: &UsageRow) {
    let at = row.at.as_millisecond();
    let mut note = |kind, id, verdict: Option<(i64, Option<String>)>| {
        let last = uses.entry((kind, id)).or_insert(Use { at, verdict: None });
        last.at = last.at.max(at);
        if verdict.is_some()
            && last
                .verdict
                .as_ref()
                .is_none_or(|(before, _)| *before <= at)
        {
            last.verdict = verdict;
        }
    };
    if let Some(ClientKeyId(id)) = row.client_key {
        note(CLIENT, id, None);
    }
    if let Some(AccountId(id)) = row.account {
        let failure = || row.error.clone().unwrap_or_default();
        let verdict = match row.outcome {
            outcome if outcome.blames_account() => Some((at, Some(failure()))),
            Outcome::Ok => Some((at, None)),
            _ => None,
        };
        note(ACCOUNT, id, verdict);
    }
}

impl Use {
    fn store(&self, tx: &Transaction<'_>, kind: &str, id: i64) -> Result<(), VaultError> {
        tx.prepare_cached(
            "INSERT INTO last_use (kind, id, at) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
        )?
        .execute(params![kind, id, self.at])?;
        if let Some((at, message)) = &self.verdict {
            let error_at = message.as_ref().map(|_| at);
            tx.prepare_cached(
                "UPDATE last_use SET error_at = ?3, error = ?4 WHERE kind = ?1 AND id = ?2",
            )?
            .execute(params![kind, id, error_at, message])?;
        }
        Ok(())
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let tokens = |index| {
        row.get::<_, Option<i64>>(index)
            .map(|n| n.map(i64::cast_unsigned))
    };
    Ok(UsageRow {
        request_id: row.get(0)?,
        at: from_millis(row.get(1)?),
        client_key: row.get::<_, Option<i64>>(2)?.map(ClientKeyId),
        client_name: row.get(3)?,
        account: row.get::<_, Option<i64>>(4)?.map(AccountId),
        account_name: row.get(5)?,
        provider: row.get(6)?,
        model: row.get(7)?,
        asked_model: row.get(8)?,
        caller_dialect: word(row, 9)?.ok_or(rusqlite::Error::InvalidQuery)?,
        upstream_dialect: word(row, 10)?,
        plan: word(row, 11)?,
        stream: row.get(12)?,
        status: row.get(13)?,
        outcome: word(row, 14)?.ok_or(rusqlite::Error::InvalidQuery)?,
        usage: Usage {
            input: tokens(15)?,
            cache_read: tokens(16)?,
            cache_write: tokens(17)?,
            output: tokens(18)?,
            reasoning: tokens(19)?,
        },
        units: Units {
            characters: tokens(27)?,
            audio_ms: tokens(28)?,
            images: tokens(29)?,
        },
        cost_usd: row.get(20)?,
        latency_ms: tokens(21)?.unwrap_or(0),
        ttft_ms: tokens(22)?,
        bytes_in: tokens(23)?.unwrap_or(0),
        bytes_out: tokens(24)?.unwrap_or(0),
        losses: row.get(25)?,
        lost: lost(row.get(30)?),
        error: row.get(26)?,
    })
}

/// What stands between two losses.
const BETWEEN_LOSSES: &str = "; ";

fn lost(kept: Option<String>) -> Vec<String> {
    let kept = kept.unwrap_or_default();
    let lost = kept.split(BETWEEN_LOSSES).filter(|loss| !loss.is_empty());
    lost.map(ToOwned::to_owned).collect()
}

/// Reads a word of a closed list, as serde spells it.
fn word<'de, T: Deserialize<'de>>(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<T>> {
    let Some(text) = row.get::<_, Option<String>>(index)? else {
        return Ok(None);
    };
    let parsed: Result<T, WordError> = T::deserialize(text.into_deserializer());
    parsed.map(Some).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            index,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

const fn plan_name(plan: Plan) -> &'static str {
    match plan {
        Plan::Pass => "pass",
        Plan::Via => "via",
    }
}

/// SQLite's integers are signed; no count of a request comes near the limit.
pub(super) fn count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
