//! Requests that a program of the user's answers. Nothing of the way to a provider's address is
//! shared but the request itself and the reply, which are those of the Messages dialect.

use std::time::Duration;

use byokey_bridge::BridgeCall;
use byokey_wire::{Fault, FaultKind};
use http::Response;

use super::Exchange;
use crate::feed::Outgoing;
use crate::inflow::Inflow;
use crate::resolve::Candidate;
use crate::roster::Program;
use crate::upstream::NoHead;

impl Exchange {
    /// Has the program answer; giving this up ends its run.
    ///
    /// # Errors
    /// [`NoHead::Silent`] when it does not begin in time.
    pub(super) async fn run(
        &self,
        program: &Program,
        candidate: &Candidate,
        body: Outgoing,
        wait: Duration,
    ) -> Result<Response<Inflow>, NoHead> {
        let Outgoing::Whole(Some(body)) = body else {
            let message = "a program was to get a request that is not read whole";
            return Err(NoHead::Caller(Fault::new(FaultKind::Internal, message)));
        };
        let call = self.shared.bridges.call(BridgeCall {
            bridge: &program.bridge,
            settings: &program.settings,
            account: candidate.seat.account.id.0,
            body,
        });
        match tokio::time::timeout(wait, call).await {
            Ok(response) => Ok(response.map(Inflow::Program)),
            Err(_) => {
                let (name, seconds) = (&program.bridge.program, wait.as_secs());
                let message = format!("{name} did not answer within {seconds} s");
                Err(NoHead::Silent(Fault::new(FaultKind::Timeout, message)))
            }
        }
    }
}
