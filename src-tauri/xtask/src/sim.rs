//! `cargo xtask sim`: the simulated providers by themselves.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result};

use crate::{
    build::{self, Profile},
    shell::{Companion, command, run, say},
};

/// How many providers there are, one of each dialect.
const PROVIDERS: usize = 5;

/// One running simulated provider.
pub(crate) struct Provider {
    /// What it speaks, in the configuration's word.
    pub(crate) dialect: String,
    pub(crate) base_url: String,
    pub(crate) key: String,
}

/// Builds and runs the simulators until they are interrupted.
pub(crate) fn run_until_interrupted() -> Result<()> {
    build::programs(&["byokey-sim"], Profile::Dev)?;
    say("Simulated providers (dialect, base URL, key) and sign-ins; Ctrl-C ends them:");
    run(&mut command(build::program("byokey-sim", Profile::Dev)?))
}

/// Starts the simulators, which must have been built, in the background.
pub(crate) fn start() -> Result<(Companion, Vec<Provider>)> {
    let mut program = command(build::program("byokey-sim", Profile::Dev)?);
    let mut sim = Companion::start(program.stdout(Stdio::piped()))?;
    let output = sim
        .child()
        .stdout
        .take()
        .context("the simulators have no output")?;
    let lines = BufReader::new(output).lines().take(PROVIDERS);
    let providers: Option<Vec<_>> = lines.map(|line| parse(&line.ok()?)).collect();
    let providers = providers.filter(|providers| providers.len() == PROVIDERS);
    Ok((sim, providers.context("the simulators did not start")?))
}

fn parse(line: &str) -> Option<Provider> {
    let mut words = line.split(' ').map(str::to_owned);
    Some(Provider {
        dialect: words.next()?,
        base_url: words.next()?,
        key: words.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_three_words() {
        let provider = parse("chat http://127.0.0.1:1/v1 sk").unwrap();
        assert_eq!(provider.dialect, "chat");
        assert_eq!(provider.base_url, "http://127.0.0.1:1/v1");
        assert_eq!(provider.key, "sk");
        assert!(parse("chat").is_none());
    }
}
