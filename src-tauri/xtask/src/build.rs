//! Building byokey and its companions, and finding what was built.

use std::{
    env::{self, consts::EXE_SUFFIX},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::shell::{cargo, run, say};

/// A profile of the root manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

/// A program of tests that was built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestProgram {
    /// The target's name: of the library, the program, or the file in `tests/`.
    pub(crate) name: String,
    /// From `tests/`, as opposed to beside the code.
    pub(crate) is_integration: bool,
    /// The package's folder.
    pub(crate) folder: PathBuf,
    pub(crate) path: PathBuf,
}

/// Builds these packages' programs.
pub(crate) fn programs(packages: &[&str], profile: Profile) -> Result<()> {
    programs_with(packages, &[], profile)
}

/// Builds these packages' programs with features that are off by default.
pub(crate) fn programs_with(packages: &[&str], features: &[&str], profile: Profile) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--locked", "--bins"]);
    build.args(features.iter().flat_map(|feature| ["--features", feature]));
    build.args(packages.iter().flat_map(|package| ["--package", package]));
    if profile == Profile::Release {
        build.arg("--release");
    }
    run(&mut build)
}

/// Builds every library, program and test of the workspace, and returns the programs of tests.
///
/// Everything in one go: cargo chooses features by what is selected, so running the tests package
/// by package would compile many dependencies again.
pub(crate) fn everything() -> Result<Vec<TestProgram>> {
    say("$ cargo build --workspace --lib --bins --tests");
    let mut build = cargo();
    build
        .args(["build", "--locked", "--lib", "--bins", "--tests"])
        .args(workspace());
    build.args(["--message-format", "json-render-diagnostics"]);
    let output = build
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo build: {}", output.status);
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    Ok(messages
        .filter_map(|message| test_program(&message))
        .collect())
}

/// The packages that belong to every build here. Windows cannot replace a program that runs, so
/// there this one is left out.
pub(crate) fn workspace() -> &'static [&'static str] {
    if cfg!(windows) {
        &["--workspace", "--exclude", "xtask"]
    } else {
        &["--workspace"]
    }
}

fn test_program(message: &Value) -> Option<TestProgram> {
    if message["profile"]["test"] != true {
        return None;
    }
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(TestProgram {
        name: message["target"]["name"].as_str()?.to_owned(),
        is_integration: message["target"]["kind"][0] == "test",
        folder: manifest.parent()?.to_path_buf(),
        path: message["executable"].as_str()?.into(),
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_of_tests_are_told_from_other_output() {
        let message = json!({"reason": "compiler-artifact", "manifest_path": "/a/b/Cargo.toml",
            "target": {"kind": ["test"], "name": "t"}, "profile": {"test": true},
            "executable": "/x/t-1"});
        let expected = TestProgram {
            name: "t".to_owned(),
            is_integration: true,
            folder: "/a/b".into(),
            path: "/x/t-1".into(),
        };
        assert_eq!(test_program(&message), Some(expected));
        let mut plain = message;
        plain["profile"]["test"] = json!(false);
        assert_eq!(test_program(&plain), None);
    }
}
