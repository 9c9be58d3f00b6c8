use std::fmt;

/// Who asked for a change; written into the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A command on the command line.
    Cli,
    /// The tray menu.
    Tray,
    /// The window or the web page.
    Window,
    /// A program with the named client key.
    Client(String),
    /// The configuration file.
    Config,
    /// byokey itself.
    Engine,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cli => f.write_str("cli"),
            Self::Tray => f.write_str("tray"),
            Self::Window => f.write_str("window"),
            Self::Client(name) => write!(f, "client:{name}"),
            Self::Config => f.write_str("config"),
            Self::Engine => f.write_str("engine"),
        }
    }
}
