//! OpenAI Chat Completions, as callers send it and as providers answer it.

mod body;
mod chunk;
mod content;
mod emit;
mod events;
mod render;
mod reply;
mod request;
pub(crate) mod schema;

pub(crate) use content::{address, is_data_url};
pub(crate) use emit::Emit;
pub(crate) use events::{Events, read_reply, reason};
pub(crate) use render::{render_request, write_data_url};
pub(crate) use reply::render_reply;
pub(crate) use request::read_request;
