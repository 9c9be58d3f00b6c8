//! Building byokey and its companions, and finding what was built.

use std::{
    env::{self, consts::EXE_SUFFIX},
    path::PathBuf,
};

use anyhow::{Context, Result};

use crate::shell::{cargo, run};

/// A profile of the root manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// Builds these packages' programs.
pub(crate) fn programs(packages: &[&str], profile: Profile) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--locked", "--bins"]);
    build.args(packages.iter().flat_map(|package| ["--package", package]));
    if profile == Profile::Release {
        build.arg("--release");
    }
    run(&mut build)
}

/// Where a built program lies.
pub(crate) fn program(name: &str, profile: Profile) -> Result<PathBuf> {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    Ok(target_folder()?
        .join(folder)
        .join(format!("{name}{EXE_SUFFIX}")))
}

/// The folder all build output goes to: this program lies in `<target>/<profile>/`.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program lies")?;
    let target = own
        .ancestors()
        .nth(2)
        .context("this program lies in no target folder")?;
    Ok(target.to_path_buf())
}
