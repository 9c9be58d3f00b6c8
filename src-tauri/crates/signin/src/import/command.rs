//! Programs that print their login when they are asked.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Machine, Unread};

const PATIENCE: Duration = Duration::from_secs(10);
/// A program that has closed its output has nothing more to do.
const AFTERWARDS: Duration = Duration::from_secs(2);
const MOST: u64 = 64 * 1024;

/// What the program prints. It gets no input, its complaints are not shown, and it is ended when
/// it takes too long.
pub(super) fn output(machine: &Machine, line: &[String]) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let (name, arguments) = line.split_first().ok_or(Unread::Missing)?;
    let program = find(machine, name).ok_or(Unread::Missing)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(env) = machine.given_env() {
        command.env_clear().envs(env);
    }
    if let Some(home) = machine.home().filter(|home| home.is_dir()) {
        command.current_dir(home);
    }
    let mut child = command.spawn().map_err(|_| Unread::Failed)?;
    let printed = printed(&mut child);
    if printed.is_err() {
        // It may have ended by itself in the meantime.
        let _ = child.kill();
    }
    let ended = within(AFTERWARDS, move || child.wait());
    let printed = printed?;
    // Asked for a login it does not have, such a program fails.
    if ended?.success() {
        Ok(printed)
    } else {
        Err(Unread::SignedOut)
    }
}

fn printed(child: &mut Child) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let pipe = child.stdout.take().ok_or(Unread::Failed)?;
    let bytes = within(PATIENCE, move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        pipe.take(MOST).read_to_end(&mut bytes).map(|_| bytes)
    })?;
    if bytes.len() as u64 == MOST {
        return Err(Unread::TooLarge);
    }
    Ok(bytes)
}

/// What `work` brings, if it is done in time. Its thread stays behind if it is not.
fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Unread> {
    let (answer, answered) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("login output".to_owned())
        .spawn(move || {
            // Nobody listens any more after the deadline.
            let _ = answer.send(work());
        })
        .map_err(|_| Unread::Failed)?;
    match answered.recv_timeout(patience) {
        Ok(done) => done.map_err(|_| Unread::Failed),
        Err(_) => Err(Unread::Slow),
    }
}

/// The program on the machine's search path.
fn find(machine: &Machine, name: &str) -> Option<PathBuf> {
    let path = machine.var("PATH")?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|program| program.is_file())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn machine(dir: &Path, script: &str) -> Machine {
        let program = dir.join("gh");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
        let env = [("PATH".to_owned(), dir.display().to_string())];
        Machine::at(dir, env.into())
    }

    fn asked(script: &str) -> Result<String, Unread> {
        let dir = tempfile::tempdir().unwrap();
        let line = ["gh", "auth", "token"].map(ToOwned::to_owned);
        let printed = output(&machine(dir.path(), script), &line)?;
        Ok(String::from_utf8(printed.to_vec()).unwrap())
    }

    #[test]
    fn a_program_prints_its_login() {
        assert_eq!(asked("echo $1-$2").unwrap(), "auth-token\n");
        assert!(matches!(asked("echo x; exit 1"), Err(Unread::SignedOut)));
        let none = Machine::at("/", [("PATH".to_owned(), "/nowhere".to_owned())].into());
        let line = ["gh".to_owned()];
        assert!(matches!(output(&none, &line), Err(Unread::Missing)));
        assert!(matches!(output(&none, &[]), Err(Unread::Missing)));
    }

    #[test]
    fn a_flood_is_cut() {
        let flood = asked("while :; do echo 0123456789012345678901234567890123456789; done");
        assert!(matches!(flood, Err(Unread::TooLarge)));
    }
}
