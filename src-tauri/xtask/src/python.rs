//! The Python environment with the official SDKs, for tests that drive byokey with real clients.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::{
    build,
    setup::PYTHON,
    shell::{command, run},
};

/// Every package, pinned; the environment is made anew when this changes.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Prepares the environment and returns its Python.
///
/// # Errors
/// When it cannot be created or the packages cannot be installed.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = build::target_folder()?.join("test-python");
    let python = folder.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    // Written last, so an interrupted installation is not taken for a finished one.
    let stamp = folder.join("requirements.txt");
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|done| done == REQUIREMENTS) {
        return Ok(python);
    }
    run(command(PYTHON).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let wanted = folder.join("wanted.txt");
    fs::write(&wanted, REQUIREMENTS).context("cannot write the list of Python packages")?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    run(command(&python).args(pip).arg(&wanted))?;
    fs::rename(&wanted, &stamp).context("cannot mark the Python environment as complete")?;
    Ok(python)
}
