//! Embeddings, speech, transcription and images: the account that has it, in the form it takes.
//!
//! A provider with OpenAI's form gets the caller's bytes, only the model's name is its own. For the
//! others the request is translated, and so is a reply that is no sound. Until the reply's head
//! another account may be asked, as long as the caller's body is still here.

mod form;
mod json;
mod reply;

use std::sync::Arc;

use axum::body::Body;
use byokey_vault::Outcome;
use byokey_wire::{Asks, Dialect, Fault, FaultKind, Ledger, Plan, Shape, Task};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use tokio::time::Instant;

use self::reply::Back;
use crate::USER_AGENT;
use crate::engine::{Shared, View};
use crate::feed::Outgoing;
use crate::meter::Meter;
use crate::relay::{Collected, Limits, collect, retry_after};
use crate::resolve::Served;
use crate::respond;
use crate::roster::Caller;
use crate::upload::Upload;
use crate::upstream::{NoHead, Sent};

/// Longest error reply that is read, in bytes.
const MOST_OF_AN_ERROR: usize = 64 * 1024;

/// What is asked, as far as the path says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) task: Task,
    /// The form of the request.
    pub(crate) asks: Asks,
    /// The model, where the path names it.
    pub(crate) model: Option<String>,
}

impl Wanted {
    /// A request in OpenAI's form whose body says everything.
    pub(crate) const fn in_body(task: Task) -> Self {
        Self {
            task,
            asks: Asks::OpenAi,
            model: None,
        }
    }

    /// The dialect in which its callers understand errors.
    pub(crate) const fn dialect(&self) -> Dialect {
        match self.asks {
            Asks::OpenAi => Dialect::Chat,
            Asks::GeminiOne | Asks::GeminiMany => Dialect::Gemini,
        }
    }
}

/// One request on its way.
pub(crate) struct Media {
    pub(crate) shared: Arc<Shared>,
    pub(crate) view: Arc<View>,
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) wanted: Wanted,
    pub(crate) parts: Parts,
    pub(crate) id: String,
}

/// An account that could not serve a request.
struct Failure {
    fault: Fault,
    outcome: Outcome,
    /// The provider's own reply, where the caller can read it as it is.
    verbatim: Option<(StatusCode, HeaderMap, Bytes)>,
    route: Option<HeaderValue>,
    /// Whether the account has a new token since, so that asking again makes sense.
    renewed: bool,
}

/// A request as it goes to one account.
struct Outward {
    /// Query, voice and method of the address.
    query: Vec<(&'static str, String)>,
    voice: String,
    method: &'static str,
    content_type: HeaderValue,
    body: Outgoing,
    back: Back,
    losses: Ledger,
}

impl Media {
    /// Answers the request.
    pub(crate) async fn serve(self, incoming: Upload) -> Response<Body> {
        let dialect = self.wanted.dialect();
        let mut meter = Meter::new(
            self.shared.clone(),
            self.id.clone(),
            dialect,
            self.caller.as_ref(),
        );
        let served = match self.wanted.task {
            Task::Transcriptions | Task::Translations => self.form(incoming, &mut meter).await,
            Task::Embeddings | Task::Speech | Task::Images => self.json(incoming, &mut meter).await,
        };
        match served {
            Ok(begun) => begun.into_response(meter),
            Err(failure) => {
                meter.failed(&failure.fault, failure.outcome);
                let response = self.refuse(failure, dialect);
                meter.note(|row| row.status = response.status().as_u16());
                response
            }
        }
    }

    fn refuse(&self, failure: Failure, dialect: Dialect) -> Response<Body> {
        let mut response = match failure.verbatim {
            Some((status, headers, body)) => {
                let mut response = respond::json(status.as_u16(), body);
                response.headers_mut().remove(header::CONTENT_TYPE);
                respond::take_headers(&headers, response.headers_mut());
                respond::set_id(response.headers_mut(), &self.id);
                response
            }
            None => respond::fault(dialect, &failure.fault, &self.id),
        };
        if let Some(route) = failure.route {
            response.headers_mut().insert(respond::ROUTE, route);
        }
        response
    }

    /// Who can serve the model, first choice first, if this caller may use it.
    fn served(&self, name: &str, meter: &mut Meter) -> Result<Arc<[Served]>, Fault> {
        meter.note(|row| row.asked_model = name.to_owned());
        let found = self
            .view
            .resolved
            .served(self.view.known(), &self.wanted, name)?;
        let Some(caller) = &self.caller else {
            return Ok(found);
        };
        let allowed = found.iter().all(|served| {
            let full = format!("{}/{}", served.seat.account.provider, served.model);
            caller.allows(&[name, &served.model, &full])
        });
        if !allowed {
            let message = format!(
                "the client key `{}` may not use the model `{name}`; it is limited to {}",
                caller.key.name,
                caller.key.limits.models.join(", ")
            );
            return Err(Fault::new(FaultKind::Forbidden, message));
        }
        if let Some(budget) = caller.key.limits.budget_usd {
            caller.spent.check(budget, &caller.key.name)?;
        }
        Ok(found)
    }

    /// Asks one account.
    async fn ask(
        &self,
        served: &Served,
        outward: Outward,
        body: Sent<'_>,
        meter: &mut Meter,
    ) -> Result<reply::Begun, Failure> {
        if self.strict() && !outward.losses.is_empty() {
            let lost = outward.losses.header().unwrap_or_default();
            let message = format!(
                "strict mode: this model's provider cannot take all of the request: {lost}"
            );
            return Err(Fault::new(FaultKind::Lossy, message).into());
        }
        let line = served.line();
        let plan = match outward.back {
            Back::Pass => Plan::Pass,
            _ => Plan::Via,
        };
        meter.asks_seat(&served.seat, Some(&served.model), served.price.clone());
        meter.note(|row| row.plan = Some(plan));
        meter.sent_without(&outward.losses);
        let request = self.request(served, &outward.query, &outward)?;
        let (mut parts, ()) = request.into_parts();
        parts.headers.extend(line.headers.clone());
        let keeper = &self.shared.keeper;
        let none = |fault| Failure::of(served, fault, Outcome::UpstreamError);
        let token = served.seat.token(keeper).await.map_err(none)?;
        if let (Some(signature), Some(token)) = (&line.signature, &token) {
            signature.sign(token, &mut parts.headers).map_err(none)?;
            parts.uri = signature.address(token, &parts.uri);
        }
        let request = Request::from_parts(parts, outward.body);
        let timeouts = &self.view.config.timeouts;
        let upstream = self.view.upstream(&served.seat.account.provider);
        let sent = upstream.send(request, body, timeouts.headers());
        let response = sent.await.map_err(|none| match none {
            NoHead::Caller(fault) => fault.into(),
            NoHead::Unreachable(fault) => Failure::of(served, fault, Outcome::Unreachable),
            NoHead::Silent(fault) => Failure::of(served, fault, Outcome::Timeout),
        })?;
        let limits = Limits {
            idle: timeouts.idle(),
            end: timeouts.total().map(|total| Instant::now() + total),
        };
        if !response.status().is_success() {
            let passes = plan == Plan::Pass;
            let mut failure = refusal(served, line.service.shape, passes, response, limits).await;
            if let Some(used) = token.filter(|_| failure.fault.kind == FaultKind::AccountAuth) {
                let words = "it does not take this token";
                failure.renewed = served.seat.another(keeper, &used, words).await.is_ok();
            }
            return Err(failure);
        }
        let begun = outward.back.begin(response, limits, outward.losses).await;
        let mut begun = begun.map_err(|fault| {
            let outcome = match fault.kind {
                FaultKind::Timeout => Outcome::Timeout,
                FaultKind::BadRequest => Outcome::Refused,
                _ => Outcome::UpstreamCut,
            };
            Failure::of(served, fault, outcome)
        })?;
        begun
            .headers
            .insert(respond::ROUTE, served.seat.label.clone());
        respond::set_id(&mut begun.headers, &self.id);
        Ok(begun)
    }

    /// The head of a request.
    fn request(
        &self,
        served: &Served,
        query: &[(&'static str, String)],
        outward: &Outward,
    ) -> Result<Request<()>, Fault> {
        let line = served.line();
        let (voice, method) = (&outward.voice, outward.method);
        let mut url = line.service.url(&line.base, &served.model, voice, method);
        for (at, (name, value)) in query.iter().enumerate() {
            let between = if at == 0 && !url.contains('?') {
                '?'
            } else {
                '&'
            };
            url.push(between);
            url.push_str(name);
            url.push('=');
            escape(value, &mut url);
        }
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = url.parse().map_err(|_| {
            Fault::new(
                FaultKind::BadRequest,
                "this model's name cannot stand in an address",
            )
        })?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, outward.content_type.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        if let Some(accept) = self.parts.headers.get(header::ACCEPT)
            && matches!(outward.back, Back::Pass)
        {
            headers.insert(header::ACCEPT, accept.clone());
        }
        Ok(request)
    }

    fn strict(&self) -> bool {
        let asked = self.parts.headers.get("x-byokey-strict");
        self.view.config.strict || asked.is_some_and(|value| value == "1")
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
}

impl Failure {
    fn of(served: &Served, mut fault: Fault, outcome: Outcome) -> Self {
        let account = &served.seat.account;
        fault.message = format!("{}/{}: {}", account.provider, account.name, fault.message);
        Self {
            fault,
            outcome,
            verbatim: None,
            route: Some(served.seat.label.clone()),
            renewed: false,
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            outcome: Outcome::Refused,
            verbatim: None,
            route: None,
            renewed: false,
        }
    }
}

/// Reads a provider's error reply.
async fn refusal(
    served: &Served,
    shape: Shape,
    passes: bool,
    response: Response<Incoming>,
    limits: Limits,
) -> Failure {
    let (parts, body) = response.into_parts();
    let body = match collect(body, MOST_OF_AN_ERROR, limits).await {
        Ok(Collected::Whole(body) | Collected::Begun(body, _)) => body,
        Err(_) => Bytes::new(),
    };
    let mut fault = byokey_wire::read_media_error(shape, parts.status.as_u16(), &body);
    fault.retry_after_s = fault.retry_after_s.or_else(|| retry_after(&parts.headers));
    // A refused credential must not reach the caller as such: it would think its own key wrong.
    let readable = passes
        && fault.kind != FaultKind::AccountAuth
        && serde_json::from_slice::<&serde_json::value::RawValue>(&body)
            .is_ok_and(|json| json.get().starts_with('{'));
    let mut failure = Failure::of(served, fault, Outcome::UpstreamError);
    failure.verbatim = readable.then_some((parts.status, parts.headers, body));
    failure
}

fn nobody() -> Failure {
    Fault::new(FaultKind::NoAccount, "no account is left").into()
}

/// A value of a query: everything but plain letters escaped.
fn escape(value: &str, url: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}
