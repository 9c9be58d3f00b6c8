use byokey_wire::{Dialect, Plan, Usage};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, ClientKeyId};

/// One request and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageRow {
    /// The request's id, unique; a second row with the same id is ignored.
    pub request_id: String,
    /// When it arrived; kept to the millisecond.
    pub at: Timestamp,
    /// The client key it came with; `None` if it had none.
    pub client_key: Option<ClientKeyId>,
    /// That key's name at the time.
    pub client_name: Option<String>,
    /// The account that answered, or was last asked.
    pub account: Option<AccountId>,
    /// That account's name at the time.
    pub account_name: Option<String>,
    /// That account's provider.
    pub provider: Option<String>,
    /// The model's name at the provider.
    pub model: Option<String>,
    /// The model's name as the caller wrote it.
    pub asked_model: String,
    /// The dialect of the caller.
    pub caller_dialect: Dialect,
    /// The dialect spoken to the provider.
    pub upstream_dialect: Option<Dialect>,
    /// How the request got there.
    pub plan: Option<Plan>,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// The HTTP status sent to the caller.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// The tokens that the provider reported.
    pub usage: Usage,
    /// What speech and images are counted by.
    #[serde(default)]
    pub units: Units,
    /// The estimated cost in USD; `None` if no price is known.
    pub cost_usd: Option<f64>,
    /// From arrival to the last byte, in milliseconds.
    pub latency_ms: u64,
    /// From arrival to the first byte of the reply's content, in milliseconds.
    pub ttft_ms: Option<u64>,
    /// Bytes of the caller's body.
    pub bytes_in: u64,
    /// Bytes of the reply's body.
    pub bytes_out: u64,
    /// How many members a translation lost.
    pub losses: u32,
    /// The first of them, each as `path=action`; none has a `;`.
    #[serde(default)]
    pub lost: Vec<String>,
    /// What went wrong, without secrets; cut to 300 characters.
    pub error: Option<String>,
}

/// Counts of requests that are not billed by tokens alone, as far as the provider reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Units {
    /// Characters of text that was spoken.
    pub characters: Option<u64>,
    /// Length of the audio that was heard, in milliseconds.
    pub audio_ms: Option<u64>,
    /// Images that were made.
    pub images: Option<u64>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The caller got the whole reply.
    Ok,
    /// The caller left before the end.
    ClientGone,
    /// The provider answered with an error.
    UpstreamError,
    /// The provider's reply broke off.
    UpstreamCut,
    /// The provider could not be reached.
    Unreachable,
    /// A time limit passed.
    Timeout,
    /// byokey itself refused the request.
    Refused,
}

impl Outcome {
    /// The name used in databases and replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientGone => "client-gone",
            Self::UpstreamError => "upstream-error",
            Self::UpstreamCut => "upstream-cut",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
        }
    }

    /// Whether the caller did not get what it waited for.
    pub const fn failed(self) -> bool {
        !matches!(self, Self::Ok | Self::ClientGone)
    }

    /// Whether the failure speaks of the account or its provider.
    pub(super) const fn blames_account(self) -> bool {
        self.failed() && !matches!(self, Self::Refused)
    }
}

/// What totals are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// The model's name at the provider, within the provider.
    Model,
    /// The account.
    Account,
    /// The client key.
    Client,
    /// The day, in UTC.
    Day,
    /// The provider.
    Provider,
}

/// The sums of one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsageTotal {
    /// The group: `provider/model`, `provider/account`, a client key's name, `2026-11-21` or a
    /// provider's id; empty for requests that have none.
    pub group: String,
    /// The number of the account or client key, when summed by those.
    pub id: Option<i64>,
    /// Requests.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// All tokens that were reported.
    pub usage: Usage,
    /// The estimated cost in USD, of the requests whose price is known.
    pub cost_usd: f64,
    /// Requests with tokens but without a known price: `cost_usd` lacks them.
    pub unpriced: u64,
    /// The sum of all latencies, in milliseconds.
    pub latency_ms: u64,
}
