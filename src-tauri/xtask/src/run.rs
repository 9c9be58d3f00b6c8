//! `cargo xtask run`: from a clone to a running byokey.

use std::{
    env,
    ffi::OsString,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    build::{self, Profile},
    setup,
    shell::{Companion, command, say},
    ui,
};

/// What `cargo xtask run` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Build the optimised program; takes a few minutes longer
    #[arg(long)]
    release: bool,
    /// Run without the tray app, also where there is a screen
    #[arg(long)]
    headless: bool,
    /// Handed to the tray app or to `byokey serve`
    #[arg(last = true)]
    serve: Vec<OsString>,
}

/// Builds byokey, starts it and says where it is; ends when it ends.
///
/// # Errors
/// When something is missing, does not build or does not start.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::ensure(setup::BUILD)?;
    let profile = if args.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    if let Err(missing) = ui::build() {
        say(&format!("byokey is built without its page: {missing:#}"));
    }
    let tray = !args.headless && has_screen() && has_webview();
    let features: &[&str] = if tray { &["desktop"] } else { &[] };
    build::programs_with(&["byokey"], features, profile)?;
    let byokey = build::program("byokey", profile)?;
    let mut program = if tray {
        command(build::program("byokey-desktop", profile)?)
    } else {
        command(&byokey)
    };
    program.arg(if tray { "--open" } else { "serve" });
    let mut server = Companion::start(program.args(&args.serve))?;
    let folder = data_folder(&args.serve);
    let url = wait_for_url(&mut server, || {
        let mut status = command(&byokey);
        status.args(["status", "--json"]).args(&folder);
        status
    })?;
    let shown: Vec<_> = folder
        .iter()
        .map(|word| format!(" {}", word.to_string_lossy()))
        .collect();
    let (byokey, folder) = (byokey.display(), shown.concat());
    say(&format!(
        "\nbyokey answers at {url}\n\
         \x20 a key for a program:   {byokey} keys create NAME --print{folder}\n\
         \x20 a provider's key:      {byokey} add-key PROVIDER{folder}   (asks for the key)\n\
         \x20 OpenAI clients:        base URL {url}/v1\n\
         \x20 Anthropic clients:     base URL {url}\n\
         Ctrl-C stops it."
    ));
    let status = server.child().wait().context("cannot wait for byokey")?;
    if status.success() {
        Ok(())
    } else {
        bail!("byokey serve: {status}")
    }
}

fn has_screen() -> bool {
    let named = |name| env::var_os(name).is_some_and(|screen| !screen.is_empty());
    !cfg!(target_os = "linux") || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

/// Sees to what the tray app is built with; without it byokey still runs.
fn has_webview() -> bool {
    let ensured = setup::ensure(setup::WEBVIEW);
    if let Err(missing) = &ensured {
        say(&format!("byokey runs without its tray app: {missing:#}"));
    }
    ensured.is_ok()
}

/// Waits until a byokey that was just started tells its address.
///
/// # Errors
/// When it ends instead, or says nothing for half a minute.
fn wait_for_url(server: &mut Companion, status: impl Fn() -> Command) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(ended) = server
            .child()
            .try_wait()
            .context("cannot look after byokey")?
        {
            bail!("byokey serve: {ended}");
        }
        let answer = status()
            .output()
            .context("cannot ask byokey for its status")?;
        let answer: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
        if let Some(url) = answer["url"].as_str() {
            return Ok(url.to_owned());
        }
        thread::park_timeout(Duration::from_millis(100));
    }
    bail!("byokey was started but does not tell its address")
}

/// The words among byokey's arguments that name the data folder.
fn data_folder(arguments: &[OsString]) -> Vec<OsString> {
    let joined = |word: &&OsString| word.to_string_lossy().starts_with("--data-dir=");
    if let Some(at) = arguments.iter().position(|word| word == "--data-dir") {
        arguments[at..].iter().take(2).cloned().collect()
    } else {
        arguments.iter().find(joined).into_iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_data_folder_is_found_in_both_spellings() {
        assert_eq!(
            data_folder(&words("-p 1 --data-dir x -v")),
            words("--data-dir x")
        );
        assert_eq!(
            data_folder(&words("--data-dir=x -p 1")),
            words("--data-dir=x")
        );
        assert!(data_folder(&words("-p 1")).is_empty());
    }
}
