//! Where byokey keeps its things, from arguments, environment and configuration, in this order.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result, bail};
use byokey_vault::{HomeChoice, Keychain, Secret, Vault};
use directories::ProjectDirs;

/// The environment variables that byokey reads, and nothing else of the environment.
#[derive(Default)]
pub(crate) struct Environment {
    home: Option<PathBuf>,
    vault: Option<String>,
    passphrase_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    master_key: Option<String>,
    /// Whether a system prompt or a browser would be seen by anybody.
    pub(crate) display: bool,
    /// Filter of log lines.
    pub(crate) log: Option<String>,
}

/// Data folder and configuration file, and how the vault is opened.
pub(crate) struct Settings {
    /// The data folder; it need not exist.
    pub(crate) data_dir: PathBuf,
    /// The configuration file; it need not exist.
    pub(crate) config_path: PathBuf,
    /// What the environment says.
    pub(crate) environment: Environment,
}

/// The kinds of home that can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Keychain,
    Passphrase,
    KeyFile,
    MasterKey,
}

impl Environment {
    /// Reads the process's environment.
    pub(crate) fn read() -> Self {
        Self::of(|name| std::env::var_os(name))
    }

    fn of(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let path = |name: &str| set(name).map(PathBuf::from);
        Self {
            home: path("BYOKEY_HOME"),
            vault: text("BYOKEY_VAULT"),
            passphrase_file: path("BYOKEY_PASSPHRASE_FILE"),
            key_file: path("BYOKEY_KEY_FILE"),
            master_key: text("BYOKEY_MASTER_KEY"),
            display: cfg!(not(target_os = "linux"))
                || set("DISPLAY").is_some()
                || set("WAYLAND_DISPLAY").is_some(),
            log: text("BYOKEY_LOG"),
        }
    }
}

impl Settings {
    /// Settles the places.
    ///
    /// # Errors
    /// When the named configuration file does not exist, or no data folder is named and this user
    /// has no home folder.
    pub(crate) fn new(
        environment: Environment,
        data_dir: Option<PathBuf>,
        config: Option<PathBuf>,
    ) -> Result<Self> {
        let data_dir = match data_dir.or_else(|| environment.home.clone()) {
            Some(named) => named,
            None => project_dirs()
                .context("this user has no home folder: name a data folder with --data-dir")?
                .data_dir()
                .to_owned(),
        };
        let data_dir = absolute(&data_dir).context("the data folder's name cannot be used")?;
        let config_path = match config {
            Some(named) if !named.exists() => {
                bail!("there is no configuration file {}", named.display())
            }
            Some(named) => absolute(&named).context("the file's name cannot be used")?,
            None => data_dir.join("config.yaml"),
        };
        Ok(Self {
            data_dir,
            config_path,
            environment,
        })
    }

    /// Opens the vault; `configured` is the configuration's word on its home. Asks for a passphrase
    /// when that is the home, nothing else gives it, and somebody is there to be asked.
    ///
    /// # Errors
    /// When the home cannot be used. It is never replaced by another one.
    pub(crate) fn open_vault(&self, configured: Option<&str>) -> Result<Vault> {
        let choice = match self.home(configured)? {
            Home::Keychain if self.environment.display && somebody_is_there() => {
                HomeChoice::Keychain(Keychain::default().interactive())
            }
            Home::Keychain => HomeChoice::Keychain(Keychain::default()),
            Home::Passphrase => HomeChoice::Passphrase(self.passphrase()?),
            Home::KeyFile => HomeChoice::KeyFile {
                path: self.key_file()?,
                create: true,
            },
            Home::MasterKey => {
                let key = self.environment.master_key.clone().unwrap_or_default();
                HomeChoice::MasterKey(Secret::new(key))
            }
        };
        Ok(Vault::open(&self.data_dir, choice)?)
    }

    /// A variable with a key or passphrase says which home is meant; only BYOKEY_VAULT is plainer.
    fn home(&self, configured: Option<&str>) -> Result<Home> {
        let environment = &self.environment;
        let named = match environment.vault.as_deref() {
            Some("keychain") => Some(Home::Keychain),
            Some("passphrase") => Some(Home::Passphrase),
            // A master key is the content of a key file without the file.
            Some("key-file") if environment.master_key.is_some() => Some(Home::MasterKey),
            Some("key-file") => Some(Home::KeyFile),
            Some(_) => bail!("BYOKEY_VAULT must be keychain, passphrase or key-file"),
            None if environment.master_key.is_some() => Some(Home::MasterKey),
            None if environment.passphrase_file.is_some() => Some(Home::Passphrase),
            None if environment.key_file.is_some() => Some(Home::KeyFile),
            None => None,
        };
        Ok(named.unwrap_or(match configured {
            Some("passphrase") => Home::Passphrase,
            Some("key-file") => Home::KeyFile,
            _ => Home::Keychain,
        }))
    }

    fn passphrase(&self) -> Result<Secret> {
        if let Some(path) = &self.environment.passphrase_file {
            let text = std::fs::read(path).with_context(|| {
                format!("cannot read BYOKEY_PASSPHRASE_FILE {}", path.display())
            })?;
            let text = Secret::from_bytes(text)?;
            return Ok(Secret::new(text.expose().trim_end_matches(['\r', '\n'])));
        }
        if !somebody_is_there() {
            bail!(
                "the vault is sealed with a passphrase and there is no terminal to ask for it: \
                 name a file that holds it with BYOKEY_PASSPHRASE_FILE"
            );
        }
        let ask = |prompt| rpassword::prompt_password(prompt).context("no passphrase was given");
        if self.data_dir.join("vault.db").exists() {
            return Ok(Secret::new(ask("Passphrase of the vault: ")?));
        }
        let first = Secret::new(ask("New passphrase for the vault: ")?);
        let again = Secret::new(ask("The same passphrase again: ")?);
        if first.expose() != again.expose() {
            bail!("the two passphrases differ: nothing was made");
        }
        Ok(first)
    }

    /// Apart from the data folder, so that a copy of the folder does not open itself.
    fn key_file(&self) -> Result<PathBuf> {
        if let Some(path) = &self.environment.key_file {
            return Ok(path.clone());
        }
        let dirs = project_dirs()
            .context("this user has no home folder: name a key file with BYOKEY_KEY_FILE")?;
        let path = dirs.config_dir().join("byokey.key");
        if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
            private_folder(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
        Ok(path)
    }
}

/// Whether questions on this terminal would be read by a person.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

fn project_dirs() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "byokey")
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let environment = Environment::of(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        });
        Settings::new(environment, None, None).unwrap()
    }

    #[test]
    fn the_home_is_what_is_named_most_plainly() {
        let key = ("BYOKEY_MASTER_KEY", "x");
        let file = ("BYOKEY_KEY_FILE", "/x");
        let words = ("BYOKEY_PASSPHRASE_FILE", "/x");
        let home = ("BYOKEY_HOME", "/h");
        for (variables, configured, expected) in [
            (vec![], None, Home::Keychain),
            (vec![], Some("key-file"), Home::KeyFile),
            (vec![key], Some("passphrase"), Home::MasterKey),
            (vec![file], None, Home::KeyFile),
            (vec![words, file], None, Home::Passphrase),
            (
                vec![("BYOKEY_VAULT", "keychain"), key],
                Some("passphrase"),
                Home::Keychain,
            ),
            (
                vec![("BYOKEY_VAULT", "key-file"), key],
                None,
                Home::MasterKey,
            ),
            (
                vec![("BYOKEY_VAULT", "key-file")],
                Some("keychain"),
                Home::KeyFile,
            ),
            (vec![("BYOKEY_VAULT", ""), words], None, Home::Passphrase),
        ] {
            let mut all = variables.clone();
            all.push(home);
            assert_eq!(
                settings(&all).home(configured).unwrap(),
                expected,
                "{variables:?}"
            );
        }
        assert!(
            settings(&[home, ("BYOKEY_VAULT", "plain")])
                .home(None)
                .is_err()
        );
    }

    #[test]
    fn arguments_go_before_the_environment() {
        let named = settings(&[("BYOKEY_HOME", "/h")]);
        assert_eq!(named.data_dir, Path::new("/h"));
        assert_eq!(named.config_path, Path::new("/h/config.yaml"));
        let environment = Environment::of(|_| Some(OsString::from("/h")));
        let given = Settings::new(environment, Some("/d".into()), None).unwrap();
        assert_eq!(given.data_dir, Path::new("/d"));
    }

    #[test]
    fn a_named_configuration_must_exist() {
        let missing = Some(PathBuf::from("/nowhere/byokey.yaml"));
        assert!(Settings::new(Environment::default(), Some("/d".into()), missing).is_err());
    }

    #[test]
    fn a_passphrase_file_may_end_in_a_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("words");
        std::fs::write(&file, "correct horse battery \r\n").unwrap();
        let settings = settings(&[
            ("BYOKEY_HOME", "/h"),
            ("BYOKEY_PASSPHRASE_FILE", file.to_str().unwrap()),
        ]);
        assert_eq!(
            settings.passphrase().unwrap().expose(),
            "correct horse battery "
        );
    }
}
