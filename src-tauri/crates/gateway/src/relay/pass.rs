//! What an account shows at the provider's door: got before a request leaves, got anew once when it
//! is refused.

use std::borrow::Cow;
use std::sync::Arc;

use byokey_signin::Token;
use byokey_vault::Outcome;
use byokey_wire::{Fault, FaultKind};

use super::{Exchange, Failure};
use crate::resolve::Candidate;

/// The token of one try with one account; without one a key stands in the prepared headers.
pub(super) struct Pass {
    token: Option<Arc<Token>>,
    /// Whether it was got anew for this request.
    renewed: bool,
}

impl Pass {
    /// The account's token as it is now.
    ///
    /// # Errors
    /// When there is none that is good.
    pub(super) async fn get(exchange: &Exchange, candidate: &Candidate) -> Result<Self, Failure> {
        let token = candidate.seat.token(&exchange.shared.keeper).await;
        Ok(Self {
            token: token.map_err(|fault| none(candidate, fault))?,
            renewed: false,
        })
    }

    /// The candidate with the token put in.
    ///
    /// # Errors
    /// When the token cannot be sent.
    pub(super) fn sign<'c>(&self, candidate: &'c Candidate) -> Result<Cow<'c, Candidate>, Fault> {
        match &self.token {
            None => Ok(Cow::Borrowed(candidate)),
            Some(token) => candidate.signed(token).map(Cow::Owned),
        }
    }

    /// Takes a failure to heart; whether the same request should be sent once more.
    ///
    /// # Errors
    /// When the account has no other token.
    pub(super) async fn again(
        &mut self,
        exchange: &Exchange,
        candidate: &Candidate,
        failure: &Failure,
        kept: bool,
    ) -> Result<bool, Failure> {
        let (shared, seat) = (&exchange.shared, &candidate.seat);
        if failure.locked_out {
            shared.lock_out(&seat.account, &failure.said).await;
            return Ok(false);
        }
        let Some(used) = self
            .token
            .as_ref()
            .filter(|_| failure.fault.kind == FaultKind::AccountAuth)
        else {
            return Ok(false);
        };
        if self.renewed {
            // A new token is refused like the old one: only a person can help.
            shared.gave_up(seat, used, &failure.said).await;
            return Ok(false);
        }
        let another = seat.another(&shared.keeper, used, &failure.said).await;
        self.token = another.map_err(|fault| none(candidate, fault))?;
        self.renewed = true;
        // What cannot be sent again leaves a good token for the next request.
        Ok(kept)
    }
}

/// That an account has nothing to show.
pub(super) fn none(candidate: &Candidate, fault: Fault) -> Failure {
    let outcome = match fault.kind {
        FaultKind::AccountAuth => Outcome::UpstreamError,
        _ => Outcome::Unreachable,
    };
    Failure::of(candidate, fault, outcome)
}
