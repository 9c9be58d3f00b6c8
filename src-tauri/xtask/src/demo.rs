//! `cargo xtask demo`: the whole product without an account.
//!
//! byokey runs on a throw-away data folder with a key made for the occasion; its providers are the
//! simulators. Everything ends and is removed when the demo does.

mod traffic;

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    build::{self, Profile},
    count::Count,
    setup,
    shell::{Companion, command, say},
    sim::{self, Provider},
};

/// The one dialect that has a single provider.
const KIRO: &str = "kiro";

/// What `cargo xtask demo` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Send the traffic, print the results and end
    #[arg(long)]
    once: bool,
}

/// Builds what the demo needs and runs it, until it is interrupted.
///
/// # Errors
/// When something does not start, or a call of the traffic fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::ensure(setup::BUILD)?;
    build::programs(&["byokey", "byokey-sim"], Profile::Dev)?;
    let count = play(!args.once)?;
    if count.failed > 0 {
        bail!("{} calls failed", count.failed)
    } else {
        Ok(())
    }
}

/// Runs the demo once through, with the programs that are built already.
///
/// # Errors
/// When something does not start.
pub(crate) fn once() -> Result<Count> {
    play(false)
}

fn play(stay: bool) -> Result<Count> {
    let interrupted = interrupts()?;
    with_byokey(|house, key, providers| {
        let count = traffic::send(&house.url(), key, providers)?;
        if stay {
            house.invite(key, providers);
            // An error would mean that the handler is gone, which ends the demo as well.
            let _ = interrupted.recv();
            say("Stopped; the data folder is gone.");
        }
        Ok(count)
    })
}

/// Starts the simulators and byokey before them, and ends both after `act`. It gets a client key.
///
/// # Errors
/// When something does not start, or `act` fails.
pub(crate) fn with_byokey<T>(
    act: impl FnOnce(&House, &str, &[Provider]) -> Result<T>,
) -> Result<T> {
    let (_sim, providers) = sim::start()?;
    let house = House::furnish(&providers)?;
    let _server = house.serve()?;
    let key = house.client_key()?;
    act(&house, &key, &providers)
}

/// Takes interrupts over, so that the throw-away folder and the children never outlive the demo.
fn interrupts() -> Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Nobody listens while the traffic runs; it is over within moments.
        let _ = sender.send(());
    })
    .context("cannot take over Ctrl-C")?;
    Ok(receiver)
}

/// A throw-away data folder with everything byokey needs in it.
pub(crate) struct House {
    folder: TempDir,
    byokey: PathBuf,
    port: u16,
}

impl House {
    fn furnish(providers: &[Provider]) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("byokey-demo-")
            .tempdir()
            .context("cannot make a throw-away data folder")?;
        let house = Self {
            folder,
            byokey: build::program("byokey", Profile::Dev)?,
            port: free_port()?,
        };
        fs::write(house.configuration(), configuration(providers))
            .context("cannot write the configuration")?;
        for provider in providers {
            let mut add = house.byokey(&["add-key", &provider_id(provider), "--account", "demo"]);
            feed(&mut add, &provider.key)?;
        }
        Ok(house)
    }

    fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("byokey.yaml")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A call of byokey on this house, with the same vault each time.
    fn byokey(&self, arguments: &[&str]) -> Command {
        let mut byokey = command(&self.byokey);
        byokey
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_folder());
        byokey.arg("-c").arg(self.configuration());
        byokey.env("BYOKEY_VAULT", "key-file");
        byokey
    }

    fn serve(&self) -> Result<Companion> {
        let mut serve = self.byokey(&["serve", "-p", &self.port.to_string()]);
        let mut server = Companion::start(serve.stdout(Stdio::null()))?;
        traffic::wait_until_ready(&self.url(), &mut server)?;
        Ok(server)
    }

    fn client_key(&self) -> Result<String> {
        let output = self.byokey(&["keys", "create", "demo", "--print"]).output();
        let output = output.context("cannot start byokey")?;
        if !output.status.success() {
            bail!(
                "byokey keys create: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn invite(&self, key: &str, providers: &[Provider]) {
        let url = self.url();
        let models: Vec<_> = providers.iter().map(model).collect();
        let (byokey, folder) = (self.byokey.display(), self.data_folder());
        say(&format!(
            "\nbyokey answers at {url} until Ctrl-C. Things to try in another terminal:\n\n\
             \x20 export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={key}\n\
             \x20 export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY={key}\n\
             \x20 curl -N $OPENAI_BASE_URL/chat/completions -H \"authorization: Bearer {key}\" \\\n\
             \x20   -d '{{\"model\":\"{}\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\
             \"content\":\"hello [[sim think]]\"}}]}}'\n\
             \x20 curl $OPENAI_BASE_URL/models -H \"authorization: Bearer {key}\"\n\
             \x20 BYOKEY_VAULT=key-file {byokey} usage --data-dir {}\n\n\
             Models: {}. Words like [[sim parallel]], [[sim status=429 retry_after=7]], \
             [[sim cut=3]] or [[sim chunks=200 delay_ms=20]] in a message change what the \
             simulated provider does.",
            models.last().map_or("", String::as_str),
            folder.display(),
            models.join(", "),
        ));
    }
}

/// The provider that stands for a simulator: one of the person's own, or Kiro itself, for nobody
/// else speaks its dialect.
fn provider_id(provider: &Provider) -> String {
    match provider.dialect.as_str() {
        KIRO => KIRO.to_owned(),
        dialect => format!("demo-{dialect}"),
    }
}

/// The model's full name at byokey.
pub(crate) fn model(provider: &Provider) -> String {
    format!("{}/sim-{}", provider_id(provider), provider.dialect)
}

fn configuration(providers: &[Provider]) -> String {
    let entries = providers.iter().map(|provider| {
        let (id, dialect, base) = (provider_id(provider), &provider.dialect, &provider.base_url);
        if dialect == KIRO {
            return format!("  {id}:\n    base_url: {base}\n");
        }
        format!(
            "  {id}:\n    dialect: {dialect}\n    base_url: {base}\n    models: [sim-{dialect}]\n"
        )
    });
    format!("providers:\n{}", entries.collect::<String>())
}

/// Runs a command that reads a secret from standard input.
fn feed(command: &mut Command, secret: &str) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("cannot start byokey")?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "{secret}").context("byokey does not take the key")?;
    }
    let status = child.wait().context("cannot wait for byokey")?;
    if status.success() {
        Ok(())
    } else {
        bail!("byokey add-key: {status}")
    }
}

/// A port that is free now. Somebody may take it before byokey does; then byokey says so.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
    Ok(listener
        .local_addr()
        .context("no free loopback port")?
        .port())
}
