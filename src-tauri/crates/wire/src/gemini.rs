//! Gemini generateContent: requests and replies, read and written, and Code Assist's envelope.

mod body;
mod chunk;
mod clean;
mod config;
mod contents;
mod emit;
mod envelope;
mod events;
mod logprobs;
mod media;
mod pairing;
mod partial;
mod proof;
mod render;
mod reply;
mod request;
mod schema;
mod sources;
mod talk;

pub(crate) use emit::Emit;
pub use envelope::{Unwrap, unwrap_code_assist, wrap_code_assist};
pub(crate) use events::{Events, read_reply, reason};
pub(crate) use render::render_request;
pub(crate) use reply::render_reply;
pub(crate) use request::read_request;
pub(crate) use schema::plain_schemas;

#[cfg(test)]
mod tests;
