//! `cargo xtask bench`: how fast and how small byokey is on this machine.
//!
//! The measuring is done by a program of its own: it must be optimised like what it measures, and
//! this one is not.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    build::{self, Profile},
    setup,
    shell::{command, run as run_command, say},
};

/// What `cargo xtask bench` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// One to two minutes in place of six, with coarser figures
    #[arg(long)]
    quick: bool,
    /// Run before everything else on the machine (root only): a busy machine disturbs less
    #[arg(long)]
    realtime: bool,
    /// Only this stage: start, latency, throughput, stream, burst, cancel, sizes, slow or unread;
    /// may be given several times
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
}

/// Builds what is measured and what measures it, and hands over.
///
/// # Errors
/// When something does not build, does not start or does not answer.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::ensure(setup::BUILD)?;
    ensure_nginx();
    build::programs(&["byokey", "byokey-bench"], Profile::Release)?;
    let mut bench = command(build::program("byokey-bench", Profile::Release)?);
    bench
        .arg("--byokey")
        .arg(build::program("byokey", Profile::Release)?);
    bench
        .arg("--out")
        .arg(build::target_folder()?.join("bench"));
    if args.quick {
        bench.arg("--quick");
    }
    if args.realtime {
        bench.arg("--realtime");
    }
    bench.args(args.only.iter().flat_map(|stage| ["--only", stage]));
    hand_over(&mut bench)
}

/// Installs nginx where that can be done; the bench does without it where not.
fn ensure_nginx() {
    if setup::has_nginx() {
        return;
    }
    if let Err(error) = setup::ensure(setup::NGINX) {
        say(&format!("going on without nginx: {error:#}"));
    } else if Path::new("/etc/debian_version").exists() {
        // Debian's package also starts a web server for everybody to see; nobody asked for that.
        for words in [
            ["service", "nginx", "stop"],
            ["update-rc.d", "nginx", "disable"],
        ] {
            let mut quieten = setup::as_root(words[0]);
            if let Err(error) = run_command(quieten.args(&words[1..])) {
                say(&format!("nginx's own service may run: {error:#}"));
            }
        }
    }
}

/// Becomes the other program, so that whoever ends this one ends the measuring.
#[cfg(unix)]
fn hand_over(bench: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(anyhow::Error::new(bench.exec()).context("cannot start byokey-bench"))
}

#[cfg(not(unix))]
fn hand_over(bench: &mut Command) -> Result<()> {
    run_command(bench)
}
