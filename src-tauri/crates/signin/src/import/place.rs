//! Places of the rows as they are on this machine, and what lies there.

use std::path::{Path, PathBuf};

use byokey_catalog::{Form, Import, Place};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::sqlite::Database;
use super::{Machine, Unread, command, file};

/// A place on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    File(PathBuf),
    Item {
        service: String,
        account: Option<String>,
    },
    Row {
        path: PathBuf,
        table: String,
        key: String,
    },
    Env(String),
    Command(Vec<String>),
}

/// A file, item, row or output that may hold a login.
pub(super) struct Piece {
    pub(super) at: At,
    /// Name of the row among several of one provider; else empty.
    pub(super) name: String,
    /// The owner's label for the row.
    pub(super) label: Option<String>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether other users of the computer may read it, too.
    pub(super) open_to_others: bool,
}

impl Piece {
    /// The key of its row.
    pub(super) fn key(&self) -> &str {
        match &self.at {
            At::Row { key, .. } => key,
            _ => "",
        }
    }
}

/// What lies in the neighbourhood of a piece, for what its owner keeps apart.
pub(super) struct Beside<'a> {
    pub(super) machine: &'a Machine,
    pub(super) at: &'a At,
}

impl Beside<'_> {
    /// A file at a place known in advance.
    pub(super) fn known_file(&self, template: &str, most: u64) -> Option<Zeroizing<Vec<u8>>> {
        let path = self.machine.path(template)?;
        file::read(&path, most).ok().map(|content| content.bytes)
    }

    /// A file in the same folder.
    pub(super) fn sibling(&self, name: &str, most: u64) -> Option<Zeroizing<Vec<u8>>> {
        let At::File(path) = self.at else {
            return None;
        };
        let sibling = path.with_file_name(name);
        file::read(&sibling, most).ok().map(|content| content.bytes)
    }

    /// A row of another table of the same database.
    pub(super) fn row(&self, table: &str, key: &str) -> Option<Zeroizing<Vec<u8>>> {
        let At::Row { path, .. } = self.at else {
            return None;
        };
        Database::open(path).ok()?.value(table, key).ok()
    }
}

/// The places that a row means on this machine. Of the rows of a database only the first that
/// exists counts.
pub(super) fn places(import: &Import, machine: &Machine) -> Vec<Vec<At>> {
    let here = |os: &Option<String>| os.as_deref().is_none_or(|os| os == std::env::consts::OS);
    match &import.at {
        Place::File { path, os } if here(os) => {
            let path = machine.path(path);
            let files = path.iter().flat_map(|path| file::meant(path));
            files.map(|path| vec![At::File(path)]).collect()
        }
        Place::Sqlite {
            path,
            table,
            keys,
            os,
        } if here(os) => {
            let Some(path) = machine.path(path) else {
                return Vec::new();
            };
            let row = |key: &String| At::Row {
                path: path.clone(),
                table: table.clone(),
                key: key.clone(),
            };
            vec![keys.iter().map(row).collect()]
        }
        Place::File { .. } | Place::Sqlite { .. } => Vec::new(),
        Place::Keychain { service, account } => vec![vec![At::Item {
            service: own_service(import.form, service, machine),
            account: account
                .clone()
                .or_else(|| own_account(import.form, machine)),
        }]],
        Place::Env(name) => vec![vec![At::Env(name.clone())]],
        Place::Command(line) => vec![vec![At::Command(line.clone())]],
    }
}

/// The service name of an item whose owner computes it: Claude Code has one for each folder but the
/// usual one.
fn own_service(form: Form, service: &str, machine: &Machine) -> String {
    let folder = machine.var("CLAUDE_CONFIG_DIR");
    match folder.filter(|_| form == Form::ClaudeCode) {
        Some(folder) => format!("{service}-{}", digest(&folder, 4)),
        None => service.to_owned(),
    }
}

/// The account name of an item whose owner computes it: the Codex CLI has one per home folder.
fn own_account(form: Form, machine: &Machine) -> Option<String> {
    if form != Form::Codex {
        return None;
    }
    let home = machine.path("${CODEX_HOME:-~/.codex}")?;
    let home = home.canonicalize().unwrap_or(home);
    Some(format!("cli|{}", digest(home.to_str()?, 8)))
}

/// The first bytes of a text's SHA-256, in hexadecimal.
fn digest(text: &str, bytes: usize) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What lies at a place now.
pub(super) fn fetch(at: &At, form: Form, machine: &Machine) -> Result<Vec<Piece>, Unread> {
    let piece = |bytes, open_to_others| Piece {
        at: at.clone(),
        name: String::new(),
        label: None,
        bytes,
        open_to_others,
    };
    let one = match at {
        At::File(path) => {
            let content = file::read(path, file::MOST)?;
            piece(content.bytes, content.open_to_others)
        }
        At::Item { service, account } => {
            piece(machine.items().read(service, account.as_deref())?, false)
        }
        At::Env(name) => {
            let value = machine.var(name).ok_or(Unread::Missing)?;
            piece(Zeroizing::new(value.into_bytes()), false)
        }
        At::Command(line) => piece(command::output(machine, line)?, false),
        At::Row { path, table, key } => {
            let db = Database::open(path)?;
            if form == Form::Byokey {
                return byokey_rows(at, &db, table, key);
            }
            piece(db.value(table, key)?, db.open_to_others)
        }
    };
    Ok(vec![one])
}

fn byokey_rows(at: &At, db: &Database, table: &str, provider: &str) -> Result<Vec<Piece>, Unread> {
    let rows = db.byokey(table, provider)?;
    if rows.is_empty() {
        return Err(Unread::Missing);
    }
    let pieces = rows.into_iter().map(|row| Piece {
        at: at.clone(),
        name: row.name,
        label: row.label,
        bytes: row.bytes,
        open_to_others: db.open_to_others,
    });
    Ok(pieces.collect())
}

impl At {
    /// As a person would say it.
    pub(super) fn shown(&self, machine: &Machine) -> String {
        match self {
            Self::File(path) | Self::Row { path, .. } => machine.shown(path),
            Self::Item { service, .. } => format!("keychain item `{service}`"),
            Self::Env(name) => format!("${name}"),
            Self::Command(line) => format!("`{}`", line.join(" ")),
        }
    }

    /// The file whose change may mean a new login.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Row { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether it is a place of this row. Only folders may differ, since the owners' variables move
    /// them: an account's source is not sealed, and an edited one must not start another program.
    pub(super) fn is_of(&self, place: &Place) -> bool {
        match (self, place) {
            (Self::File(_), Place::File { .. }) => true,
            (
                Self::Row { table, key, .. },
                Place::Sqlite {
                    table: own, keys, ..
                },
            ) => table == own && keys.contains(key),
            (Self::Item { service, .. }, Place::Keychain { service: own, .. }) => {
                let rest = service.strip_prefix(own.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
            (Self::Env(name), Place::Env(own)) => name == own,
            (Self::Command(line), Place::Command(own)) => line == own,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn codex_names_its_item_after_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let real = home.join("real");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, home.join(".codex")).unwrap();
        let digest = Sha256::digest(real.to_str().unwrap().as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let machine = Machine::at(&home, [].into());
        let account = own_account(Form::Codex, &machine).unwrap();
        assert_eq!(account, format!("cli|{}", &hex[..16]));
        assert_eq!(own_account(Form::GeminiItem, &machine), None);
    }

    #[test]
    fn claude_code_names_its_item_after_another_folder() {
        let service = |form, env: &[(&str, &str)]| {
            let env = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            own_service(form, "X", &Machine::at("/home/ada", env.collect()))
        };
        assert_eq!(service(Form::ClaudeCode, &[]), "X");
        let moved = [("CLAUDE_CONFIG_DIR", "/srv/claude")];
        let digest = Sha256::digest(b"/srv/claude");
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            service(Form::ClaudeCode, &moved),
            format!("X-{}", &hex[..8])
        );
        assert_eq!(service(Form::Codex, &moved), "X");
    }
}
