//! The Python that has the SDKs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Every package, pinned.
const REQUIREMENTS: &str = "src-tauri/xtask/requirements.txt";

/// The Python of `BYOKEY_TEST_PYTHON`, which `cargo xtask test` sets, or else that of the same
/// environment in the target folder, made now if need be.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| match std::env::var_os("BYOKEY_TEST_PYTHON") {
        Some(python) => python.into(),
        None => environment(),
    })
}

fn environment() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_byokey"));
    let folder = program.ancestors().nth(2).unwrap().join("test-python");
    let (start, python) = if cfg!(windows) {
        ("python", folder.join("Scripts/python.exe"))
    } else {
        ("python3", folder.join("bin/python"))
    };
    let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join(REQUIREMENTS);
    // Written last, so that an interrupted installation is not taken for a finished one.
    let stamp = folder.join("requirements.txt");
    if fs::read(&stamp).is_ok_and(|done| done == fs::read(&wanted).unwrap()) {
        return python;
    }
    run(Command::new(start)
        .args(["-m", "venv", "--clear"])
        .arg(&folder));
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    run(Command::new(&python).args(pip).arg(&wanted));
    fs::copy(&wanted, &stamp).unwrap();
    python
}

fn run(command: &mut Command) {
    let done = command.status().is_ok_and(|status| status.success());
    assert!(
        done,
        "{command:?} failed: these tests need Python with the packages of {REQUIREMENTS}; \
         `cargo xtask test clients` installs them, or name a Python that has them in \
         BYOKEY_TEST_PYTHON"
    );
}
