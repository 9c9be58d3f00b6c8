//! The user's own official programs as providers: found, started, spoken with, stopped.
//!
//! Towards the rest of byokey each program looks like an address that speaks the Messages dialect.
//! The program stays what it is: unmodified, under its own name, keeping its own login, which is
//! never read here. So nothing may reach it that would change whose account pays, and nothing of it
//! may outlive the caller it works for.

mod body;
mod bridges;
mod claude;
mod codex;
mod copilot;
mod frames;
mod login;
mod pool;
mod process;
mod program;
mod request;
mod rpc;
mod runs;
mod servers;
mod trouble;
mod voice;
mod whole;
mod words;
mod work;

pub use body::BridgeBody;
pub use bridges::{BridgeCall, BridgeModel, BridgeSettings, Bridges, losses};
pub use login::LoginWord;
pub use program::{LoginState, ProgramInfo, Version, find};
pub use trouble::BridgeTrouble;
