//! Client secrets of installed official programs. Google's installed-app clients have one that is no
//! secret to anybody who has the program (RFC 8252, section 8.5), but byokey does not carry it: it is
//! read from the user's own copy, nothing is written or run.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use byokey_catalog::InstalledSecret;
use byokey_vault::Secret;
use memchr::memmem;
use zeroize::Zeroizing;

use crate::Machine;

/// Larger files are no program's.
const LARGEST: u64 = 512 << 20;
/// All that is read of one program.
const MOST_READ: u64 = 1 << 30;
const MOST_FILES: usize = 500;
/// An id and its secret stand this near to each other in source text.
const NEAR: u64 = 4096;
const CHUNK: usize = 1 << 20;
const OVERLAP: usize = 512;

/// Finds the secret that belongs to `client`. Blocks while it reads.
pub(crate) fn find(machine: &Machine, client: &str, row: &InstalledSecret) -> Option<Secret> {
    let mut left = MOST_READ;
    let files = row
        .files
        .iter()
        .flat_map(|place| files(machine, row, place));
    files.take(MOST_FILES).find_map(|file| {
        let size = std::fs::metadata(&file)
            .ok()
            .filter(|it| it.is_file())?
            .len();
        left = left.checked_sub(size)?;
        if size > LARGEST {
            return None;
        }
        Found::read(&file, client, row)?.choose()
    })
}

/// The files that a place means, in the order of their names.
fn files(machine: &Machine, row: &InstalledSecret, place: &str) -> Vec<PathBuf> {
    let path = match place.strip_prefix("{program}") {
        Some(below) => {
            let folder = row
                .program
                .as_ref()
                .and_then(|name| folder_of(machine, name));
            folder.map(|folder| folder.join(below.trim_start_matches('/')))
        }
        None => machine.path(place),
    };
    let Some(path) = path else {
        return Vec::new();
    };
    let ending = path
        .file_name()
        .and_then(|name| name.to_str()?.strip_prefix('*'));
    let Some(ending) = ending else {
        return vec![path];
    };
    let listed = path
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok());
    let mut found: Vec<PathBuf> = listed
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_str().is_some_and(|name| name.ends_with(ending)))
        .take(MOST_FILES)
        .collect();
    found.sort();
    found
}

/// The folder of a program on the path, behind whatever links lead to it.
fn folder_of(machine: &Machine, name: &str) -> Option<PathBuf> {
    let path = machine.var("PATH")?;
    let found = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())?;
    Some(found.canonicalize().ok()?.parent()?.to_owned())
}

/// What stands in one file, by its place there.
struct Found {
    ids: Vec<u64>,
    secrets: Vec<(u64, Zeroizing<Vec<u8>>)>,
}

impl Found {
    fn read(file: &Path, client: &str, row: &InstalledSecret) -> Option<Self> {
        let mut file = File::open(file).ok()?;
        let mut found = Self {
            ids: Vec::new(),
            secrets: Vec::new(),
        };
        let (mut base, mut held) = (0_u64, 0);
        let mut window = Zeroizing::new(vec![0; CHUNK + OVERLAP]);
        loop {
            let read = file.read(&mut window[held..]).ok()?;
            let filled = held + read;
            // What may go on in the next piece is looked at then.
            let settled = match read {
                0 => filled,
                _ => filled.saturating_sub(OVERLAP),
            };
            found.look(&window[..filled], settled, base, client.as_bytes(), row);
            if read == 0 {
                return (!found.ids.is_empty()).then_some(found);
            }
            window.copy_within(settled..filled, 0);
            base += u64::try_from(settled).ok()?;
            held = filled - settled;
        }
    }

    /// Notes what begins before `settled`.
    fn look(
        &mut self,
        text: &[u8],
        settled: usize,
        base: u64,
        client: &[u8],
        row: &InstalledSecret,
    ) {
        let place = |at: usize| base + u64::try_from(at).unwrap_or(u64::MAX);
        let ids = memmem::find_iter(text, client).take_while(|at| *at < settled);
        self.ids.extend(ids.map(place));
        for at in memmem::find_iter(text, row.begins.as_bytes()) {
            let end = at + row.begins.len() + row.follows;
            let Some(secret) = text.get(at..end).filter(|_| at < settled) else {
                continue;
            };
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
            if secret[row.begins.len()..].iter().all(plain) {
                self.secrets
                    .push((place(at), Zeroizing::new(secret.to_vec())));
            }
        }
    }

    /// The secret that stands beside the id, or the only one there is: a compiled program keeps its
    /// texts apart, and may hold other clients'.
    fn choose(self) -> Option<Secret> {
        let distance = |at: u64| self.ids.iter().map(|id| id.abs_diff(at)).min();
        let (at, nearest) = self.secrets.iter().min_by_key(|(at, _)| distance(*at))?;
        let only = self.secrets.iter().all(|(_, other)| other == nearest);
        if !only && distance(*at)? > NEAR {
            return None;
        }
        Secret::from_bytes(nearest.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "1-a.apps.example.org";

    fn row(files: &[&str]) -> InstalledSecret {
        InstalledSecret {
            program: Some("official".to_owned()),
            files: files.iter().map(|&file| file.to_owned()).collect(),
            begins: "SEC-".to_owned(),
            follows: 6,
        }
    }

    fn found(text: &[u8]) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.js"), text).unwrap();
        let machine = Machine::at(folder.path(), [].into());
        let secret = find(&machine, CLIENT, &row(&["~/none.js", "~/*.js"]))?;
        Some(secret.expose().to_owned())
    }

    #[test]
    fn the_secret_beside_the_id_is_taken() {
        let source = format!(
            "x=\"SEC-other1\";{};id='{CLIENT}';s='SEC-right1'",
            " ".repeat(9000)
        );
        assert_eq!(found(source.as_bytes()).as_deref(), Some("SEC-right1"));
        // Texts of a compiled program stand far apart, one after the other.
        let mut binary = vec![0; 3 * CHUNK];
        binary[5..25].copy_from_slice(CLIENT.as_bytes());
        let at = 2 * CHUNK - 5;
        binary[at..at + 13].copy_from_slice(b"SEC-right1abc");
        assert_eq!(found(&binary).as_deref(), Some("SEC-right1"));
    }

    #[test]
    fn what_is_not_certain_is_not_taken() {
        let far = " ".repeat(9000);
        for text in [
            "s='SEC-right1'".to_owned(),
            format!("id='{CLIENT}'"),
            format!("id='{CLIENT}';s='SEC-short'"),
            format!("id='{CLIENT}';s='SEC-'"),
            format!("id='{CLIENT}'{far}s='SEC-right1';t='SEC-other1'"),
        ] {
            assert_eq!(found(text.as_bytes()), None, "{text:.60}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_program_is_found_behind_its_link() {
        let home = tempfile::tempdir().unwrap();
        let (bin, lib) = (
            home.path().join("bin"),
            home.path().join("lib/official/bundle"),
        );
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&lib).unwrap();
        std::fs::write(lib.join("run.js"), "").unwrap();
        std::fs::write(lib.join("chunk.js"), format!("'{CLIENT}','SEC-right1'")).unwrap();
        std::os::unix::fs::symlink(lib.join("run.js"), bin.join("official")).unwrap();
        let path = ("PATH".to_owned(), bin.to_str().unwrap().to_owned());
        let machine = Machine::at(home.path(), [path].into());
        let secret = find(&machine, CLIENT, &row(&["{program}/*.js"])).unwrap();
        assert_eq!(secret.expose(), "SEC-right1");
    }
}
