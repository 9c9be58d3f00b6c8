//! Runs one simulated provider of each kind until it is told to stop. Standard output has one line
//! per provider, `<dialect> <base URL> <key>`, for people and programs alike.

use std::io::{self, Write};

use byokey_sim::{Kind, Script, Sim};

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
    tokio::signal::ctrl_c().await
}
