use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::keychain::ItemStore;

/// The machine on which other programs keep their logins: its environment, home folder and
/// keychain. Everything that importing reads comes through here.
pub struct Machine {
    env: Environment,
    home: Option<PathBuf>,
    items: ItemStore,
}

enum Environment {
    Process,
    Given(BTreeMap<String, String>),
}

impl Machine {
    /// This process's environment, home folder and keychain. The keychain is asked in the
    /// background: 5 s, and no prompt that could be avoided.
    pub fn here() -> Self {
        Self {
            env: Environment::Process,
            home: std::env::home_dir(),
            items: ItemStore::system(),
        }
    }

    /// Gives the person a minute to answer what the system may ask before it opens another
    /// program's keychain item.
    #[must_use]
    pub fn interactive(self) -> Self {
        Self {
            items: self.items.interactive(),
            ..self
        }
    }

    /// A machine of this home folder and environment, without a keychain.
    pub fn at(home: impl Into<PathBuf>, env: BTreeMap<String, String>) -> Self {
        Self {
            env: Environment::Given(env),
            home: Some(home.into()),
            items: ItemStore::none(),
        }
    }

    #[cfg(test)]
    pub(super) fn with_items(self, items: ItemStore) -> Self {
        Self { items, ..self }
    }

    pub(super) fn items(&self) -> &ItemStore {
        &self.items
    }

    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The value of an environment variable, if it has one.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        let value = match &self.env {
            Environment::Process => std::env::var(name).ok(),
            Environment::Given(env) => env.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The environment for a program that is started, if it is not this process's own.
    pub(super) fn given_env(&self) -> Option<&BTreeMap<String, String>> {
        match &self.env {
            Environment::Process => None,
            Environment::Given(env) => Some(env),
        }
    }

    /// The path that a row means here; `None` if a variable or the home folder it needs is missing,
    /// or the path hangs on the current folder.
    pub(crate) fn path(&self, template: &str) -> Option<PathBuf> {
        let text = self.fill(template)?;
        let path = match text.strip_prefix('~') {
            Some("") => self.home.clone()?,
            Some(rest) if rest.starts_with(['/', '\\']) => self.home.as_ref()?.join(&rest[1..]),
            _ => PathBuf::from(text),
        };
        path.is_absolute().then_some(path)
    }

    /// Puts values in the places of `${NAME}` and `${NAME:-default}`; a default may hold others.
    fn fill(&self, template: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let end = closing_brace(after)?;
            let (inner, behind) = (&after[..end], &after[end + 1..]);
            let value = match inner.split_once(":-") {
                Some((name, default)) => self.var(name).or_else(|| self.fill(default)),
                None => self.var(inner),
            };
            filled.push_str(&value?);
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled)
    }

    /// A path as a person writes it.
    pub(super) fn shown(&self, path: &Path) -> String {
        let below = self.home().and_then(|home| path.strip_prefix(home).ok());
        match below {
            Some(below) => format!("~{}{}", std::path::MAIN_SEPARATOR, below.display()),
            None => path.display().to_string(),
        }
    }
}

/// Where the brace closes that was opened before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' if open == 0 => return Some(at),
            '}' => open -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(env: &[(&str, &str)]) -> Machine {
        let env = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Machine::at("/home/ada", env.collect())
    }

    #[cfg(unix)]
    #[test]
    fn rows_mean_paths() {
        let plain = machine(&[]);
        let path = |machine: &Machine, template| {
            let path = machine.path(template);
            path.map(|path| path.display().to_string())
        };
        for (template, meant) in [
            ("~/.codex/auth.json", Some("/home/ada/.codex/auth.json")),
            ("~", Some("/home/ada")),
            (
                "${CODEX_HOME:-~/.codex}/auth.json",
                Some("/home/ada/.codex/auth.json"),
            ),
            ("${A:-~}/.gemini", Some("/home/ada/.gemini")),
            (
                "${A:-${B:-~/.config}/gh}/hosts.yml",
                Some("/home/ada/.config/gh/hosts.yml"),
            ),
            ("/etc/x", Some("/etc/x")),
            ("${KIRO_DATA_DIR}/data.sqlite3", None),
            ("${A:-${B}}/x", None),
            ("${A:-~", None),
            ("relative/x", None),
            ("~other/x", None),
        ] {
            assert_eq!(path(&plain, template).as_deref(), meant, "{template}");
        }
        let moved = machine(&[("CODEX_HOME", "/srv/codex"), ("B", "/b"), ("EMPTY", "")]);
        for (template, meant) in [
            (
                "${CODEX_HOME:-~/.codex}/auth.json",
                Some("/srv/codex/auth.json"),
            ),
            (
                "${A:-${B:-~/.config}/gh}/hosts.yml",
                Some("/b/gh/hosts.yml"),
            ),
            ("${EMPTY:-~/e}", Some("/home/ada/e")),
            ("${EMPTY}/e", None),
        ] {
            assert_eq!(path(&moved, template).as_deref(), meant, "{template}");
        }
        assert_eq!(plain.shown(Path::new("/home/ada/.x/y")), "~/.x/y");
        assert_eq!(plain.shown(Path::new("/srv/y")), "/srv/y");
    }
}
