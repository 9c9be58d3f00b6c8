//! The folder in which programs run: empty and private, so that nothing of the user's projects,
//! and nothing that another user could put there, becomes part of a conversation.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use crate::BridgeTrouble;

/// The folder; it is made when it is first needed.
pub(crate) struct Work {
    folder: PathBuf,
    is_made: Mutex<bool>,
}

impl Work {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            is_made: Mutex::new(false),
        }
    }

    /// The folder, which exists from now on.
    ///
    /// # Errors
    /// [`BridgeTrouble::Folder`] when it cannot be made.
    pub(crate) fn folder(&self) -> Result<&Path, BridgeTrouble> {
        let mut is_made = self.is_made.lock();
        if !*is_made {
            let told = |error: io::Error| BridgeTrouble::Folder(error.to_string());
            make(&self.folder).map_err(told)?;
            *is_made = true;
        }
        Ok(&self.folder)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // It is left where a program has put something into it.
        if *self.is_made.get_mut() {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(unix)]
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
