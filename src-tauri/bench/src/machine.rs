//! The machine that figures are taken on; without it they mean nothing to anybody else.

use std::{
    env::consts::{ARCH, OS},
    fs,
    thread::available_parallelism,
};

use serde::Serialize;

/// The machine, as far as it tells.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: Option<String>,
    /// Cores this process may use.
    pub(crate) cores: usize,
    pub(crate) is_virtual: bool,
    pub(crate) memory_mib: Option<u64>,
    pub(crate) system: String,
    pub(crate) kernel: Option<String>,
    pub(crate) architecture: &'static str,
}

impl Machine {
    /// Looks around; has to come before this process is moved to one core.
    pub(crate) fn here() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let memory = value(&memory, "MemTotal").and_then(|size| {
            let kib = size.split(' ').next()?.parse::<u64>().ok()?;
            Some(kib >> 10)
        });
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let system = release
            .lines()
            .find_map(|line| line.strip_prefix("PRETTY_NAME="))
            .map_or(OS, |name| name.trim_matches('"'));
        Self {
            processor: value(&processors, "model name"),
            cores: available_parallelism().map_or(1, usize::from),
            is_virtual: value(&processors, "flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            memory_mib: memory,
            system: system.to_owned(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .ok()
                .map(|release| release.trim().to_owned()),
            architecture: ARCH,
        }
    }

    /// The machine in one line.
    pub(crate) fn line(&self) -> String {
        let processor = self.processor.as_deref().unwrap_or(self.architecture);
        let kind = if self.is_virtual { ", virtual" } else { "" };
        let kernel = self.kernel.as_deref().unwrap_or("");
        format!(
            "{processor}, {} cores{kind}, {} {kernel}",
            self.cores, self.system
        )
    }
}

/// How many processes want to run, on average over the last minute.
pub(crate) fn load_average() -> Option<f64> {
    let average = fs::read_to_string("/proc/loadavg").ok()?;
    average.split(' ').next()?.parse().ok()
}

fn value(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
