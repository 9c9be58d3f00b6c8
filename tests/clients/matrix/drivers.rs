//! The programs that drive an SDK, and how they are started.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tokio::process::Command;

use crate::clients::python::python;

/// One SDK on one of its surfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Driver {
    PythonChat,
    PythonResponses,
    PythonMessages,
    PythonGemini,
    NodeChat,
    NodeResponses,
    NodeMessages,
    NodeGemini,
}

impl Driver {
    /// How many there are.
    pub(super) const COUNT: usize = 8;

    fn file(self) -> &'static str {
        match self {
            Self::PythonChat => "openai_chat.py",
            Self::PythonResponses => "openai_responses.py",
            Self::PythonMessages => "anthropic_messages.py",
            Self::PythonGemini => "google_genai.py",
            Self::NodeChat => "openai_chat.mjs",
            Self::NodeResponses => "openai_responses.mjs",
            Self::NodeMessages => "anthropic_messages.mjs",
            Self::NodeGemini => "google_genai.mjs",
        }
    }

    /// The command that plays all scenarios.
    pub(super) fn command(self) -> Command {
        let file = self.file();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/matrix");
        if file.ends_with(".py") {
            let mut command = Command::new(python());
            command
                .arg(folder.join(file))
                .env("PYTHONDONTWRITEBYTECODE", "1");
            return command;
        }
        let node = node(&folder);
        let mut command = Command::new(&node.program);
        command.arg(node.scripts.join(file));
        command
    }
}

struct Node {
    program: PathBuf,
    /// Where the drivers lie beside the packages they need.
    scripts: PathBuf,
}

/// Node with the SDKs, as `cargo xtask test` has made it.
fn node(folder: &Path) -> &'static Node {
    static NODE: OnceLock<Node> = OnceLock::new();
    NODE.get_or_init(|| {
        let (program, packages) = installed();
        // Modules are looked for beside the script that wants them.
        let scripts = packages.join("drivers");
        fs::create_dir_all(&scripts).unwrap();
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "mjs")
            {
                fs::copy(entry.path(), scripts.join(entry.file_name())).unwrap();
            }
        }
        Node { program, scripts }
    })
}

/// Node, and the folder whose `node_modules` holds what `cargo xtask test` has pinned.
pub(crate) fn installed() -> (PathBuf, PathBuf) {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    match (named("BYOKEY_TEST_NODE"), named("BYOKEY_TEST_NODE_FOLDER")) {
        (Some(program), Some(packages)) => (program, packages),
        _ => panic!(
            "these tests need Node with the official SDKs: `cargo xtask test clients` installs \
             both, and names them in BYOKEY_TEST_NODE and BYOKEY_TEST_NODE_FOLDER"
        ),
    }
}
