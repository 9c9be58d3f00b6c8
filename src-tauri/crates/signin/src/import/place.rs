//! Places of the rows as they are on this machine, and what lies there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use byokey_catalog::{Form, Import, Place};
use serde::{Deserialize, Serialize};
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

/// Where exactly a login lies: enough to read it again without its row. An account that follows
/// another program keeps this as its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) form: Form,
    pub(super) at: At,
    /// Which of several there; empty where there is one.
    pub(super) entry: String,
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
            service: service.clone(),
            account: account
                .clone()
                .or_else(|| own_account(import.form, machine)),
        }]],
        Place::Env(name) => vec![vec![At::Env(name.clone())]],
        Place::Command(line) => vec![vec![At::Command(line.clone())]],
    }
}

/// The account name of an item whose owner computes it: the Codex CLI has one per home folder.
fn own_account(form: Form, machine: &Machine) -> Option<String> {
    if form != Form::Codex {
        return None;
    }
    let home = machine.path("${CODEX_HOME:-~/.codex}")?;
    let home = home.canonicalize().unwrap_or(home);
    let digest = Sha256::digest(home.to_str()?.as_bytes());
    let hex: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(format!("cli|{hex}"))
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
            (Self::Item { service, .. }, Place::Keychain { service: own, .. }) => service == own,
            (Self::Env(name), Place::Env(own)) => name == own,
            (Self::Command(line), Place::Command(own)) => line == own,
            _ => false,
        }
    }

    fn parts(&self) -> (&'static str, Vec<&str>) {
        match self {
            Self::File(path) => ("file", vec![text(path)]),
            Self::Item { service, account } => {
                let mut parts = vec![service.as_str()];
                parts.extend(account.as_deref());
                ("item", parts)
            }
            Self::Row { path, table, key } => ("row", vec![text(path), table, key]),
            Self::Env(name) => ("env", vec![name]),
            Self::Command(line) => ("command", line.iter().map(String::as_str).collect()),
        }
    }

    fn of_parts(kind: &str, mut parts: Vec<String>) -> Option<Self> {
        match (kind, parts.len()) {
            ("file", 1) => Some(Self::File(parts.remove(0).into())),
            ("item", 1 | 2) => Some(Self::Item {
                service: parts.remove(0),
                account: parts.pop(),
            }),
            ("row", 3) => {
                let (key, table) = (parts.pop()?, parts.pop()?);
                let path = parts.pop()?.into();
                Some(Self::Row { path, table, key })
            }
            ("env", 1) => Some(Self::Env(parts.remove(0))),
            ("command", 1..) => Some(Self::Command(parts)),
            _ => None,
        }
    }
}

/// Paths come from texts, so they are texts.
fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

/// `form:kind:part#part#entry`, with `%`, `#` and control characters escaped within the parts.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, parts) = self.at.parts();
        self.form.serialize(&mut *f)?;
        write!(f, ":{kind}:")?;
        for part in parts {
            write!(f, "{}#", escaped(part))?;
        }
        f.write_str(&escaped(&self.entry))
    }
}

/// The text is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoSpot;

impl FromStr for Spot {
    type Err = NoSpot;

    fn from_str(text: &str) -> Result<Self, NoSpot> {
        let (form, rest) = text.split_once(':').ok_or(NoSpot)?;
        let (kind, rest) = rest.split_once(':').ok_or(NoSpot)?;
        let form: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
            serde::de::IntoDeserializer::into_deserializer(form);
        let form = Form::deserialize(form).map_err(|_| NoSpot)?;
        let mut parts: Vec<String> = rest
            .split('#')
            .map(plain)
            .collect::<Option<_>>()
            .ok_or(NoSpot)?;
        let entry = parts.pop().ok_or(NoSpot)?;
        let at = At::of_parts(kind, parts).ok_or(NoSpot)?;
        Ok(Self { form, at, entry })
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => escaped.push_str("%25"),
            '#' => escaped.push_str("%23"),
            other if other.is_ascii_control() => {
                escaped.push_str(&format!("%{:02x}", u32::from(other)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

fn plain(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let byte = u8::from_str_radix(after.get(..2)?, 16).ok()?;
        plain.push(char::from(byte));
        rest = &after[2..];
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_kept_as_text() {
        let row = At::Row {
            path: "/home/a#b/100%/data.sqlite3".into(),
            table: "auth_kv".to_owned(),
            key: "kirocli:odic:token".to_owned(),
        };
        let item = |account: Option<&str>| At::Item {
            service: "Codex Auth".to_owned(),
            account: account.map(ToOwned::to_owned),
        };
        let line = ["gh", "auth", "token"].map(ToOwned::to_owned);
        for (at, entry) in [
            (At::File("/home/ada/.codex/auth.json".into()), ""),
            (
                At::File("C:\\Users\\ada\\x y\n.json".into()),
                "github.com:Iv1.b#7",
            ),
            (row, "work"),
            (item(None), ""),
            (item(Some("cli|0123")), "key"),
            (At::Env("NAME".to_owned()), ""),
            (At::Command(line.into()), ""),
        ] {
            let entry = entry.to_owned();
            let form = Form::GithubHosts;
            let spot = Spot { form, at, entry };
            assert_eq!(spot.to_string().parse(), Ok(spot.clone()), "{spot}");
        }
        let file = At::File("/home/ada/.codex/auth.json".into());
        let (form, entry) = (Form::Codex, String::new());
        let spot = Spot {
            form,
            at: file,
            entry,
        };
        assert_eq!(spot.to_string(), "codex:file:/home/ada/.codex/auth.json#");
        for bad in [
            "",
            "codex",
            "codex:file:",
            "codex:file:/x",
            "none:file:/x#",
            "codex:row:/x#",
            "codex:nowhere:/x#",
            "codex:file:%zz#",
            "codex:file:%2#",
            "codex:file:%é#",
        ] {
            assert_eq!(bad.parse::<Spot>(), Err(NoSpot), "{bad}");
        }
    }

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
}
