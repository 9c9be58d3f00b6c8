//! Simulated providers on loopback that speak the real wire formats, so that tests, the demo and
//! curious people need no account.
//!
//! Two wishes pull against each other: a simulator must be driven by unmodified clients (so the
//! request itself chooses the reply, see [`Control`]), and a test must be able to dictate every
//! byte (so a [`Script`] can queue exact replies). Structural mistakes in a request are refused as
//! the provider would refuse them, because a proxy under test must not get away with them.

mod answer;
mod ask;
mod chaos;
mod chat;
mod check;
mod control;
mod counts;
mod fault;
mod gemini;
mod issuer;
mod kiro;
mod media;
mod messages;
mod proof;
mod reply;
mod responses;
mod route;
mod sample;
mod script;
mod server;
mod socket;
mod wire;

pub use chaos::{Chaos, End, Trouble};
pub use control::Control;
pub use counts::Counts;
pub use issuer::{Bend, Browser, Issuer, Mishap, Poll, Realm, Rotation, User, Visit};
pub use reply::{Part, Reply};
pub use script::{Kind, Script};
pub use server::{Seen, Sim};

#[cfg(test)]
mod tests;
