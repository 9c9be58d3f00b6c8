//! Runs one simulated provider of each kind until it is told to stop. Standard output has one line
//! per provider, `<dialect> <base URL> <key>`, for people and programs alike.

use std::io::{self, Write};

use byokey_sim::{Kind, Script, Sim};

#[tokio::main]
async fn main() -> io::Result<()> {
    let chat = Sim::start(Kind::Chat, Script::default().models(["sim-chat"])).await;
    let messages = Sim::start(Kind::Messages, Script::default().models(["sim-messages"])).await;
    let mut out = io::stdout();
    writeln!(out, "chat {} {}", chat.base_url(), Script::KEY)?;
    writeln!(out, "messages {} {}", messages.base_url(), Script::KEY)?;
    out.flush()?;
    tokio::signal::ctrl_c().await
}
