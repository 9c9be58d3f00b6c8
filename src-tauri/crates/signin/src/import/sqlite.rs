//! Rows of databases that other programs own and may be writing to.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use zeroize::Zeroizing;

use super::{Unread, file};

/// A program that writes keeps its lock for a moment only.
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_ROWS: usize = 64;

/// A row: its name within the table, the owner's label for it, its content.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) label: Option<String>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// A database, open for reading.
pub(super) struct Database {
    db: Connection,
    pub(super) open_to_others: bool,
}

impl Database {
    /// Opens without leaving a trace. A database with a log beside it is opened the ordinary
    /// read-only way, since the newest rows may be in the log; one without is read as a plain
    /// file, because even a reader would create a log for it.
    pub(super) fn open(path: &Path) -> Result<Self, Unread> {
        let open_to_others = file::check(path)?;
        let log = path.with_file_name(format!("{}-wal", name(path)?));
        let mode = if log.exists() {
            "mode=ro"
        } else {
            "immutable=1"
        };
        let uri = format!("file:{}?{mode}", escaped(path)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(uri, flags).map_err(unread)?;
        db.busy_timeout(PATIENCE).map_err(unread)?;
        // The file is foreign: nothing that it brings along is to run.
        db.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")
            .map_err(unread)?;
        Ok(Self { db, open_to_others })
    }

    /// The content of a row in a table of keys and values.
    pub(super) fn value(&self, table: &str, key: &str) -> Result<Zeroizing<Vec<u8>>, Unread> {
        self.check(table)?;
        let query = format!(
            "SELECT value FROM \"{table}\" WHERE key = ?1 AND length(value) <= {}",
            file::MOST
        );
        let mut query = self.db.prepare(&query).map_err(unread)?;
        let found = query.query_row([key], |row| content(row, 0));
        found.map_err(unread)
    }

    /// BYOKEY's rows of one provider, in its newer table or the one it had before.
    pub(super) fn byokey(&self, table: &str, provider: &str) -> Result<Vec<Entry>, Unread> {
        self.check(table)?;
        let (name, label) = match table {
            "tokens" => ("'default'", "NULL"),
            _ => ("account_id", "label"),
        };
        let query = format!(
            "SELECT {name}, {label}, token_json FROM \"{table}\" \
             WHERE provider = ?1 AND length(token_json) <= {} ORDER BY 1 LIMIT {MOST_ROWS}",
            file::MOST
        );
        let mut query = self.db.prepare(&query).map_err(unread)?;
        let rows = query
            .query_map([provider], |row| {
                Ok(Entry {
                    name: row.get(0)?,
                    label: row.get(1)?,
                    bytes: content(row, 2)?,
                })
            })
            .map_err(unread)?;
        rows.collect::<Result<_, _>>().map_err(unread)
    }

    /// Only a plain table is asked; a view or a virtual table could do anything.
    fn check(&self, table: &str) -> Result<(), Unread> {
        let plain = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 \
                     AND sql NOT LIKE 'create virtual%'";
        let found: i64 = self
            .db
            .query_row(plain, [table], |row| row.get(0))
            .map_err(unread)?;
        if found == 1 {
            Ok(())
        } else {
            Err(Unread::Missing)
        }
    }
}

fn content(row: &Row<'_>, column: usize) -> rusqlite::Result<Zeroizing<Vec<u8>>> {
    let bytes = match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    };
    Ok(Zeroizing::new(bytes))
}

fn name(path: &Path) -> Result<&str, Unread> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or(Unread::Failed)
}

/// The path as a URI holds it.
fn escaped(path: &Path) -> Result<String, Unread> {
    let text = path.to_str().ok_or(Unread::Failed)?;
    let mut escaped = String::with_capacity(text.len() + 1);
    if cfg!(windows) {
        escaped.push('/');
    }
    for character in text.chars() {
        match character {
            '%' => escaped.push_str("%25"),
            '?' => escaped.push_str("%3f"),
            '#' => escaped.push_str("%23"),
            '\\' if cfg!(windows) => escaped.push('/'),
            other => escaped.push(other),
        }
    }
    Ok(escaped)
}

fn unread(error: rusqlite::Error) -> Unread {
    if matches!(error, rusqlite::Error::QueryReturnedNoRows) {
        return Unread::Missing;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Unread::Busy,
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Unread::Denied,
        _ => Unread::NotUnderstood,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path, sql: &str) -> Connection {
        let db = Connection::open(path).unwrap();
        db.execute_batch(sql).unwrap();
        db
    }

    fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn reading_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("da?ta #1%.sqlite3");
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE auth_kv(key TEXT PRIMARY KEY, value TEXT); \
                   INSERT INTO auth_kv VALUES ('a', 'one');";
        drop(database(&path, sql));
        let before = files(dir.path());
        assert_eq!(before.len(), 1, "closed, the database has no log");
        let read = Database::open(&path)
            .unwrap()
            .value("auth_kv", "a")
            .unwrap();
        assert_eq!(&**read, b"one");
        assert_eq!(files(dir.path()), before);
    }

    #[test]
    fn what_is_in_the_log_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.sqlite3");
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE auth_kv(key TEXT PRIMARY KEY, value TEXT); \
                   INSERT INTO auth_kv VALUES ('a', 'one');";
        let owner = database(&path, sql);
        let value = || Database::open(&path).unwrap().value("auth_kv", "a");
        assert_eq!(&**value().unwrap(), b"one");
        owner
            .execute_batch("UPDATE auth_kv SET value = 'two'")
            .unwrap();
        assert_eq!(&**value().unwrap(), b"two");
        // While the owner writes, readers see what was there before.
        owner
            .execute_batch("BEGIN IMMEDIATE; UPDATE auth_kv SET value = 'three'")
            .unwrap();
        assert_eq!(&**value().unwrap(), b"two");
    }

    #[test]
    fn foreign_databases_are_met_with_care() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(
            at("text"),
            "this is no database, but long enough to look".repeat(99),
        )
        .unwrap();
        let open = |name: &str| Database::open(&at(name));
        let trouble = open("text").and_then(|db| db.value("auth_kv", "a"));
        assert!(matches!(trouble, Err(Unread::NotUnderstood)));
        assert!(matches!(open("none"), Err(Unread::Missing)));
        std::fs::create_dir(at("folder")).unwrap();
        assert!(matches!(open("folder"), Err(Unread::NotAFile)));
        let endless = "CREATE VIEW auth_kv AS WITH RECURSIVE n(i) AS \
                       (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'a' AS key, i AS value FROM n;";
        drop(database(&at("view"), endless));
        let trouble = open("view").unwrap().value("auth_kv", "b");
        assert!(matches!(trouble, Err(Unread::Missing)));
        let odd = "CREATE TABLE auth_kv(key, value); INSERT INTO auth_kv VALUES \
                   ('number', 7), ('null', NULL), ('huge', zeroblob(2000000));";
        drop(database(&at("odd"), odd));
        let db = open("odd").unwrap();
        assert!(db.value("auth_kv", "number").unwrap().is_empty());
        assert!(matches!(db.value("auth_kv", "null"), Err(Unread::Missing)));
        assert!(matches!(db.value("auth_kv", "huge"), Err(Unread::Missing)));
        assert!(matches!(db.value("other", "a"), Err(Unread::Missing)));
    }
}
