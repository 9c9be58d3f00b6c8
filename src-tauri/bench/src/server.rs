//! A proxy under test as a child process: started, watched until it listens, ended without fail.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::process::Process;

const LONGEST_START: Duration = Duration::from_secs(15);
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// A running child; it is killed when this value goes.
pub(crate) struct Server {
    child: Child,
    /// From the start of the process to its first accepted connection.
    pub(crate) started_in: Duration,
}

impl Server {
    /// Starts a server that will listen on `address`; what it says goes to `log`.
    pub(crate) async fn start(
        command: &mut Command,
        address: SocketAddr,
        log: PathBuf,
    ) -> Result<Self> {
        let output = File::create(&log).context("cannot write to the throw-away folder")?;
        let errors = output.try_clone().context("cannot share a file")?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let begun = Instant::now();
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self {
            child,
            started_in: Duration::ZERO,
        };
        loop {
            if TcpStream::connect(address).await.is_ok() {
                server.started_in = begun.elapsed();
                return Ok(server);
            }
            let ended = server
                .child
                .try_wait()
                .context("cannot look after a child")?;
            if ended.is_some() || begun.elapsed() > LONGEST_START {
                bail!("{command:?} does not listen on {address}:\n{}", read(&log));
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Asks it to end and waits for that, not for ever.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.ask_to_end();
        let begun = Instant::now();
        while begun.elapsed() < LONGEST_STOP {
            let ended = self.child.try_wait().context("cannot look after a child")?;
            if ended.is_some() {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    #[cfg(unix)]
    fn ask_to_end(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            // Should it fail, the child is killed in the end.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    #[cfg(not(unix))]
    fn ask_to_end(&mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that is free now. Should somebody take it before the server does, the server
/// says so.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
    listener.local_addr().context("no free loopback port")
}

fn read(log: &Path) -> String {
    let said = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}
