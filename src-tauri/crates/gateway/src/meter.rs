use std::sync::Arc;

use byokey_catalog::Price;
use byokey_vault::{AccountId, Outcome, Units, UsageRow};
use byokey_wire::{Dialect, Fault, Ledger, Memory, Plan, Seen, Usage};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::engine::{Notice, Shared};
use crate::resolve::Candidate;
use crate::roster::{Caller, Seat};
use crate::stored::{Known, Owner};

/// Losses of a request that are kept by name.
const MOST_LOSSES: usize = 32;

/// Counts one request and writes it down when dropped, however the request ends: a caller that
/// leaves has still used tokens.
pub(crate) struct Meter {
    shared: Arc<Shared>,
    row: Option<UsageRow>,
    price: Option<Price>,
    began: Instant,
    caller: Option<Arc<Caller>>,
    /// Whose the reply is, while it waits to be remembered by its id.
    binds: Option<Owner>,
}

impl Meter {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: String,
        dialect: Dialect,
        caller: Option<&Arc<Caller>>,
    ) -> Self {
        let row = UsageRow {
            request_id: id,
            at: Timestamp::now(),
            client_key: caller.map(|caller| caller.key.id),
            client_name: caller.map(|caller| caller.key.name.clone()),
            account: None,
            account_name: None,
            provider: None,
            model: None,
            asked_model: String::new(),
            caller_dialect: dialect,
            upstream_dialect: None,
            plan: None,
            stream: false,
            status: 499,
            outcome: Outcome::ClientGone,
            usage: Usage::default(),
            units: Units::default(),
            cost_usd: None,
            latency_ms: 0,
            ttft_ms: None,
            bytes_in: 0,
            bytes_out: 0,
            losses: 0,
            lost: Vec::new(),
            error: None,
        };
        let caller = caller.cloned();
        Self {
            shared,
            row: Some(row),
            price: None,
            began: Instant::now(),
            caller,
            binds: None,
        }
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        self.row.as_ref().map_or("", |row| &row.request_id)
    }

    /// Changes what will be written down.
    pub(crate) fn note(&mut self, change: impl FnOnce(&mut UsageRow)) {
        if let Some(row) = &mut self.row {
            change(row);
        }
    }

    /// An account is asked.
    pub(crate) fn asks(&mut self, candidate: &Candidate) {
        self.price.clone_from(&candidate.price);
        self.note(|row| {
            let account = &candidate.seat.account;
            row.account = Some(account.id);
            row.account_name = Some(account.name.clone());
            row.provider = Some(account.provider.clone());
            row.model = Some(candidate.model.clone());
            row.upstream_dialect = Some(candidate.upstream);
            row.plan = Some(candidate.plan);
        });
    }

    /// An account is asked for something else than a conversation.
    pub(crate) fn asks_seat(&mut self, seat: &Seat, model: Option<&str>, price: Option<Price>) {
        self.price = price;
        self.note(|row| {
            row.account = Some(seat.account.id);
            row.account_name = Some(seat.account.name.clone());
            row.provider = Some(seat.account.provider.clone());
            row.model = model.map(ToOwned::to_owned);
        });
    }

    /// The reply's first bytes went out.
    pub(crate) fn first(&mut self) {
        let elapsed = millis(self.began);
        self.note(|row| {
            row.ttft_ms.get_or_insert(elapsed);
        });
    }

    /// The account that is asked.
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.row.as_ref().and_then(|row| row.account)
    }

    /// How the account that answers is asked.
    pub(crate) fn plan(&self) -> Option<Plan> {
        self.row.as_ref().and_then(|row| row.plan)
    }

    /// The provider stores the reply: its id leads back to the account.
    pub(crate) fn binds(&mut self, owner: Owner) {
        self.binds = Some(owner);
    }

    /// Remembers which account has the reply, as soon as its id is known: the caller may go on from
    /// it before the stream has ended.
    pub(crate) fn bind(&mut self, seen: &Seen) {
        if let (Some(owner), Some(id)) = (self.binds, &seen.upstream_id)
            && let Some(account) = self.account()
        {
            self.shared.stored.put(owner, id, Known::Bound(account));
            self.binds = None;
        }
    }

    /// Takes over what was seen of the reply so far.
    pub(crate) fn seen(&mut self, seen: &Seen) {
        self.bind(seen);
        self.note(|row| row.usage = seen.usage);
    }

    /// The request could not carry this; counts in place of what an earlier try lost.
    pub(crate) fn sent_without(&mut self, losses: &Ledger) {
        self.note(|row| {
            row.losses = 0;
            row.lost.clear();
        });
        self.lost(losses);
    }

    /// The translation back could not carry this.
    pub(crate) fn lost(&mut self, losses: &Ledger) {
        let more = u32::try_from(losses.entries().len()).unwrap_or(u32::MAX);
        self.note(|row| {
            row.losses = row.losses.saturating_add(more);
            let room = MOST_LOSSES.saturating_sub(row.lost.len());
            row.lost.extend(losses.lines().take(room));
        });
    }

    /// Keeps what the caller's dialect had no place for.
    pub(crate) fn remember(&self, memories: Vec<(String, Memory)>) {
        let caller = self.caller.as_ref().map(|caller| caller.key.id);
        self.shared.proofs.keep(caller, memories);
    }

    /// The caller got everything.
    pub(crate) fn complete(&mut self) {
        self.note(|row| row.outcome = Outcome::Ok);
    }

    /// The request failed.
    pub(crate) fn failed(&mut self, fault: &Fault, outcome: Outcome) {
        self.note(|row| {
            row.outcome = outcome;
            row.error = Some(fault.message.clone());
        });
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let Some(mut row) = self.row.take() else {
            return;
        };
        row.latency_ms = millis(self.began);
        row.cost_usd = self.price.as_ref().and_then(|price| cost(price, &row));
        if let (Some(caller), Some(cost)) = (&self.caller, row.cost_usd) {
            caller.spent.add(row.at, cost);
        }
        let id = row.request_id.clone();
        self.shared.vault.usage().record(row);
        self.shared.announce(Notice::Request { id });
    }
}

/// The list price of what a request used; `None` when it is not known what it used.
fn cost(price: &Price, row: &UsageRow) -> Option<f64> {
    let seconds = row.units.audio_ms.map(|ms| ms as f64 / 1000.0);
    let units = price.of_units(row.units.characters, seconds, row.units.images);
    match (row.usage.is_empty(), units) {
        (true, units) => units,
        // Whoever counts tokens bills by them, and says the length only besides.
        (false, _) => Some(price.estimate(&row.usage)),
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
