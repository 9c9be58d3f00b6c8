use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use byokey_catalog::{Bridge, BridgeProtocol};
use byokey_wire::Ledger;
use bytes::Bytes;
use http::Response;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::{
    BridgeBody, BridgeTrouble, LoginWord, ProgramInfo, Version,
    claude::{self, Claude},
    codex, copilot, login,
    process::Launch,
    program::{self, Facts, Programs, login_command},
    request,
    servers::Servers,
    whole,
    work::Work,
};

/// How long a program may take for a short command that may ask its provider.
const SHORT: Duration = Duration::from_secs(30);

/// What the user's configuration says about a program. Not `Debug`: a variable may be a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct BridgeSettings {
    /// Where it is, if not where programs usually are.
    pub program: Option<PathBuf>,
    /// Variables for its environment, which is otherwise made by byokey.
    pub env: BTreeMap<String, String>,
}

/// A request to a program.
pub struct BridgeCall<'a> {
    /// The program.
    pub bridge: &'a Bridge,
    /// The user's settings for it.
    pub settings: &'a BridgeSettings,
    /// The account for which it is asked. Runs of one account are never continued by another.
    pub account: i64,
    /// A request of the Messages dialect; the model's name is already the program's.
    pub body: Bytes,
}

/// All bridges: the programs that were found, and the runs that are under way.
pub struct Bridges {
    work: Work,
    programs: Programs,
    claude: Claude,
    servers: Servers,
}

/// A model that a program offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeModel {
    /// Its name in requests.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// How hard it can be told to think, in the program's words.
    pub efforts: Vec<String>,
    /// Whether it takes pictures.
    pub takes_images: bool,
    /// Whether the program takes it when nobody chooses.
    pub is_default: bool,
}

impl Bridges {
    /// Programs will run in `work`, a folder of their own that is made when it is first needed.
    pub fn new(work: PathBuf) -> Self {
        Self {
            work: Work::new(work),
            programs: Programs::default(),
            claude: Claude::default(),
            servers: Servers::default(),
        }
    }

    /// Has the program answer. The reply is a stream of Messages frames or, when the request asks for
    /// none, the whole message; or an error body of that dialect with the [`BridgeTrouble`] in its
    /// extensions. Dropping this or the body ends the run.
    pub async fn call(&self, call: BridgeCall<'_>) -> Response<BridgeBody> {
        let answer = async {
            let stream = self.stream(&call).await?;
            if wants_stream(&call.body) {
                return Ok(stream.response());
            }
            whole::whole(&call.bridge.program, stream).await
        };
        answer.await.unwrap_or_else(BridgeTrouble::response)
    }

    async fn stream(&self, call: &BridgeCall<'_>) -> Result<BridgeBody, BridgeTrouble> {
        let desk = self.desk(call.bridge, call.settings)?;
        match call.bridge.protocol {
            BridgeProtocol::ClaudeStreamJson => {
                self.claude.call(&desk, call.account, &call.body).await
            }
            BridgeProtocol::CodexAppServer | BridgeProtocol::CopilotSdk => {
                self.servers.call(&desk, call.account, &call.body).await
            }
        }
    }

    /// Finds the program, asks its version, and whether somebody is signed in there.
    ///
    /// # Errors
    /// When it is missing, too old, or does not run.
    pub async fn probe(
        &self,
        bridge: &Bridge,
        settings: &BridgeSettings,
    ) -> Result<ProgramInfo, BridgeTrouble> {
        let desk = self.desk(bridge, settings)?;
        let facts = match bridge.protocol {
            BridgeProtocol::ClaudeStreamJson => claude::facts(&desk).await?,
            BridgeProtocol::CodexAppServer | BridgeProtocol::CopilotSdk => desk.facts(&[]).await?,
        };
        let login = match bridge.protocol {
            BridgeProtocol::ClaudeStreamJson => claude::login_state(&desk).await?,
            BridgeProtocol::CodexAppServer => codex::login_state(&desk).await?,
            BridgeProtocol::CopilotSdk => copilot::login_state(&desk).await?,
        };
        Ok(ProgramInfo {
            path: desk.path,
            version: facts.version,
            login,
        })
    }

    /// The models that the program offers to who is signed in there.
    ///
    /// # Errors
    /// [`BridgeTrouble::NoCommand`] when the program tells no list, or why it did not.
    pub async fn models(
        &self,
        bridge: &Bridge,
        settings: &BridgeSettings,
    ) -> Result<Vec<BridgeModel>, BridgeTrouble> {
        let desk = self.desk(bridge, settings)?;
        match bridge.protocol {
            BridgeProtocol::CodexAppServer => codex::models(&desk).await,
            BridgeProtocol::CopilotSdk => copilot::models(&desk).await,
            BridgeProtocol::ClaudeStreamJson => Err(desk.no_command()),
        }
    }

    /// Starts the program's own sign-in and waits for its end. `pasted` brings what the person
    /// pastes; `words` is told what the program says. Giving this up ends the program.
    ///
    /// # Errors
    /// [`BridgeTrouble::Login`] when it did not succeed, [`BridgeTrouble::NoCommand`] when the
    /// program has no such command, or why it does not run.
    pub async fn login(
        &self,
        bridge: &Bridge,
        settings: &BridgeSettings,
        pasted: &mut mpsc::Receiver<Zeroizing<String>>,
        words: impl FnMut(LoginWord) + Send,
    ) -> Result<(), BridgeTrouble> {
        let desk = self.desk(bridge, settings)?;
        if bridge.protocol == BridgeProtocol::CodexAppServer {
            return codex::login(&desk, words).await;
        }
        if bridge.login.is_empty() {
            return Err(desk.no_command());
        }
        login::run(desk.launch(), &bridge.login, pasted, words).await
    }

    /// Has the program forget its login.
    ///
    /// # Errors
    /// [`BridgeTrouble::NoCommand`] when the program has no such command, [`BridgeTrouble::Strange`]
    /// when it did not succeed, or why it does not run.
    pub async fn logout(
        &self,
        bridge: &Bridge,
        settings: &BridgeSettings,
    ) -> Result<(), BridgeTrouble> {
        let desk = self.desk(bridge, settings)?;
        if bridge.logout.is_empty() {
            return Err(desk.no_command());
        }
        let told = desk.launch().ask(&bridge.logout, SHORT).await?;
        if told.status.success() {
            return Ok(());
        }
        Err(BridgeTrouble::Strange {
            program: bridge.program.clone(),
            words: told.words,
        })
    }

    fn desk<'a>(
        &'a self,
        bridge: &'a Bridge,
        settings: &'a BridgeSettings,
    ) -> Result<Desk<'a>, BridgeTrouble> {
        Ok(Desk {
            path: program::find(bridge, settings)?,
            bridge,
            settings,
            folder: self.work.folder()?,
            programs: &self.programs,
        })
    }
}

/// Whether a request asks for a stream.
fn wants_stream(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Wish {
        #[serde(default)]
        stream: Option<bool>,
    }
    serde_json::from_slice(body).is_ok_and(|wish: Wish| wish.stream == Some(true))
}

/// One program, ready to be used.
pub(crate) struct Desk<'a> {
    pub(crate) bridge: &'a Bridge,
    pub(crate) path: PathBuf,
    pub(crate) settings: &'a BridgeSettings,
    pub(crate) folder: &'a std::path::Path,
    programs: &'a Programs,
}

impl Desk<'_> {
    /// How it is started.
    pub(crate) fn launch(&self) -> Launch<'_> {
        Launch {
            name: &self.bridge.program,
            path: &self.path,
            settings: self.settings,
            places: places(self.bridge.protocol),
            folder: self.folder,
        }
    }

    /// What the program says of itself; `help` are the arguments that make it print its options.
    pub(crate) async fn facts(&self, help: &[&str]) -> Result<Arc<Facts>, BridgeTrouble> {
        self.programs.facts(&self.launch(), help).await
    }

    /// That it lacks what byokey relies on.
    pub(crate) fn too_old(&self, version: Version, oldest: Version) -> BridgeTrouble {
        BridgeTrouble::TooOld {
            program: self.bridge.program.clone(),
            version,
            oldest,
            path: self.path.clone(),
            install_url: self.bridge.install_url.clone(),
        }
    }

    /// That nobody is signed in there.
    pub(crate) fn signed_out(&self, words: String) -> BridgeTrouble {
        BridgeTrouble::SignedOut {
            program: self.bridge.program.clone(),
            login: login_command(self.bridge),
            words,
        }
    }

    pub(crate) fn no_command(&self) -> BridgeTrouble {
        BridgeTrouble::NoCommand {
            program: self.bridge.program.clone(),
        }
    }
}

/// Variables that say where a program keeps its things, its login among them.
fn places(protocol: BridgeProtocol) -> &'static [&'static str] {
    match protocol {
        BridgeProtocol::ClaudeStreamJson => &["CLAUDE_CONFIG_DIR"],
        BridgeProtocol::CodexAppServer => &["CODEX_HOME"],
        BridgeProtocol::CopilotSdk => &["COPILOT_HOME", "GH_CONFIG_DIR"],
    }
}

/// What the program behind this protocol cannot take of a Messages body. It is known before the
/// program is asked, so that a caller who wants nothing lost can be told in time.
pub fn losses(protocol: BridgeProtocol, body: &[u8]) -> Ledger {
    match protocol {
        BridgeProtocol::ClaudeStreamJson => claude::losses(body),
        BridgeProtocol::CodexAppServer => request::losses(body),
        BridgeProtocol::CopilotSdk => copilot::losses(body),
    }
}
