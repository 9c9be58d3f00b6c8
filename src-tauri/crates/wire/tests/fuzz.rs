//! Fuzzing without a fuzzer: every part of the crate that reads foreign bytes gets the vectors, a
//! list of nasty texts, and mutations of both. The mutations are the same on each run.
//!
//! With `BYOKEY_FUZZ_CORPUS` the seeds are also written to that folder, one folder for each part, for
//! a real fuzzer to begin with; `BYOKEY_FUZZ_ROUNDS` says how many mutations each seed gets.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "kiro/event_stream.rs"]
mod event_stream;
#[path = "fuzz/mutate.rs"]
mod mutate;
#[path = "fuzz/seeds.rs"]
mod seeds;
#[path = "fuzz/targets.rs"]
mod targets;

use std::panic::catch_unwind;
use std::path::Path;

use mutate::Mutator;
use targets::{Part, parts};

/// Mutations of each seed, where nothing else is said.
const ROUNDS: usize = 10;

#[test]
fn requests() {
    exercise(|part| matches!(part, Part::Request(_)));
}

#[test]
fn replies() {
    exercise(|part| matches!(part, Part::Reply(_)));
}

#[test]
fn everything_else() {
    exercise(|part| !matches!(part, Part::Request(_) | Part::Reply(_)));
}

fn exercise(wanted: impl Fn(Part) -> bool) {
    let rounds = match std::env::var("BYOKEY_FUZZ_ROUNDS") {
        Ok(rounds) => rounds.parse().unwrap(),
        Err(_) => ROUNDS,
    };
    for part in parts().into_iter().filter(|part| wanted(*part)) {
        let seeds = seeds::of(part);
        if let Some(folder) = std::env::var_os("BYOKEY_FUZZ_CORPUS") {
            write_corpus(&Path::new(&folder).join(part.name()), &seeds);
        }
        let mut mutator = Mutator::new();
        for seed in &seeds {
            try_one(part, seed);
            for _ in 0..rounds {
                try_one(part, &mutator.mutated(seed, &seeds));
            }
        }
    }
}

fn try_one(part: Part, input: &[u8]) {
    if catch_unwind(|| part.run(input)).is_err() {
        panic!("{} fails on:\n{}", part.name(), input.escape_ascii());
    }
}

fn write_corpus(folder: &Path, seeds: &[Vec<u8>]) {
    std::fs::create_dir_all(folder).unwrap();
    for (nth, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{nth}")), seed).unwrap();
    }
}
