//! Calls that pass as they are: `/native/{provider}/…` with the account's credential put in.
//!
//! Only head and address are byokey's business. The host comes from the account's row, never from
//! the request; method, path, query, body, status and reply belong to the two ends.

mod head;
mod socket;
mod target;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use byokey_vault::Outcome;
use byokey_wire::{Dialect, Fault, FaultKind, Watch};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::engine::{Shared, View};
use crate::feed::Outgoing;
use crate::flow::Flow;
use crate::meter::Meter;
use crate::relay::Limits;
use crate::respond;
use crate::roster::{Caller, Seat};
use crate::surface::decoded;
use crate::through::Through;
use crate::upload::Upload;
use crate::upstream::NoHead;

/// Header by which a caller chooses among a provider's accounts.
const ACCOUNT: &str = "x-byokey-account";

/// What a native path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The provider's id or another of its names.
    pub(crate) provider: String,
    /// One of its accounts; the first if none is named.
    pub(crate) account: Option<String>,
    /// The path at the provider, with its leading slash, as the caller escaped it.
    pub(crate) path: String,
}

impl Place {
    /// Reads what stands behind `/native/`: `{provider}/{path}` or `{provider}@{account}/{path}`.
    pub(crate) fn read(rest: &str) -> Option<Self> {
        let (name, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (provider, account) = match name.split_once('@') {
            Some((provider, account)) => (provider, Some(decoded(account))),
            None => (name, None),
        };
        (!provider.is_empty()).then(|| Self {
            provider: provider.to_owned(),
            account,
            path: path.to_owned(),
        })
    }
}

/// One call on its way.
pub(crate) struct Native {
    pub(crate) shared: Arc<Shared>,
    pub(crate) view: Arc<View>,
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) place: Place,
    pub(crate) dialect: Dialect,
    pub(crate) parts: Parts,
    pub(crate) id: String,
}

impl Native {
    /// Answers the call.
    pub(crate) async fn serve(mut self, incoming: Upload) -> Response<Body> {
        let mut meter = Meter::new(
            self.shared.clone(),
            self.id.clone(),
            self.dialect,
            self.caller.as_ref(),
        );
        let asked = format!("native/{}", self.place.provider);
        meter.note(|row| row.asked_model = asked);
        match self.relay(incoming, &mut meter).await {
            Ok((response, seat)) => self.reply(response, &seat, meter),
            Err((fault, outcome)) => {
                meter.failed(&fault, outcome);
                let response = respond::fault(self.dialect, &fault, &self.id);
                meter.note(|row| row.status = response.status().as_u16());
                response
            }
        }
    }

    async fn relay(
        &self,
        incoming: Upload,
        meter: &mut Meter,
    ) -> Result<(Response<Incoming>, Arc<Seat>), (Fault, Outcome)> {
        let refused = |fault| (fault, Outcome::Refused);
        let seat = self.seat().map_err(refused)?;
        meter.asks_seat(&seat, None, None);
        let native = seat.direct.native.as_ref();
        let native = native.ok_or_else(|| refused(self.nobody()))?;
        let query = self.parts.uri.query();
        let base = native.base_for(&self.place.path);
        let uri = target::uri(base, &self.place.path, query).map_err(refused)?;
        let keeper = &self.shared.keeper;
        let none = |fault| (fault, Outcome::UpstreamError);
        let mut token = seat.token(keeper).await.map_err(none)?;
        let empty = incoming.is_end_stream();
        let flow = Flow::raw(incoming);
        let mut renewed = false;
        let response = loop {
            let mut headers = head::outward(&self.parts.headers, native, self.upgrade());
            let mut uri = uri.clone();
            if let (Some(signature), Some(token)) = (&native.signature, &token) {
                signature.sign(token, &mut headers).map_err(none)?;
                uri = signature.address(token, &uri);
            }
            let body = match empty {
                true => Outgoing::Whole(None),
                false => flow.as_it_is(),
            };
            let request = self.request(uri, headers, body);
            let wait = self.view.config.timeouts.headers();
            let sent = {
                let upstream = self.view.upstream(&seat.account.provider);
                upstream.send(request, &flow, wait).await
            };
            meter.note(|row| row.bytes_in = flow.received());
            let response = sent.map_err(|none| match none {
                NoHead::Caller(fault) => (fault, Outcome::Refused),
                NoHead::Unreachable(fault) => (fault, Outcome::Unreachable),
                NoHead::Silent(fault) => (fault, Outcome::Timeout),
            })?;
            let used = token.filter(|_| response.status() == StatusCode::UNAUTHORIZED && !renewed);
            let Some(used) = used else { break response };
            // A call whose body has gone by is the caller's to repeat.
            renewed = true;
            match seat
                .another(keeper, &used, "it does not take this token")
                .await
            {
                Ok(another) if empty => token = another,
                _ => break response,
            }
        };
        Ok((response, seat))
    }

    /// The account that is meant, if this caller may use it.
    fn seat(&self) -> Result<Arc<Seat>, Fault> {
        let catalog = &self.view.catalog;
        let Some(provider) = catalog.provider(&self.place.provider) else {
            let shown: String = self.place.provider.chars().take(60).collect();
            let message = format!("byokey knows no provider `{shown}`");
            return Err(Fault::new(FaultKind::UnknownPath, message));
        };
        if let Some(caller) = &self.caller {
            may_use(caller, &provider.id)?;
        }
        let header = self.parts.headers.get(ACCOUNT);
        let header = header.and_then(|name| name.to_str().ok());
        let wanted = self.place.account.as_deref().or(header);
        let seats = &self.view.roster.seats;
        let fits = |seat: &&Arc<Seat>| {
            seat.account.provider == provider.id
                && wanted.is_none_or(|name| seat.account.name == name)
        };
        seats
            .iter()
            .find(fits)
            .cloned()
            .ok_or_else(|| self.nobody())
    }

    fn nobody(&self) -> Fault {
        let provider = &self.place.provider;
        let idle = &self.view.roster.idle;
        let idle = idle
            .iter()
            .find(|(account, _)| account.provider == *provider);
        let message = match idle {
            Some((account, reason)) => format!("account {provider}/{}: {reason}", account.name),
            None => format!(
                "byokey holds no such account of {provider}; add one with `byokey add-key {provider}`"
            ),
        };
        Fault::new(FaultKind::NoAccount, message)
    }

    /// Whether the caller wants another protocol on this connection.
    fn upgrade(&self) -> bool {
        let wants = self.parts.headers.get(header::UPGRADE);
        self.parts.method == Method::GET
            && wants.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"websocket"))
    }

    fn request(&self, uri: Uri, headers: HeaderMap, body: Outgoing) -> Request<Outgoing> {
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }

    fn reply(
        &mut self,
        mut response: Response<Incoming>,
        seat: &Seat,
        mut meter: Meter,
    ) -> Response<Body> {
        let status = response.status();
        meter.note(|row| row.status = status.as_u16());
        let mut headers = head::inward(response.headers(), &self.parts.method);
        headers.insert(respond::ROUTE, seat.label.clone());
        respond::set_id(&mut headers, &self.id);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let theirs = hyper::upgrade::on(&mut response);
            let ours = self.parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
            head::keep_upgrade(response.headers(), &mut headers);
            if let Some(ours) = ours {
                let stop = self.shared.stop.subscribe();
                tokio::spawn(socket::relay(ours, theirs, meter, stop));
            }
            return with(status, headers, Body::empty());
        }
        let characters = response.headers().get("character-cost");
        let characters = characters.and_then(|count| count.to_str().ok()?.parse().ok());
        meter.note(|row| row.units.characters = characters);
        let watch = self.watch(response.headers());
        let incoming = response.into_body();
        let limits = self.limits();
        let verdict = blames_account(status).then(|| {
            let message = format!("the provider answered with {status}");
            Fault::new(FaultKind::Upstream, message)
        });
        let through = Through::new(incoming, Bytes::new(), watch, meter, verdict, limits);
        with(status, headers, Body::new(through))
    }

    fn limits(&self) -> Limits {
        let timeouts = &self.view.config.timeouts;
        Limits {
            idle: timeouts.idle(),
            end: timeouts
                .total()
                .map(|total: Duration| Instant::now() + total),
        }
    }

    /// How tokens are read from the reply, where its form can be told from path and type.
    fn watch(&self, headers: &HeaderMap) -> Option<Box<Watch>> {
        let plain = headers.get(header::CONTENT_ENCODING).is_none();
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let streaming = match essence {
            "application/json" => false,
            "text/event-stream" => true,
            _ => return None,
        };
        let path = self.place.path.as_str();
        let dialect = if path.ends_with("/messages") {
            Dialect::Messages
        } else if path.ends_with("enerateContent") {
            Dialect::Gemini
        } else if path.ends_with("/responses") {
            Dialect::Responses
        } else if path.ends_with("/chat/completions") || !streaming {
            Dialect::Chat
        } else {
            return None;
        };
        plain.then(|| Box::new(Watch::new(dialect, streaming)))
    }
}

/// Whether a client key may make native calls of a provider. A key that is limited to models may
/// not, unless its list names `native/{provider}`: what such a call does is not known.
pub(crate) fn may_use(caller: &Caller, provider: &str) -> Result<(), Fault> {
    let name = format!("native/{provider}");
    if !caller.allows(&[&name]) {
        let message = format!(
            "the client key `{}` is limited to {}; for calls that pass as they are its list must \
             name `{name}`",
            caller.key.name,
            caller.key.limits.models.join(", ")
        );
        return Err(Fault::new(FaultKind::Forbidden, message));
    }
    match caller.key.limits.budget_usd {
        Some(budget) => caller.spent.check(budget, &caller.key.name),
        None => Ok(()),
    }
}

/// Whether a status says something about the account rather than about the call.
fn blames_account(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 402 | 403 | 429 | 500..)
}

fn with(status: StatusCode, headers: HeaderMap<HeaderValue>, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
