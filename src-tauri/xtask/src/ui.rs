//! `cargo xtask ui`: the page, from its lock file to `ui/dist`, and its tests.
//!
//! Cargo builds byokey without Node; only who changes the page, or wants it in the program, needs
//! this. Nothing from the registry may run while it is installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{
    count::Count,
    shell::{answers, command, root, run, run_and_read},
};

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Oldest Node that the tools of the page run on.
const OLDEST_NODE: u32 = 20;

/// What vitest reports of a run.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    num_passed_tests: u64,
    num_failed_tests: u64,
}

/// Installs the page's packages and builds `ui/dist`, which the next build of byokey takes in.
///
/// # Errors
/// When Node is missing or too old, or a step fails.
pub(crate) fn build() -> Result<()> {
    install()?;
    run(npm().args(["run", "build"]))
}

/// Types and lints, unit tests, and the browser tests, on a fake engine and on the real one.
///
/// # Errors
/// When something could not run at all; tests that fail are counted, not errors.
pub(crate) fn test(byokey: &Path, sim: &Path) -> Result<Count> {
    install()?;
    let mut count = Count::of_check(run_and_read(npm().args(["run", "check"]))?.0.success());
    count += vitest(&[], &[])?;
    run(npm().args(["run", "build", "--", "--mode", "fake", "--logLevel", "warn"]))?;
    let programs = [("BYOKEY_BIN", byokey), ("BYOKEY_SIM", sim)];
    count += vitest(&["--config", "vitest.e2e.config.ts"], &programs)?;
    Ok(count)
}

fn install() -> Result<()> {
    let version = command("node").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let major = version
        .as_deref()
        .unwrap_or_default()
        .trim_start_matches('v');
    let major = major.split('.').next().and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST_NODE) || !answers(NPM, "--version") {
        bail!("the page needs Node {OLDEST_NODE} or newer with npm: https://nodejs.org");
    }
    // The lock file is copied along, so a difference shows that it changed since.
    let (wanted, have) = (
        folder().join("package-lock.json"),
        folder().join("node_modules/.byokey-lock"),
    );
    let lock = fs::read(&wanted).context("ui/package-lock.json is missing")?;
    if fs::read(&have).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&have, lock).context("cannot write into ui/node_modules")
}

fn vitest(arguments: &[&str], environment: &[(&str, &Path)]) -> Result<Count> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let report = folder.path().join("report.json");
    let mut vitest = npm();
    vitest.args([
        "exec",
        "--",
        "vitest",
        "run",
        "--reporter=default",
        "--reporter=json",
    ]);
    vitest.arg(format!("--outputFile.json={}", report.display()));
    // Failing tests are in the report, so its exit code says nothing new.
    vitest.envs(environment.iter().copied());
    run_and_read(vitest.args(arguments))?;
    let text = fs::read(&report).context("vitest did not run")?;
    let report: Report =
        serde_json::from_slice(&text).context("vitest's report is not understood")?;
    if report.num_passed_tests + report.num_failed_tests == 0 {
        bail!("there was no test to run");
    }
    Ok(Count {
        passed: report.num_passed_tests,
        failed: report.num_failed_tests,
    })
}

fn npm() -> Command {
    let mut npm = command(NPM);
    npm.current_dir(folder());
    npm
}

fn folder() -> PathBuf {
    root().join("ui")
}
