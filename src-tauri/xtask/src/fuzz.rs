//! `cargo xtask fuzz`: libFuzzer on everything in the translation that reads foreign bytes.
//!
//! What is fuzzed, and with which seeds, stands in `byokey-wire`'s test program `fuzz`; libFuzzer's
//! shell around it is built here. It takes its marks by flags that the stable compiler has, so no
//! other toolchain is needed. There is no `unsafe` of our own for a sanitizer to watch.

use std::{
    fs,
    num::NonZero,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, bail};

use crate::{
    build::{self, TestProgram},
    count::Count,
    setup,
    shell::{cargo, command, print, run as run_command, say},
};

/// What libFuzzer needs to see which ways an input takes.
const MARKS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg=fuzzing",
];

/// How long each part is fuzzed in the tests.
const SECONDS: u64 = 60;

/// What `cargo xtask fuzz` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How long each part is fuzzed
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Only this part, such as request-chat; may be given several times
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

/// One part's outcome.
struct Outcome {
    part: String,
    /// Inputs tried.
    runs: u64,
    passed: bool,
}

/// Builds the fuzzer, gives it its seeds, and runs every part.
///
/// # Errors
/// When something was found, or the fuzzer cannot be built.
pub(crate) fn run(args: &Args) -> Result<()> {
    setup::ensure(setup::BUILD)?;
    let mut test = cargo();
    test.args([
        "test",
        "--locked",
        "--package",
        "byokey-wire",
        "--test",
        "fuzz",
    ]);
    let count = fuzz(&mut test, args.seconds, &args.only)?;
    if count.failed > 0 {
        bail!("{} parts failed", count.failed);
    }
    Ok(())
}

/// The same as a layer of the tests, where the test program is built already.
///
/// # Errors
/// When the fuzzer cannot be built; findings are counted.
pub(crate) fn layer(built: &[TestProgram]) -> Result<Count> {
    let program = built
        .iter()
        .find(|program| program.is_integration && program.name == "fuzz")
        .context("the test program `fuzz` was not built")?;
    let mut test = command(&program.path);
    test.current_dir(&program.folder)
        .env("CARGO_MANIFEST_DIR", &program.folder);
    fuzz(&mut test, SECONDS, &[])
}

/// `test` is the test program, which writes the seeds.
fn fuzz(test: &mut Command, seconds: u64, only: &[String]) -> Result<Count> {
    if cfg!(windows) {
        say("libFuzzer is not used on Windows; many mutations of the seeds stand in for it");
        run_command(test.env("BYOKEY_FUZZ_ROUNDS", "1000"))?;
        return Ok(Count::of_check(true));
    }
    let folder = build::target_folder()?.join("fuzz");
    let seeds = folder.join("seeds");
    if seeds.exists() {
        fs::remove_dir_all(&seeds).context("cannot take old seeds away")?;
    }
    test.env("BYOKEY_FUZZ_CORPUS", &seeds);
    run_command(test.env("BYOKEY_FUZZ_ROUNDS", "0"))?;

    let mut parts = names(&seeds)?;
    parts.retain(|part| only.is_empty() || only.contains(part));
    if parts.is_empty() {
        bail!(
            "there is no such part; the parts are {}",
            names(&seeds)?.join(", ")
        );
    }
    let fuzzer = build_fuzzer(&folder)?;
    say(&format!("{} parts, {seconds} s each", parts.len()));
    let mut outcomes = try_all(&fuzzer, &folder, &parts, seconds)?;
    outcomes.sort_by(|one, other| one.part.cmp(&other.part));
    report(&outcomes, &folder)
}

fn names(seeds: &Path) -> Result<Vec<String>> {
    let parts = fs::read_dir(seeds).context("no seeds were written")?;
    let mut names: Vec<String> = parts
        .filter_map(|part| part.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

fn build_fuzzer(folder: &Path) -> Result<PathBuf> {
    let target = host()?;
    let mut build = cargo();
    build
        // Not locked: what the translation depends on is settled elsewhere, and this follows.
        .args(["build", "--release"])
        .args(["--manifest-path", "src-tauri/fuzz/Cargo.toml"])
        // With a target the flags are not for build scripts.
        .args(["--target", &target])
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env("CARGO_ENCODED_RUSTFLAGS", MARKS.join("\u{1f}"));
    run_command(&mut build)?;
    let built = folder.join("build").join(target);
    Ok(built.join("release/parts"))
}

fn host() -> Result<String> {
    let told = Command::new("rustc").arg("-vV").output();
    let told = String::from_utf8(told.context("cannot start rustc")?.stdout)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

/// Runs the parts, as many at a time as there are processors.
fn try_all(fuzzer: &Path, folder: &Path, parts: &[String], seconds: u64) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            outcomes.push(try_one(fuzzer, folder, part, seconds)?);
        }
        Ok(outcomes)
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(outcomes) => all.extend(outcomes?),
                Err(_) => bail!("the fuzzing stopped half-way"),
            }
        }
        Ok(all)
    })
}

fn try_one(fuzzer: &Path, folder: &Path, part: &str, seconds: u64) -> Result<Outcome> {
    let corpus = folder.join("corpus").join(part);
    let found = folder.join("found").join(part);
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).context("cannot make folders for the fuzzer")?;
    }
    let log = folder.join(format!("{part}.log"));
    let lines = fs::File::create(&log).context("cannot write the fuzzer's log")?;
    let status = command(fuzzer)
        .env("BYOKEY_FUZZ_PART", part)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", found.display()))
        .arg(&corpus)
        .arg(folder.join("seeds").join(part))
        .stdout(lines.try_clone()?)
        .stderr(lines)
        .status()
        .context("cannot start the fuzzer")?;
    let lines = fs::read(&log)?;
    Ok(Outcome {
        part: part.to_owned(),
        runs: runs(&String::from_utf8_lossy(&lines)),
        passed: status.success(),
    })
}

/// The number of inputs that libFuzzer says it has tried.
fn runs(log: &str) -> u64 {
    let counts = log
        .lines()
        .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    counts
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .sum()
}

fn report(outcomes: &[Outcome], folder: &Path) -> Result<Count> {
    let mut count = Count::default();
    print("\npart                     inputs")?;
    for Outcome { part, runs, passed } in outcomes {
        count += Count::of_check(*passed);
        let word = if *passed { "" } else { "  FAILED" };
        print(&format!("{part:<20}  {runs:>9}{word}"))?;
        if !passed {
            let log = folder.join(format!("{part}.log"));
            let found = folder.join("found").join(part);
            say(&format!(
                "{part}: see {}; the input lies in {}",
                log.display(),
                found.display()
            ));
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_are_read() {
        let log = "INFO: seed\nDone 7 runs\nstat::number_of_executed_units: 7123\nstat::x: 1\n";
        assert_eq!(super::runs(log), 7123);
        assert_eq!(super::runs("ERROR"), 0);
    }
}
