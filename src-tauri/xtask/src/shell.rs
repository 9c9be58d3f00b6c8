//! Running other programs: with their output shown, and read along where it is needed.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};

/// Tells the person something; data goes to standard output, talk does not.
pub(crate) fn say(line: &str) {
    // Nobody is left to be told when standard error is gone.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints a line of data.
pub(crate) fn print(line: &str) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to standard output")
}

/// The top folder of the clone.
pub(crate) fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder
        .ancestors()
        .nth(2)
        .unwrap_or(crate_folder)
        .to_path_buf()
}

/// A command that runs at the top of the clone.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The Cargo that runs this program.
pub(crate) fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    say(&format!("$ {line}"));
    let status = command
        .status()
        .with_context(|| format!("cannot start {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs a command with its output shown as it comes, and returns that output's lines as well.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(ExitStatus, Vec<String>)> {
    let line = shown(command);
    say(&format!("$ {line}"));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {line}"))?;
    let talk = child
        .stderr
        .take()
        .map(|pipe| thread::spawn(|| copy(pipe, io::stderr())));
    let mut lines = child
        .stdout
        .take()
        .map(|pipe| copy(pipe, io::stdout()))
        .unwrap_or_default();
    if let Some(talk) = talk {
        lines.extend(talk.join().unwrap_or_default());
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {line}"))?;
    Ok((status, lines))
}

/// Whether a program can be started; it is asked for its version.
pub(crate) fn answers(program: &str, question: &str) -> bool {
    let asked = Command::new(program)
        .arg(question)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// A child process that ends when this value does.
pub(crate) struct Companion(Child);

impl Companion {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let line = shown(command);
        Ok(Self(
            command
                .spawn()
                .with_context(|| format!("cannot start {line}"))?,
        ))
    }

    /// The process itself, to wait for it or to read its output.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        // It may have ended by itself already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn copy(pipe: impl Read, mut out: impl Write) -> Vec<String> {
    let mut lines = Vec::new();
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let _ = writeln!(out, "{line}");
        lines.push(line);
    }
    lines
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
