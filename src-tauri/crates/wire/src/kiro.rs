//! Kiro (Amazon Q, CodeWhisperer): spoken to a provider only.
//!
//! A request is one message and the history before it, a reply is an AWS event stream, whether the
//! caller wants a stream or not. Kiro has no system role, no sampling and no choice of tools; what it
//! lacks is put where it has a place for it, or named in the ledger. Text of a reply stays text, also
//! where it looks like the reasoning tags that some models were taught: Kiro marks reasoning itself.

mod events;
mod frames;
mod members;
mod render;
mod schema;
mod talk;
mod tools;

pub(crate) use events::{Events, read_reply};
pub(crate) use render::render_request;
