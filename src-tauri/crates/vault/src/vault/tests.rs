use std::fs;
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::fixture::{add, master, on_disk, row};
use crate::{Actor, KeyLimits, Secret};

/// All bytes of all files below `dir`.
fn everything(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        bytes.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn hex(text: &str) -> String {
    text.bytes().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn no_secret_is_on_disk_in_any_shape() {
    use base64::Engine;
    const CANARY: &str = "sk-canary-5f0e1d2c3b4a";
    let dir = tempfile::tempdir().unwrap();
    let home = HomeChoice::Passphrase(Secret::new("canary passphrase"));
    let vault = Vault::open(dir.path(), home).unwrap();
    let id = add(&vault, "openai", Some("work"), "another key first").id;
    add(&vault, "openai", Some("work"), CANARY);
    let (_, key) = vault
        .create_client_key("laptop", KeyLimits::default(), Actor::Cli)
        .unwrap();
    vault.usage().record(row("r1", "2026-11-21T10:00:00Z"));
    // Taken while everything is open: the WAL and the journal are full.
    let live = everything(dir.path());
    vault.remove_account(id, Actor::Cli).unwrap();
    drop(vault);
    for (when, bytes) in [("live", live), ("closed", everything(dir.path()))] {
        assert!(
            contains(&bytes, "laptop"),
            "the scan sees the files' contents ({when})"
        );
        for secret in [
            CANARY,
            key.expose(),
            "canary passphrase",
            "another key first",
        ] {
            let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
            let utf16: String = secret.chars().flat_map(|c| [c, '\0']).collect();
            for shape in [secret, &hex(secret), &base64, &utf16] {
                assert!(!contains(&bytes, shape), "{shape} ({when})");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_can_look_into_the_folder_or_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let vault = on_disk(&dir);
    add(&vault, "openai", None, "k");
    vault.usage().record(row("r1", "2026-11-21T10:00:00Z"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut seen = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen.push(path.extension().unwrap().to_owned());
    }
    for extension in ["db", "db-wal", "journal"] {
        assert!(
            seen.iter().any(|seen| seen == extension),
            "{extension} of {seen:?}"
        );
    }
}

#[test]
fn memory_only_touches_no_disk() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let vault = Vault::open(&dir, HomeChoice::Memory).unwrap();
    let id = add(&vault, "openai", None, "sk-1").id;
    vault.usage().record(row("r1", "2026-11-21T10:00:00Z"));
    assert_eq!(vault.usage().recent(10).unwrap().len(), 1);
    assert_eq!(vault.credential(id).unwrap().secret.expose(), "sk-1");
    assert!(!dir.exists());
}

#[test]
fn programs_that_start_at_once_agree_on_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for n in 0..4 {
            let (dir, start) = (dir.path(), &start);
            scope.spawn(move || {
                start.wait();
                let key = dir.join("key");
                let home = HomeChoice::KeyFile {
                    path: key,
                    create: true,
                };
                let vault = Vault::open(dir, home).unwrap();
                add(&vault, "openai", Some(&n.to_string()), &n.to_string());
            });
        }
    });
    let home = HomeChoice::KeyFile {
        path: dir.path().join("key"),
        create: false,
    };
    let vault = Vault::open(dir.path(), home).unwrap();
    let accounts = vault.accounts().unwrap();
    assert_eq!(accounts.len(), 4);
    for account in accounts {
        assert_eq!(
            vault.credential(account.id).unwrap().secret.expose(),
            account.name
        );
    }
    assert_eq!(vault.verify_audit().unwrap(), 4);
}

#[test]
fn two_programs_see_each_others_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (on_disk(dir.path()), on_disk(dir.path()));
    let id = add(&one, "openai", None, "k").id;
    assert_eq!(two.credential(id).unwrap().secret.expose(), "k");
    two.remove_account(id, Actor::Cli).unwrap();
    assert!(one.accounts().unwrap().is_empty());
}

#[test]
fn a_key_is_not_used_beyond_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    vault
        .read()
        .execute("UPDATE sealing SET seals = ?1", [MOST_SEALS as i64 - 1])
        .unwrap();
    add(&vault, "openai", Some("last"), "k");
    let new = crate::fixture::new_account("openai", Some("over"));
    let refused = vault.add_key(new, Secret::new("k"), Actor::Cli);
    assert!(matches!(refused, Err(VaultError::KeyWornOut)));
    assert_eq!(vault.accounts().unwrap().len(), 1);
}

#[test]
fn a_damaged_vault_is_named_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    for n in 0..50 {
        add(&vault, "openai", Some(&n.to_string()), "k");
    }
    drop(vault);
    let path = dir.path().join("vault.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        Vault::open(dir.path(), master()),
        Err(VaultError::Corrupt)
    ));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_damaged_usage_log_does_not_stop_the_vault() {
    let dir = tempfile::tempdir().unwrap();
    drop(on_disk(dir.path()));
    fs::write(dir.path().join("usage.db"), [7; 8192]).unwrap();
    let vault = on_disk(dir.path());
    vault.usage().record(row("r1", "2026-11-21T10:00:00Z"));
    assert_eq!(vault.usage().recent(10).unwrap().len(), 1);
    let kept = fs::read_dir(dir.path()).unwrap().filter(|e| {
        e.as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("damaged-")
    });
    assert_eq!(kept.count(), 1);
}

#[test]
fn a_full_disk_is_named_and_what_is_there_still_serves() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    let id = add(&vault, "openai", Some("kept"), "sk-1").id;
    let pages: i64 = vault
        .read()
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    // SQLite answers as it does when the disk is full.
    let limit = format!("PRAGMA max_page_count = {pages}");
    vault.read().query_row(&limit, [], |_| Ok(())).unwrap();
    let new = crate::fixture::new_account("openai", Some("kept"));
    let refused = vault.add_key(new, Secret::new("x".repeat(64 * 1024)), Actor::Cli);
    assert!(
        matches!(refused, Err(VaultError::DiskFull)),
        "{:?}",
        refused.err()
    );
    assert_eq!(vault.credential(id).unwrap().secret.expose(), "sk-1");
    assert_eq!(vault.verify_audit().unwrap(), 1);
}

#[test]
fn a_vault_held_by_another_program_is_named_as_busy() {
    let dir = tempfile::tempdir().unwrap();
    let vault = on_disk(dir.path());
    let id = add(&vault, "openai", None, "sk-1").id;
    let other = Connection::open(dir.path().join("vault.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    vault
        .read()
        .busy_timeout(std::time::Duration::ZERO)
        .unwrap();
    let refused = vault.remove_account(id, Actor::Cli);
    assert!(matches!(refused, Err(VaultError::Busy)));
    assert_eq!(vault.credential(id).unwrap().secret.expose(), "sk-1");
    drop(other);
    vault.remove_account(id, Actor::Cli).unwrap();
}

#[test]
fn an_installation_has_one_device_id_per_purpose() {
    let dir = tempfile::tempdir().unwrap();
    let id = on_disk(dir.path()).device_id("kimi");
    assert_eq!(on_disk(dir.path()).device_id("kimi"), id);
    assert_ne!(on_disk(dir.path()).device_id("siwc"), id);
    assert_eq!((id.len(), &id[14..15]), (36, "4"));
}
