//! `byokey-bench`: byokey against going direct and against nginx, in one run.
//!
//! Everything is on loopback and of a limited length: this program is caller and provider at once,
//! nginx and byokey are its children and end with it.

mod aims;
mod byokey;
mod clock;
mod cores;
mod dialect;
mod fake;
mod http1;
mod load;
mod machine;
mod nginx;
mod process;
mod prompt;
mod report;
mod rig;
mod server;
mod sheet;
mod stages;
mod stamp;
mod target;
mod wish;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use cores::Cores;
use machine::Machine;
use report::Run;
use rig::Rig;
use sheet::{Sheet, Stage};
use stages::Plan;

#[derive(Debug, Parser)]
#[command(about, version)]
struct Arguments {
    /// The byokey program to measure
    #[arg(long, value_name = "PROGRAM")]
    byokey: PathBuf,
    /// Folder for the result as JSON
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// One to two minutes in place of six, with coarser figures
    #[arg(long)]
    quick: bool,
    /// Run before everything else on the machine (root only): a busy machine disturbs less
    #[arg(long)]
    realtime: bool,
    /// Only this stage; may be given several times
    #[arg(long, value_name = "STAGE")]
    only: Vec<Stage>,
}

fn main() -> ExitCode {
    match bench(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> Result<()> {
    let machine = Machine::here();
    let cores = Cores::take();
    if arguments.realtime {
        cores.go_first()?;
    }
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("cannot start")?;
    runtime.block_on(async {
        tokio::select! {
            // Dropping the measurement ends the children and removes their files.
            signal = interrupted() => {
                signal?;
                bail!("interrupted")
            }
            measured = measure(arguments, machine, cores) => measured,
        }
    })
}

async fn measure(arguments: &Arguments, machine: Machine, cores: Cores) -> Result<()> {
    let (began, date) = (Instant::now(), jiff::Timestamp::now());
    let load_average = machine::load_average();
    let mut rig = Rig::start(arguments.byokey.clone(), cores).await?;
    for target in rig.targets() {
        rig::probe(&target).await?;
    }
    let stages = chosen(&arguments.only);
    let plan = Plan {
        quick: arguments.quick,
    };
    let mut sheet = Sheet::default();
    let mut loaded = false;
    for stage in &stages {
        if loaded && !stage.is_load() {
            stages::after_load(&rig, &mut sheet).await?;
            loaded = false;
        }
        say(&format!("{:>4} s  {stage:?}", began.elapsed().as_secs()));
        stages::run(*stage, &mut rig, plan, &mut sheet).await?;
        loaded |= stage.is_load();
    }
    if loaded {
        stages::after_load(&rig, &mut sheet).await?;
    }
    drop(rig);
    let run = Run {
        date: format!("{date:.0}"),
        seconds: began.elapsed().as_secs(),
        quick: arguments.quick,
        realtime: arguments.realtime,
        stages,
        machine,
        byokey: byokey::version(&arguments.byokey)?,
        nginx: nginx::version(),
        pinned: cores.pinned,
        load_average,
    };
    publish(&run, &sheet, &arguments.out)
}

fn publish(run: &Run, sheet: &Sheet, folder: &Path) -> Result<()> {
    let table = report::table(run, sheet);
    io::stdout()
        .write_all(table.as_bytes())
        .context("cannot write to standard output")?;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let name = run.date.replace([':', '-'], "").to_lowercase();
    let path = folder.join(format!("bench-{name}.json"));
    let text = serde_json::to_string_pretty(&report::json(run, sheet))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    say(&format!("All readings: {}", path.display()));
    Ok(())
}

/// The stages to run, always in the order that keeps one from spoiling the next.
fn chosen(only: &[Stage]) -> Vec<Stage> {
    let all = Stage::value_variants().iter().copied();
    all.filter(|stage| only.is_empty() || only.contains(stage))
        .collect()
}

/// A thousand streams need two thousand open files here and as many in a proxy; children inherit
/// the limit.
#[cfg(unix)]
fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if setrlimit(Resource::Nofile, raised).is_err() {
        say("The limit on open files stays as it is; many streams at once may fail.");
    }
}

#[cfg(not(unix))]
fn allow_many_files() {}

/// Comes back when somebody wants this to end.
#[cfg(unix)]
async fn interrupted() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).context("cannot take over signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn interrupted() -> Result<()> {
    tokio::signal::ctrl_c()
        .await
        .context("cannot take over Ctrl-C")
}

fn say(line: &str) {
    // Nobody is left to be told when standard error is gone.
    let _ = writeln!(io::stderr(), "{line}");
}
