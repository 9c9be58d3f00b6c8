//! What a child process learns of byokey's environment: where things are and how the network is
//! reached, and nothing else. Above all no key, since a key there would change whose account pays.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Passed on as they are.
const PASSED: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "TMP",
    "TEMP",
    // Where a browser can be opened for a login, and where a keychain answers.
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "BROWSER",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_CONNECTION",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    // The way to the network.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    // Without these no program starts on Windows.
    "SystemRoot",
    "SystemDrive",
    "windir",
    "ComSpec",
    "PATHEXT",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "USERPROFILE",
    "USERNAME",
    "HOMEDRIVE",
    "HOMEPATH",
    "PROCESSOR_ARCHITECTURE",
];

/// Beginnings of further names that are passed on.
const PASSED_FAMILIES: &[&str] = &["LC_", "XDG_"];

/// The variables for a program at `path`; `places` are further names that this program knows.
pub(super) fn passed(path: &Path, places: &[&str]) -> Vec<(OsString, OsString)> {
    let is_passed = |name: &str| {
        PASSED.contains(&name)
            || places.contains(&name)
            || PASSED_FAMILIES
                .iter()
                .any(|family| name.starts_with(family))
    };
    let mut passed: Vec<_> = env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(is_passed))
        .collect();
    passed.push(("PATH".into(), path_for(path)));
    passed
}

/// The folders in which programs are looked for: the path, then places that installers use and that
/// a program started from a desktop does not have on its path.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    // An empty entry means the current folder, in which anybody may have put something.
    folders.retain(|folder| folder.is_absolute());
    folders.extend(usual_places());
    folders
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if cfg!(windows) {
        let of = |name: &str| env::var_os(name).map(PathBuf::from);
        places.extend(of("APPDATA").map(|data| data.join("npm")));
        places.extend(of("USERPROFILE").map(|home| home.join(".local").join("bin")));
        let local = of("LOCALAPPDATA");
        places.extend(local.map(|data| data.join("Microsoft").join("WinGet").join("Links")));
        return places;
    }
    if let Some(home) = env::home_dir() {
        let below_home = [
            ".local/bin",
            ".claude/local",
            ".npm-global/bin",
            ".npm-packages/bin",
            ".volta/bin",
            ".bun/bin",
            ".yarn/bin",
            ".local/share/pnpm",
            "Library/pnpm",
            ".local/share/mise/shims",
            ".asdf/shims",
            ".cargo/bin",
        ];
        places.extend(below_home.iter().map(|folder| home.join(folder)));
        places.extend(nvm_folders(&home));
    }
    places.extend(
        [
            "/opt/homebrew/bin",
            "/usr/local/bin",
            "/usr/bin",
            "/snap/bin",
        ]
        .map(PathBuf::from),
    );
    places
}

/// The folders of the Node versions that nvm has installed, newest first.
fn nvm_folders(home: &Path) -> Vec<PathBuf> {
    let versions = home.join(".nvm/versions/node");
    let entries = std::fs::read_dir(versions).into_iter().flatten().flatten();
    let number = |name: &str| -> Vec<u32> {
        let parts = name.trim_start_matches('v').split('.');
        parts.map(|part| part.parse().unwrap_or(0)).collect()
    };
    let mut found: Vec<_> = entries
        .map(|entry| {
            (
                number(&entry.file_name().to_string_lossy()),
                entry.path().join("bin"),
            )
        })
        .collect();
    found.sort_by(|(left, _), (right, _)| right.cmp(left));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The path for a program: its own folder first, where the Node that it was installed with is.
fn path_for(program: &Path) -> OsString {
    let own = program.parent().filter(|folder| folder.is_absolute());
    let folders = own.map(Path::to_owned).into_iter().chain(search_path());
    env::join_paths(folders).unwrap_or_else(|_| env::var_os("PATH").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_gets_places_and_no_keys() {
        let names: Vec<_> = passed(Path::new("/opt/x/bin/claude"), &["CLAUDE_CONFIG_DIR"])
            .into_iter()
            .map(|(name, _)| name.into_string().unwrap())
            .collect();
        assert!(names.contains(&"PATH".to_owned()));
        let is_secret = |name: &String| name.contains("KEY") || name.contains("TOKEN");
        assert!(!names.iter().any(is_secret), "{names:?}");
        assert!(
            !names.iter().any(|name| name.starts_with("CARGO")),
            "{names:?}"
        );
    }

    #[test]
    fn the_programs_own_folder_comes_first() {
        let path = path_for(Path::new("/opt/x/bin/claude"));
        let first = env::split_paths(&path).next().unwrap();
        if cfg!(unix) {
            assert_eq!(first, Path::new("/opt/x/bin"));
        }
        assert!(search_path().iter().all(|folder| folder.is_absolute()));
    }
}
