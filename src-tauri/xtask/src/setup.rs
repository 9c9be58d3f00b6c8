//! What a machine needs, and how it gets there.
//!
//! On Debian and its relatives missing packages are installed (as root or with a sudo that asks
//! nothing); elsewhere the person is told the exact command, because guessing at somebody's package
//! manager does more harm than a clear sentence.

use std::{env, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::shell::{answers, command, run, say};

/// One thing the build or the tests cannot do without.
pub(crate) struct Need {
    /// What it is good for, in a few words.
    purpose: &'static str,
    found: fn() -> bool,
    apt: &'static [&'static str],
    /// What to do on macOS; empty where it is not needed.
    macos: &'static str,
    /// What to do on Windows; empty where it is not needed.
    windows: &'static str,
}

/// What every build needs.
pub(crate) const BUILD: &[Need] = &[Need {
    purpose: "a C compiler and linker",
    found: has_compiler,
    apt: &["build-essential"],
    macos: "xcode-select --install",
    windows: "winget install Microsoft.VisualStudio.2022.BuildTools --override \
              \"--add Microsoft.VisualStudio.Workload.VCTools --passive\"",
}];

/// What the tests with SDK clients need.
pub(crate) const CLIENTS: &[Need] = &[Need {
    purpose: "Python with virtual environments",
    found: has_python,
    apt: &["python3", "python3-venv"],
    macos: "brew install python",
    windows: "winget install Python.Python.3.13",
}];

/// What the tests with a real keychain need; they exist for Linux only.
pub(crate) const KEYCHAIN: &[Need] = &[Need {
    purpose: "a Secret Service",
    found: has_secret_service,
    apt: &[
        "dbus-bin",
        "dbus-daemon",
        "gnome-keyring",
        "libsecret-tools",
    ],
    macos: "",
    windows: "",
}];

/// What the bench compares with; elsewhere it does without.
pub(crate) const NGINX: &[Need] = &[Need {
    purpose: "nginx, to compare with",
    found: has_nginx,
    apt: &["nginx"],
    macos: "",
    windows: "",
}];

/// What the tray app is built with.
pub(crate) const WEBVIEW: &[Need] = &[Need {
    purpose: "the system's web view and tray",
    found: has_webview,
    apt: &[
        "pkg-config",
        "libwebkit2gtk-4.1-dev",
        "libayatana-appindicator3-dev",
        "librsvg2-dev",
        "libxdo-dev",
        "libssl-dev",
        "libdbus-1-dev",
    ],
    macos: "",
    windows: "",
}];

/// What the page is tried in.
pub(crate) const BROWSER: &[Need] = &[Need {
    purpose: "Chromium, for the tests of the page (or name one in BYOKEY_CHROMIUM)",
    found: has_browser,
    apt: &["chromium"],
    macos: "brew install --cask chromium",
    windows: "winget install Hibbiki.Chromium",
}];

/// The Python that creates virtual environments.
pub(crate) const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Sees to everything in `needs`.
///
/// # Errors
/// When something is missing and cannot be installed here; the message says what to run.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<_> = needs
        .iter()
        .filter(|need| need.applies() && !(need.found)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        say(&format!("missing: {}", need.purpose));
    }
    if Path::new("/etc/debian_version").exists() {
        let packages: Vec<_> = missing.iter().flat_map(|need| need.apt).copied().collect();
        return install(&packages);
    }
    let hints: Vec<_> = missing.iter().map(|need| need.hint()).collect();
    bail!(
        "please install what is missing and start again:\n  {}",
        hints.join("\n  ")
    );
}

/// Sees to the toolchain's own formatter and linter.
///
/// # Errors
/// When they are missing and there is no rustup to add them.
pub(crate) fn ensure_components() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let present = crate::shell::cargo()
            .args([subcommand, "--version"])
            .output();
        if present.is_ok_and(|output| output.status.success()) {
            continue;
        }
        run(command("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

impl Need {
    fn applies(&self) -> bool {
        match env::consts::OS {
            "macos" => !self.macos.is_empty(),
            "windows" => !self.windows.is_empty(),
            _ => true,
        }
    }

    fn hint(&self) -> String {
        match env::consts::OS {
            "macos" => self.macos.to_owned(),
            "windows" => self.windows.to_owned(),
            _ => format!("{} (Debian: {})", self.purpose, self.apt.join(" ")),
        }
    }
}

fn install(packages: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    if !is_root() && !answers("sudo", "-nv") {
        bail!("please run this as root and start again:\n  {line}");
    }
    run(&mut apt(&["update", "-qq"]))?;
    let mut install = apt(&["install", "-y", "--no-install-recommends"]);
    run(install.args(packages))
}

fn apt(arguments: &[&str]) -> Command {
    let mut apt = as_root("env");
    apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .args(arguments);
    apt
}

/// A command with the rights to change the system; it fails where nobody gave them.
pub(crate) fn as_root(program: &str) -> Command {
    if is_root() {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.args(["-n", program]);
    sudo
}

/// Whether nginx is there; Debian puts it where only root looks.
pub(crate) fn has_nginx() -> bool {
    ["nginx", "/usr/sbin/nginx"]
        .into_iter()
        .any(|program| answers(program, "-v"))
}

fn has_webview() -> bool {
    let wanted = ["--exists", "webkit2gtk-4.1", "ayatana-appindicator3-0.1"];
    let found = command("pkg-config").args(wanted).status();
    !cfg!(target_os = "linux") || found.is_ok_and(|status| status.success())
}

fn has_browser() -> bool {
    let named = std::env::var("BYOKEY_CHROMIUM");
    answers(named.as_deref().unwrap_or("/usr/bin/chromium"), "--version")
}

fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output();
    asked.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn has_compiler() -> bool {
    match env::consts::OS {
        "macos" => answers("xcode-select", "-p"),
        // The compiler is found through the registry, not the path; cargo itself says so if not.
        "windows" => true,
        _ => answers("cc", "--version"),
    }
}

fn has_python() -> bool {
    // Debian ships Python without `ensurepip`; without that an environment has no pip.
    let asked = Command::new(PYTHON)
        .args(["-c", "import venv, ensurepip"])
        .output();
    asked.is_ok_and(|output| output.status.success())
}

fn has_secret_service() -> bool {
    let programs = [
        "dbus-run-session",
        "dbus-send",
        "gnome-keyring-daemon",
        "secret-tool",
    ];
    programs.into_iter().all(starts)
}

/// Whether a program is there; for those that have no option to show their version.
fn starts(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}
