//! The configuration file: what it may say, and how it is read.
//!
//! A wrong file must never take the proxy down or half-apply: it is read as a whole, every unknown
//! word is an error with its line, and the caller keeps what it had. The file may hold API keys, so
//! no error ever quotes a value.

mod file;
mod read;
mod watch;

pub use file::{
    Auth, BridgeConfig, Config, ConfigKey, Models, OauthOverride, ProviderConfig, Routing, Timeouts,
};
pub use read::{ConfigError, load};
pub use watch::watch;
