use crate::{
    Event, Fault, FaultKind, Ledger, Turn,
    fold::Folded,
    ids::ToolNames,
    sse::Frame,
    translate::{Envelope, Target},
};

/// Reads a caller's request.
pub(crate) fn read_request(_body: &[u8]) -> Result<(Turn<'_>, Ledger), Fault> {
    Err(Fault::new(FaultKind::Internal, "not there yet"))
}

/// Writes a request for a provider.
pub(crate) fn render_request(
    _turn: &Turn<'_>,
    _target: &Target<'_>,
    _names: &ToolNames,
    _losses: &mut Ledger,
) -> Result<Vec<u8>, Fault> {
    Err(Fault::new(FaultKind::Internal, "not there yet"))
}

/// Reads a provider's stream.
#[derive(Debug, Default)]
pub(crate) struct Events;

impl Events {
    /// Takes the next frame.
    pub(crate) fn frame(&mut self, _frame: &Frame<'_>, _sink: &mut impl FnMut(Event<'_>)) {}

    /// The provider closed its stream; says a fault if it had not ended.
    pub(crate) fn finish(&mut self, _sink: &mut impl FnMut(Event<'_>)) {}
}

/// Reads a provider's whole reply; ends with `End`.
pub(crate) fn read_reply(_body: &[u8], _sink: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    Ok(())
}

/// Writes a caller's stream.
#[derive(Debug)]
pub(crate) struct Emit;

impl Emit {
    /// A writer for one reply.
    pub(crate) fn new(_envelope: Envelope) -> Self {
        Self
    }

    /// Appends what the event is in the caller's stream. Nothing follows `End` or `Fault`.
    pub(crate) fn event(&mut self, _event: &Event<'_>, _out: &mut Vec<u8>) {}
}

/// Writes a caller's whole reply.
pub(crate) fn render_reply(_folded: &Folded, _envelope: &Envelope) -> Vec<u8> {
    Vec::new()
}
