use std::path::PathBuf;

use tauri::webview::{DownloadEvent, NewWindowResponse};
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::{news, say, scheme, tray};

/// The only window there is.
pub(crate) const LABEL: &str = "main";
const SIZE: (f64, f64) = (400.0, 620.0);
const LEAST: (f64, f64) = (380.0, 480.0);

/// Shows the window; makes it first if there is none. It is destroyed when it is closed, because a
/// hidden one keeps all its memory.
pub(crate) fn open(app: &AppHandle) {
    let shown = match app.get_webview_window(LABEL) {
        Some(window) => window
            .unminimize()
            .and_then(|()| window.show())
            .and_then(|()| window.set_focus()),
        None => make(app),
    };
    if let Err(error) = shown {
        say(&format!("the window does not open: {error}"));
    }
}

fn make(app: &AppHandle) -> tauri::Result<()> {
    let tray = app.state::<tray::Shown>().get();
    let query = if tray { "" } else { "?tray=none" };
    let page = format!("{}://localhost/ui/{query}", scheme::NAME).parse();
    let page: Url = page.map_err(tauri::Error::InvalidUrl)?;
    let handle = app.clone();
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::CustomProtocol(page))
        .title("byokey")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST.0, LEAST.1)
        .on_navigation(is_ours)
        .on_new_window(|url, _| {
            browse(&url);
            NewWindowResponse::Deny
        })
        .on_download(move |_, event| {
            if let DownloadEvent::Requested { destination, .. } = event {
                *destination = place(&handle, destination);
            }
            true
        })
        .build()?;
    let app = app.clone();
    window.on_window_event(move |event| {
        if matches!(event, WindowEvent::Destroyed) {
            app.state::<news::Followed>().replace(None);
        }
    });
    Ok(())
}

/// The window never leaves byokey's own page.
fn is_ours(url: &Url) -> bool {
    let host = format!("{}.localhost", scheme::NAME);
    url.scheme() == scheme::NAME || url.host_str() == Some(host.as_str()) || url.scheme() == "blob"
}

/// Pages of providers open in the person's browser.
fn browse(url: &Url) {
    // Plain http is for a provider of the person's own on this machine.
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if (url.scheme() == "https" || (url.scheme() == "http" && local))
        && let Err(error) = tauri_plugin_opener::open_url(url.as_str(), None::<&str>)
    {
        say(&format!("no browser opens: {error}"));
    }
}

/// A free name in the person's download folder.
fn place(app: &AppHandle, wanted: &std::path::Path) -> PathBuf {
    let folder = app.path().download_dir().or_else(|_| app.path().temp_dir());
    let folder = folder.unwrap_or_default();
    let name = wanted.file_stem().unwrap_or_default().to_string_lossy();
    let extension = wanted.extension().unwrap_or_default().to_string_lossy();
    let first = folder.join(format!("{name}.{extension}"));
    let mut numbered = (2..).map(|n| folder.join(format!("{name} ({n}).{extension}")));
    if first.exists() {
        numbered.find(|path| !path.exists()).unwrap_or(first)
    } else {
        first
    }
}
