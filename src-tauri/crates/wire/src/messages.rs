//! Anthropic Messages: requests and replies, read and written.

mod blocks;
mod content;
mod effort;
mod emit;
mod events;
mod frame;
mod marks;
mod members;
mod render;
mod reply;
mod request;
mod schema;
mod suffix;
mod tools;

pub(crate) use emit::Emit;
pub(crate) use events::{Events, read_reply};
pub(crate) use frame::{Loose, filled};
pub(crate) use marks::mark_for_cache;
pub(crate) use render::render_request;
pub(crate) use reply::render_reply;
pub(crate) use request::read_request;
pub(crate) use schema::write_input_schema;
pub(crate) use suffix::with_reasoning;
pub(crate) use tools::replies_by_tool;
