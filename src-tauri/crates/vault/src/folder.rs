//! The data folder: private to its user, and held by one engine at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::VaultError;

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
