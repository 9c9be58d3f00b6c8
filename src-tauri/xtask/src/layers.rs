//! The layers of tests and how each is run.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    build::{self, Profile, TestProgram},
    count::Count,
    demo, fuzz, langchain, node, python, setup,
    shell::{answers, cargo, command, run as run_command, run_and_read},
    ui,
};

/// The test program that drives byokey with the official SDKs.
const CLIENTS: &str = "clients";

/// The test program that drives the official programs behind bridges.
const PROGRAMS: &str = "programs";

/// The test program that plays with a real keychain, in sessions of its own.
const KEYCHAIN: &str = "secret_service";

/// The version of cargo-deny that is installed when there is none.
const DENY_VERSION: &str = "0.20.2";

/// One layer, in the order of running: the quick ones that fail most often come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layer {
    /// Formatting
    Fmt,
    /// Lints, warnings being errors
    Clippy,
    /// Lints of the tray app
    Desktop,
    /// Licences, sources and banned crates of all dependencies
    Deny,
    /// Everything compiles, tests included
    Build,
    /// Unit tests of every crate
    Unit,
    /// The page: types, lints, units, and flows in a browser
    Ui,
    /// Examples in the documentation
    Doc,
    /// Whole crates and the real program against simulated providers
    E2e,
    /// The official SDKs through the real program, and the official programs through the bridges
    Clients,
    /// LangChain's standard tests of chat models through the real program
    Langchain,
    /// The vault with a real Secret Service (Linux)
    Keychain,
    /// Everything that reads foreign bytes, by libFuzzer
    Fuzz,
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
        !matches!(
            self,
            Self::Fmt | Self::Clippy | Self::Desktop | Self::Deny | Self::Build
        )
    }
}

/// Runs one layer. `built` is what the build layer has made; the later layers run that and compile
/// nothing anew, whatever part of it they are about.
///
/// # Errors
/// When it could not run at all; tests that fail are counted, not errors.
pub(crate) fn run(layer: Layer, built: &mut Vec<TestProgram>) -> Result<Count> {
    if layer.needs_build() && built.is_empty() {
        bail!("not run, because the build failed");
    }
    let tests = |wanted: &dyn Fn(&TestProgram) -> bool, environment: &[(&str, PathBuf)]| {
        run_tests(built.iter().filter(|program| wanted(program)), environment)
    };
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
        Layer::Desktop => {
            setup::ensure_components()?;
            setup::ensure(setup::WEBVIEW)?;
            let mut clippy = cargo();
            clippy.args(["clippy", "--locked", "--features", "desktop", "--bins"]);
            check(clippy.args(["--", "-D", "warnings"]))
        }
        Layer::Deny => deny(),
        Layer::Build => {
            // First, because the program takes the page in.
            ui::build()?;
            *built = build::everything()?;
            Ok(Count::of_check(true))
        }
        Layer::Unit => tests(&|program| !program.is_integration, &[]),
        Layer::Ui => {
            setup::ensure(setup::BROWSER)?;
            let program = |name| build::program(name, Profile::Dev);
            ui::test(&program("byokey")?, &program("byokey-sim")?)
        }
        Layer::Doc => {
            let mut doc = cargo();
            doc.args(["test", "--doc", "--no-fail-fast", "--locked"])
                .args(build::workspace());
            counted(&mut doc)
        }
        Layer::E2e => {
            let python = [("BYOKEY_TEST_PYTHON", clients_python()?)];
            let others = |name: &str| ![CLIENTS, PROGRAMS, KEYCHAIN].contains(&name);
            tests(
                &|program| program.is_integration && others(&program.name),
                &python,
            )
        }
        Layer::Clients => {
            let node = node::ensure()?;
            let programs = [
                ("BYOKEY_TEST_PYTHON", clients_python()?),
                ("BYOKEY_TEST_NODE", node.program),
                ("BYOKEY_TEST_NODE_FOLDER", node.folder),
                ("BYOKEY_TEST_PROGRAMS", node::ensure_programs()?),
            ];
            let wanted = |name: &str| [CLIENTS, PROGRAMS].contains(&name);
            tests(
                &|program| program.is_integration && wanted(&program.name),
                &programs,
            )
        }
        Layer::Langchain => langchain::test(&clients_python()?),
        Layer::Keychain => {
            setup::ensure(setup::KEYCHAIN)?;
            tests(
                &|program| program.is_integration && program.name == KEYCHAIN,
                &[],
            )
        }
        Layer::Fuzz => fuzz::layer(built),
        Layer::Demo => demo::once(),
    }
}

fn check(command: &mut Command) -> Result<Count> {
    Ok(Count::of_check(run_and_read(command)?.0.success()))
}

/// Runs test programs one after the other, each in its package's folder as cargo would.
fn run_tests<'a>(
    programs: impl Iterator<Item = &'a TestProgram>,
    environment: &[(&str, PathBuf)],
) -> Result<Count> {
    let mut sum = Count::default();
    for program in programs {
        let mut test = command(&program.path);
        test.current_dir(&program.folder)
            .env("CARGO_MANIFEST_DIR", &program.folder);
        sum += counted(test.envs(environment.iter().map(|(name, value)| (name, value))))?;
    }
    if sum == Count::default() {
        bail!("there was no test to run");
    }
    Ok(sum)
}

/// Runs a command that ends in one or more summaries of tests.
fn counted(command: &mut Command) -> Result<Count> {
    let (status, lines) = run_and_read(command)?;
    let mut count = Count::read(&lines);
    // A program can fail without a failing test, for example when it is killed half-way.
    if !status.success() && count.failed == 0 {
        count.failed = 1;
    }
    Ok(count)
}

fn clients_python() -> Result<PathBuf> {
    setup::ensure(setup::CLIENTS)?;
    python::ensure()
}

/// Checks the dependencies. Advisories are left to `cargo deny check advisories`: their database
/// is not in a package registry, and news from outside must not turn an old commit red.
fn deny() -> Result<Count> {
    let program = if answers("cargo-deny", "--version") {
        Path::new("cargo-deny").to_path_buf()
    } else {
        install_deny().context("cargo-deny")?
    };
    check(command(program).args(["--all-features", "check", "bans", "licenses", "sources"]))
}

fn install_deny() -> Result<PathBuf> {
    let tools = build::target_folder()?.join("tools");
    let program = tools
        .join("bin")
        .join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    if !program.exists() {
        let mut install = cargo();
        install.args([
            "install",
            "--locked",
            "--quiet",
            "cargo-deny",
            "--version",
            DENY_VERSION,
        ]);
        run_command(
            install
                .arg("--root")
                .arg(&tools)
                .env("CARGO_TARGET_DIR", tools.join("build")),
        )?;
    }
    Ok(program)
}
