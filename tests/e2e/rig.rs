//! byokey's real program on a throw-away data folder, for tests that look at it from outside.
//!
//! Nothing of the machine reaches it: it sees an empty home, no session bus, and only the
//! environment a test gives it. Every wait ends with an event; the deadline only says when to give
//! up.
#![allow(dead_code, reason = "each test program uses another part of the rig")]

pub(crate) mod manage;
mod server;

use std::{
    ffi::OsString,
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use byokey_sim::{Kind, Script, Sim};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

pub(crate) use self::server::Server;

/// 32 bytes in base64, as a container would hand them over.
pub(crate) const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Far more than anything here takes, also on a machine with other work.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for `event`, and fails by the name of it when it does not come.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, event).await {
        Ok(come) => come,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// A data folder with its configuration, and the environment in which byokey is called on it.
pub(crate) struct House {
    folder: TempDir,
    environment: Vec<(&'static str, OsString)>,
}

impl House {
    /// Without any provider.
    pub(crate) fn empty() -> Self {
        Self::configured("port: 0\n")
    }

    /// With this configuration, word for word.
    pub(crate) fn configured(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self {
            folder,
            environment: Vec::new(),
        };
        fs::create_dir(house.data()).unwrap();
        fs::write(house.config(), config).unwrap();
        house.env("BYOKEY_MASTER_KEY", MASTER_KEY)
    }

    /// With a provider of the user's own for each simulator, and an account for each of them.
    pub(crate) async fn furnished(providers: &[(&str, &Sim)]) -> Self {
        let house = Self::configured(&config(providers));
        for (id, _) in providers {
            house.add_key(id, Script::KEY).await.ok();
        }
        house
    }

    /// Calls byokey with this variable, too; an earlier value is replaced.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.into()));
        self
    }

    /// Calls byokey without this variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self
    }

    /// The folder around the data folder; it serves as the user's home.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.data().join("config.yaml")
    }

    /// A call of byokey that has not begun yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.program(env!("CARGO_BIN_EXE_byokey"), arguments)
    }

    /// A call of any program in byokey's environment.
    fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .env("XDG_RUNTIME_DIR", self.path())
            .env("BYOKEY_HOME", self.data())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for kept in ["PATH", "SystemRoot"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        command
    }

    /// Calls byokey and waits for its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "").await
    }

    /// Calls byokey with this on its standard input.
    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let call = format!("byokey {}", arguments.join(" "));
        run(call, self.command(arguments), input).await
    }

    /// Calls another program in byokey's environment and waits for its end.
    pub(crate) async fn run_program(&self, program: &str, arguments: &[&str]) -> Ran {
        run(program.to_owned(), self.program(program, arguments), "").await
    }

    /// The management token of the engine that runs here.
    pub(crate) fn manage_token(&self) -> String {
        let text = fs::read_to_string(self.data().join("manage.token")).unwrap();
        text.trim().to_owned()
    }

    /// Adds an account, its key given on standard input.
    pub(crate) async fn add_key(&self, provider: &str, key: &str) -> Ran {
        self.run_with(&["add-key", provider], &format!("{key}\n"))
            .await
    }

    /// Makes a client key.
    pub(crate) async fn client_key(&self, name: &str) -> String {
        let made = self.run(&["keys", "create", name, "--print"]).await.ok();
        made.out.trim_end().to_owned()
    }

    /// Starts `byokey serve` and waits until it says where it listens.
    pub(crate) async fn serve(&self) -> Server {
        Server::start(self.command(&["serve"])).await
    }
}

async fn run(call: String, mut command: Command, input: &str) -> Ran {
    let spawned = command.stdin(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{call}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    // A call that reads nothing may have closed it already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = soon(&call, child.wait_with_output()).await.unwrap();
    Ran {
        call,
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The configuration for these providers, on whatever port is free.
pub(crate) fn config(providers: &[(&str, &Sim)]) -> String {
    let mut config = "port: 0\nproviders:\n".to_owned();
    for (id, sim) in providers {
        config.push_str(&provider(id, sim));
    }
    config
}

/// The configuration's part for one provider.
pub(crate) fn provider(id: &str, sim: &Sim) -> String {
    let (dialect, base) = (sim.kind().dialect(), sim.base_url());
    format!("  {id}:\n    dialect: {dialect}\n    base_url: {base}\n    models: [{id}-model]\n")
}

pub(crate) async fn chat_sim() -> Sim {
    Sim::start(Kind::Chat, Script::default()).await
}

pub(crate) async fn messages_sim() -> Sim {
    Sim::start(Kind::Messages, Script::default()).await
}

/// Plays a scene twice, on a house of this configuration where nothing runs and on one whose engine
/// runs.
pub(crate) async fn both_ways(config: &str, scene: impl AsyncFn(&House, Option<&Server>)) {
    let house = House::configured(config);
    scene(&house, None).await;
    let house = House::configured(config);
    let server = house.serve().await;
    scene(&house, Some(&server)).await;
}

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) call: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// It must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.ends(0)
    }

    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// It must have failed with nothing on standard output and these words among the reasons.
    #[track_caller]
    pub(crate) fn fails(self, words: &[&str]) -> Self {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{self:?}");
        self.says(words)
    }

    /// These words must stand on standard error.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in {self:?}");
        }
        self
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        match serde_json::from_str(&self.out) {
            Ok(value) => value,
            Err(error) => panic!("{error}: {self:?}"),
        }
    }
}

/// A request that both dialects take.
pub(crate) fn body(model: &str, text: &str, stream: bool) -> Value {
    json!({
        "model": model,
        "max_tokens": 1024,
        "stream": stream,
        "messages": [{ "role": "user", "content": text }],
    })
}
