//! The data folder: private to its user, and held by one engine at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::{AccountId, VaultError};

/// Names by which a folder is known to be byokey's own.
const OWN_FILES: [&str; 4] = ["vault.db", "usage.db", LOCK_FILE, "config.yaml"];
const LOCK_FILE: &str = "byokey.lock";

/// The engine's hold on a data folder, until it is dropped or the process ends in any way.
pub struct FolderLock {
    file: File,
}

/// Why the data folder could not be held.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another engine holds it.
    #[error("byokey already runs on this data folder{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Held {
        /// The holder, where it can be read.
        pid: Option<u32>,
    },
    /// The folder or its lock file cannot be used.
    #[error(transparent)]
    Folder(#[from] VaultError),
}

impl FolderLock {
    /// Takes hold of `dir`, creating it if need be. Never waits.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        prepare(dir)?;
        let path = dir.join(LOCK_FILE);
        let mut file = open_private(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { pid: holder(&file) }),
            Err(TryLockError::Error(e)) => return Err(VaultError::io("lock", &path)(e).into()),
        }
        write_pid(&mut file).map_err(VaultError::io("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // The file stays: removing it would let two engines hold two different files of that name.
        if let Err(error) = self.file.set_len(0) {
            tracing::debug!(%error, "the lock file keeps its old process number");
        }
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(mut file: &File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Makes sure that `dir` exists and that only its owner can look into it.
pub(crate) fn prepare(dir: &Path) -> Result<(), VaultError> {
    if dir.is_dir() {
        return close_to_others(dir);
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(VaultError::io("create", dir))
}

/// Opens or creates a file that only its owner can read.
pub(crate) fn open_private(path: &Path) -> Result<File, VaultError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(VaultError::io("open", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let private = fs::Permissions::from_mode(0o600);
        let mode = file
            .metadata()
            .map_err(VaultError::io("inspect", path))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            file.set_permissions(private)
                .map_err(VaultError::io("protect", path))?;
        }
    }
    Ok(file)
}

/// Holds one account against other processes, from reading its tokens to storing their successors.
pub struct AccountLock {
    /// `None` for a vault that no other process can see.
    _file: Option<File>,
}

impl AccountLock {
    /// Takes the lock of an account in the data folder `dir`; `None` while another process has it.
    pub(crate) fn try_acquire(
        dir: Option<&Path>,
        account: AccountId,
    ) -> Result<Option<Self>, VaultError> {
        let Some(dir) = dir else {
            return Ok(Some(Self { _file: None }));
        };
        let dir = dir.join("locks");
        prepare(&dir)?;
        let path = dir.join(format!("account-{account}.lock"));
        let file = open_private(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(VaultError::io("lock", &path)(error)),
        }
    }
}

/// Tightens an existing folder, unless it holds somebody else's files: a mistyped data folder must
/// not lock other programs out of `/tmp` or a home folder.
#[cfg(unix)]
fn close_to_others(dir: &Path) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(dir)
        .map_err(VaultError::io("inspect", dir))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    if !is_own(dir)? {
        return Err(VaultError::OpenFolder {
            path: dir.to_owned(),
        });
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
        .map_err(VaultError::io("protect", dir))
}

/// Windows folders inherit the user's own access list.
#[cfg(not(unix))]
fn close_to_others(_dir: &Path) -> Result<(), VaultError> {
    Ok(())
}

#[cfg(unix)]
fn is_own(dir: &Path) -> Result<bool, VaultError> {
    let mut empty = true;
    for entry in fs::read_dir(dir).map_err(VaultError::io("list", dir))? {
        let entry = entry.map_err(VaultError::io("list", dir))?;
        if OWN_FILES.iter().any(|own| entry.file_name() == *own) {
            return Ok(true);
        }
        empty = false;
    }
    Ok(empty)
}

/// The paths of everything in `dir` with the given extension.
pub(crate) fn with_extension(dir: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn open_to_all(path: &Path) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = FolderLock::acquire(dir.path()).unwrap();
        let refused = FolderLock::acquire(dir.path());
        let own = std::process::id();
        assert!(matches!(refused, Err(LockError::Held { pid: Some(pid) }) if pid == own));
        drop(held);
        FolderLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn an_account_is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let take = |id| AccountLock::try_acquire(Some(dir.path()), AccountId(id)).unwrap();
        let held = take(1);
        assert!(held.is_some() && take(1).is_none() && take(2).is_some());
        drop(held);
        assert!(take(1).is_some());
    }

    #[test]
    fn new_folders_are_private_with_all_their_parents() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        prepare(&dir).unwrap();
        assert_eq!((mode(&root.path().join("a")), mode(&dir)), (0o700, 0o700));
    }

    #[test]
    fn an_open_folder_is_closed_if_it_is_ours() {
        for own in [None, Some("vault.db"), Some("config.yaml")] {
            let dir = tempfile::tempdir().unwrap();
            if let Some(own) = own {
                fs::write(dir.path().join(own), "").unwrap();
            }
            open_to_all(dir.path());
            prepare(dir.path()).unwrap();
            assert_eq!(mode(dir.path()), 0o700);
        }
    }

    #[test]
    fn an_open_folder_of_others_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("letter.txt"), "").unwrap();
        open_to_all(dir.path());
        assert!(matches!(
            prepare(dir.path()),
            Err(VaultError::OpenFolder { .. })
        ));
        assert_eq!(mode(dir.path()), 0o755);
    }
}
