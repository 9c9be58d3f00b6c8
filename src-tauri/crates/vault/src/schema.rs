//! Opening of the databases, and the numbered steps that bring an older one up to date.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::{VaultError, folder};

/// Steps of `vault.db`; step *n* leads to format *n* + 1. Never edit one that was released.
pub(crate) const VAULT: &[&str] = &[
    include_str!("schema/vault_1.sql"),
    include_str!("schema/vault_2.sql"),
    include_str!("schema/vault_3.sql"),
];
/// Steps of `usage.db`.
pub(crate) const USAGE: &[&str] = &[
    include_str!("schema/usage_1.sql"),
    include_str!("schema/usage_2.sql"),
];

/// What differs between the databases.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// `FULL` where a committed row must survive a power cut.
    pub(crate) synchronous: &'static str,
    /// Read the whole file at the start; only for small ones.
    pub(crate) check: bool,
    pub(crate) steps: &'static [&'static str],
}

/// Opens the database at `path`, or one in memory, with all steps applied.
pub(crate) fn open(path: Option<&Path>, settings: Settings) -> Result<Connection, VaultError> {
    let mut db = match path {
        Some(path) => {
            // SQLite gives its side files the mode of the database.
            drop(folder::open_private(path)?);
            Connection::open(path)?
        }
        None => Connection::open_in_memory()?,
    };
    configure(&db, settings)?;
    if settings.check {
        check(&db)?;
    }
    migrate(&mut db, path, settings.steps)?;
    Ok(db)
}

fn configure(db: &Connection, settings: Settings) -> Result<(), VaultError> {
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", settings.synchronous)?;
    db.pragma_update(None, "secure_delete", "ON")?;
    db.pragma_update(None, "foreign_keys", "ON")?;
    // Defensive: the file may have been edited by somebody else.
    db.pragma_update(None, "trusted_schema", "OFF")?;
    // In KiB, for one connection; the operating system caches the file anyway.
    db.pragma_update(None, "cache_size", -512)?;
    db.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn check(db: &Connection) -> Result<(), VaultError> {
    let verdict: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(VaultError::Corrupt)
    }
}

fn migrate(db: &mut Connection, path: Option<&Path>, steps: &[&str]) -> Result<(), VaultError> {
    let known = steps.len() as i64;
    let found = format_of(db)?;
    if found == known {
        return Ok(());
    }
    refuse_newer(found, known)?;
    if let Some(path) = path
        && found > 0
    {
        back_up(db, path, found)?;
    }
    let work = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited.
    let found = format_of(&work)?;
    refuse_newer(found, known)?;
    for step in steps.iter().skip(usize::try_from(found).unwrap_or(0)) {
        work.execute_batch(step)?;
    }
    work.pragma_update(None, "user_version", known)?;
    work.commit()?;
    Ok(())
}

fn format_of(db: &Connection) -> Result<i64, VaultError> {
    Ok(db.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn refuse_newer(found: i64, known: i64) -> Result<(), VaultError> {
    if found > known {
        Err(VaultError::NewerSchema { found, known })
    } else {
        Ok(())
    }
}

/// Keeps the old format beside the database, as `<name>.format-<n>.bak`.
fn back_up(db: &Connection, path: &Path, format: i64) -> Result<(), VaultError> {
    let copy = path.with_added_extension(format!("format-{format}.bak"));
    let half = path.with_added_extension("bak-unfinished");
    drop(folder::open_private(&half)?);
    db.backup("main", &half, None::<fn(rusqlite::backup::Progress)>)?;
    fs::rename(&half, &copy).map_err(VaultError::io("keep", &copy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(steps: &'static [&'static str]) -> Settings {
        Settings {
            synchronous: "FULL",
            check: true,
            steps,
        }
    }

    const ONE: &[&str] = &["CREATE TABLE t (a)"];
    const TWO: &[&str] = &["CREATE TABLE t (a)", "ALTER TABLE t ADD COLUMN b"];
    const BROKEN: &[&str] = &["CREATE TABLE t (a)", "ALTER TABLE t ADD COLUMN b; nonsense"];

    #[test]
    fn an_old_database_is_backed_up_and_brought_up_to_date() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        open(Some(&path), settings(ONE))
            .unwrap()
            .execute("INSERT INTO t VALUES (1)", [])
            .unwrap();
        let db = open(Some(&path), settings(TWO)).unwrap();
        let row = db.query_row("SELECT a, b FROM t", [], |r| Ok((r.get(0)?, r.get(1)?)));
        assert_eq!(row.unwrap(), (1, None::<i64>));
        // The copy still opens with the older program.
        let copy = dir.path().join("t.db.format-1.bak");
        let old = open(Some(&copy), settings(ONE)).unwrap();
        assert_eq!(old.query_row("SELECT a FROM t", [], |r| r.get(0)), Ok(1));
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        drop(open(Some(&path), settings(ONE)).unwrap());
        assert!(open(Some(&path), settings(BROKEN)).is_err());
        drop(open(Some(&path), settings(ONE)).unwrap());
        open(Some(&path), settings(TWO)).unwrap();
    }

    #[test]
    fn a_newer_database_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        drop(open(Some(&path), settings(TWO)).unwrap());
        let refused = open(Some(&path), settings(ONE));
        assert!(matches!(
            refused,
            Err(VaultError::NewerSchema { found: 2, known: 1 })
        ));
    }

    #[test]
    fn a_damaged_database_is_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        fs::write(&path, [7; 8192]).unwrap();
        assert!(matches!(
            open(Some(&path), settings(ONE)),
            Err(VaultError::Corrupt)
        ));
    }

    #[test]
    fn the_real_steps_apply() {
        for steps in [VAULT, USAGE] {
            open(None, settings(steps)).unwrap();
        }
    }
}
