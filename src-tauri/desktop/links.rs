//! `byokey://` links: they finish a sign-in that waits, open the window, or put a question to the
//! person. They are handled here and nowhere in the page, and none is ever logged: on two of three
//! systems a link comes as an argument and may hold a code.

use byokey_manage::LinkOutcome;
use byokey_vault::Secret;
use tauri::{AppHandle, Manager};
use tauri_plugin_deep_link::DeepLinkExt;

use crate::{Engine, say, window};

/// The scheme of byokey's links.
const SCHEME: &str = "byokey";

/// Takes links from now on, and the one that started the program.
pub(crate) fn follow(app: &AppHandle) {
    register(app);
    let handle = app.clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            take(&handle, url.into());
        }
    });
    if let Ok(Some(urls)) = app.deep_link().get_current() {
        for url in urls {
            take(app, url.into());
        }
    }
}

/// Whether an argument is a link.
pub(crate) fn is_link(argument: &str) -> bool {
    argument
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME))
}

/// On Linux and Windows a program that was not installed by a package makes its scheme known itself.
/// Without it only the links do not work, so a failure stops nothing.
fn register(app: &AppHandle) {
    if cfg!(any(target_os = "linux", windows))
        && let Err(error) = app.deep_link().register(SCHEME)
    {
        say(&format!("byokey:// links will not open byokey: {error}"));
    }
}

fn take(app: &AppHandle, link: String) {
    let link = Secret::new(link);
    let outcome = match app.state::<Engine>().inner() {
        Engine::Running(house) => house.desk.link(&link),
        // The window says why there is no engine.
        Engine::Failed(_) => LinkOutcome::Open,
    };
    if outcome == LinkOutcome::Dropped {
        return;
    }
    let inner = app.clone();
    // Without an event loop there is no window to open.
    let _ = app.run_on_main_thread(move || window::open(&inner));
}
