//! `cargo xtask test`: every layer of tests, each with its own count.
//!
//! A layer that did not run is a failure: a gate that skips in silence is no gate. All layers but
//! the linter share one profile and one set of features, so that everything is compiled once.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{
    build::TestProgram,
    count::Count,
    layers::{self, Layer},
    setup,
    shell::{print, say},
};

/// What `cargo xtask test` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Run only this layer
    layer: Option<Layer>,
}

/// One layer's outcome.
struct Outcome {
    layer: Layer,
    count: Count,
    took: Duration,
}

/// Runs the layers and prints the counts; the last line is the total.
///
/// # Errors
/// When anything failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::ensure(setup::BUILD)?;
    let layers = match args.layer {
        None => Layer::all(),
        Some(layer) if layer.needs_build() => vec![Layer::Build, layer],
        Some(layer) => vec![layer],
    };
    let mut built = Vec::new();
    let outcomes: Vec<_> = layers
        .into_iter()
        .map(|layer| run_one(layer, &mut built))
        .collect();
    report(&outcomes)
}

fn run_one(layer: Layer, built: &mut Vec<TestProgram>) -> Outcome {
    say(&format!("\n=== {}", layer.name()));
    let started = Instant::now();
    let count = layers::run(layer, built).unwrap_or_else(|error| {
        say(&format!("{}: {error:#}", layer.name()));
        Count::of_check(false)
    });
    Outcome {
        layer,
        count,
        took: started.elapsed(),
    }
}

fn report(outcomes: &[Outcome]) -> Result<()> {
    let mut total = Count::default();
    print("\nlayer       passed  failed  seconds")?;
    for Outcome { layer, count, took } in outcomes {
        total += *count;
        let (name, Count { passed, failed }) = (layer.name(), *count);
        print(&format!(
            "{name:<10}  {passed:>6}  {failed:>6}  {:>7}",
            took.as_secs()
        ))?;
    }
    print("")?;
    print(&format!("{} passed, {} failed", total.passed, total.failed))?;
    if total.failed > 0 {
        bail!("{} of the checks above failed or did not run", total.failed);
    }
    Ok(())
}
