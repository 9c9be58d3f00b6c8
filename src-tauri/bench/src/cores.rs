//! Which core does what: load and fake provider on one, the proxies on another.
//!
//! Only so does "requests per second of one core" mean anything, and only so does the load never
//! take time from what it measures.

use std::{
    ffi::OsStr,
    fs,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

/// The cores of a run; none of them where pinning is not possible.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cores {
    /// For load and fake provider, and for the proxies.
    pub(crate) pinned: Option<(usize, usize)>,
}

impl Cores {
    /// Chooses two cores and moves this process to the first.
    pub(crate) fn take() -> Self {
        let own = std::process::id().to_string();
        let pinned = allowed().as_deref().and_then(pair);
        Self {
            pinned: pinned
                .filter(|(core, _)| done("taskset", &["-a", "-c", "-p", &core.to_string(), &own])),
        }
    }

    /// Puts this process and all its children before everything that is not of the real-time
    /// class.
    ///
    /// # Errors
    /// When that is not allowed, or would leave nothing to the rest of the machine.
    pub(crate) fn go_first(self) -> Result<()> {
        let own = std::process::id().to_string();
        if self.pinned.is_none() {
            bail!("the real-time class needs two cores");
        }
        if !done("chrt", &["-a", "-r", "-p", "1", &own]) {
            bail!("cannot enter the real-time class; root can");
        }
        Ok(())
    }

    /// A command that runs on the proxies' core. It is the program's own process, not a parent's.
    pub(crate) fn proxy(self, program: &OsStr) -> Command {
        let Some((_, core)) = self.pinned else {
            return Command::new(program);
        };
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program);
        command
    }
}

fn done(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments);
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The cores this process may use.
fn allowed() -> Option<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    parse(list.trim())
}

/// Two cores, not two halves of one if that can be had.
fn pair(cores: &[usize]) -> Option<(usize, usize)> {
    let (own, others) = cores.split_first()?;
    let topology = format!("/sys/devices/system/cpu/cpu{own}/topology/thread_siblings_list");
    let siblings = fs::read_to_string(topology).ok();
    let siblings = siblings
        .and_then(|list| parse(list.trim()))
        .unwrap_or_default();
    let apart = others.iter().find(|core| !siblings.contains(core));
    Some((*own, *apart.or(others.first())?))
}

/// Reads a list such as `0-2,5`.
fn parse(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for range in list.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        cores.extend(from.parse::<usize>().ok()?..=to.parse().ok()?);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_are_read() {
        assert_eq!(parse("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse("7"), Some(vec![7]));
        assert_eq!(parse(""), None);
    }
}
