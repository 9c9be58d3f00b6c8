use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tauri::image::Image;
use tauri::menu::{Menu, MenuBuilder, MenuItemBuilder};
use tauri::tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager};
use tauri_plugin_clipboard_manager::ClipboardExt;

use crate::{Engine, say, window};

/// Panels may start after byokey, or start again.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether the tray icon is there.
#[derive(Default)]
pub(crate) struct Shown(AtomicBool);

impl Shown {
    /// Whether it is.
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Puts the icon into the tray. Where there is none yet, the window is opened and says so, and the
/// tray is tried again until there is one.
pub(crate) fn show(app: &AppHandle) {
    let Err(error) = build(app) else {
        return app.state::<Shown>().0.store(true, Ordering::Relaxed);
    };
    say(&format!(
        "this desktop shows no tray icons now ({error}); the icon comes as soon as it does. To see \
         the window again start byokey-desktop once more; to quit run `byokey stop`"
    ));
    window::open(app);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        while !app.state::<Shown>().get() {
            tokio::time::sleep(AGAIN).await;
            let inner = app.clone();
            let tried = app.run_on_main_thread(move || {
                // An earlier try may have taken its time and gone well.
                if !inner.state::<Shown>().get() && build(&inner).is_ok() {
                    inner.state::<Shown>().0.store(true, Ordering::Relaxed);
                }
            });
            if tried.is_err() {
                return;
            }
        }
    });
}

fn build(app: &AppHandle) -> tauri::Result<()> {
    let (icon, is_template) = icon();
    TrayIconBuilder::with_id("main")
        .icon(icon)
        .icon_as_template(is_template)
        .tooltip("byokey")
        .menu(&menu(app)?)
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()))
        .on_tray_icon_event(|tray, event| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                window::open(tray.app_handle());
            }
        })
        .build(app)?;
    Ok(())
}

/// macOS colours a template itself; other trays may be light or dark, so the icon brings its ground.
fn icon() -> (Image<'static>, bool) {
    if cfg!(target_os = "macos") {
        (tauri::include_image!("icons/tray-template.png"), true)
    } else {
        (tauri::include_image!("icons/32x32.png"), false)
    }
}

fn menu(app: &AppHandle) -> tauri::Result<Menu<tauri::Wry>> {
    let engine = app.state::<Engine>();
    let (line, running) = match engine.inner() {
        Engine::Running(house) => (house.url.clone(), true),
        Engine::Failed(_) => ("byokey does not run".to_owned(), false),
    };
    let url = MenuItemBuilder::with_id("url", line).enabled(false);
    let copy = MenuItemBuilder::with_id("copy", "Copy URL").enabled(running);
    MenuBuilder::new(app)
        .item(&url.build(app)?)
        .item(&copy.build(app)?)
        .separator()
        .text("open", "Open byokey")
        .separator()
        .text("quit", "Quit")
        .build()
}

fn chosen(app: &AppHandle, id: &str) {
    match id {
        "open" => window::open(app),
        "quit" => app.exit(0),
        "copy" => {
            if let Engine::Running(house) = app.state::<Engine>().inner()
                && let Err(error) = app.clipboard().write_text(house.url.clone())
            {
                say(&format!("the URL could not be copied: {error}"));
            }
        }
        _ => {}
    }
}
