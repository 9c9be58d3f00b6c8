//! `cargo xtask`: the commands for people who work on byokey or try it from a clone.
//!
//! A fresh machine has to get from nothing to a running or tested product with one command, so
//! each command first sees to what is missing. This program itself stays small: it is built before
//! anything else can start.

mod bench;
mod build;
mod catalog;
mod count;
mod demo;
mod fuzz;
mod langchain;
mod layers;
mod node;
mod python;
mod run;
mod setup;
mod shell;
mod sim;
mod test;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing, build byokey and start it
    Run(run::Args),
    /// Install what is missing and run every layer of tests, or one
    Test(test::Args),
    /// Start the simulated providers and issuers and print how byokey is led to them
    Sim,
    /// Start byokey on a throw-away data folder with simulated providers, and send some traffic
    Demo(demo::Args),
    /// Measure byokey against going direct and against nginx
    Bench(bench::Args),
    /// Let libFuzzer loose on everything in the translation that reads foreign bytes
    Fuzz(fuzz::Args),
    /// Build the page that the window and the browser show; `test ui` tries it
    Ui,
    /// Refresh the bundled snapshot of models and prices
    Catalog(catalog::Args),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Sim => sim::run_until_interrupted(),
        Command::Demo(args) => demo::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Ui => ui::build(),
        Command::Catalog(args) => catalog::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
