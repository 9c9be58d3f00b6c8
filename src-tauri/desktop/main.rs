//! `byokey-desktop`: the engine with a tray icon and a window. The only room that knows Tauri.
//!
//! The engine runs in this process. The window reaches it through a scheme of its own, so that no
//! token and no secret ever comes into JavaScript; the tray is there as soon as the desktop shows one.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

#[path = "../src/harden.rs"]
mod harden;
mod house;
mod links;
mod news;
mod scheme;
#[path = "../src/settings.rs"]
mod settings;
mod tray;
mod window;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tauri::{AppHandle, Manager, RunEvent};
use tracing_subscriber::EnvFilter;

use self::house::House;
use self::settings::{Environment, Settings};

/// All your AI accounts and keys behind one local endpoint, in the tray
// Not `Debug`: a link may hold a code.
#[derive(Parser)]
#[command(name = "byokey-desktop", version)]
struct Arguments {
    /// Folder of accounts, usage and configuration [default: BYOKEY_HOME, else the system's place]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file [default: config.yaml in the data folder]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Port to listen on, in place of the configured one; 0 lets the system choose
    #[arg(short, long)]
    port: Option<u16>,
    /// Open the window at once
    #[arg(long)]
    open: bool,
    /// A byokey:// link, as the desktop hands it over; it is read where links are, not here
    #[arg(value_name = "LINK", hide = true)]
    _link: Option<String>,
}

/// What the shell is about: an engine that runs, or why it does not.
pub(crate) enum Engine {
    /// It runs.
    Running(House),
    /// It could not start; the window shows why.
    Failed(String),
}

fn main() -> ExitCode {
    harden::process();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    if !has_display() {
        bail!(
            "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so there is no tray \
             and no window here; run `byokey serve` or `byokey start` instead"
        );
    }
    let environment = Environment::read();
    follow_log(environment.log.as_deref());
    let settings = Settings::new(environment, arguments.data_dir, arguments.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let (port, open) = (arguments.port, arguments.open);
    let app = tauri::Builder::default()
        // First, so that a second start ends before it touches the data folder.
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _| {
            // What a link does is for `links` to say; most do nothing to the window.
            if !arguments.iter().any(|it| links::is_link(it)) {
                window::open(app);
            }
        }))
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_deep_link::init())
        .register_asynchronous_uri_scheme_protocol(scheme::NAME, scheme::answer)
        .invoke_handler(tauri::generate_handler![news::follow])
        .manage(news::Followed::default())
        .manage(tray::Shown::default())
        .setup(move |app| {
            begin(app.handle(), &settings, port, open);
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the desktop shell does not start")?;
    app.run(move |app, event| on_event(app, &event, &runtime));
    Ok(())
}

/// Starts the engine, then the tray; a failure is shown in the window.
fn begin(app: &AppHandle, settings: &Settings, port: Option<u16>, open: bool) {
    let started = tauri::async_runtime::block_on(House::open(settings, port));
    let engine = match started {
        Ok(house) => {
            let (app, engine) = (app.clone(), house.engine.clone());
            tauri::async_runtime::spawn(async move {
                engine.stopping().await;
                app.exit(0);
            });
            Engine::Running(house)
        }
        Err(error) => {
            say(&format!("byokey does not start: {error:#}"));
            Engine::Failed(format!("{error:#}"))
        }
    };
    let failed = matches!(engine, Engine::Failed(_));
    app.manage(engine);
    tray::show(app);
    links::follow(app);
    if open || failed {
        window::open(app);
    }
}

fn on_event(app: &AppHandle, event: &RunEvent, runtime: &tokio::runtime::Runtime) {
    match event {
        // The last window was closed; the tray and the engine stay.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        RunEvent::Exit => {
            if let Engine::Running(house) = app.state::<Engine>().inner() {
                runtime.block_on(house.close());
            }
        }
        _ => {}
    }
}

fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn follow_log(filter: Option<&str>) {
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("warn,zbus=error")))
        .with_writer(std::io::stderr)
        .init();
}

/// A line for whoever started the program from a terminal.
pub(crate) fn say(text: &str) {
    // Without a terminal nobody reads it, which is fine.
    let _ = writeln!(std::io::stderr(), "{text}");
}
