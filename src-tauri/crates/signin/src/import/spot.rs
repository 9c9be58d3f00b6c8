use std::fmt;
use std::path::Path;
use std::str::FromStr;

use byokey_catalog::Form;
use serde::{Deserialize, Serialize};

use super::place::At;

/// Where exactly a login lies: enough to read it again without its row. An account that follows
/// another program keeps this as its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) form: Form,
    pub(super) at: At,
    /// Which of several there; empty where there is one.
    pub(super) entry: String,
}

impl At {
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
}
