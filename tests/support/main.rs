//! Runs one simulated provider of each kind, and the issuers of all sign-ins, until it is told to
//! stop. Standard output has one line per provider, `<dialect> <base URL> <key>`, for people and
//! programs alike; then comes a configuration of byokey that leads every sign-in here.

use std::io::{self, Write};

use byokey_sim::{Issuer, Kind, Script, Sim};

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut sims = Vec::new();
    let mut out = io::stdout();
    for kind in Kind::ALL {
        let dialect = kind.dialect();
        let models = [format!("sim-{dialect}")];
        let sim = Sim::start(kind, Script::default().models(models)).await;
        writeln!(out, "{dialect} {} {}", sim.base_url(), Script::KEY)?;
        sims.push(sim);
    }
    out.flush()?;
    let issuer = Issuer::start_with_own_names().await;
    // Programs read the lines above and close their end.
    let _ = writeln!(
        out,
        "\n# Sign-ins without an account: `byokey login <provider>` with this configuration.\n\
         # Every page offers a few people to sign in as.\n{}",
        issuer.config()
    );
    tokio::signal::ctrl_c().await
}
