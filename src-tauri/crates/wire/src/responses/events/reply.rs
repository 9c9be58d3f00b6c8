//! A provider's whole reply.

use std::borrow::Cow;

use super::super::frame::ReplyMembers;
use super::Events;
use crate::{Dialect, Event, Fault, FaultKind, messages::filled, read_error, sse::Frames};

/// Reads a provider's whole reply; ends with `End`. Back ends that always stream answer with a stream,
/// which is read as what it is.
///
/// # Errors
/// When the body is no reply.
pub(crate) fn read_reply(body: &[u8], sink: &mut impl FnMut(Event<'_>)) -> Result<(), Fault> {
    if is_stream(body) {
        let mut events = Events::default();
        let mut frames = Frames::new();
        frames.push(body, |frame| events.frame(&frame, sink));
        frames.finish(|frame| events.frame(&frame, sink));
        events.finish(sink);
        return Ok(());
    }
    let senseless = || {
        let message = "the provider's reply is not what the Responses dialect says";
        Fault::new(FaultKind::Upstream, message)
    };
    let data = String::from_utf8_lossy(body);
    let mut reply: ReplyMembers<'_> = serde_json::from_str(&data).map_err(|_| senseless())?;
    if reply.output.is_none() && reply.error.is_some() {
        return Err(read_error(Dialect::Responses, 200, body));
    }
    if reply.output.is_none() && reply.status.is_none() {
        return Err(senseless());
    }
    let status = filled(reply.status.take()).unwrap_or(Cow::Borrowed("completed"));
    if matches!(&*status, "queued" | "in_progress") {
        let message = "the provider's reply is not complete yet";
        return Err(Fault::new(FaultKind::Upstream, message));
    }
    Events::default().end(reply, &status, &data, sink);
    Ok(())
}

fn is_stream(body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    [&b"event:"[..], b"data:", b"id:", b":"]
        .iter()
        .any(|mark| body.starts_with(mark))
}

/// A reply that has failed and does not say why.
pub(crate) fn no_reason() -> Fault {
    let message = "the provider's reply has failed without a reason";
    Fault::new(FaultKind::Upstream, message)
}
