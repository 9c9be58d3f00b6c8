//! `byokey`, the console program: server and command line.
//!
//! The process is made hard to look into before anything else happens; only then are arguments
//! read, because reading them may already ask for a secret.

mod cli;
mod harden;
mod settings;

use std::process::ExitCode;

fn main() -> ExitCode {
    harden::process();
    cli::main()
}
