//! The layers of tests and how each is run.

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::{
    build,
    count::Count,
    python, setup,
    shell::{answers, cargo, command, run as run_command, run_and_read},
};

/// The test target that drives byokey with the official SDKs.
const CLIENTS_TARGET: &str = "clients";

/// The test target that plays with a real keychain, in sessions of its own.
const KEYCHAIN_TARGET: &str = "secret_service";

/// The version of cargo-deny that is installed when there is none.
const DENY_VERSION: &str = "0.20.2";

/// One layer, in the order of running: the quick ones that fail most often come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layer {
    /// Formatting
    Fmt,
    /// Lints, warnings being errors
    Clippy,
    /// Licences, sources and banned crates of all dependencies
    Deny,
    /// Everything compiles, tests included
    Build,
    /// Unit tests of every crate
    Unit,
    /// Examples in the documentation
    Doc,
    /// The real program against simulated providers
    E2e,
    /// The official SDKs through the real program
    Clients,
    /// The vault with a real Secret Service (Linux)
    Keychain,
    /// The demo, once through
    Demo,
}

impl Layer {
    /// The layers that this system has.
    pub(crate) fn all() -> Vec<Self> {
        let mut layers = Self::value_variants().to_vec();
        layers.retain(|layer| cfg!(target_os = "linux") || *layer != Self::Keychain);
        layers
    }

    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    pub(crate) fn needs_build(self) -> bool {
        !matches!(self, Self::Fmt | Self::Clippy | Self::Deny | Self::Build)
    }
}

/// Runs one layer.
///
/// # Errors
/// When it could not run at all; tests that fail are counted, not errors.
pub(crate) fn run(layer: Layer) -> Result<Count> {
    match layer {
        Layer::Fmt => {
            setup::ensure_components()?;
            check(cargo().args(["fmt", "--all", "--check"]))
        }
        Layer::Clippy => {
            setup::ensure_components()?;
            let mut clippy = cargo();
            clippy.args(["clippy", "--workspace", "--all-targets", "--locked"]);
            check(clippy.args(["--", "-D", "warnings"]))
        }
        Layer::Deny => deny(),
        Layer::Build => {
            let mut build = cargo();
            build.args(["build", "--locked", "--lib", "--bins", "--tests"]);
            check(build.args(workspace()))
        }
        Layer::Unit => tests(&["--lib", "--bins"], &[]),
        Layer::Doc => {
            let mut doc = cargo();
            doc.args(["test", "--doc", "--no-fail-fast"])
                .args(workspace());
            counted(&mut doc, true)
        }
        Layer::E2e => {
            let mut names = test_targets()?;
            names.retain(|name| name != CLIENTS_TARGET && name != KEYCHAIN_TARGET);
            with_python(&names)
        }
        Layer::Clients => with_python(&[CLIENTS_TARGET.to_owned()]),
        Layer::Keychain => {
            setup::ensure(setup::KEYCHAIN)?;
            tests(&["--test", KEYCHAIN_TARGET], &[])
        }
        Layer::Demo => {
            let own = env::current_exe().context("cannot tell where this program lies")?;
            counted(command(own).args(["demo", "--once", "--built"]), false)
        }
    }
}

fn check(command: &mut Command) -> Result<Count> {
    Ok(Count::of_check(run_and_read(command)?.0.success()))
}

/// Runs a command that ends in a summary of tests.
fn counted(command: &mut Command, none_is_fine: bool) -> Result<Count> {
    let (status, lines) = run_and_read(command)?;
    let Some(mut count) = Count::read(&lines) else {
        bail!("no test ran: {status}")
    };
    if count == Count::default() && !none_is_fine {
        bail!("there was no test to run");
    }
    // A runner can fail without a failing test, for example when one more target did not start.
    if !status.success() && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

/// The packages of every build here. One selection for all layers means one set of features.
/// Windows cannot replace a program that runs, so there this one is left out.
fn workspace() -> &'static [&'static str] {
    if cfg!(windows) {
        &["--workspace", "--exclude", "xtask"]
    } else {
        &["--workspace"]
    }
}

/// Runs tests of the kinds in `selection`, with nextest where it is installed.
fn tests(selection: &[&str], environment: &[(&str, &Path)]) -> Result<Count> {
    let mut runner = cargo();
    if answers("cargo-nextest", "--version") {
        runner.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        runner.args(["test", "--no-fail-fast"]);
    }
    runner
        .args(workspace())
        .args(selection)
        .envs(environment.iter().copied());
    counted(&mut runner, false)
}

/// Runs these test targets with the SDKs' Python at hand.
fn with_python(targets: &[String]) -> Result<Count> {
    if targets.is_empty() {
        bail!("there is no such test");
    }
    setup::ensure(setup::CLIENTS)?;
    let python = python::ensure()?;
    let selection: Vec<_> = targets.iter().flat_map(|name| ["--test", name]).collect();
    tests(&selection, &[("BYOKEY_TEST_PYTHON", &python)])
}

/// The names of all integration tests in the workspace.
fn test_targets() -> Result<Vec<String>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot ask cargo for the workspace's targets")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let tests = targets.filter(|target| target["kind"][0] == "test");
    Ok(tests
        .filter_map(|target| target["name"].as_str().map(str::to_owned))
        .collect())
}

/// Checks the dependencies. Advisories are left to `cargo deny check advisories`: their database
/// is not in a package registry, and news from outside must not turn an old commit red.
fn deny() -> Result<Count> {
    let tools = build::target_folder()?.join("tools");
    let mut deny = tools
        .join("bin")
        .join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    if answers("cargo-deny", "--version") {
        deny = "cargo-deny".into();
    } else if !deny.exists() {
        let mut install = cargo();
        install.args([
            "install",
            "--locked",
            "--quiet",
            "cargo-deny",
            "--version",
            DENY_VERSION,
        ]);
        install
            .arg("--root")
            .arg(&tools)
            .env("CARGO_TARGET_DIR", tools.join("build"));
        run_command(&mut install)?;
    }
    check(command(deny).args(["--all-features", "check", "bans", "licenses", "sources"]))
}
