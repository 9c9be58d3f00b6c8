//! How many tokens a prompt has: the provider's own count where it has one, else an estimate that
//! says it is one.

mod estimate;

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use byokey_wire::{
    Fault, FaultKind, Plan, Target, count_reply, count_request, counted_request, read_count,
    readable, translate,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};

pub(crate) use self::estimate::Estimator;
use crate::USER_AGENT;
use crate::feed::{Feed, Outgoing, Place};
use crate::relay::Exchange;
use crate::resolve::{Candidate, Counter};
use crate::respond;
use crate::upload::Upload;

/// Header of a count that no provider made.
const ESTIMATE: HeaderName = HeaderName::from_static("x-byokey-estimate");
/// Longest wait for a provider's count; after it the estimate is better than nothing.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer read.
const LONGEST: usize = 64 * 1024;

impl Exchange {
    /// Answers with a count in the caller's dialect.
    pub(crate) async fn count(mut self, incoming: Upload) -> Response<Body> {
        match self.counted(incoming).await {
            Ok((tokens, candidate)) => {
                let body = count_reply(self.asked.dialect, tokens.number);
                let mut response = respond::json(StatusCode::OK.as_u16(), body.into());
                let headers = response.headers_mut();
                if tokens.estimated {
                    headers.insert(ESTIMATE, HeaderValue::from_static("1"));
                } else if let Some(candidate) = candidate {
                    headers.insert(respond::ROUTE, candidate.seat.label.clone());
                }
                respond::set_id(headers, &self.id);
                response
            }
            Err(fault) => respond::fault(self.asked.answer, &fault, &self.id),
        }
    }

    async fn counted(&mut self, incoming: Upload) -> Result<(Tokens, Option<Candidate>), Fault> {
        crate::relay::check_content_type(&self.parts.headers)?;
        let wants_model = self.asked.model.is_none();
        let feed = Feed::new(incoming, self.view.config.max_body(), wants_model)?;
        let model = self.named(&feed).await?;
        let candidates = self.look_up(&model).await?;
        let body = feed.whole().await?;
        for candidate in candidates.iter() {
            let Ok(candidate) = self.signed(candidate).await else {
                continue;
            };
            let Some(counter) = &candidate.counter else {
                continue;
            };
            match self
                .ask_for_count(&candidate, counter, &feed, &model.place, &body)
                .await
            {
                Ok(number) => {
                    let estimated = false;
                    return Ok((Tokens { number, estimated }, Some(candidate.into_owned())));
                }
                // A request that the provider calls bad has no number.
                Err(fault) if fault.kind == FaultKind::BadRequest => return Err(fault),
                Err(fault) => {
                    tracing::debug!(reason = %fault.message, "no count from the provider");
                }
            }
        }
        let request = counted_request(self.asked.dialect, &body);
        let number = self.shared.estimator.count(readable(request)).await;
        let estimated = true;
        Ok((Tokens { number, estimated }, None))
    }

    /// The candidate with the account's token, where it has one.
    ///
    /// # Errors
    /// When there is none that is good.
    async fn signed<'c>(&self, candidate: &'c Candidate) -> Result<Cow<'c, Candidate>, Fault> {
        if candidate.counter.is_none() {
            return Ok(Cow::Borrowed(candidate));
        }
        Ok(match candidate.seat.token(&self.shared.keeper).await? {
            None => Cow::Borrowed(candidate),
            Some(token) => Cow::Owned(candidate.signed(&token)?),
        })
    }

    /// Asks one account's provider.
    ///
    /// # Errors
    /// When it has no number.
    async fn ask_for_count(
        &self,
        candidate: &Candidate,
        counter: &Counter,
        feed: &Feed,
        place: &Place,
        body: &Bytes,
    ) -> Result<u64, Fault> {
        let asked = self.asked.dialect;
        let request = if asked == counter.dialect {
            let named = feed.whole_with_model(place, &candidate.model).await?;
            counted_request(asked, &named).to_vec()
        } else {
            let origin = &candidate.seat.account.provider;
            let target = Target::new(&candidate.model, &candidate.caps, origin);
            let request = counted_request(asked, body);
            translate(&self.asked.ask(request), counter.dialect, &target)?.body
        };
        let question = count_request(counter.dialect, &candidate.model, &request);
        let question = question.ok_or_else(|| no_count("there is no such call"))?;

        let mut headers = counter.headers.clone();
        if candidate.plan == Plan::Pass {
            for name in candidate.forward.iter() {
                if let Some(value) = self.parts.headers.get(name) {
                    headers.insert(name, value.clone());
                }
            }
        }
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let mut request = Request::new(Outgoing::Whole(Some(question.into())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = counter.uri.clone();
        *request.headers_mut() = headers;

        let asked = async {
            let provider = &candidate.seat.account.provider;
            let upstream = self.view.upstream(provider);
            let sent = upstream.send(request, &Feed::nothing(), PATIENCE).await;
            let response = sent.map_err(|_| no_count("it cannot be reached"))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body
                .map_err(|_| no_count("its answer broke off"))?
                .to_bytes();
            if !status.is_success() {
                return Err(byokey_wire::read_error(
                    counter.dialect,
                    status.as_u16(),
                    &body,
                ));
            }
            read_count(counter.dialect, &body).ok_or_else(|| no_count("its answer has no number"))
        };
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        answered.unwrap_or_else(|_| Err(no_count("it did not answer in time")))
    }
}

struct Tokens {
    number: u64,
    estimated: bool,
}

fn no_count(why: &str) -> Fault {
    Fault::new(FaultKind::Upstream, why)
}
