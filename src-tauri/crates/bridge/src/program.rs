//! Which program is meant: where it is, which version it has, and what its help offers.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use byokey_catalog::Bridge;
use parking_lot::Mutex;

use crate::{
    BridgeSettings, BridgeTrouble,
    process::{Launch, search_path},
    words,
};

/// How long a program may take to name its version: the first start after an update is slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that was found, and who is signed in there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself.
    pub version: Version,
    /// Whether somebody is signed in.
    pub login: LoginState,
}

/// Whether somebody is signed in to a program, as far as it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginState {
    /// Somebody is.
    SignedIn {
        /// Who: an e-mail address or a user name.
        label: Option<String>,
        /// The plan's name.
        plan: Option<String>,
    },
    /// Nobody is.
    SignedOut,
    /// The program did not say; these are its words.
    Unknown(String),
}

/// Numbers of a version, such as 2.1.330.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first three numbers joined by dots in a text.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let foreign = |letter: char| !letter.is_ascii_digit() && letter != '.';
        text.split(foreign).find_map(|part| {
            let mut numbers = part.split('.').map(str::parse);
            let mut next = || numbers.next()?.ok();
            Some(Self(next()?, next()?, next()?))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The command that a person types to sign in to the program; empty when there is none.
pub(crate) fn login_command(bridge: &Bridge) -> String {
    if bridge.login.is_empty() {
        return String::new();
    }
    format!("{} {}", bridge.program, bridge.login.join(" "))
}

/// Finds the program: at the configured place, or else in the folders of the path and in those that
/// installers use.
///
/// # Errors
/// [`BridgeTrouble::MissingAt`] or [`BridgeTrouble::Missing`].
pub fn find(bridge: &Bridge, settings: &BridgeSettings) -> Result<PathBuf, BridgeTrouble> {
    if let Some(path) = &settings.program {
        let is_there = path.is_absolute() && is_program(path);
        return is_there
            .then(|| path.clone())
            .ok_or_else(|| BridgeTrouble::MissingAt {
                program: bridge.program.clone(),
                path: path.clone(),
            });
    }
    find_in(&search_path(), &bridge.program).ok_or_else(|| BridgeTrouble::Missing {
        program: bridge.program.clone(),
        install_url: bridge.install_url.clone(),
        login: login_command(bridge),
    })
}

fn find_in(folders: &[PathBuf], name: &str) -> Option<PathBuf> {
    // On Windows a native program goes before the scripts of package managers.
    let endings: &[&str] = if cfg!(windows) {
        &[".exe", ".cmd"]
    } else {
        &[""]
    };
    let mut named = endings.iter().flat_map(|ending| {
        let name = format!("{name}{ending}");
        folders.iter().map(move |folder| folder.join(&name))
    });
    named.find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata()
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// What a program said of itself.
pub(crate) struct Facts {
    /// Its version.
    pub(crate) version: Version,
    /// What its help prints; empty when it was not asked.
    pub(crate) help: String,
}

/// What programs said of themselves, asked anew when the file has changed.
#[derive(Default)]
pub(crate) struct Programs {
    known: Mutex<HashMap<PathBuf, (Stamp, Arc<Facts>)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    changed: Option<SystemTime>,
    length: u64,
}

impl Programs {
    /// Asks the program for its version and, unless the arguments are empty, for its help.
    ///
    /// # Errors
    /// When it does not start or does not answer, or names no version.
    pub(crate) async fn facts(
        &self,
        launch: &Launch<'_>,
        help: &[&str],
    ) -> Result<Arc<Facts>, BridgeTrouble> {
        let stamp = stamp(launch.path);
        if let Some((seen, facts)) = self.known.lock().get(launch.path)
            && *seen == stamp
        {
            return Ok(Arc::clone(facts));
        }
        let told = launch.ask(&["--version"], PATIENCE).await?;
        let version = Version::find(&told.output).ok_or_else(|| BridgeTrouble::Strange {
            program: launch.name.to_owned(),
            words: words::tidy(&format!("{} {}", told.output, told.words)),
        })?;
        let help = if help.is_empty() {
            String::new()
        } else {
            launch.ask(help, PATIENCE).await?.output
        };
        let facts = Arc::new(Facts { version, help });
        let mut known = self.known.lock();
        known.insert(launch.path.to_owned(), (stamp, Arc::clone(&facts)));
        Ok(facts)
    }
}

fn stamp(path: &Path) -> Stamp {
    let facts = path.metadata().ok();
    Stamp {
        changed: facts.as_ref().and_then(|facts| facts.modified().ok()),
        length: facts.map_or(0, |facts| facts.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        for (text, expected) in [
            ("2.1.330 (Claude Code)\n", Some(Version(2, 1, 330))),
            ("codex-cli 0.45.0-alpha.3", Some(Version(0, 45, 0))),
            (
                "GitHub Copilot CLI 0.0.354.\nCommit: 1a2b",
                Some(Version(0, 0, 354)),
            ),
            ("v1.2", None),
            ("error: 404", None),
            ("99999999999.1.1", None),
        ] {
            assert_eq!(Version::find(text), expected, "{text}");
        }
        assert!(Version(2, 0, 99) < Version(2, 1, 0));
    }

    #[cfg(unix)]
    #[test]
    fn only_what_can_be_run_is_a_program() {
        use std::{fs, os::unix::fs::PermissionsExt};

        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let paths: Vec<_> = folders
            .iter()
            .map(|folder| folder.path().to_owned())
            .collect();
        fs::write(paths[0].join("claude"), "no program").unwrap();
        assert_eq!(find_in(&paths, "claude"), None);
        let good = paths[1].join("claude");
        fs::write(&good, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&good, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in(&paths, "claude"), Some(good));
    }
}
