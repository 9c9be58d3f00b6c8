use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::private_file;

const FILE: &str = "endpoint.json";

/// Where the engine of a data folder listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its URL, without a path.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
}

/// The published endpoint of this process; taken back when dropped.
pub struct Published {
    path: PathBuf,
    endpoint: Endpoint,
}

impl Endpoint {
    /// Tells other programs of this user that this process listens at `url`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn publish(data_dir: &Path, url: &str) -> io::Result<Published> {
        let endpoint = Self {
            url: url.to_owned(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let path = data_dir.join(FILE);
        let text = serde_json::to_vec(&endpoint).map_err(io::Error::other)?;
        private_file::write(&path, &text)?;
        Ok(Published { path, endpoint })
    }

    /// What the data folder says. A killed engine leaves its word behind, so this proves nothing:
    /// see [`Client::running`](crate::Client::running).
    pub fn read(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read(data_dir.join(FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        // Another engine may have started meanwhile.
        if Endpoint::read(folder).as_ref() == Some(&self.endpoint)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "the endpoint file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_taken_back_unless_another_took_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let first = Endpoint::publish(dir.path(), "http://127.0.0.1:1").unwrap();
        let second = Endpoint::publish(dir.path(), "http://127.0.0.1:2").unwrap();
        drop(first);
        let found = Endpoint::read(dir.path()).unwrap();
        assert_eq!(
            (found.url.as_str(), found.pid),
            ("http://127.0.0.1:2", std::process::id())
        );
        drop(second);
        assert_eq!(Endpoint::read(dir.path()), None);
    }

    #[test]
    fn half_a_file_is_no_endpoint() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "{\"url\":").unwrap();
        assert_eq!(Endpoint::read(dir.path()), None);
    }
}
