//! From a program's request to a provider's reply.
//!
//! door → route → choose → relay → meter: who may come in, which model is meant, which account can
//! serve it, how the bytes go through, what it cost. The gateway knows nothing of management, windows
//! or command lines; they sit on [`Engine`].

mod amp;
mod budget;
mod chain;
mod completions;
pub mod config;
mod count;
mod door;
mod engine;
mod feed;
mod flow;
mod inflow;
mod live;
mod media;
mod meter;
mod models;
mod native;
mod ollama;
mod pace;
mod proofs;
mod recall;
mod reframe;
mod refused;
mod relay;
mod resolve;
mod respond;
mod roster;
mod server;
mod sign_ins;
mod socket;
mod stored;
mod surface;
mod through;
mod tokens;
mod upload;
mod upstream;

/// byokey's own name towards providers.
pub(crate) const USER_AGENT: &str = concat!("byokey/", env!("CARGO_PKG_VERSION"));

pub use engine::{Engine, EngineError, Notice, Options};
pub use models::ModelFacts;
pub use roster::origin;
pub use server::{ListenError, Listening};
