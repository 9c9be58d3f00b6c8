//! `cargo xtask catalog`: writes the bundled snapshot of models and prices anew.
//!
//! The figures come from the data file inside the `litellm` package, so a Python package registry is
//! all that is needed. Only byokey's providers and the members it reads are kept; the output is
//! sorted, one model per line, so that a review shows what changed. Equal input gives an equal file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

mod trim;

/// Data file within the package.
const MEMBER: &str = "litellm/model_prices_and_context_window_backup.json";

/// Its licence; the notice goes along with the figures.
const LICENCE: &str = "MIT, Copyright (c) 2023 Berri AI";

/// Models of one provider by id.
type Models = BTreeMap<String, Map<String, Value>>;

/// What `cargo xtask catalog` is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Use this wheel instead of downloading one
    #[arg(long, value_name = "FILE")]
    wheel: Option<PathBuf>,
    /// Only say what would change; fail if something would
    #[arg(long)]
    check: bool,
}

/// Refreshes `data/models.json` of the catalogue and prints what changed.
///
/// # Errors
/// When the package cannot be had or read, or a file not be written; with `--check`, when the file
/// is not what the package gives.
pub(crate) fn run(args: &Args) -> Result<()> {
    let scratch = tempfile::tempdir().context("temporary folder")?;
    let wheel = match &args.wheel {
        Some(wheel) => wheel.clone(),
        None => download(scratch.path())?,
    };
    let version = version_of(&wheel)?;
    let source: Map<String, Value> =
        serde_json::from_slice(&member(&wheel)?).context("the package's data file is not JSON")?;
    let today = today()?;
    let fresh = trim::trim(&source, &today);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/catalog/data/models.json");
    let old: Value = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).context("data/models.json is not JSON")?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({}),
        Err(error) => return Err(error).context("data/models.json"),
    };
    let changes = changes(&models_of(&old), &fresh);
    let mut out = std::io::stdout().lock();
    for line in &changes {
        writeln!(out, "{line}")?;
    }
    let count: usize = fresh.values().map(BTreeMap::len).sum();
    writeln!(
        out,
        "litellm {version}: {count} models of {} providers, {} changes",
        fresh.len(),
        changes.len()
    )?;
    // A newer package with the same figures leaves the file alone: its date says when they changed.
    if changes.is_empty() {
        return Ok(());
    }
    if args.check {
        bail!("data/models.json is not up to date: run `cargo xtask catalog`");
    }
    std::fs::write(&path, render(&fresh, &version, &today)?).context("data/models.json")
}

/// Name of Python on this system.
const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Fetches the wheel into `folder`. A fixed platform, so that every system reads the same one.
fn download(folder: &Path) -> Result<PathBuf> {
    let status = Command::new(PYTHON)
        .args([
            "-m",
            "pip",
            "download",
            "litellm",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
        ])
        .args(["--disable-pip-version-check", "--dest"])
        .arg(folder)
        .status()
        .with_context(|| format!("{PYTHON} is needed to download the litellm package"))?;
    if !status.success() {
        bail!("`pip download litellm` failed; is a package registry within reach?");
    }
    let mut files = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let wheel = files.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.context("pip downloaded no wheel")
}

/// Version in a wheel's name, `litellm-<version>-…`.
fn version_of(wheel: &Path) -> Result<String> {
    let name = wheel.file_name().and_then(|name| name.to_str());
    let version = name.and_then(|name| name.strip_prefix("litellm-")?.split('-').next());
    Ok(version
        .context("the wheel's name does not begin with litellm-<version>-")?
        .to_owned())
}

/// Reads the data file out of the wheel, which is a zip archive.
fn member(wheel: &Path) -> Result<Vec<u8>> {
    const READ: &str = "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";
    let output = Command::new(PYTHON)
        .args(["-c", READ])
        .arg(wheel)
        .arg(MEMBER)
        .output()
        .with_context(|| format!("{PYTHON} is needed to open the package"))?;
    if !output.status.success() {
        bail!(
            "{}: {}",
            wheel.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

/// The models of a written file.
fn models_of(file: &Value) -> BTreeMap<String, Models> {
    let mut all = BTreeMap::new();
    for (provider, rows) in file
        .get("providers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let models: &mut Models = all.entry(provider.clone()).or_default();
        for row in rows
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
        {
            let mut row = row.clone();
            if let Some(Value::String(id)) = row.remove("id") {
                models.insert(id, row);
            }
        }
    }
    all
}

/// One line for each model that came, went or changed.
fn changes(old: &BTreeMap<String, Models>, new: &BTreeMap<String, Models>) -> Vec<String> {
    let none = Models::new();
    let providers: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut lines = Vec::new();
    for provider in providers {
        let (old, new) = (
            old.get(provider).unwrap_or(&none),
            new.get(provider).unwrap_or(&none),
        );
        let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for id in ids {
            match (old.get(id), new.get(id)) {
                (None, _) => lines.push(format!("+ {provider}/{id}")),
                (_, None) => lines.push(format!("- {provider}/{id}")),
                (Some(before), Some(after)) if before != after => {
                    lines.push(format!("~ {provider}/{id}:{}", differences(before, after)));
                }
                _ => {}
            }
        }
    }
    lines
}

/// ` name old → new` for each member that differs.
fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let show = |value: Option<&Value>| value.map_or_else(|| "–".to_owned(), Value::to_string);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .fold(String::new(), |mut text, name| {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                " {name} {} → {}",
                show(before.get(name)),
                show(after.get(name))
            );
            text
        })
}

/// The file: one model per line.
fn render(models: &BTreeMap<String, Models>, version: &str, today: &str) -> Result<String> {
    let mut file = format!(
        "{{\n\"generated_at\": {},\n\"source\": \"litellm\",\n\"version\": {},\n\"licence\": {},\n\"providers\": {{",
        json!(today),
        json!(version),
        json!(LICENCE),
    );
    for (index, (provider, models)) in models.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(file, "{comma}\n{}: [", json!(provider))?;
        for (index, (id, model)) in models.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let members = Value::Object(model.clone()).to_string();
            let rest = members.trim_start_matches('{');
            let join = if rest == "}" { "" } else { "," };
            write!(file, "{comma}\n{{\"id\":{}{join}{rest}", json!(id))?;
        }
        file.push_str("\n]");
    }
    file.push_str("\n}\n}\n");
    Ok(file)
}

/// Today's date by UTC, `YYYY-MM-DD`.
fn today() -> Result<String> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("clock before 1970")?
        .as_secs();
    let (mut year, mut day) = (1970, seconds / 86_400);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    Ok(format!("{year:04}-{month:02}-{:02}", day + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_changed() {
        let models = |text: &str| models_of(&serde_json::from_str(text).unwrap());
        let old = models(
            r#"{"providers":{"a":[{"id":"gone"},{"id":"same"},{"id":"dear","price":{"input":1.0}}]}}"#,
        );
        let new = models(
            r#"{"providers":{"a":[{"id":"dear","price":{"input":2.0}},{"id":"new"},{"id":"same"}]}}"#,
        );
        assert_eq!(
            changes(&old, &new),
            [
                "~ a/dear: price {\"input\":1.0} → {\"input\":2.0}",
                "- a/gone",
                "+ a/new"
            ]
        );
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let models = models_of(
            &json!({"providers":{"a":[{"id":"x\"y"},{"id":"z","context":1}],"b":[{"id":"q"}]}}),
        );
        let file = render(&models, "1", "2026-11-21").unwrap();
        assert_eq!(models_of(&serde_json::from_str(&file).unwrap()), models);
    }
}
