//! The laws of translation, tried on whatever comes to mind.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "laws/cuts.rs"]
mod cuts;
#[path = "kiro/event_stream.rs"]
mod event_stream;
#[path = "laws/fold.rs"]
mod fold;
#[path = "laws/grammar.rs"]
mod grammar;
#[path = "laws/kiro.rs"]
mod kiro;
#[path = "laws/ledger.rs"]
mod ledger;
#[path = "laws/pass.rs"]
mod pass;
#[path = "laws/requests.rs"]
mod requests;
#[path = "laws/round_trip.rs"]
mod round_trip;
#[path = "laws/said.rs"]
mod said;
#[path = "laws/shapes.rs"]
mod shapes;
