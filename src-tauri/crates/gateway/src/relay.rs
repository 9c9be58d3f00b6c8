//! From a request to an account and back: tries the candidates in order until one answers.
//!
//! Until the first byte of a reply another account may be asked; after it nothing is ever repeated.
//! A fault of the request itself is the same at every account and is told at once.

mod pass;
mod prepare;
mod program;
mod refusal;
mod reply;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use byokey_vault::{AccountKind, Outcome};
use byokey_wire::{Dialect, Fault, FaultKind, Ledger};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::time::Instant;

use self::pass::Pass;
use self::prepare::Amends;
use self::refusal::refusal;
pub(crate) use self::refusal::retry_after;
pub(crate) use self::reply::{Collected, collect};
pub(crate) use self::stream::Limits;
use crate::chain::Chain;
use crate::engine::{Shared, View};
use crate::feed::{Feed, Named, Place};
use crate::inflow::Inflow;
use crate::meter::Meter;
use crate::models::PATIENCE;
use crate::resolve::{Candidate, plain};
use crate::respond;
use crate::roster::Caller;
use crate::surface::Asked;
use crate::upload::Upload;
use crate::upstream::NoHead;

/// One request on its way.
pub(crate) struct Exchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) view: Arc<View>,
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) asked: Asked,
    pub(crate) parts: Parts,
    pub(crate) id: String,
    /// What was lost before the request came here.
    pub(crate) lost: Ledger,
    /// What a request of Responses goes on from.
    pub(crate) chain: Option<Chain>,
}

/// An account that could not serve a request.
struct Failure {
    fault: Fault,
    outcome: Outcome,
    /// The provider's own reply, where the caller can read it as it is.
    verbatim: Option<(StatusCode, HeaderMap, Bytes)>,
    route: HeaderValue,
    /// What the provider said of the account, without byokey's words around it.
    said: String,
    /// Whether it is how the provider locks an account out.
    locked_out: bool,
}

impl Exchange {
    /// Answers the request, with a reply or an error in the caller's dialect.
    pub(crate) async fn serve(mut self, incoming: Upload) -> Response<Body> {
        let mut meter = Meter::new(
            self.shared.clone(),
            self.id.clone(),
            self.asked.dialect,
            self.caller.as_ref(),
        );
        match self.relay(incoming, &mut meter).await {
            Ok(reply) => {
                let plan = meter.plan();
                let stored = self.bind(&mut meter);
                let response = reply.into_response(meter, self.asked.answer);
                self.put(response, plan, stored)
            }
            Err(failure) => {
                meter.failed(&failure.fault, failure.outcome);
                let response = self.refuse(failure);
                meter.note(|row| row.status = response.status().as_u16());
                response
            }
        }
    }

    fn refuse(&self, failure: Failure) -> Response<Body> {
        let mut response = match failure.verbatim {
            Some((status, headers, body)) => {
                let mut response = respond::json(status.as_u16(), body);
                response.headers_mut().remove(header::CONTENT_TYPE);
                respond::take_headers(&headers, response.headers_mut());
                respond::set_id(response.headers_mut(), &self.id);
                response
            }
            None => respond::fault(self.asked.answer, &failure.fault, &self.id),
        };
        if !failure.route.is_empty() {
            response.headers_mut().insert(respond::ROUTE, failure.route);
        }
        response
    }

    async fn relay(
        &mut self,
        incoming: Upload,
        meter: &mut Meter,
    ) -> Result<reply::Begun, Failure> {
        let end = self
            .view
            .config
            .timeouts
            .total()
            .map(|total| Instant::now() + total);
        check_content_type(&self.parts.headers)?;
        let wants_model = self.asked.model.is_none();
        let feed = Feed::new(incoming, self.view.config.max_body(), wants_model)?;
        let feed = self.take_up(feed).await?;
        let read = self.named(&feed).await;
        meter.note(|row| row.bytes_in = feed.received() as u64);
        let model = read?;
        meter.note(|row| row.asked_model.clone_from(&model.name));
        let found = self.look_up(&model).await?;
        let candidates = self.narrow(found)?;
        feed.gather().await?;

        let routing = &self.view.config.routing;
        let mut last = None;
        for (index, candidate) in self.in_turn(&candidates).enumerate() {
            if !routing.failover || index + 1 == candidates.len() {
                feed.last_use();
            }
            let mut tried = self.attempt(candidate, &feed, &model, end, meter).await;
            if let Err(failure) = &tried
                && index + 1 == candidates.len()
                && let Some(wait) = failure.short_wait(routing.wait_max_s)
                && feed.kept()
            {
                tokio::time::sleep(wait).await;
                tried = self.attempt(candidate, &feed, &model, end, meter).await;
            }
            match tried {
                Ok(begun) => return Ok(begun),
                Err(failure) if self.may_go_on(&failure) => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(last.unwrap_or_else(|| Fault::new(FaultKind::NoAccount, "no account is left").into()))
    }

    /// The accounts that can serve a model.
    ///
    /// # Errors
    /// When none can, or the caller may not use it.
    pub(crate) async fn look_up(&mut self, model: &Named) -> Result<Arc<[Candidate]>, Fault> {
        match self.candidates(model) {
            // A model that no row knows may stand in a live list that was not read yet.
            Err(fault) if fault.kind == FaultKind::UnknownModel => {
                self.view = self.shared.look_up_models(PATIENCE).await;
                self.candidates(model)
            }
            known => known,
        }
    }

    /// The model that is asked for, by the path or by the body.
    ///
    /// # Errors
    /// When the body is bad or names none.
    pub(crate) async fn named(&self, feed: &Feed) -> Result<Named, Fault> {
        let Some(name) = &self.asked.model else {
            return feed.model().await;
        };
        let place = match self.asked.dialect {
            Dialect::Gemini => Place::Nowhere,
            _ => feed.place().await?,
        };
        let name = name.clone();
        Ok(Named { name, place })
    }

    /// Whether the caller wants a stream, as far as is known.
    fn streams(&self, feed: &Feed) -> bool {
        self.asked.stream.unwrap_or_else(|| feed.stream())
    }

    /// The candidates in the order in which this request asks them. Without affinity the accounts
    /// that stand first for the same model take turns; what an alias falls back to stays behind.
    fn in_turn<'c>(&self, candidates: &'c [Candidate]) -> impl Iterator<Item = &'c Candidate> {
        let same = |candidate: &&Candidate| {
            candidates.first().is_some_and(|first| {
                first.model == candidate.model
                    && first.seat.account.provider == candidate.seat.account.provider
            })
        };
        let run = candidates.iter().take_while(same).count();
        let (run, rest) = candidates.split_at(run);
        let start = match self.view.config.routing.affinity {
            true => 0,
            false => self.shared.turn() % run.len().max(1),
        };
        run[start..].iter().chain(&run[..start]).chain(rest)
    }

    async fn attempt(
        &self,
        candidate: &Candidate,
        feed: &Feed,
        model: &Named,
        end: Option<Instant>,
        meter: &mut Meter,
    ) -> Result<reply::Begun, Failure> {
        meter.asks(candidate);
        let (account, in_catalog) = (candidate.seat.account.id, candidate.in_catalog);
        let mut amends = Amends::known(self.shared.refused.of(account, &candidate.model));
        let mut pass = Pass::get(self, candidate).await?;
        let tried = loop {
            let signed = pass
                .sign(candidate)
                .map_err(|fault| pass::none(candidate, fault))?;
            let tried = self.ask(&signed, feed, model, &amends, end, meter).await;
            let Err(failure) = &tried else { break tried };
            let remedy = failure.fault.remedy.as_deref();
            if remedy.is_some_and(|remedy| feed.kept() && amends.take(remedy, in_catalog)) {
                continue;
            }
            if !pass.again(self, candidate, failure, feed.kept()).await? {
                break tried;
            }
        };
        if tried.is_ok() {
            let refused = &self.shared.refused;
            refused.note(account, &candidate.model, amends.members());
        }
        meter.note(|row| {
            row.bytes_in = feed.received() as u64;
            row.stream = self.streams(feed);
        });
        tried
    }

    fn candidates(&self, model: &Named) -> Result<Arc<[Candidate]>, Fault> {
        let known = self.view.known();
        let found = self
            .view
            .resolved
            .candidates(known, self.asked.dialect, &model.name)?;
        let Some(caller) = &self.caller else {
            return Ok(found);
        };
        let allowed = found.iter().all(|candidate| {
            let full = format!("{}/{}", candidate.seat.account.provider, candidate.model);
            caller.allows(&[plain(&model.name), &candidate.model, &full])
        });
        if !allowed {
            return Err(Fault::new(
                FaultKind::Forbidden,
                format!(
                    "the client key `{}` may not use the model `{}`; it is limited to {}",
                    caller.key.name,
                    model.name,
                    caller.key.limits.models.join(", ")
                ),
            ));
        }
        if let Some(budget) = caller.key.limits.budget_usd {
            caller.spent.check(budget, &caller.key.name)?;
        }
        Ok(found)
    }

    /// Whether another account may be asked after this failure.
    fn may_go_on(&self, failure: &Failure) -> bool {
        self.view.config.routing.failover
            && matches!(
                failure.fault.kind,
                FaultKind::AccountAuth
                    | FaultKind::Permission
                    | FaultKind::UnknownModel
                    | FaultKind::RateLimit
                    | FaultKind::Quota
                    | FaultKind::Billing
                    | FaultKind::Overloaded
                    | FaultKind::Upstream
            )
    }

    async fn ask(
        &self,
        candidate: &Candidate,
        feed: &Feed,
        model: &Named,
        amends: &Amends,
        end: Option<Instant>,
        meter: &mut Meter,
    ) -> Result<reply::Begun, Failure> {
        let prepared = self.prepare(candidate, feed, model, amends).await?;
        let mut losses = self.lost.clone();
        losses.append(prepared.losses);
        meter.sent_without(&losses);
        let body = prepared.body;
        let timeouts = &self.view.config.timeouts;
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let wait = left.map_or(timeouts.headers(), |left| left.min(timeouts.headers()));

        let sent = match &candidate.seat.program {
            Some(program) => self.run(program, candidate, body, wait).await,
            None => {
                let request = self.request(candidate, body, self.streams(feed));
                let upstream = self.view.upstream(&candidate.seat.account.provider);
                let sent = upstream.send(request, feed, wait).await;
                sent.map(|response| response.map(Inflow::Network))
            }
        };
        let response = match sent {
            Ok(response) => response,
            // What the caller did wrong is no fault of the account.
            Err(NoHead::Caller(fault)) => return Err(fault.into()),
            Err(NoHead::Unreachable(fault)) => {
                return Err(Failure::of(candidate, fault, Outcome::Unreachable));
            }
            Err(NoHead::Silent(fault)) => {
                return Err(Failure::of(candidate, fault, Outcome::Timeout));
            }
        };
        let limits = Limits {
            idle: timeouts.idle(),
            end,
        };
        if !response.status().is_success() {
            return Err(refusal(candidate, response, limits).await);
        }
        let back = reply::Back {
            upstream: candidate.upstream,
            shape: &candidate.shape,
            stream: self.streams(feed),
            answer: prepared.answer,
            limits,
        };
        let begun = back.begin(response).await;
        let mut begun = begun.map_err(|none| Failure::of(candidate, none.fault, none.outcome))?;
        respond::set_id(&mut begun.headers, &self.id);
        begun
            .headers
            .insert(respond::ROUTE, candidate.seat.label.clone());
        if let Some(lost) = losses.header()
            && let Ok(lost) = HeaderValue::try_from(lost)
        {
            begun.headers.insert(respond::DROPPED, lost);
        }
        Ok(begun)
    }
}

impl Failure {
    /// How long the provider asks to wait, if that is no longer than `most_s` seconds.
    fn short_wait(&self, most_s: u64) -> Option<Duration> {
        let busy = matches!(
            self.fault.kind,
            FaultKind::RateLimit | FaultKind::Overloaded
        );
        let wait = self.fault.retry_after_s.filter(|_| busy)?;
        (wait <= most_s && most_s > 0).then(|| Duration::from_secs(wait))
    }

    fn of(candidate: &Candidate, mut fault: Fault, outcome: Outcome) -> Self {
        let account = &candidate.seat.account;
        let said = fault.message;
        fault.message = format!("{}/{}: {said}", account.provider, account.name);
        if fault.kind == FaultKind::AccountAuth && account.kind == AccountKind::Key {
            fault.message.push_str(&format!(
                " (the provider refuses this account; renew it with `byokey add-key {} --account {}`)",
                account.provider, account.name
            ));
        }
        Self {
            fault,
            outcome,
            verbatim: None,
            route: candidate.seat.label.clone(),
            said,
            locked_out: false,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            outcome: Outcome::Refused,
            verbatim: None,
            route: HeaderValue::from_static(""),
            said: String::new(),
            locked_out: false,
        }
    }
}

/// Takes JSON only.
///
/// # Errors
/// When the request says it sends something else, or nothing.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Fault> {
    let is_json = |value: &HeaderValue| {
        let given = value.to_str().unwrap_or_default();
        let essence = given.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    };
    let mut given = headers.get_all(header::CONTENT_TYPE).iter().peekable();
    if given.peek().is_some() && given.all(is_json) {
        return Ok(());
    }
    // Also a wall: a web page cannot send this type without asking first.
    let message = "send the body as Content-Type: application/json";
    Err(Fault::new(FaultKind::BadRequest, message))
}
