use std::io::{BufRead, IsTerminal};

use byokey_vault::Secret;
use tokio::sync::mpsc;

/// More of one line is not read, in bytes: an address with a code in it is far shorter.
const LONGEST: u64 = 64 * 1024;

/// What a person pastes into the terminal or pipes in, line by line. A terminal does not show it.
pub(super) struct Typed {
    wanted: bool,
    lines: Option<mpsc::Receiver<Secret>>,
    hidden: Option<Hidden>,
}

impl Typed {
    /// Reads what is piped in only if somebody says so; a terminal is always read.
    pub(super) fn new(piped: bool) -> Self {
        Self {
            wanted: piped || std::io::stdin().is_terminal(),
            lines: None,
            hidden: None,
        }
    }

    /// Whether pasting is possible.
    pub(super) fn is_read(&self) -> bool {
        self.wanted
    }

    /// Starts to read, once.
    pub(super) fn begin(&mut self) {
        if !std::mem::take(&mut self.wanted) {
            return;
        }
        self.hidden = Hidden::terminal();
        let (say, lines) = mpsc::channel(1);
        // A thread of its own: it waits for the person, and the program must not wait for it.
        std::thread::spawn(move || {
            while let Some(line) = read_line() {
                if say.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        self.lines = Some(lines);
    }

    /// The next line; never, if there is none.
    pub(super) async fn next(&mut self) -> Option<Secret> {
        let next = match &mut self.lines {
            Some(lines) => lines.recv().await,
            None => std::future::pending().await,
        };
        if next.is_none() {
            self.lines = None;
        }
        next
    }

    /// Gives the terminal back.
    pub(super) fn end(&mut self) {
        self.hidden = None;
    }
}

/// A line that holds something.
fn read_line() -> Option<Secret> {
    let mut input = std::io::stdin().lock();
    loop {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut input, LONGEST).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) {
            return None;
        }
        let Ok(line) = Secret::from_bytes(line) else {
            continue;
        };
        let text = line.expose().trim();
        if !text.is_empty() {
            return Some(Secret::new(text));
        }
    }
}

/// A terminal that does not show what is typed, until this is dropped.
#[cfg(unix)]
struct Hidden(rustix::termios::Termios);

#[cfg(unix)]
impl Hidden {
    fn terminal() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &hidden).ok()?;
        Some(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Elsewhere the terminal shows what is typed.
#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn terminal() -> Option<Self> {
        None
    }
}
