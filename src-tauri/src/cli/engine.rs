//! Starting and stopping an engine that runs in the background.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use byokey_gateway::config;
use byokey_manage::{Client, StatusResponse};
use byokey_vault::{Actor, FolderLock, LockError};
use tokio::time::{Instant, sleep};

use super::output::{Output, say};
use super::serve::Serve;
use crate::settings::Settings;

const LOG: &str = "byokey.log";
/// A log beyond this many bytes is put aside at the next start.
const LONGEST_LOG: u64 = 4 << 20;
/// Bytes of the log that are shown when a start fails.
const MOST_SHOWN: u64 = 4096;
/// An engine has this long to listen; its keychain may be waiting for a person.
const START: Duration = Duration::from_secs(90);
/// Requests under way have five seconds to end, usage some more to be written.
const STOP: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(50);

/// Starts an engine in the background, unless one runs.
pub(super) async fn start(serve: &Serve, settings: &Settings, output: &mut Output) -> Result<()> {
    if let Some(client) = running(settings).await? {
        say("byokey already runs");
        return tell(&client.status().await?, output);
    }
    let log = settings.data_dir.join(LOG);
    let file = open_log(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let before = file.metadata()?.len();
    let mut child = spawn(serve, settings, file)?;
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            bail!(
                "byokey could not start ({status}):\n{}",
                said_since(&log, before)
            );
        }
        if let Ok(Some(client)) = running(settings).await {
            return tell(&client.status().await?, output);
        }
        sleep(STEP).await;
    }
    bail!(
        "byokey was started but does not answer; see {}",
        log.display()
    )
}

/// Stops the engine and waits until it has ended.
pub(super) async fn stop(settings: &Settings) -> Result<()> {
    let Some(client) = running(settings).await? else {
        say("byokey does not run");
        return Ok(());
    };
    let ours = client.status().await?.pid;
    client.stop().await?;
    let deadline = Instant::now() + STOP;
    loop {
        match FolderLock::acquire(&settings.data_dir) {
            Ok(_) => break,
            // Another engine has started already.
            Err(LockError::Held { pid: Some(pid) }) if pid != ours => break,
            Err(LockError::Held { .. }) if Instant::now() < deadline => sleep(STEP).await,
            Err(error) => return Err(error).context("byokey was told to stop but goes on"),
        }
    }
    say("byokey has stopped");
    Ok(())
}

/// Stops the engine, if one runs, and starts it.
pub(super) async fn restart(serve: &Serve, settings: &Settings, output: &mut Output) -> Result<()> {
    stop(settings).await?;
    start(serve, settings, output).await
}

/// Has the engine read its configuration; without an engine the file is checked.
pub(super) async fn reload(settings: &Settings) -> Result<()> {
    if let Some(client) = running(settings).await? {
        client.reload().await?;
        say("the configuration is in force");
        return Ok(());
    }
    config::load(&settings.config_path, &byokey_catalog::Catalog::bundled()?)?;
    say("byokey does not run; the configuration is sound");
    Ok(())
}

async fn running(settings: &Settings) -> Result<Option<Client>> {
    Ok(Client::running(&settings.data_dir, Actor::Cli).await?)
}

fn tell(status: &StatusResponse, output: &mut Output) -> Result<()> {
    output.data(status, |status| {
        format!("{}\n", status.url.as_deref().unwrap_or_default())
    })?;
    Ok(())
}

fn spawn(serve: &Serve, settings: &Settings, log: File) -> Result<Child> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(program);
    command
        .arg("serve")
        .arg("--data-dir")
        .arg(&settings.data_dir);
    if settings.config_path.exists() {
        command.arg("--config").arg(&settings.config_path);
    }
    if let Some(port) = serve.port {
        command.arg("--port").arg(port.to_string());
    }
    if let Some(host) = serve.host {
        command.arg("--host").arg(host.to_string());
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(log);
    // An interrupt at the terminal is not meant for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    #[cfg(windows)]
    {
        const DETACHED_PROCESS: u32 = 0x0000_0008;
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
        let flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
        std::os::windows::process::CommandExt::creation_flags(&mut command, flags);
    }
    command.spawn().context("cannot start byokey")
}

fn open_log(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() > LONGEST_LOG) {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What a failed start wrote into the log.
fn said_since(log: &Path, before: u64) -> String {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        file.seek(SeekFrom::Start(before))?;
        file.take(MOST_SHOWN).read_to_end(&mut text)
    });
    match read {
        Ok(_) => String::from_utf8_lossy(&text).trim_end().to_owned(),
        Err(_) => format!("see {}", log.display()),
    }
}
