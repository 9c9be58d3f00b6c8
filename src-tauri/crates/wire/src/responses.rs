//! OpenAI Responses: requests and replies, read and written.

mod content;
mod echo;
mod emit;
mod events;
mod frame;
mod input;
mod item;
mod members;
mod render;
mod reply;
mod request;
mod restrict;
mod tools;
mod whole;

pub(crate) use emit::Emit;
pub(crate) use events::{Events, read_reply};
pub(crate) use render::render_request;
pub(crate) use reply::{broken_off, render_reply};
pub(crate) use request::read_request;
pub use restrict::{Restricted, restrict};
pub use whole::WholeResponse;
