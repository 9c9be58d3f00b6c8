//! The command line: one file per subcommand.
//!
//! Every subcommand is a call of the management API, of the running engine or of one within this
//! process that listens nowhere. Data goes to standard output, everything else to standard error;
//! the exit code is 0 for done, 1 for failed, 2 for a wrong command line.

mod accounts;
mod add_key;
mod audit;
mod check;
mod engine;
mod import;
mod keys;
mod login;
mod logout;
mod models;
mod open;
mod output;
mod reach;
mod serve;
mod state;
mod status;
mod switch;
mod table;
mod take_over;
mod usage;
mod welcome;
mod when;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::EnvFilter;

use self::output::Output;
use crate::settings::{Environment, Settings};

/// All your AI accounts and keys behind one local endpoint
#[derive(Debug, Parser)]
#[command(
    name = "byokey",
    version,
    propagate_version = true,
    max_term_width = 100
)]
struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every subcommand.
#[derive(Debug, clap::Args)]
struct Global {
    /// Folder of accounts, usage and configuration [default: BYOKEY_HOME, else the system's place]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file [default: config.yaml in the data folder]
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say more about what happens; twice for even more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the engine until it is stopped
    Serve(serve::Serve),
    /// Start the engine in the background
    Start(serve::Serve),
    /// Stop the engine
    Stop,
    /// Stop the engine and start it in the background
    Restart(serve::Serve),
    /// Read the configuration again
    Reload,
    /// Show whether the engine runs, where, and which accounts need you
    Status,
    /// Open the tray app's window, or the page in a browser
    Open(open::Open),
    /// Add a provider's key; it is read from standard input or asked for, never an argument
    AddKey(add_key::AddKey),
    /// Sign in to a provider: in the browser, by a code, or in the provider's own program
    Login(login::Login),
    /// Take logins and keys of other programs on this computer, or show what there is
    Import(import::Import),
    /// Make a followed login byokey's own; its program will have to sign in again
    TakeOver(take_over::TakeOver),
    /// End a login at its provider where that is possible, and forget the account
    Logout(logout::Logout),
    /// List the accounts: whose they are, how they are held, and how they are
    Accounts(accounts::Accounts),
    /// Use an account before all others of its provider
    Switch(switch::Switch),
    /// Ask providers whether they still take keys and logins, and programs whether they are signed in
    Check(check::Check),
    /// Keys with which programs call byokey
    #[command(subcommand)]
    Keys(keys::Keys),
    /// List the models that the accounts serve
    Models,
    /// Show what was used and what it cost
    Usage(usage::Usage),
    /// Show who changed what
    Audit(audit::Audit),
    /// Print the OpenAPI document of the management API
    Openapi,
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Reads the arguments and does what they say.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let environment = Environment::read();
    log(&arguments, environment.log.as_deref());
    let mut output = Output::new(arguments.global.json);
    let done = run(arguments, environment, &mut output);
    let done = done.and_then(|code| {
        output.flush()?;
        Ok(code)
    });
    match done {
        Ok(code) => code,
        // Whoever reads has enough, as `head` does.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments, environment: Environment, output: &mut Output) -> Result<ExitCode> {
    let global = arguments.global;
    match arguments.command {
        Some(Command::Openapi) => output.line(byokey_manage::document())?,
        Some(Command::Completions { shell }) => {
            // Into memory first: it panics when what it writes to fails, as a closed pipe does.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "byokey", &mut script);
            output.write_all(&script)?;
        }
        command => {
            let settings = Settings::new(environment, global.data_dir, global.config)?;
            return dispatch(command, settings, output);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn dispatch(command: Option<Command>, settings: Settings, output: &mut Output) -> Result<ExitCode> {
    if let Some(Command::Serve(serve)) = command {
        serve.run(&settings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            None => welcome::run(&settings, output).await?,
            Some(Command::Start(serve)) => engine::start(&serve, &settings, output).await?,
            Some(Command::Stop) => engine::stop(&settings).await?,
            Some(Command::Restart(serve)) => engine::restart(&serve, &settings, output).await?,
            Some(Command::Reload) => engine::reload(&settings).await?,
            Some(Command::Status) => status::run(&settings, output).await?,
            Some(Command::Open(open)) => open.run(&settings, output).await?,
            Some(Command::AddKey(add_key)) => add_key.run(&settings, output).await?,
            Some(Command::Login(login)) => login.run(&settings, output).await?,
            Some(Command::Import(import)) => return import.run(&settings, output).await,
            Some(Command::TakeOver(take_over)) => take_over.run(&settings, output).await?,
            Some(Command::Logout(logout)) => logout.run(&settings, output).await?,
            Some(Command::Accounts(accounts)) => accounts.run(&settings, output).await?,
            Some(Command::Switch(switch)) => switch.run(&settings, output).await?,
            Some(Command::Check(check)) => return check.run(&settings, output).await,
            Some(Command::Keys(keys)) => keys.run(&settings, output).await?,
            Some(Command::Models) => models::run(&settings, output).await?,
            Some(Command::Usage(usage)) => usage.run(&settings, output).await?,
            Some(Command::Audit(audit)) => return audit.run(&settings, output).await,
            Some(Command::Serve(_) | Command::Openapi | Command::Completions { .. }) => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Log lines go to standard error. Without BYOKEY_LOG only byokey's own crates say more than
/// warnings.
fn log(arguments: &Arguments, filter: Option<&str>) {
    let level = match (arguments.global.verbose, &arguments.command) {
        (0, Some(Command::Serve(_))) | (1, _) => "warn,byokey=info",
        (0, _) => "warn",
        (2, _) => "warn,byokey=debug",
        _ => "warn,byokey=trace",
    };
    let filter = match filter.map(EnvFilter::try_new) {
        Some(Ok(filter)) => filter,
        Some(Err(error)) => {
            output::say(&format!("warning: BYOKEY_LOG is ignored: {error}"));
            EnvFilter::new(level)
        }
        None => EnvFilter::new(level),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        // A line that cannot be written is lost; telling so would panic on the same closed pipe.
        .log_internal_errors(false)
        .init();
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_may_stand_anywhere() {
        for line in [
            "byokey --data-dir d accounts openai --json",
            "byokey --json accounts --data-dir=d openai",
        ] {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap();
            assert!(arguments.global.json);
            assert_eq!(arguments.global.data_dir, Some(PathBuf::from("d")));
        }
    }

    #[test]
    fn a_sign_in_is_asked_for_in_full() {
        let line = "byokey login kiro --route social-device --account home --field a=b --field c=d=e \
                    --with github --no-browser --accept-notice --json";
        let words = line.split_whitespace();
        let arguments = Arguments::try_parse_from(words).unwrap();
        assert!(matches!(arguments.command, Some(Command::Login(_))));
        for wrong in [
            "byokey login",
            "byokey login claude code-from-the-page",
            "byokey login claude --field region",
            "byokey import",
            "byokey take-over",
        ] {
            assert!(
                Arguments::try_parse_from(wrong.split(' ')).is_err(),
                "{wrong}"
            );
        }
        for right in [
            "byokey import all --dry-run",
            "byokey import claude-code codex --accept-notice --yes",
            "byokey logout claude --account work",
            "byokey take-over claude --yes",
        ] {
            assert!(
                Arguments::try_parse_from(right.split(' ')).is_ok(),
                "{right}"
            );
        }
    }

    #[test]
    fn a_key_is_never_an_argument() {
        let line = "byokey add-key openai sk-key";
        assert!(Arguments::try_parse_from(line.split(' ')).is_err());
    }
}
