use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Unread;

/// No login of any program comes near this.
pub(super) const MOST: u64 = 1024 * 1024;
/// A folder with more files of one kind than this is not what it seems.
const MOST_FILES: usize = 32;
const MOST_ENTRIES: usize = 10_000;

/// What stood in a file.
pub(super) struct Content {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether other users of the computer may read it, too.
    pub(super) open_to_others: bool,
}

/// Reads a regular file of at most `most` bytes. Links are followed, since people keep such files
/// in other places; a pipe or a device is never waited for.
pub(super) fn read(path: &Path, most: u64) -> Result<Content, Unread> {
    let file = open(path).map_err(|error| unread(&error))?;
    let about = file.metadata().map_err(|error| unread(&error))?;
    if !about.is_file() {
        return Err(Unread::NotAFile);
    }
    if about.len() > most {
        return Err(Unread::TooLarge);
    }
    // With room from the start nothing is moved, so no copy is left behind in memory.
    let room = usize::try_from(about.len()).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unread(&error))?;
    if bytes.len() as u64 > most {
        return Err(Unread::TooLarge);
    }
    Ok(Content {
        bytes,
        open_to_others: open_to_others(&about),
    })
}

/// The files that a path means: itself, or those whose name fits the `*` in its name.
pub(super) fn meant(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    let (Some(folder), Some((begin, end))) = (path.parent(), name.and_then(|n| n.split_once('*')))
    else {
        return vec![path.to_owned()];
    };
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let fits = |name: &str| {
        name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
    };
    let mut found: Vec<PathBuf> = entries
        .take(MOST_ENTRIES)
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(fits))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.truncate(MOST_FILES);
    found
}

/// Whether something stands there that is no folder; SQLite opens it by itself.
pub(super) fn check(path: &Path) -> Result<bool, Unread> {
    let about = path.metadata().map_err(|error| unread(&error))?;
    if about.is_file() {
        Ok(open_to_others(&about))
    } else {
        Err(Unread::NotAFile)
    }
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Opening a pipe would wait for its writer.
    let no_wait = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new()
        .read(true)
        .custom_flags(no_wait)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
fn open_to_others(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o044 != 0
}

/// Folders of a person's profile are closed to others there.
#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

fn unread(error: &std::io::Error) -> Unread {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unread::Missing,
        ErrorKind::PermissionDenied => Unread::Denied,
        ErrorKind::IsADirectory => Unread::NotAFile,
        _ => Unread::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_regular_files_of_a_bounded_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert!(matches!(read(&path, MOST), Err(Unread::Missing)));
        assert!(matches!(
            read(&path.join("below"), MOST),
            Err(Unread::Missing)
        ));
        std::fs::write(&path, "hello").unwrap();
        assert_eq!(&**read(&path, 5).unwrap().bytes, b"hello");
        assert!(matches!(read(&path, 4), Err(Unread::TooLarge)));
        assert!(matches!(
            read(&path.join("below"), MOST),
            Err(Unread::Missing)
        ));
        assert!(matches!(read(dir.path(), MOST), Err(Unread::NotAFile)));
    }

    #[cfg(unix)]
    #[test]
    fn waits_for_no_pipe_and_follows_no_loop() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), mode).unwrap();
        assert!(matches!(read(&at("pipe"), MOST), Err(Unread::NotAFile)));
        symlink(at("two"), at("one")).unwrap();
        symlink(at("one"), at("two")).unwrap();
        assert!(matches!(read(&at("one"), MOST), Err(Unread::Failed)));
        assert!(matches!(
            read(Path::new("/dev/zero"), MOST),
            Err(Unread::NotAFile)
        ));
        std::fs::write(at("real"), "x").unwrap();
        symlink(at("real"), at("link")).unwrap();
        for (mode, open) in [(0o600, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(at("real"), PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(read(&at("link"), MOST).unwrap().open_to_others, open);
        }
    }

    #[test]
    fn a_star_means_several_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "kimi-code.json",
            "kimi-code-0a.json",
            "other.json",
            "kimi-code.jso",
        ] {
            std::fs::write(dir.path().join(name), "{}").unwrap();
        }
        let names: Vec<_> = meant(&dir.path().join("kimi-code*.json"))
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["kimi-code-0a.json", "kimi-code.json"]);
        assert!(meant(&dir.path().join("none/*.json")).is_empty());
        assert_eq!(meant(Path::new("/a/b")), [PathBuf::from("/a/b")]);
    }
}
