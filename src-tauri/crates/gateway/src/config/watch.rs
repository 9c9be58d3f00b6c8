use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Editors write a file in several steps; one reload after the last of them is enough.
const SETTLE: Duration = Duration::from_millis(100);

/// Calls `changed` whenever the file at `path` was written, replaced or removed, until the future
/// is dropped. Watches the folder, because editors replace files rather than write into them.
///
/// # Errors
/// When the system offers no watching for this folder.
pub async fn watch(path: PathBuf, changed: impl AsyncFn()) -> Result<(), notify::Error> {
    let (sender, mut events) = mpsc::channel(1);
    let name = path.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let ours = event.is_ok_and(|event| {
            !event.kind.is_access()
                && event
                    .paths
                    .iter()
                    .any(|path| path.file_name() == name.as_deref())
        });
        if ours {
            // A full channel already holds the news.
            let _ = sender.try_send(());
        }
    })?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    watcher.watch(
        folder.unwrap_or(Path::new(".")),
        RecursiveMode::NonRecursive,
    )?;
    while events.recv().await.is_some() {
        while tokio::time::timeout(SETTLE, events.recv()).await.is_ok() {}
        changed().await;
    }
    Ok(())
}
