//! OpenAI Responses, as callers send it and as providers answer it.

use crate::{
    Dialect, Event, Fault, FaultKind, Ledger, Target, Turn, fold::Folded, ids::ToolNames,
    sse::Frame, translate::Envelope,
};

fn not_yet() -> Fault {
    let message = format!("byokey cannot translate {} yet", Dialect::Responses.name());
    Fault::new(FaultKind::BadRequest, message)
}

/// Reads a caller's request.
pub(crate) fn read_request(_body: &[u8]) -> Result<(Turn<'_>, Ledger), Fault> {
    Err(not_yet())
}

/// Writes a request for the provider.
pub(crate) fn render_request(
    _turn: &Turn<'_>,
    _target: &Target<'_>,
    _names: &ToolNames,
    _losses: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    Err(not_yet())
}

/// Reads a provider's whole reply.
pub(crate) fn read_reply(_body: &[u8], _sink: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    Err(not_yet())
}

/// Writes a caller's whole reply.
pub(crate) fn render_reply(_folded: &Folded, _envelope: &Envelope) -> Vec<u8> {
    Vec::new()
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(crate) struct Events;

impl Events {
    /// Takes one frame.
    pub(crate) fn frame(&mut self, _frame: &Frame<'_>, _sink: &mut impl FnMut(Event<'_>)) {}

    /// The provider closed its stream.
    pub(crate) fn finish(&mut self, sink: &mut impl FnMut(Event<'_>)) {
        sink(Event::Fault(not_yet()));
    }
}

/// Writes a caller's stream.
#[derive(Debug)]
pub(crate) struct Emit;

impl Emit {
    /// A writer for one reply.
    pub(crate) fn new(_envelope: Envelope) -> Self {
        Self
    }

    /// Appends what an event is in the caller's stream.
    pub(crate) fn event(&mut self, _event: &Event<'_>, _out: &mut Vec<u8>) {}
}
