//! Who holds a port, as far as the system tells. Nobody is ever stopped: the person decides.

use std::fmt;

/// A program that holds a port.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holder {
    name: String,
    process: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.process == std::process::id() {
            return write!(
                to,
                "another sign-in of byokey (process {}): finish or cancel it",
                self.process
            );
        }
        write!(to, "`{}` (process {})", self.name, self.process)
    }
}

/// Finds the holder; `None` for a program of somebody else, and where the system does not tell.
pub(super) async fn of(port: u16) -> Option<Holder> {
    let found = tokio::task::spawn_blocking(move || find(port)).await;
    found.ok().flatten()
}

/// `/proc` names the socket of a port, and the programs that hold a socket.
#[cfg(target_os = "linux")]
fn find(port: u16) -> Option<Holder> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables: Vec<String> = tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .collect();
    let rows = tables.iter().flat_map(|table| table.lines());
    let sockets: Vec<String> = rows
        .filter_map(|row| socket(row, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let holds = |process: &std::path::Path| {
        let mut open = std::fs::read_dir(process.join("fd")).ok()?.flatten();
        let found = open.any(|file| {
            std::fs::read_link(file.path()).is_ok_and(|link| {
                sockets
                    .iter()
                    .any(|socket| link.as_os_str() == socket.as_str())
            })
        });
        found.then_some(())
    };
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.into_iter().find_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        holds(&entry.path())?;
        let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
        let name = name.chars().filter(|c| !c.is_control()).collect();
        Some(Holder { name, process })
    })
}

#[cfg(not(target_os = "linux"))]
fn find(_port: u16) -> Option<Holder> {
    None
}

/// The inode of a row that listens on the port.
#[cfg(target_os = "linux")]
fn socket(row: &str, port: u16) -> Option<&str> {
    const LISTENS: &str = "0A";
    let columns: Vec<&str> = row.split_whitespace().collect();
    let (_, number) = columns.get(1)?.rsplit_once(':')?;
    let own = u16::from_str_radix(number, 16).ok()? == port;
    (own && *columns.get(3)? == LISTENS).then_some(*columns.get(9)?)
}
