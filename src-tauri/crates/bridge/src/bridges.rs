use std::{collections::BTreeMap, path::PathBuf};

use byokey_catalog::{Bridge, BridgeProtocol};
use bytes::Bytes;
use http::Response;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::{
    BridgeBody, BridgeTrouble, LoginState, LoginWord, ProgramInfo, login,
    process::Launch,
    program::{self, Programs, login_command},
    work::Work,
};

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
}

impl Bridges {
    /// Programs will run in `work`, a folder of their own that is made when it is first needed.
    pub fn new(work: PathBuf) -> Self {
        Self {
            work: Work::new(work),
            programs: Programs::default(),
        }
    }

    /// Has the program answer. The reply is a stream of Messages frames, whatever `stream` says in
    /// the request, or an error body of that dialect with the [`BridgeTrouble`] in its extensions.
    /// Dropping the body ends the run.
    pub async fn call(&self, call: BridgeCall<'_>) -> Response<BridgeBody> {
        let answer = async {
            let desk = self.desk(call.bridge, call.settings)?;
            match call.bridge.protocol {
                BridgeProtocol::ClaudeStreamJson
                | BridgeProtocol::CodexAppServer
                | BridgeProtocol::CopilotSdk => Err(desk.no_command()),
            }
        };
        answer.await.unwrap_or_else(BridgeTrouble::response)
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
        let facts = self.programs.facts(&desk.launch(), &[]).await?;
        let login = match bridge.protocol {
            BridgeProtocol::ClaudeStreamJson
            | BridgeProtocol::CodexAppServer
            | BridgeProtocol::CopilotSdk => LoginState::Unknown(String::new()),
        };
        Ok(ProgramInfo {
            path: desk.path,
            version: facts.version,
            login,
        })
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
        if bridge.login.is_empty() {
            return Err(desk.no_command());
        }
        login::run(desk.launch(), &bridge.login, pasted, words).await
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

/// One program, ready to be used.
pub(crate) struct Desk<'a> {
    pub(crate) bridge: &'a Bridge,
    pub(crate) path: PathBuf,
    pub(crate) programs: &'a Programs,
    settings: &'a BridgeSettings,
    folder: &'a std::path::Path,
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
