//! What the system knows of a process: time on the processor, memory, wake-ups.
//!
//! Read from `/proc`; where there is none (macOS, Windows) these figures are left out.

use std::{fs, path::PathBuf, time::Duration};

/// Linux tells times in hundredths of a second, whatever the kernel's own clock does.
const TICK: Duration = Duration::from_millis(10);

/// A running process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Time its threads have spent running so far, in steps of 10 ms.
    pub(crate) fn cpu(self) -> Option<Duration> {
        let stat = fs::read_to_string(self.folder().join("stat")).ok()?;
        // The program's name comes before, in parentheses, and may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u32>().ok();
        Some(TICK * (ticks()? + ticks()?))
    }

    /// Bytes of memory it holds now.
    pub(crate) fn memory(self) -> Option<u64> {
        let status = fs::read_to_string(self.folder().join("status")).ok()?;
        Some(field(&status, "VmRSS:")? << 10)
    }

    /// How often its threads were put on or off a processor so far.
    pub(crate) fn switches(self) -> Option<u64> {
        let threads = fs::read_dir(self.folder().join("task")).ok()?;
        let switches = threads.map(|thread| {
            let status = fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
            let wanted = field(&status, "voluntary_ctxt_switches:")?;
            Some(wanted + field(&status, "nonvoluntary_ctxt_switches:")?)
        });
        switches.sum()
    }

    fn folder(self) -> PathBuf {
        format!("/proc/{}", self.0).into()
    }
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known() {
        let own = Process(std::process::id());
        assert!(own.cpu().is_some());
        assert!(own.memory().unwrap() > 100 << 10);
        assert!(own.switches().is_some());
        assert!(Process(u32::MAX).cpu().is_none());
    }
}
