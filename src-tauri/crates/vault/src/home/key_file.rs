//! The key in a file of its own, for servers without a keychain.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::{key_text, new_key, parse_key};
use crate::seal::DataKey;
use crate::{KeyFileTrouble, VaultError};

/// 32 bytes are 44 characters in base64; the rest is room for line ends.
const LONGEST: u64 = 128;

pub(super) fn read(path: &Path) -> Result<DataKey, VaultError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(VaultError::key_file(path, KeyFileTrouble::Missing));
        }
        Err(e) => return Err(VaultError::io("read", path)(e)),
    };
    refuse_open(&file, path)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(VaultError::io("read", path))?;
    std::str::from_utf8(&bytes)
        .ok()
        .filter(|_| bytes.len() as u64 <= LONGEST)
        .and_then(parse_key)
        .ok_or_else(|| VaultError::key_file(path, KeyFileTrouble::Malformed))
}

pub(super) fn read_or_create(path: &Path) -> Result<DataKey, VaultError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return read(path),
        Err(e) => return Err(VaultError::io("create", path)(e)),
    };
    let key = new_key()?;
    let text = key_text(&key);
    file.write_all(text.expose().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        // The vault that this key seals will be on disk soon; the key must be there first.
        .and_then(|()| file.sync_all())
        .map_err(VaultError::io("write", path))?;
    Ok(key)
}

#[cfg(unix)]
fn refuse_open(file: &File, path: &Path) -> Result<(), VaultError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file
        .metadata()
        .map_err(VaultError::io("inspect", path))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(VaultError::key_file(path, KeyFileTrouble::Open))
    }
}

/// Windows files inherit the user's own access list.
#[cfg(not(unix))]
fn refuse_open(_file: &File, _path: &Path) -> Result<(), VaultError> {
    Ok(())
}
