//! Daily sums, so that totals over a year read a few thousand small rows.

use byokey_wire::Usage;
use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

use super::row::{GroupBy, UsageRow, UsageTotal};
use super::store::count;
use crate::VaultError;
use crate::vault::from_millis;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What one daily sum is about; 0 and "" stand for "none".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DayKey {
    day: i64,
    provider: String,
    account: i64,
    model: String,
    client: i64,
}

/// What a batch of rows adds to one daily sum.
#[derive(Default)]
pub(super) struct DaySum {
    account_name: Option<String>,
    client_name: Option<String>,
    requests: u64,
    failed: u64,
    tokens: [u64; 5],
    cost_usd: f64,
    unpriced: u64,
    latency_ms: u64,
}

impl DayKey {
    pub(super) fn of(row: &UsageRow) -> Self {
        Self {
            day: row.at.as_millisecond().div_euclid(DAY_MS),
            provider: row.provider.clone().unwrap_or_default(),
            account: row.account.map_or(0, |id| id.0),
            model: row.model.clone().unwrap_or_default(),
            client: row.client_key.map_or(0, |id| id.0),
        }
    }
}

impl DaySum {
    pub(super) fn add(&mut self, row: &UsageRow) {
        let usage = &row.usage;
        let reported = [
            usage.input,
            usage.cache_read,
            usage.cache_write,
            usage.output,
            usage.reasoning,
        ];
        for (sum, tokens) in self.tokens.iter_mut().zip(reported) {
            *sum = sum.saturating_add(tokens.unwrap_or(0));
        }
        self.requests += 1;
        self.failed += u64::from(row.outcome.failed());
        self.cost_usd += row.cost_usd.unwrap_or(0.0);
        self.unpriced += u64::from(is_unpriced(row));
        self.latency_ms = self.latency_ms.saturating_add(row.latency_ms);
        self.account_name.clone_from(&row.account_name);
        self.client_name.clone_from(&row.client_name);
    }

    pub(super) fn store(&self, tx: &Transaction<'_>, key: &DayKey) -> Result<(), VaultError> {
        let [input, cache_read, cache_write, output, reasoning] = self.tokens.map(count);
        tx.prepare_cached(
            "INSERT INTO usage_day (day, provider, account, model, client, account_name, \
             client_name, requests, failed, input, cache_read, cache_write, output, reasoning, \
             cost_usd, unpriced, latency_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
             ON CONFLICT DO UPDATE SET \
             account_name = coalesce(excluded.account_name, account_name), \
             client_name = coalesce(excluded.client_name, client_name), \
             requests = requests + excluded.requests, failed = failed + excluded.failed, \
             input = input + excluded.input, cache_read = cache_read + excluded.cache_read, \
             cache_write = cache_write + excluded.cache_write, \
             output = output + excluded.output, reasoning = reasoning + excluded.reasoning, \
             cost_usd = cost_usd + excluded.cost_usd, unpriced = unpriced + excluded.unpriced, \
             latency_ms = latency_ms + excluded.latency_ms",
        )?
        .execute(params![
            key.day,
            key.provider,
            key.account,
            key.model,
            key.client,
            self.account_name,
            self.client_name,
            count(self.requests),
            count(self.failed),
            input,
            cache_read,
            cache_write,
            output,
            reasoning,
            self.cost_usd,
            count(self.unpriced),
            count(self.latency_ms),
        ])?;
        Ok(())
    }
}

/// Sums from `since` on: whole days from their sums, the part of a day before them from its rows.
pub(super) fn totals(
    db: &Connection,
    since: Timestamp,
    by: GroupBy,
) -> Result<Vec<UsageTotal>, VaultError> {
    let since = since.as_millisecond();
    let first_whole_day = since.div_euclid(DAY_MS) + i64::from(since.rem_euclid(DAY_MS) > 0);
    let mut query = db.prepare_cached(&totals_query(by))?;
    let bounds = params![first_whole_day, since, first_whole_day * DAY_MS];
    let totals = query.query_map(bounds, |row| total_from(row, by))?;
    Ok(totals.collect::<Result<_, _>>()?)
}

/// Tokens were spent, but nobody knows at what price.
fn is_unpriced(row: &UsageRow) -> bool {
    row.cost_usd.is_none() && !row.usage.is_empty()
}

fn totals_query(by: GroupBy) -> String {
    // What a group is, and how it is called. With `max(day)` among the columns, SQLite takes the
    // bare ones from the newest day: a renamed account appears under its present name.
    let (group, label, id, order) = match by {
        GroupBy::Model => (
            "provider, model",
            "CASE WHEN model = '' THEN '' ELSE provider || '/' || model END",
            "NULL",
            "cost_usd DESC, requests DESC, label",
        ),
        GroupBy::Account => (
            "account",
            "CASE WHEN account = 0 THEN '' ELSE provider || '/' || coalesce(account_name, account) END",
            "nullif(account, 0)",
            "cost_usd DESC, requests DESC, label",
        ),
        GroupBy::Client => (
            "client",
            "CASE WHEN client = 0 THEN '' ELSE coalesce(client_name, client) END",
            "nullif(client, 0)",
            "cost_usd DESC, requests DESC, label",
        ),
        GroupBy::Provider => (
            "provider",
            "provider",
            "NULL",
            "cost_usd DESC, requests DESC, label",
        ),
        GroupBy::Day => ("day", "day", "NULL", "day"),
    };
    format!(
        "WITH part AS ( \
           SELECT day, provider, account, model, client, account_name, client_name, requests, \
             failed, input, cache_read, cache_write, output, reasoning, cost_usd, unpriced, \
             latency_ms \
           FROM usage_day WHERE day >= ?1 \
           UNION ALL \
           SELECT ?1 - 1, coalesce(provider, ''), coalesce(account, 0), coalesce(model, ''), \
             coalesce(client_key, 0), account_name, client_name, 1, \
             outcome NOT IN ('ok', 'client-gone'), coalesce(input, 0), coalesce(cache_read, 0), \
             coalesce(cache_write, 0), coalesce(output, 0), coalesce(reasoning, 0), \
             coalesce(cost_usd, 0.0), cost_usd IS NULL AND \
             coalesce(input, cache_read, cache_write, output, reasoning) IS NOT NULL, latency_ms \
           FROM usage WHERE at >= ?2 AND at < ?3) \
         SELECT max(day), {label} AS label, {id}, sum(requests) AS requests, sum(failed), \
           sum(input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), \
           sum(cost_usd) AS cost_usd, sum(unpriced), sum(latency_ms) \
         FROM part GROUP BY {group} ORDER BY {order}"
    )
}

fn total_from(row: &Row<'_>, by: GroupBy) -> rusqlite::Result<UsageTotal> {
    let sum = |index| {
        row.get::<_, i64>(index)
            .map(|n| u64::try_from(n).unwrap_or(0))
    };
    let group = match by {
        GroupBy::Day => date(row.get(0)?),
        _ => row.get(1)?,
    };
    Ok(UsageTotal {
        group,
        id: row.get(2)?,
        requests: sum(3)?,
        failed: sum(4)?,
        usage: Usage {
            input: Some(sum(5)?),
            cache_read: Some(sum(6)?),
            cache_write: Some(sum(7)?),
            output: Some(sum(8)?),
            reasoning: Some(sum(9)?),
        },
        cost_usd: row.get(10)?,
        unpriced: sum(11)?,
        latency_ms: sum(12)?,
    })
}

fn date(day: i64) -> String {
    from_millis(day.saturating_mul(DAY_MS))
        .strftime("%Y-%m-%d")
        .to_string()
}
