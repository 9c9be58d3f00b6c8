//! Child processes: started without a shell, in a private folder, with an environment of our
//! choosing, and gone when nobody needs them any more.

use std::{
    ffi::OsStr,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{BridgeSettings, BridgeTrouble, words};

mod environment;
mod lines;
mod tail;

pub(crate) use environment::search_path;
pub(crate) use lines::Lines;
use tail::Tail;

/// Most that is read of a command's output, in bytes.
const MOST_OUTPUT: u64 = 1024 * 1024;

/// How long a program may take to end by itself, and again when it is asked to.
const GRACE: Duration = Duration::from_secs(3);

/// How a program is started.
#[derive(Clone, Copy)]
pub(crate) struct Launch<'a> {
    /// Name for error words.
    pub(crate) name: &'a str,
    /// The program.
    pub(crate) path: &'a Path,
    /// The user's settings for it.
    pub(crate) settings: &'a BridgeSettings,
    /// Variables of byokey's own environment that say where this program keeps its things.
    pub(crate) places: &'a [&'a str],
    /// Where it runs.
    pub(crate) folder: &'a Path,
}

/// What a command told until its end.
pub(crate) struct Told {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its output; what is no UTF-8 is replaced.
    pub(crate) output: String,
    /// The last of its complaints, on one line.
    pub(crate) words: String,
}

/// Which processes end when a [`Running`] is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The program and all that it started.
    Group,
    /// The program alone: a browser that it opened belongs to the user.
    Program,
}

impl Launch<'_> {
    /// Starts it with pipes for all that it reads and writes. `variables` go in front of the user's
    /// own settings, which have the last word.
    ///
    /// # Errors
    /// [`BridgeTrouble::Start`].
    pub(crate) fn start<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        variables: &[(&str, String)],
        reach: Reach,
    ) -> Result<Running, BridgeTrouble> {
        let mut command = Command::new(self.path);
        command
            .args(arguments)
            .current_dir(self.folder)
            .env_clear()
            .envs(environment::passed(self.path, self.places))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .envs(&self.settings.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        #[cfg(windows)]
        command.creation_flags(NO_WINDOW);
        let mut child = command.spawn().map_err(|error| self.no_start(&error))?;
        let tail = child.stderr.take().map(Tail::of).unwrap_or_default();
        Ok(Running { child, tail, reach })
    }

    /// Runs it to its end with nothing to read.
    ///
    /// # Errors
    /// [`BridgeTrouble::Start`], and [`BridgeTrouble::Silent`] when it takes longer than `limit`.
    pub(crate) async fn ask<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        limit: Duration,
    ) -> Result<Told, BridgeTrouble> {
        let mut running = self.start(arguments, &[], Reach::Group)?;
        drop(running.input());
        let whole = async {
            let mut output = Vec::new();
            if let Some(pipe) = running.child.stdout.take() {
                pipe.take(MOST_OUTPUT).read_to_end(&mut output).await?;
            }
            Ok((running.child.wait().await?, output))
        };
        let (status, output) = match timeout(limit, whole).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => return Err(self.no_start(&error)),
            Err(_) => {
                return Err(BridgeTrouble::Silent {
                    program: self.name.to_owned(),
                    seconds: limit.as_secs(),
                });
            }
        };
        Ok(Told {
            status,
            output: String::from_utf8_lossy(&output).into_owned(),
            words: running.last_words().await,
        })
    }

    fn no_start(&self, error: &std::io::Error) -> BridgeTrouble {
        BridgeTrouble::Start {
            program: self.name.to_owned(),
            path: self.path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// Keeps a console window from opening beside the tray app.
#[cfg(windows)]
const NO_WINDOW: u32 = 0x0800_0000;

/// A child process. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    tail: Tail,
    reach: Reach,
}

impl Running {
    /// Where it reads; once.
    pub(crate) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// What it writes; once.
    pub(crate) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// What it writes, by line; once.
    pub(crate) fn lines(&mut self) -> Option<Lines<ChildStdout>> {
        self.output().map(Lines::new)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub(crate) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Lets it end: by itself, now that it has nothing more to read, then as the system asks
    /// programs to, then at once. What it still writes is thrown away.
    pub(crate) async fn finish(mut self, mut lines: Lines<ChildStdout>) {
        for asks in [false, true] {
            #[cfg(unix)]
            if asks {
                self.signal(rustix::process::Signal::TERM);
            }
            let end = async {
                while let Ok(Some(_)) = lines.next().await {}
                self.child.wait().await
            };
            if timeout(GRACE, end).await.is_ok() {
                return;
            }
        }
    }

    /// The last of what it wrote to the error pipe, on one line.
    pub(crate) async fn last_words(&mut self) -> String {
        words::tidy(&self.tail.words().await)
    }
}

impl Running {
    /// Signals the program and what it started, which may have ended this moment.
    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        // No id means that it has ended and the number may be another's by now.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if self.reach == Reach::Group
            && let Some(group) = id.and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        let _ = self.child.start_kill();
    }
}

#[cfg(all(test, unix))]
mod tests;
