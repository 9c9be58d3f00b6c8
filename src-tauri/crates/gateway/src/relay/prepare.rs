//! What one account gets of a request: the caller's own bytes where the dialects match, else a
//! translation; and what a further try leaves out because the provider refused it.

use byokey_wire::{
    Answer, Dialect, Fault, FaultKind, Ledger, Plan, Proofs, Remedy, Strip, Target, restrict,
    strip_proofs, translate, with_reasoning, wrap_code_assist,
};
use http::{HeaderValue, Method, Request, Version, header};

use super::Exchange;
use crate::USER_AGENT;
use crate::feed::{Feed, Named, Outgoing};
use crate::resolve::{Candidate, Shape};

/// What was made of a request for one account.
pub(super) struct Prepared {
    pub(super) body: Outgoing,
    /// The way back, for translated requests.
    pub(super) answer: Option<Answer>,
    pub(super) losses: Ledger,
}

/// What is left out of a request because the provider refused it.
#[derive(Clone, Debug, Default)]
pub(super) struct Amends {
    proofs: bool,
    members: Vec<Remedy>,
}

/// Most members of one request that are given up one after the other.
const MOST_MEMBERS: usize = 3;

impl Amends {
    /// As far as is known from earlier requests.
    pub(super) fn known(members: Vec<Remedy>) -> Self {
        Self {
            proofs: false,
            members,
        }
    }

    /// Takes a refusal to heart; whether another try makes sense.
    pub(super) fn take(&mut self, remedy: &Remedy, in_catalog: bool) -> bool {
        match remedy {
            Remedy::NoProofs => !std::mem::replace(&mut self.proofs, true),
            // Where a row says what the model takes, a refusal is the caller's to know.
            _ if in_catalog => false,
            _ if self.members.len() >= MOST_MEMBERS || self.members.contains(remedy) => false,
            remedy => {
                self.members.push(remedy.clone());
                true
            }
        }
    }

    /// The members that are left out.
    pub(super) fn members(&self) -> &[Remedy] {
        &self.members
    }

    fn apply(&self, candidate: &Candidate, mut body: Vec<u8>, losses: &mut Ledger) -> Vec<u8> {
        for remedy in &self.members {
            body = remedy
                .apply(candidate.upstream, &body, losses)
                .unwrap_or(body);
        }
        body
    }
}

fn target(candidate: &Candidate) -> Target<'_> {
    let origin = &candidate.seat.account.provider;
    Target {
        form: candidate.shape.form(),
        reasoning: candidate.reasoning,
        ..Target::new(&candidate.model, &candidate.caps, origin)
    }
}

impl Exchange {
    /// Makes the body for one account.
    ///
    /// # Errors
    /// When the request is bad, cannot be said in the provider's dialect, or would lose something
    /// although the caller wants nothing lost.
    pub(super) async fn prepare(
        &self,
        candidate: &Candidate,
        feed: &Feed,
        model: &Named,
        amends: &Amends,
    ) -> Result<Prepared, Fault> {
        let mut prepared = match candidate.plan {
            Plan::Pass => self.pass(candidate, feed, model, amends).await?,
            Plan::Via => self.via(candidate, feed, amends).await?,
        };
        if let (Some(program), Outgoing::Whole(Some(body))) =
            (&candidate.seat.program, &prepared.body)
        {
            let lost = byokey_bridge::losses(program.bridge.protocol, body);
            prepared.losses.append(lost);
        }
        if self.strict() && !prepared.losses.is_empty() {
            let lost = prepared.losses.header().unwrap_or_default();
            return Err(Fault::new(
                FaultKind::Lossy,
                format!(
                    "strict mode: this model's provider cannot take all of the request: {lost}"
                ),
            ));
        }
        Ok(prepared)
    }

    async fn pass(
        &self,
        candidate: &Candidate,
        feed: &Feed,
        model: &Named,
        amends: &Amends,
    ) -> Result<Prepared, Fault> {
        let mut losses = Ledger::default();
        let strip = match amends.proofs {
            true => Some(Strip::All),
            // Chat has no place for proofs.
            false => (candidate.upstream != Dialect::Chat)
                .then_some(Strip::Tagged)
                .filter(|strip| feed.holds(|piece| strip.concerns(piece))),
        };
        let untouched = candidate.seat.program.is_none()
            && !candidate.tells.any()
            && candidate.shape == Shape::Full
            && candidate.reasoning.is_none()
            && strip.is_none()
            && amends.members.is_empty();
        if untouched {
            return Ok(Prepared {
                body: feed.with_model(&model.place, &candidate.model),
                answer: None,
                losses,
            });
        }
        let mut body = feed
            .whole_with_model(&model.place, &candidate.model)
            .await?;
        let fits = strip.is_none() && candidate.shape != Shape::Plan;
        if candidate.upstream == Dialect::Responses && !fits {
            let proofs = match amends.proofs {
                true => Proofs::Stripped,
                false => Proofs::Given,
            };
            let target = Target {
                proofs,
                ..target(candidate)
            };
            let fitted = restrict(&body, &target)?;
            (body, losses) = (fitted.body, fitted.losses);
        } else if let Some(strip) = strip {
            body = strip_proofs(candidate.upstream, &body, strip, &mut losses).unwrap_or(body);
        }
        if let Some(wish) = candidate.reasoning {
            let (dialect, caps) = (candidate.upstream, &candidate.caps);
            body = with_reasoning(dialect, &body, wish, caps, &mut losses)?;
        }
        let mut body = amends.apply(candidate, body, &mut losses);
        if let Shape::CodeAssist(project) = &candidate.shape {
            let (before, behind) = wrap_code_assist(&candidate.model, project);
            body = [&before, body.as_slice(), behind].concat();
        }
        Ok(Prepared {
            body: Outgoing::Whole(Some(body.into())),
            answer: None,
            losses,
        })
    }

    async fn via(
        &self,
        candidate: &Candidate,
        feed: &Feed,
        amends: &Amends,
    ) -> Result<Prepared, Fault> {
        let whole = feed.whole().await?;
        let caller = self.caller.as_ref().map(|caller| caller.key.id);
        let recall = |call: &str| self.shared.proofs.recall(caller, call);
        let target = Target {
            proofs: match amends.proofs {
                true => Proofs::Stripped,
                false => Proofs::Recalled(&recall),
            },
            ..target(candidate)
        };
        let translated = translate(&self.asked.ask(&whole), candidate.upstream, &target)?;
        let mut losses = translated.losses;
        let body = amends.apply(candidate, translated.body, &mut losses);
        Ok(Prepared {
            body: Outgoing::Whole(Some(body.into())),
            answer: Some(translated.answer),
            losses,
        })
    }

    /// Whether a loss is to be refused.
    pub(crate) fn strict(&self) -> bool {
        let asked = self.parts.headers.get("x-byokey-strict");
        self.view.config.strict || asked.is_some_and(|value| value == "1")
    }

    /// The request as the provider gets it.
    pub(super) fn request(
        &self,
        candidate: &Candidate,
        body: Outgoing,
        stream: bool,
    ) -> Request<Outgoing> {
        let mut headers = candidate.headers.clone();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        // A compressed reply could be neither watched nor translated as it comes.
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        if let Some(accept) = self.parts.headers.get(header::ACCEPT) {
            headers.insert(header::ACCEPT, accept.clone());
        }
        if candidate.plan == Plan::Pass {
            for name in candidate.forward.iter() {
                if let Some(value) = self.parts.headers.get(name) {
                    headers.insert(name, value.clone());
                }
            }
        }
        if let Outgoing::Whole(Some(body)) = &body {
            candidate.tells.put(candidate.upstream, body, &mut headers);
        }
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = if stream || candidate.shape.always_streams() {
            candidate.stream_uri.clone()
        } else {
            candidate.uri.clone()
        };
        *request.headers_mut() = headers;
        request
    }
}
