//! Everything that runs during a measurement: fake provider, nginx, byokey.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    byokey::{Byokey, MODEL},
    cores::Cores,
    dialect::Dialect,
    fake::Fake,
    load::Line,
    nginx::{self, Nginx},
    process::Process,
    prompt::Size,
    say,
    server::Server,
    target::{Target, Way},
    wish::Wish,
};

const PORTION: usize = 16 << 10;
/// Requests that let a fresh program reach its usual state.
const WARM_UP: usize = 50;

/// The running parts; dropping it ends them and removes their files.
pub(crate) struct Rig {
    pub(crate) fake: Fake,
    pub(crate) nginx: Option<Nginx>,
    /// Nothing only while it is being restarted.
    server: Option<Server>,
    byokey: Byokey,
    /// Last, so that nobody uses it any more when it is removed.
    _folder: TempDir,
}

impl Rig {
    /// Starts everything; nginx only if there is one.
    pub(crate) async fn start(program: PathBuf, cores: Cores) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("byokey-bench-")
            .tempdir()
            .context("cannot make a throw-away folder")?;
        let fake = Fake::start().await?;
        let byokey = Byokey::prepare(program, folder.path(), fake.address, cores)?;
        let server = byokey.serve().await?;
        let nginx = if nginx::version().is_some() {
            Some(Nginx::start(folder.path(), fake.address, cores).await?)
        } else {
            say("There is no nginx here, so there will be nothing to compare with.");
            None
        };
        Ok(Self {
            fake,
            nginx,
            server: Some(server),
            byokey,
            _folder: folder,
        })
    }

    /// Ends byokey and starts it anew on the same data.
    pub(crate) async fn restart_byokey(&mut self) -> Result<()> {
        if let Some(server) = self.server.take() {
            server.stop().await?;
        }
        self.server = Some(self.byokey.serve().await?);
        Ok(())
    }

    /// byokey's server.
    pub(crate) fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("byokey does not run")
    }

    /// All ways, direct first.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let to = |way, address: SocketAddr, process| Target {
            way,
            address,
            caller: Dialect::Chat,
            model: MODEL.to_owned(),
            key: self.byokey.client_key.clone(),
            process,
        };
        let through_byokey = |way, caller, provider| Target {
            caller,
            model: Byokey::model(provider),
            ..to(way, self.byokey.address, self.byokey_process())
        };
        let nginx = self.nginx.as_ref();
        let nginx = nginx.map(|it| to(Way::Nginx, it.address, Some(it.server.process())));
        let mut targets = vec![to(Way::Direct, self.fake.address, None)];
        targets.extend(nginx);
        targets.extend([
            through_byokey(Way::Pass, Dialect::Chat, Dialect::Chat),
            through_byokey(Way::ViaMessages, Dialect::Chat, Dialect::Messages),
            through_byokey(Way::ViaChat, Dialect::Messages, Dialect::Chat),
        ]);
        targets
    }

    /// The ways through a proxy.
    pub(crate) fn proxied(&self) -> Vec<Target> {
        let mut targets = self.targets();
        targets.retain(|target| target.process.is_some());
        targets
    }

    fn byokey_process(&self) -> Option<Process> {
        self.server.as_ref().map(Server::process)
    }
}

/// Sees that a target answers as it should, whole and streamed.
///
/// # Errors
/// When it does not: figures of it would be worth nothing.
pub(crate) async fn probe(target: &Target) -> Result<()> {
    const CHUNKS: usize = 5;
    let whole = target.request(Wish::Whole { text: 64 }, Size::Small);
    let stream = Wish::stream(CHUNKS, std::time::Duration::from_millis(1), 16);
    let stream = target.request(stream, Size::Small);
    let asked = async {
        Line::open(target, PORTION).await?.ask(&whole).await?;
        Line::open(target, PORTION)
            .await?
            .follow(&stream, CHUNKS)
            .await
    };
    match asked.await {
        Ok(_) => Ok(()),
        Err(fault) => bail!("{}: {fault}", target.way.title()),
    }
}

/// Sends a few requests, so that what a program allocates once is allocated.
pub(crate) async fn warm_up(target: &Target) -> Result<()> {
    let request = target.request(Wish::Whole { text: 256 }, Size::Small);
    for _ in 0..WARM_UP {
        let line = Line::open(target, PORTION).await;
        let asked = async { line?.ask(&request).await };
        asked.await.with_context(|| target.way.title())?;
    }
    Ok(())
}
