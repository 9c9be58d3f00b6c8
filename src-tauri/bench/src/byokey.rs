//! byokey as a user has it, on a data folder of its own that goes with the run.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{
    cores::Cores,
    dialect::Dialect,
    server::{Server, free_address},
};

/// The model that both providers serve.
pub(crate) const MODEL: &str = "bench-model";

/// A data folder with two providers, an account at each, and a client key.
pub(crate) struct Byokey {
    program: PathBuf,
    folder: PathBuf,
    master_key: String,
    cores: Cores,
    pub(crate) address: SocketAddr,
    pub(crate) client_key: String,
}

impl Byokey {
    /// Makes everything ready in `folder`; the server is not started yet.
    pub(crate) fn prepare(
        program: PathBuf,
        folder: &Path,
        provider: SocketAddr,
        cores: Cores,
    ) -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("the system gives no randomness")?;
        let mut byokey = Self {
            program,
            folder: folder.to_owned(),
            master_key: BASE64_STANDARD.encode(key),
            cores,
            address: free_address()?,
            client_key: String::new(),
        };
        fs::write(byokey.configuration(), providers(provider))
            .context("cannot write byokey's configuration")?;
        for dialect in [Dialect::Chat, Dialect::Messages] {
            let id = provider_id(dialect);
            let add = ["add-key", &id, "--account", "bench", "--no-check"];
            byokey.call(&add, "sk-bench-0123456789abcdef0123456789abcdef")?;
        }
        let key = byokey.call(&["keys", "create", "bench", "--print"], "")?;
        byokey.client_key = key.trim().to_owned();
        Ok(byokey)
    }

    /// Starts the server.
    pub(crate) async fn serve(&self) -> Result<Server> {
        let mut command = self.cores.proxy(self.program.as_os_str());
        command.args(["serve", "-p", &self.address.port().to_string()]);
        self.equip(&mut command);
        Server::start(&mut command, self.address, self.folder.join("byokey.out")).await
    }

    /// The model's name for a provider of this dialect.
    pub(crate) fn model(dialect: Dialect) -> String {
        format!("{}/{MODEL}", provider_id(dialect))
    }

    /// Runs a subcommand with `input` and returns what it prints.
    fn call(&self, arguments: &[&str], input: &str) -> Result<String> {
        let shown = format!("byokey {}", arguments.join(" "));
        let mut command = Command::new(&self.program);
        command.args(arguments);
        self.equip(&mut command);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.with_context(|| format!("cannot start {shown}"))?;
        if let Some(mut pipe) = child.stdin.take() {
            // One that ends without reading tells why on its own.
            let _ = writeln!(pipe, "{input}");
        }
        let output = child.wait_with_output();
        let output = output.with_context(|| format!("cannot wait for {shown}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!("{shown}: {}\n{}", output.status, said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The folder, the configuration and the master key; nothing of the user's own settings.
    fn equip(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BYOKEY_") {
                command.env_remove(name);
            }
        }
        command.arg("--data-dir").arg(self.folder.join("data"));
        command.arg("--config").arg(self.configuration());
        command.env("BYOKEY_MASTER_KEY", &self.master_key);
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("byokey.yaml")
    }
}

/// What a byokey program calls itself.
pub(crate) fn version(program: &Path) -> Result<String> {
    let asked = Command::new(program).arg("--version").output();
    let asked = asked.with_context(|| format!("cannot start {}", program.display()))?;
    Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

fn provider_id(dialect: Dialect) -> String {
    format!("bench-{}", dialect.name())
}

fn providers(provider: SocketAddr) -> String {
    let entries = [(Dialect::Chat, "/v1"), (Dialect::Messages, "")].map(|(dialect, base)| {
        format!(
            "  {}:\n    dialect: {}\n    base_url: http://{provider}{base}\n    models: [{MODEL}]\n",
            provider_id(dialect),
            dialect.name(),
        )
    });
    format!("providers:\n{}", entries.concat())
}
