//! The journal: rows that are safe from a crash of this process but not yet in the database.
//!
//! Two files take turns. Rows go to one while the other is moved into the database and emptied. The
//! files are locked as long as their process lives, so another process can tell an orphan from one
//! in use. What the disk refuses stays in memory, up to a limit.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::row::UsageRow;
use crate::{VaultError, folder, seal};

const EXTENSION: &str = "journal";
/// More than this in one file calls the writer before its second is over.
const FULL: u64 = 1024 * 1024;
/// How much is kept in memory when the disk takes nothing.
const MOST_SPILL: usize = 4 * 1024 * 1024;

pub(super) struct Journal {
    state: Mutex<State>,
    bell: Condvar,
    dir: Option<PathBuf>,
}

#[derive(Default)]
struct State {
    files: Option<[Segment; 2]>,
    active: usize,
    /// Rows that are in no file: all of them without a folder, else those the disk refused.
    spill: Vec<u8>,
    disk_fails: bool,
    loses: bool,
    call: Call,
}

struct Segment {
    path: PathBuf,
    file: Arc<File>,
    length: u64,
}

/// What the writer is asked for. Only a rise rings the bell, so a busy log wakes it once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    #[default]
    Nothing,
    Soon,
    Now,
    Stop,
}

/// Rows taken out of the journal, to be given back to [`Journal::done`] or [`Journal::put_back`].
pub(super) struct Batch {
    from: Option<(usize, Arc<File>)>,
    spill: Vec<u8>,
}

impl Journal {
    pub(super) fn new(dir: Option<&Path>) -> Self {
        Self {
            state: Mutex::default(),
            bell: Condvar::new(),
            dir: dir.map(Path::to_owned),
        }
    }

    /// Appends one encoded row, with its line end.
    pub(super) fn append(&self, line: &[u8]) {
        let mut state = self.state.lock();
        if let Err(error) = state.write(self.dir.as_deref(), line) {
            state.complain(&error);
            state.keep_in_memory(line);
        }
        let call = if state.is_full() {
            Call::Now
        } else {
            Call::Soon
        };
        self.raise(&mut state, call);
    }

    pub(super) fn stop(&self) {
        self.raise(&mut self.state.lock(), Call::Stop);
    }

    /// Waits for rows, and then until `ready`; a full journal does not wait that long if `hurry`.
    /// Returns whether the writer shall go on.
    pub(super) fn wait(&self, ready: Instant, hurry: bool) -> bool {
        let mut state = self.state.lock();
        while state.call == Call::Nothing {
            self.bell.wait(&mut state);
        }
        let enough = if hurry { Call::Now } else { Call::Stop };
        while state.call < enough && !self.bell.wait_until(&mut state, ready).timed_out() {}
        let go_on = state.call != Call::Stop;
        if go_on {
            state.call = Call::Nothing;
        }
        go_on
    }

    /// Takes the next rows, oldest first; `None` when there are none.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        let spill = std::mem::take(&mut state.spill);
        let from = state.turn();
        (from.is_some() || !spill.is_empty()).then_some(Batch { from, spill })
    }

    /// Empties what a batch came from, once its rows are in the database.
    pub(super) fn done(&self, batch: Batch) -> io::Result<()> {
        let Some((index, file)) = batch.from else {
            return Ok(());
        };
        file.set_len(0)?;
        (&*file).rewind()?;
        if let Some(files) = &mut self.state.lock().files {
            files[index].length = 0;
        }
        Ok(())
    }

    /// Keeps the rows of a batch that the database did not take. Its file still holds its own.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut state = self.state.lock();
        let newer = std::mem::replace(&mut state.spill, batch.spill);
        state.keep_in_memory(&newer);
    }

    /// Removes the files if everything in them was taken over.
    pub(super) fn close(&self) {
        let Some(files) = self.state.lock().files.take() else {
            return;
        };
        for Segment { path, file, length } in files {
            drop(file);
            if length == 0
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::debug!(%error, "an empty journal stays behind");
            }
        }
    }

    fn raise(&self, state: &mut State, call: Call) {
        if call > state.call {
            state.call = call;
            self.bell.notify_one();
        }
    }
}

impl State {
    fn write(&mut self, dir: Option<&Path>, line: &[u8]) -> io::Result<()> {
        let Some(dir) = dir else {
            self.keep_in_memory(line);
            return Ok(());
        };
        let files = match &mut self.files {
            Some(files) => files,
            None => self.files.insert([create(dir, 0)?, create(dir, 1)?]),
        };
        files[self.active].append(line)?;
        self.disk_fails = false;
        Ok(())
    }

    fn keep_in_memory(&mut self, lines: &[u8]) {
        if self.spill.len() + lines.len() <= MOST_SPILL {
            self.spill.extend_from_slice(lines);
            self.loses = false;
        } else if !std::mem::replace(&mut self.loses, true) {
            tracing::error!(
                bytes = lines.len(),
                "usage is lost: neither disk nor memory takes it"
            );
        }
    }

    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.disk_fails, true) {
            tracing::warn!(%error, "the usage journal cannot be written; usage is kept in memory");
        }
    }

    fn is_full(&self) -> bool {
        let active = self
            .files
            .as_ref()
            .map_or(0, |files| files[self.active].length);
        active >= FULL || self.spill.len() as u64 >= FULL
    }

    /// The file to be emptied next: one left over from a failure, else the active one, whose place
    /// the other takes.
    fn turn(&mut self) -> Option<(usize, Arc<File>)> {
        let files = self.files.as_ref()?;
        let other = 1 - self.active;
        if files[other].length == 0 {
            if files[self.active].length == 0 {
                return None;
            }
            self.active = other;
        }
        let index = 1 - self.active;
        Some((index, Arc::clone(&files[index].file)))
    }
}

impl Segment {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let written = (&*self.file).write_all(line);
        if written.is_ok() {
            self.length += line.len() as u64;
        } else {
            // Half a row must not stand before the next one.
            self.file.set_len(self.length)?;
            (&*self.file).seek(SeekFrom::Start(self.length))?;
        }
        written
    }
}

impl Batch {
    /// The rows; a line that is no row was never acknowledged and is passed over.
    pub(super) fn rows(&self) -> io::Result<impl Iterator<Item = io::Result<UsageRow>>> {
        let file = match &self.from {
            Some((_, file)) => {
                (&**file).rewind()?;
                Some(&**file)
            }
            None => None,
        };
        Ok(file
            .into_iter()
            .flat_map(parse)
            .chain(parse(&self.spill[..])))
    }
}

/// Appends the line of a row.
pub(super) fn encode(row: &UsageRow, line: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *line, row)?;
    line.push(b'\n');
    Ok(())
}

/// A journal whose process ended without emptying it.
pub(super) struct Orphan {
    path: PathBuf,
    file: File,
}

impl Orphan {
    /// All orphans in `dir`. Each is locked, so that no other process takes it too.
    pub(super) fn find(dir: &Path) -> Result<Vec<Self>, VaultError> {
        let paths = folder::with_extension(dir, EXTENSION).map_err(VaultError::io("list", dir))?;
        let mut orphans = Vec::new();
        for path in paths {
            // It may have been taken and removed meanwhile.
            let Ok(file) = File::options().read(true).write(true).open(&path) else {
                continue;
            };
            if file.try_lock().is_ok() {
                orphans.push(Self { path, file });
            }
        }
        Ok(orphans)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = io::Result<UsageRow>> {
        parse(&self.file)
    }

    pub(super) fn remove(self) -> Result<(), VaultError> {
        // Emptied first: another process may have opened it and now wait to read it.
        self.file
            .set_len(0)
            .map_err(VaultError::io("empty", &self.path))?;
        fs::remove_file(&self.path).map_err(VaultError::io("remove", &self.path))
    }
}

/// Makes a journal file. It gets its lasting name only when it is locked, or it would look like an
/// orphan for a moment.
fn create(dir: &Path, number: usize) -> io::Result<Segment> {
    let mark = seal::random::<8>().map_err(io::Error::other)?;
    let stem = format!("usage-{:016x}-{number}", u64::from_be_bytes(mark));
    let (path, draft) = (dir.join(&stem).with_extension(EXTENSION), dir.join(stem));
    let file = folder::open_private(&draft).map_err(io::Error::other)?;
    file.lock()?;
    fs::rename(&draft, &path)?;
    Ok(Segment {
        path,
        file: Arc::new(file),
        length: 0,
    })
}

fn parse(source: impl Read) -> impl Iterator<Item = io::Result<UsageRow>> {
    let lines = BufReader::with_capacity(64 * 1024, source).split(b'\n');
    lines.filter_map(|line| match line {
        Ok(line) => serde_json::from_slice(&line).ok().map(Ok),
        Err(error) => Some(Err(error)),
    })
}
