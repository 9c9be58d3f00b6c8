use std::fs;
use std::path::Path;

use super::*;
use crate::fixture::{MASTER, OTHER_MASTER, add, master, on_disk};
use crate::{KeyFileTrouble, Vault};

fn passphrase(text: &str) -> HomeChoice {
    HomeChoice::Passphrase(Secret::new(text))
}

fn key_file(path: &Path, create: bool) -> HomeChoice {
    HomeChoice::KeyFile {
        path: path.to_owned(),
        create,
    }
}

fn refused(dir: &Path, choice: HomeChoice) -> VaultError {
    Vault::open(dir, choice)
        .err()
        .expect("the vault stays shut")
}

#[test]
fn another_home_is_refused_and_both_are_named() {
    let dir = tempfile::tempdir().unwrap();
    drop(on_disk(dir.path()));
    let error = refused(dir.path(), passphrase("correct horse"));
    assert!(matches!(
        error,
        VaultError::WrongHome {
            sealed: HomeKind::MasterKey,
            asked: HomeKind::Passphrase
        }
    ));
    assert!(
        error
            .to_string()
            .contains("BYOKEY_MASTER_KEY, not with a passphrase")
    );
}

#[test]
fn another_master_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(on_disk(dir.path()));
    let error = refused(dir.path(), HomeChoice::MasterKey(Secret::new(OTHER_MASTER)));
    assert!(matches!(
        error,
        VaultError::WrongKey {
            home: HomeKind::MasterKey
        }
    ));
}

#[test]
fn a_master_key_must_be_32_bytes() {
    for text in [
        "",
        "short",
        "AAECAwQFBgc=",
        &format!("{MASTER}{MASTER}"),
        "not base64 at all!",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let error = refused(dir.path(), HomeChoice::MasterKey(Secret::new(text)));
        assert!(matches!(error, VaultError::BadMasterKey));
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_no_other_does() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path(), passphrase("correct horse")).unwrap();
    let id = add(&vault, "openai", None, "sk-1").id;
    let stretch: String = vault
        .read()
        .query_row("SELECT stretch FROM sealing", [], |row| row.get(0))
        .unwrap();
    assert!(stretch.contains(r#""algorithm":"argon2id","memory_kib":65536,"passes":3,"lanes":1"#));
    drop(vault);
    let error = refused(dir.path(), passphrase("correct house"));
    assert!(matches!(error, VaultError::WrongPassphrase));
    let vault = Vault::open(dir.path(), passphrase("correct horse")).unwrap();
    assert_eq!(vault.credential(id).unwrap().secret.expose(), "sk-1");
}

#[test]
fn a_short_passphrase_makes_no_vault() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(dir.path(), passphrase("1234567"));
    assert!(matches!(error, VaultError::WeakPassphrase { least: 8 }));
    // Nothing was settled: the next choice is free.
    Vault::open(dir.path(), master()).unwrap();
}

#[test]
fn forged_figures_cannot_exhaust_the_machine() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::open(dir.path(), passphrase("correct horse")).unwrap();
    let forge = "UPDATE sealing SET stretch = replace(stretch, '65536', '4000000000')";
    vault.read().execute(forge, []).unwrap();
    drop(vault);
    let error = refused(dir.path(), passphrase("correct horse"));
    assert!(matches!(error, VaultError::BadStretch));
}

#[test]
fn a_key_file_is_made_only_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("key"));
    let missing = |e| {
        matches!(
            e,
            VaultError::KeyFile {
                trouble: KeyFileTrouble::Missing,
                ..
            }
        )
    };
    assert!(missing(refused(&data, key_file(&file, false))));
    assert!(!file.exists());
    let vault = Vault::open(&data, key_file(&file, true)).unwrap();
    let id = add(&vault, "openai", None, "sk-1").id;
    drop(vault);
    let vault = Vault::open(&data, key_file(&file, false)).unwrap();
    assert_eq!(vault.credential(id).unwrap().secret.expose(), "sk-1");
    drop(vault);
    // A vault whose key file is gone must not get a new one.
    fs::rename(&file, dir.path().join("moved")).unwrap();
    assert!(missing(refused(&data, key_file(&file, true))));
    assert!(!file.exists());
}

#[test]
fn a_key_file_of_another_vault_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("1"), dir.path().join("2"));
    drop(Vault::open(&one.join("data"), key_file(&one.join("key"), true)).unwrap());
    drop(Vault::open(&two.join("data"), key_file(&two.join("key"), true)).unwrap());
    let error = refused(&one.join("data"), key_file(&two.join("key"), false));
    assert!(matches!(
        error,
        VaultError::WrongKey {
            home: HomeKind::KeyFile
        }
    ));
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("data"), dir.path().join("key"));
    drop(Vault::open(&data, key_file(&file, true)).unwrap());
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    for open in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        let error = refused(&data, key_file(&file, false));
        assert!(matches!(
            error,
            VaultError::KeyFile {
                trouble: KeyFileTrouble::Open,
                ..
            }
        ));
    }
}

#[test]
fn a_key_file_with_anything_else_in_it_is_refused() {
    let long = "A".repeat(5000);
    for text in ["", "AAAA", "\u{fffd}", &long] {
        let dir = tempfile::tempdir().unwrap();
        let (data, file) = (dir.path().join("data"), dir.path().join("key"));
        drop(crate::folder::open_private(&file).unwrap());
        fs::write(&file, text).unwrap();
        let error = refused(&data, key_file(&file, true));
        assert!(matches!(
            error,
            VaultError::KeyFile {
                trouble: KeyFileTrouble::Malformed,
                ..
            }
        ));
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}
