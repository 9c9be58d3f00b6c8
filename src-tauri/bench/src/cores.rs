//! Which core does what: load and fake provider on one, the proxies on another.
//!
//! Only so does "requests per second of one core" mean anything, and only so does the load never
//! take time from what it measures.

use std::{
    fs,
    process::{Command, Stdio},
};

/// The cores of a run; none of them where pinning is not possible.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cores {
    /// For load and fake provider, and for the proxies.
    pub(crate) pinned: Option<(usize, usize)>,
}

impl Cores {
    /// Chooses two cores and moves this process to the first. Has to come before any thread.
    pub(crate) fn take() -> Self {
        let pinned = allowed().as_deref().and_then(pair).filter(|(own, _)| {
            let pid = std::process::id().to_string();
            let mut pin = Command::new("taskset");
            pin.args(["-a", "-c", "-p", &own.to_string(), &pid]);
            let done = pin.stdout(Stdio::null()).stderr(Stdio::null()).status();
            done.is_ok_and(|status| status.success())
        });
        Self { pinned }
    }

    /// A command that runs on the proxies' core. It is the program's own process, not a parent's.
    pub(crate) fn proxy(self, program: &std::ffi::OsStr) -> Command {
        let Some((_, core)) = self.pinned else {
            return Command::new(program);
        };
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program);
        command
    }
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
