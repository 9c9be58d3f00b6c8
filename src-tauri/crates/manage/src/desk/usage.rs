use byokey_vault::{AuditBroken, GroupBy, Outcome, UsageRow, UsageTotal, VaultError};
use byokey_wire::{Dialect, Plan, Usage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Desk;
use crate::ManageError;

/// What usage is summed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UsageBy {
    /// The model's name at the provider, as `provider/model`.
    #[default]
    Model,
    /// The account, as `provider/account`.
    Account,
    /// The client key's name.
    Client,
    /// The day, in UTC.
    Day,
    /// The provider.
    Provider,
}

/// Tokens, in one convention for all providers: `input` is the whole prompt, cached parts included.
/// A count that no provider reported is absent, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// All prompt tokens.
    pub input: Option<u64>,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the provider's cache.
    pub cache_write: Option<u64>,
    /// Reply tokens, reasoning included.
    pub output: Option<u64>,
    /// Reasoning tokens within `output`.
    pub reasoning: Option<u64>,
}

/// The sums of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageGroup {
    /// The group; empty for requests that have none.
    pub group: String,
    /// Requests.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// All tokens that were reported.
    pub tokens: Tokens,
    /// Estimated cost in USD by list prices, of the requests whose price is known.
    pub cost_usd: f64,
    /// Requests with tokens but without a known price: `cost_usd` lacks them.
    pub unpriced: u64,
    /// The mean time from a request's arrival to the last byte of its reply, in milliseconds.
    pub latency_ms: u64,
}

/// Usage since a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageResponse {
    /// The moment.
    pub since: Timestamp,
    /// What it is summed by.
    pub by: UsageBy,
    /// The groups, largest cost first; days in order.
    pub groups: Vec<UsageGroup>,
}

/// One request and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestInfo {
    /// Its id, as in the reply's `x-byokey-request-id`.
    pub id: String,
    /// When it arrived.
    pub at: Timestamp,
    /// The name of the client key it came with.
    pub client: Option<String>,
    /// The provider that answered, or was last asked.
    pub provider: Option<String>,
    /// The account that answered, or was last asked.
    pub account: Option<String>,
    /// The model's name at the provider.
    pub model: Option<String>,
    /// The model's name as the caller wrote it.
    pub asked_model: String,
    /// The caller's dialect.
    #[schema(value_type = String)]
    pub caller_dialect: Dialect,
    /// The dialect spoken to the provider.
    #[schema(value_type = Option<String>)]
    pub upstream_dialect: Option<Dialect>,
    /// `pass` or `via`.
    #[schema(value_type = Option<String>)]
    pub plan: Option<Plan>,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// The HTTP status sent to the caller.
    pub status: u16,
    /// How it ended: `ok`, `client-gone`, `upstream-error`, `upstream-cut`, `unreachable`,
    /// `timeout` or `refused`.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// The tokens that the provider reported.
    pub tokens: Tokens,
    /// Characters of text that was spoken, where the reply says so.
    pub characters: Option<u64>,
    /// Length of the audio that was heard, in milliseconds, where the reply says so.
    pub audio_ms: Option<u64>,
    /// Images that were made.
    pub images: Option<u64>,
    /// Estimated cost in USD.
    pub cost_usd: Option<f64>,
    /// From arrival to the last byte, in milliseconds.
    pub latency_ms: u64,
    /// From arrival to the first byte of content, in milliseconds.
    pub ttft_ms: Option<u64>,
    /// How many members a translation lost.
    pub losses: u32,
    /// The first of them, each as `path=action`.
    pub lost: Vec<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// The newest requests, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecentResponse {
    /// The requests.
    pub requests: Vec<RequestInfo>,
}

/// One act in the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditInfo {
    /// Its place in the trail, from 1.
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
}

/// The audit trail, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditResponse {
    /// The newest acts.
    pub entries: Vec<AuditInfo>,
    /// Whether the whole trail is intact, if that was asked.
    pub verdict: Option<AuditVerdict>,
}

/// Whether the audit trail is as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    /// Whether it is.
    pub intact: bool,
    /// How many entries were found good.
    pub entries: u64,
}

impl Desk {
    /// Usage since a moment.
    ///
    /// # Errors
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn usage(&self, since: Timestamp, by: UsageBy) -> Result<UsageResponse, ManageError> {
        let totals = self.with_vault(move |vault| vault.usage().totals(since, by.group()));
        let groups = totals.await?.into_iter().map(UsageGroup::from).collect();
        Ok(UsageResponse { since, by, groups })
    }

    /// The newest `limit` requests.
    ///
    /// # Errors
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn recent(&self, limit: u32) -> Result<RecentResponse, ManageError> {
        let rows = self.with_vault(move |vault| vault.usage().recent(limit));
        let requests = rows.await?.into_iter().map(RequestInfo::from).collect();
        Ok(RecentResponse { requests })
    }

    /// The newest `limit` acts; with `verify` the whole trail is checked as well.
    ///
    /// # Errors
    /// [`Code::Vault`](crate::Code::Vault).
    pub async fn audit(&self, limit: u32, verify: bool) -> Result<AuditResponse, ManageError> {
        self.with_vault(move |vault| {
            let entries = vault.audit(Timestamp::MIN, limit)?.into_iter();
            let entries = entries.map(|entry| AuditInfo {
                seq: entry.seq,
                at: entry.at,
                actor: entry.actor,
                action: entry.action,
                subject: entry.subject,
            });
            let verdict = match verify.then(|| vault.verify_audit()) {
                None => None,
                Some(Ok(entries)) => Some((true, entries)),
                Some(Err(AuditBroken::Changed { at })) => Some((false, at.saturating_sub(1))),
                Some(Err(AuditBroken::Unreadable(error))) => return Err(error),
            };
            Ok::<_, VaultError>(AuditResponse {
                entries: entries.collect(),
                verdict: verdict.map(|(intact, entries)| AuditVerdict { intact, entries }),
            })
        })
        .await
    }
}

impl UsageBy {
    fn group(self) -> GroupBy {
        match self {
            Self::Model => GroupBy::Model,
            Self::Account => GroupBy::Account,
            Self::Client => GroupBy::Client,
            Self::Day => GroupBy::Day,
            Self::Provider => GroupBy::Provider,
        }
    }
}

impl From<UsageTotal> for UsageGroup {
    fn from(total: UsageTotal) -> Self {
        Self {
            group: total.group,
            requests: total.requests,
            failed: total.failed,
            tokens: total.usage.into(),
            cost_usd: total.cost_usd,
            unpriced: total.unpriced,
            latency_ms: total.latency_ms / total.requests.max(1),
        }
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
        }
    }
}

impl From<UsageRow> for RequestInfo {
    fn from(row: UsageRow) -> Self {
        Self {
            id: row.request_id,
            at: row.at,
            client: row.client_name,
            provider: row.provider,
            account: row.account_name,
            model: row.model,
            asked_model: row.asked_model,
            caller_dialect: row.caller_dialect,
            upstream_dialect: row.upstream_dialect,
            plan: row.plan,
            stream: row.stream,
            status: row.status,
            outcome: row.outcome,
            tokens: row.usage.into(),
            characters: row.units.characters,
            audio_ms: row.units.audio_ms,
            images: row.units.images,
            cost_usd: row.cost_usd,
            latency_ms: row.latency_ms,
            ttft_ms: row.ttft_ms,
            losses: row.losses,
            lost: row.lost,
            error: row.error,
        }
    }
}
